/** The advanced settings: saved at once, taken back, refused. */
import { expect, settings, tabTo, test } from './rig/test.ts'
import type { DEFAULTS, Server } from './rig/server.ts'

const stored = (server: Server) => server.call<typeof DEFAULTS>('GET', '/api/proxy/config')

for (const [name, key, said] of [
  ['Proxy system', 'enable_proxy', 'The proxy system is off'],
  ['Health checks', 'proxy_health_check_enabled', 'Regular health checks are off'],
  ['Fall back to a direct connection', 'fallback_to_direct_connection', 'Nothing goes direct any more'],
] as const) {
  test(`${name} is switched off by mouse, and back with Undo`, async ({ page, server }) => {
    const here = settings(page)
    await here.open()
    const toggle = page.getByRole('switch', { name })
    await expect(toggle).toBeChecked()
    await toggle.click()
    await expect(toggle).not.toBeChecked()
    await expect(here.toast(said)).toBeVisible()
    await expect.poll(async () => (await stored(server))[key]).toBe(false)
    await page.getByRole('region', { name: 'Results' }).getByRole('button', { name: 'Undo' }).click()
    await expect(toggle).toBeChecked()
    await expect.poll(async () => (await stored(server))[key]).toBe(true)
  })
}

test('what is switched shows at the head of the page', async ({ page, server, kit }) => {
  const proxy = await kit.proxy()
  await server.add(proxy)
  const here = settings(page)
  await here.open()
  await expect(here.pool).toContainText('1 of 1 proxies healthy')
  await page.getByRole('switch', { name: 'Proxy system' }).click()
  await expect(here.pool).toContainText('Proxy system disabled - using direct connection')
  await expect(page.getByTestId('system-status')).toContainText('Proxy system disabled - using direct connection')
  await page.getByRole('switch', { name: 'Proxy system' }).click()
  await expect(here.pool).toContainText('1 of 1 proxies healthy')
  // What going direct means is said in a sentence, for both.
  await expect(page.getByText('the streaming site then sees your own address')).toBeVisible()
  await page.getByRole('switch', { name: 'Fall back to a direct connection' }).click()
  await expect(page.getByText('nothing is ever sent from your own address')).toBeVisible()
  await proxy.fault('refuse')
  await here.row(proxy.masked).getByRole('button', { name: /^Test/ }).click()
  await expect(here.pool).toContainText('All proxies down - recordings will fail')
})

test('interval and threshold: impossible ones are not sent, possible ones are saved, Undo brings them back', async ({ page, server }) => {
  const here = settings(page)
  await here.open()
  const interval = page.getByLabel('Check interval')
  const threshold = page.getByLabel('Failure threshold')
  await expect(interval).toHaveValue('5')
  await interval.fill('0.5')
  await interval.blur()
  await expect(here.toast('Proxies are checked every 0.5 minutes')).toBeVisible()
  await expect.poll(async () => (await stored(server)).proxy_health_check_interval_seconds).toBe(30)
  await page.getByRole('region', { name: 'Results' }).getByRole('button', { name: 'Undo' }).click()
  await expect(interval).toHaveValue('5')
  await expect.poll(async () => (await stored(server)).proxy_health_check_interval_seconds).toBe(300)

  await threshold.fill('11')
  await expect(page.getByText('From 1 to 10')).toBeVisible()
  await expect(threshold).toHaveAttribute('aria-invalid', 'true')
  await threshold.fill('')
  await expect(page.getByText('Enter a number')).toBeVisible()
  await threshold.press('Escape')
  await expect(threshold).toHaveValue('3')
  await threshold.fill('4')
  await threshold.press('Enter')
  await expect(here.toast('A proxy is disabled after 4 failures in a row')).toBeVisible()
  await expect.poll(async () => (await stored(server)).proxy_max_consecutive_failures).toBe(4)
})

test('all of them with the keyboard', async ({ page, server }) => {
  const here = settings(page)
  await here.open()
  for (const name of ['Proxy system', 'Health checks']) {
    await tabTo(page, page.getByRole('switch', { name }))
    await page.keyboard.press('Space')
    await expect(page.getByRole('switch', { name })).not.toBeChecked()
  }
  await tabTo(page, page.getByLabel('Check interval'))
  await page.keyboard.press('Control+a')
  await page.keyboard.type('2')
  await page.keyboard.press('Enter')
  await tabTo(page, page.getByLabel('Failure threshold'))
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Tab')
  await tabTo(page, page.getByRole('switch', { name: 'Fall back to a direct connection' }))
  await page.keyboard.press('Space')
  await expect.poll(() => stored(server)).toMatchObject({
    enable_proxy: false,
    proxy_health_check_enabled: false,
    proxy_health_check_interval_seconds: 120,
    proxy_max_consecutive_failures: 4,
    fallback_to_direct_connection: false,
  })
  await expect(here.toast('Nothing goes direct any more')).toBeVisible()
})

test('what the server refuses is taken back, with its reason', async ({ page, server, watch }) => {
  watch.allow(/status of 503/)
  const here = settings(page)
  await here.open()
  const toggle = page.getByRole('switch', { name: 'Health checks' })
  await expect(toggle).toBeChecked()
  await page.route('**/api/proxy/config', (route) =>
    route.request().method() === 'PUT'
      ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ status: 503, title: 'Unavailable', detail: 'the database is away: try again in a moment' }) })
      : route.continue(),
  )
  await toggle.click()
  await expect(here.toast('The setting was not saved')).toBeVisible()
  await expect(here.toast('The database is away: try again in a moment')).toBeVisible()
  await expect(toggle).toBeChecked()
  expect((await stored(server)).proxy_health_check_enabled).toBe(true)
})
