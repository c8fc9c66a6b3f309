/** What happens on the server is on the page, without a reload: health, disabling and recovery, a restart, another window. */
import type { Page } from '@playwright/test'
import { expect, settings, test } from './rig/test.ts'

/** Fails a test whose page was loaded anew. */
async function stays(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => Object.assign(window, { sameAsBefore: true }))
  return async () => expect(await page.evaluate(() => 'sameAsBefore' in window), 'the page was loaded anew').toBe(true)
}

test('a proxy dies, is disabled at the threshold, and recovers, all by itself', async ({ page, kit, server }) => {
  const [steady, weak] = [await kit.proxy(), await kit.proxy('http', 'anna', 'secret')]
  await server.configure({ proxy_health_check_interval_seconds: 10, proxy_max_consecutive_failures: 1 })
  await server.add(steady, { label: 'Steady' })
  const id = await server.add(weak, { label: 'Weak', priority: 1 })
  const here = settings(page)
  await here.open()
  const same = await stays(page)
  await expect(here.badge('Steady')).toHaveText('Healthy')
  await expect(here.badge('Weak')).toHaveText('Healthy')
  await expect(here.pool).toContainText('2 of 2 proxies healthy')

  await weak.kill()
  await expect(here.badge('Weak')).toHaveText('Auto-disabled', { timeout: 30_000 })
  await expect(here.row('Weak')).toContainText('refused the connection')
  await expect(here.row('Weak')).toContainText('1 failure in a row')
  await expect(here.pool).toContainText('1 of 2 proxies healthy')
  await expect(page.getByTestId('system-status')).toContainText('1 of 2 proxies healthy')
  expect(await server.proxy(id)).toMatchObject({ enabled: false, auto_disabled: true })

  // One interval later it is tried, and ten seconds after that once more, which enables it.
  await weak.again()
  await expect(here.badge('Weak')).toHaveText('Healthy', { timeout: 45_000 })
  await expect(here.pool).toContainText('2 of 2 proxies healthy')
  await expect(here.row('Weak')).toContainText('0 failures in a row')
  expect(await server.proxy(id)).toMatchObject({ enabled: true, auto_disabled: false })
  await same()
})

test('the server is killed and started again: that is said, and everything catches up', async ({ page, kit, server, watch }) => {
  watch.allow(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection/)
  const [a, b] = [await kit.proxy(), await kit.proxy()]
  const first = await server.add(a, { label: 'Anna' })
  const here = settings(page)
  await here.open()
  const same = await stays(page)
  await expect(here.badge('Anna')).toHaveText('Healthy')
  const banner = page.getByTestId('disconnected')
  await expect(banner).toBeHidden()

  await server.kill()
  await expect(banner).toContainText(/Disconnected, retrying/)
  await expect(page.getByRole('status').filter({ hasText: 'Disconnected' })).toHaveCount(1)
  // What was there stays in sight, and what cannot be done says why.
  await expect(here.row('Anna')).toBeVisible()
  await here.row('Anna').getByRole('button', { name: 'Test Anna' }).click()
  await expect(here.toast('Anna was not tested')).toBeVisible()

  await server.start()
  await server.call('PATCH', `/api/proxy/${first}`, { label: 'Anna, renamed' })
  await server.add(b, { label: 'Bert' })
  await expect(here.row('Anna, renamed')).toBeVisible({ timeout: 40_000 })
  await expect(here.badge('Bert')).toHaveText('Healthy')
  await expect(banner).toBeHidden()
  await server.call('DELETE', `/api/proxy/${first}`)
  await expect(here.rows).toHaveCount(1)
  await same()
})

test('“Retry now” does not wait for the next turn', async ({ page, server, watch }) => {
  watch.allow(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|WebSocket connection/)
  const here = settings(page)
  await here.open()
  await expect(page.getByText('No proxies yet')).toBeVisible()
  await server.kill()
  const retry = page.getByRole('button', { name: 'Retry now' })
  await expect(retry).toBeVisible()
  // By now the waits are longer than what follows takes.
  await expect(page.getByTestId('disconnected')).toContainText(/retrying in ([4-9]|\d\d) s/)
  await server.start()
  await retry.click()
  await expect(page.getByTestId('disconnected')).toBeHidden({ timeout: 2500 })
})

test('two windows never disagree', async ({ page, kit, server, otherWindow }) => {
  for (const [priority, label] of ['Anna', 'Bert', 'Carl'].entries()) await server.add(await kit.proxy(), { label, priority })
  const second = await otherWindow()
  const [here, there] = [settings(page), settings(second)]
  await here.open()
  await there.open()
  for (const window of [here, there]) await expect(window.pool).toContainText('3 of 3 proxies healthy')

  // Everything a row says but the times, which each window counts by its own clock.
  const said = async (window: typeof here) =>
    (await window.rows.allInnerTexts()).map((text) => text.replace(/just now|\d+ seconds? ago|\d+ minutes? ago/g, ''))
  const agree = () => expect(async () => expect(await said(here)).toEqual(await said(there))).toPass({ timeout: 15_000 })

  await here.menu('Bert', 'Disable')
  await expect(there.badge('Bert')).toHaveText('Disabled')
  await there.menu('Carl', 'Move to the top')
  await expect.poll(here.order).toEqual(['Carl', 'Anna', 'Bert'])
  await agree()

  // Both at once, on the same order and then on the same state.
  await Promise.all([here.menu('Anna', 'Move to the top'), there.menu('Bert', 'Move to the top')])
  await Promise.all([here.menu('Carl', 'Disable'), there.menu('Anna', 'Disable')])
  await agree()
  const asStored = async (window: typeof here) => (await window.order()).join() === (await server.proxies()).map((proxy) => proxy.label).join()
  for (const window of [here, there]) await expect.poll(() => asStored(window)).toBe(true)
  for (const window of [here, there]) {
    await expect(window.badge('Carl')).toHaveText('Disabled')
    await expect(window.badge('Anna')).toHaveText('Disabled')
  }

  await page.getByLabel('Failure threshold').fill('8')
  await page.getByLabel('Failure threshold').press('Enter')
  await expect(second.getByLabel('Failure threshold')).toHaveValue('8')
  await second.getByRole('switch', { name: 'Proxy system' }).click()
  for (const window of [page, second]) {
    await expect(window.getByRole('switch', { name: 'Proxy system' })).not.toBeChecked()
    await expect(window.getByTestId('system-status')).toContainText('Proxy system disabled')
  }

  // A window that slept, with its network gone, ends with the same.
  await second.context().setOffline(true)
  await here.menu('Anna', 'Delete')
  await here.dialog.getByRole('button', { name: 'Delete proxy' }).click()
  await expect(here.rows).toHaveCount(2)
  await second.context().setOffline(false)
  await expect(there.rows).toHaveCount(2)
  await agree()
})
