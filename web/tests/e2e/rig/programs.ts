/** The programs of the tests, as a machine that `scripts/setup.sh test` has set up has them. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..')
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target')

export const holdfast = process.env.HOLDFAST_BINARY ?? join(target, 'debug/holdfast')
export const testkit = process.env.TESTKIT_BINARY ?? join(target, 'debug/testkit')
const installed = join(root, '.venv/bin/streamlink')
export const streamlink = existsSync(installed) ? installed : 'streamlink'

/** Debian's Chromium, which talks to nobody but us. */
export const CHROMIUM = {
  browserName: 'chromium' as const,
  headless: true,
  launchOptions: {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  },
}

/** The file of the authority that the test kit's servers are signed by. */
let found: string | undefined
export function authority(): string {
  for (const program of [holdfast, testkit]) {
    if (!existsSync(program)) throw new Error(`${program} is missing: cargo build -p holdfast -p holdfast-testkit --bins`)
  }
  return (found ??= execFileSync(testkit, ['ca'], { encoding: 'utf8' }).trim())
}
