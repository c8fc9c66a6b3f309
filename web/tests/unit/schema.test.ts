/** The types are those of the API's description, and not of last month's. */
import { readFileSync } from 'node:fs'
import openapiTS, { astToString } from 'openapi-typescript'
import { expect, test } from 'vitest'

test('src/api/schema.d.ts is what `npm run types` makes of crates/api/openapi.json', async () => {
  const description = JSON.parse(readFileSync('../crates/api/openapi.json', 'utf8'))
  const made = astToString(await openapiTS(description))
  const kept = readFileSync('src/api/schema.d.ts', 'utf8')
  const body = (text: string) => text.slice(text.indexOf('export interface paths')).trim()
  expect(body(made), 'run `npm run types` in web/').toBe(body(kept))
})
