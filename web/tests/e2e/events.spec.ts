/** The log: what happened, as it happens, with the way to what it is about. */
import { expect, test } from './rig/test.ts'

test('events come by themselves, are filtered, and lead to what they are about', async ({ page, kit, server }) => {
  const proxy = await kit.proxy('http', 'anna', 'secret')
  await page.goto('/events')
  const main = page.getByRole('main')
  await expect(main.getByRole('heading', { level: 1, name: 'Events' })).toBeVisible()
  const id = await server.add(proxy, { label: 'Anna' })
  await expect(main).toContainText(proxy.masked)
  await server.call('POST', `/api/proxy/${id}/reveal`)
  const entry = main.getByRole('listitem').or(main.getByRole('row')).filter({ hasText: proxy.masked })
  await expect(entry.filter({ hasText: /reveal|looked at|shown/i }).first()).toBeVisible()
  await expect(main).not.toContainText('secret@')
  await entry.first().getByRole('link').first().click()
  await expect(page).toHaveURL(new RegExp(`/proxies/${id}$`))
})
