/** A broadcast of Twitch on the page of its recording: titles, advertisements, picture, chapters, and the mark that keeps it. */
import type { Page } from '@playwright/test'
import { KitTwitch } from './rig/kit.ts'
import { fits, sound } from './rig/looks.ts'
import { expect, test, type Kit } from './rig/test.ts'
import type { Channel, Recording, Server } from './rig/server.ts'

/** A channel whose recording is under way. */
async function live(twitch: KitTwitch, server: Server, kit: Kit): Promise<string> {
  await server.configure({ fallback_to_direct_connection: false })
  await server.add(await kit.proxy('http', '', '', twitch.map))
  await expect.poll(async () => (await server.proxies())[0]?.health_status).toBe('healthy')
  await server.call('PUT', '/api/settings', { ...twitch.credentials, channel_check_seconds: 10, channel_linger_seconds: 0, container: 'mp4' })
  await twitch.ask('add', { login: 'alice', name: 'Alice' })
  await twitch.ask('live', { login: 'alice', title: 'Opening night', category: 'Chess' })
  const { id } = await server.call<Channel>('POST', '/api/streamers', { username: 'alice', display_name: 'Alice' })
  const recording = async () => (await server.call<Channel>('GET', `/api/streamers/${id}`)).recording_id
  await expect.poll(recording, { timeout: 40_000 }).not.toBeNull()
  return (await recording())!
}
const grows = async (server: Server, id: string) => {
  const { bytes } = await server.recording(id)
  await expect.poll(async () => (await server.recording(id)).bytes, { timeout: 40_000 }).toBeGreaterThan(bytes)
}
const position = (page: Page) => page.locator('video').evaluate((video: HTMLVideoElement) => video.currentTime)

test('titles, advertisements that are no loss, a picture, chapters to jump to, and the mark', async ({ page, server, kit, watch }, info) => {
  // Its file, before there is one.
  watch.allow(/status of 404.*\/file\)/)
  info.setTimeout(180_000)
  const twitch = await KitTwitch.start()
  try {
    const id = await live(twitch, server, kit)
    await page.goto(`/recordings/${id}`)
    const main = page.getByRole('main')
    await expect(page.getByRole('heading', { level: 1, name: 'Opening night' })).toBeVisible()
    await expect(main.getByRole('region', { name: 'How it goes' })).toContainText('Alice')
    await grows(server, id)
    await twitch.ask('ads', { login: 'alice', segments: '3' })
    await twitch.ask('title', { login: 'alice', title: 'Second act', category: 'Music' })
    const ads = main.getByRole('region', { name: 'Advertisements' })
    await expect(ads).toContainText('not counted as missing', { timeout: 40_000 })
    // Told while it runs.
    const chapters = main.getByRole('region', { name: 'Chapters' }).getByRole('listitem')
    await expect(page.getByRole('heading', { level: 1, name: 'Second act' })).toBeVisible({ timeout: 30_000 })
    await expect(chapters).toHaveText([/^0:00Opening night.*Chess/, /Second act.*Music/])
    await twitch.ask('end-ads', { login: 'alice' })
    await grows(server, id)
    await twitch.ask('offline', { login: 'alice' })
    await expect(main.locator('[data-status]').first()).toHaveText('Completed', { timeout: 60_000 })

    const whole: Recording = await server.recording(id)
    expect([whole.segments_lost, whole.has_thumbnail, whole.chapters.length]).toEqual([0, true, 2])
    expect(whole.gaps.map((gap) => gap.cause)).toContain('ads')
    await expect(main.getByRole('region', { name: 'What is missing' })).toContainText('Nothing. Every segment but the advertisements')
    await expect(main.getByRole('region', { name: 'How it goes' })).toContainText('MissingNothing')
    await expect(main.getByRole('group', { name: /^Timeline.* 0 gaps, [1-9]\d* advertisement break/ })).toBeVisible()
    const picture = (await main.locator('video').getAttribute('poster'))!
    expect((await page.request.get(picture)).headers()['content-type']).toBe('image/jpeg')
    await chapters.nth(1).getByRole('button', { name: /^Play from .*Second act/ }).click()
    await expect.poll(() => position(page)).toBeGreaterThanOrEqual(Math.floor(whole.chapters[1]!.offset_s))

    const keep = main.getByRole('switch', { name: 'Keep this recording' })
    await keep.press('Space')
    await expect(keep).toBeChecked()
    await expect.poll(async () => (await server.recording(id)).keep).toBe(true)
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme })
      await sound(page, `a broadcast, ${colorScheme}`)
    }
    await page.setViewportSize({ width: 390, height: 844 })
    await fits(page)
    await page.goto('/recordings')
    const row = page.locator(`[data-recording="${id}"]`)
    await expect(row).toContainText('Kept')
    await fits(page)
    await expect.poll(() => row.locator('img').evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0)
    // Another window lets it go.
    await server.call('PATCH', `/api/recordings/${id}`, { keep: false })
    await expect(row).not.toContainText('Kept')
    await row.getByRole('button', { name: /^More for/ }).click()
    await page.getByRole('menuitem', { name: 'Keep' }).click()
    await expect(row).toContainText('Kept')
  } finally {
    await twitch.close()
  }
})
