/** Real recordings by the real Streamlink, watched on the page while their proxies die. */
import { stat } from 'node:fs/promises'
import type { Page } from '@playwright/test'
import { expect, settings, tabTo, test, type Kit } from './rig/test.ts'
import type { KitProxy } from './rig/kit.ts'
import type { Server } from './rig/server.ts'

let channels = 0
/** A channel of this test alone. */
const channel = () => `w${process.env.TEST_WORKER_INDEX}-${(channels += 1)}`

async function two(kit: Kit, server: Server): Promise<[KitProxy, KitProxy]> {
  const proxies: [KitProxy, KitProxy] = [await kit.proxy('http', 'anna', 'secret'), await kit.proxy('http', 'bert', 'secret')]
  await server.configure({ fallback_to_direct_connection: false })
  await server.add(proxies[0], { label: 'Amsterdam' })
  await server.add(proxies[1], { label: 'Berlin', priority: 1 })
  await expect.poll(async () => (await server.proxies()).map((proxy) => proxy.health_status)).toEqual(['healthy', 'healthy'])
  return proxies
}
const flows = async (server: Server, id: string, beyond = 0) =>
  expect.poll(async () => (await server.recording(id)).bytes, { timeout: 40_000 }).toBeGreaterThan(beyond)
const one = (page: Page, id: string) => page.locator(`[data-recording="${id}"]`)
const active = async (server: Server) => (await server.call<{ items: { id: string }[] }>('GET', '/api/recordings/active')).items

test('started on the page, it goes on through the next proxy when its own is killed, and is stopped, looked at and deleted', async ({ page, kit, server, origin }) => {
  const [first, second] = await two(kit, server)
  const url = origin.stream(channel())
  await page.goto('/recordings')
  await page.getByRole('button', { name: 'Record', exact: true }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Address or name').fill('two words')
  await expect(dialog.getByText(/One word/)).toBeVisible()
  await dialog.getByLabel('Address or name').fill(url)
  await dialog.getByRole('button', { name: 'Record', exact: true }).click()
  await expect(dialog).toBeHidden()
  await expect.poll(async () => (await active(server)).length).toBe(1)
  const [{ id }] = (await active(server)) as [{ id: string }]
  const row = one(page, id)
  await expect(row.locator('[data-status]')).toHaveText('Recording', { timeout: 30_000 })
  await expect(row.getByRole('link', { name: 'Amsterdam' })).toBeVisible()
  await flows(server, id, 100_000)

  await first.kill()
  await expect(row.getByRole('link', { name: 'Berlin' })).toBeVisible({ timeout: 20_000 })
  await expect(row.getByRole('cell').filter({ hasText: 'Failovers' })).toHaveText('Failovers1')
  await flows(server, id, (await server.recording(id)).bytes)
  await expect(row.getByRole('cell').filter({ hasText: 'Missing' })).toHaveText('MissingNothing')

  await row.getByRole('link').first().click()
  await expect(page).toHaveURL(new RegExp(`/recordings/${id}$`))
  const main = page.getByRole('main')
  const routes = main.getByRole('region', { name: 'Routes' })
  await expect(routes).toContainText(first.masked)
  await expect(routes).toContainText(second.masked)
  await expect(routes).toContainText('in use')
  await expect(main.getByRole('region', { name: 'What is missing' })).toContainText('Nothing so far.')
  await expect(main.getByRole('group', { name: /^Timeline.* 2 stretches, 0 gaps/ })).toBeVisible()
  await expect(main.locator('[data-status]').first()).toHaveText('Recording')
  // The timeline with the keyboard.
  const stretch = main.getByTestId('timeline').locator('[tabindex="0"]')
  await tabTo(page, stretch)
  await page.keyboard.press('End')
  await page.keyboard.press('Home')
  await expect(main.getByTestId('timeline').locator(':focus')).toHaveAttribute('aria-label', new RegExp('Amsterdam|127'))

  await main.getByRole('button', { name: /^Stop/ }).click()
  await dialog.getByRole('button', { name: 'Stop recording' }).click()
  await expect(main.locator('[data-status]').first()).toHaveText('Stopped', { timeout: 30_000 })
  const { bytes, segments_lost, failovers } = await server.recording(id)
  expect({ segments_lost, failovers }).toEqual({ segments_lost: 0, failovers: 1 })
  const [download] = await Promise.all([page.waitForEvent('download'), main.getByRole('button', { name: 'Download', exact: true }).click()])
  expect((await stat(await download.path())).size).toBe(bytes)

  await page.goto('/recordings')
  await row.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await dialog.getByRole('button', { name: /^Delete/ }).click()
  await expect(row).toBeHidden()
  await expect.poll(async () => (await page.request.get(`/api/recordings/${id}`)).status()).toBe(404)
})

test('the overview shows a recording, its route and its failover as they are', async ({ page, kit, server, origin }) => {
  const [first] = await two(kit, server)
  await page.goto('/')
  await expect(page.getByTestId('overview-status')).toContainText('2 of 2 proxies healthy')
  const { id } = await server.record(origin.stream(channel()))
  const card = one(page, id)
  await expect(card.locator('[data-status]')).toHaveText('Recording', { timeout: 30_000 })
  await expect(card.getByRole('link', { name: 'Amsterdam' })).toBeVisible()
  await expect(card.getByText(/^[\d.]+ [kM]B\/s$/).first()).toBeVisible()
  await expect(card.getByRole('img', { name: /^Rate over the last/ })).toBeVisible()
  await flows(server, id, 100_000)

  await first.kill()
  await expect(card.getByRole('link', { name: 'Berlin' })).toBeVisible({ timeout: 20_000 })
  await expect(card.getByTestId('moved')).toContainText('from Amsterdam')
  await expect(card.getByText('Failovers').locator('xpath=..')).toHaveText('Failovers1')
  // The pool, the system's status and the last events tell of it too.
  const pool = page.getByRole('region', { name: 'The pool' })
  await expect(pool.getByRole('link', { name: 'Amsterdam' }).locator('[data-status]')).toHaveText('Failed')
  await expect(page.getByTestId('overview-status')).toContainText('1 of 2 proxies healthy')
  await expect(page.getByTestId('last-events')).toContainText(/Failover: Amsterdam -> Berlin/)

  await card.getByRole('button', { name: /^Stop / }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Stop recording' }).click()
  await expect(card).toBeHidden({ timeout: 30_000 })
  await expect(page.getByText('Nothing is being recorded')).toBeVisible()
})

test('the drill: the proxy in use is cut, and the page says what moved where and how long it took', async ({ page, kit, server, origin }) => {
  const [, second] = await two(kit, server)
  const { id } = await server.record(origin.stream(channel()))
  await flows(server, id, 100_000)
  const here = settings(page)
  await here.open()
  await here.menu('Amsterdam', 'Cut this proxy …')
  const drill = page.getByRole('region', { name: 'The drill' })
  await expect(drill).toContainText('1 recording uses it now.')
  await drill.getByRole('button', { name: 'Cut this proxy' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cut it' }).click()
  const result = page.getByTestId('drill-result')
  await expect(result).toContainText('1 recording moved')
  await expect(result.getByRole('listitem')).toHaveCount(1)
  await expect(result.getByRole('listitem')).toContainText(second.masked)
  await expect(result.getByRole('listitem')).toContainText(/[\d,]+ ms/)
  await expect(drill.getByRole('button', { name: /^Cut for \d+ s$/ })).toBeDisabled()
  await expect(page.getByRole('region', { name: 'How it is' }).locator('[data-status]')).toHaveText('Drill')
  // It goes on, and nothing was counted.
  await flows(server, id, (await server.recording(id)).bytes)
  await result.getByRole('listitem').getByRole('link').click()
  await expect(page).toHaveURL(new RegExp(`/recordings/${id}$`))
  await expect(page.getByRole('main')).toContainText(second.masked)
  expect((await server.proxies())[0]).toMatchObject({ enabled: true, consecutive_failures: 0, failed_recordings: 0 })
})

test('the drill by keyboard, on a proxy that nobody uses', async ({ page, kit, server }) => {
  await two(kit, server)
  const id = (await server.proxies())[0]!.id
  await page.goto(`/proxies/${id}`)
  await tabTo(page, page.getByRole('button', { name: 'Cut this proxy' }))
  await page.keyboard.press('Enter')
  await tabTo(page, page.getByRole('dialog').getByRole('button', { name: 'Cut it' }))
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('drill-result')).toContainText('No recording was using it, so nothing had to move')
})

test('started and stopped with the keyboard; a refusal is said in the dialog', async ({ page, kit, server, origin, watch }) => {
  watch.allow(/status of 409/)
  await server.configure({ fallback_to_direct_connection: false })
  await page.goto('/recordings')
  await tabTo(page, page.getByRole('button', { name: 'Record', exact: true }))
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await tabTo(page, dialog.getByLabel('Address or name'))
  await page.keyboard.type(origin.stream(channel()))
  await page.keyboard.press('Enter')
  await expect(dialog.getByRole('alert')).toBeVisible({ timeout: 20_000 })
  expect(await active(server)).toEqual([])
  await server.add(await kit.proxy('socks5'), { label: 'Late' })
  await expect.poll(async () => (await server.proxies())[0]?.health_status).toBe('healthy')
  await tabTo(page, dialog.getByRole('button', { name: 'Record', exact: true }))
  await page.keyboard.press('Enter')
  await expect(dialog).toBeHidden()
  const stop = page.getByRole('button', { name: /^Stop / })
  await tabTo(page, stop)
  await page.keyboard.press('Enter')
  await tabTo(page, dialog.getByRole('button', { name: 'Stop recording' }))
  await page.keyboard.press('Enter')
  await expect(stop).toBeHidden({ timeout: 30_000 })
  await expect.poll(async () => (await active(server)).length, { timeout: 30_000 }).toBe(0)
})

test('recordings are found again by status and text', async ({ page, kit, server, origin }) => {
  await server.add(await kit.proxy())
  await expect.poll(async () => (await server.proxies())[0]?.health_status).toBe('healthy')
  const names = [channel(), channel()]
  const ids: string[] = []
  for (const name of names) ids.push((await server.record(origin.stream(name))).id)
  await page.goto('/recordings')
  await page.getByRole('searchbox', { name: 'Search the recordings' }).fill(`/c/${names[0]}/`)
  await expect(one(page, ids[0]!)).toBeVisible()
  await expect(one(page, ids[1]!)).toBeHidden()
  await page.getByRole('searchbox', { name: 'Search the recordings' }).fill('')
  const status = page.getByRole('combobox', { name: 'Show only recordings that are' })
  await status.selectOption('Running')
  await expect(one(page, ids[1]!)).toBeVisible()
  await server.call('POST', `/api/recordings/${ids[1]}/stop`)
  await expect(one(page, ids[1]!)).toBeHidden({ timeout: 30_000 })
  await expect(one(page, ids[0]!)).toBeVisible()
})
