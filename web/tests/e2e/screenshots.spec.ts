/**
 * Every page, both themes, on a desk and on a phone, with what a person has who has recorded for some weeks: the proxies, their faults
 * and the running recordings are real, the weeks before are written into the database. Into docs/screenshots with HOLDFAST_SCREENSHOTS=1
 * (`npm run screenshots`), else among the results of the tests: no run of the tests changes the tree.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { history } from './rig/history.ts'
import { KitProxy, KitServer, type ProxyOptions } from './rig/kit.ts'
import { root } from './rig/programs.ts'
import { Server } from './rig/server.ts'
import { expect, settings, settled, test } from './rig/test.ts'

const folder = process.env.HOLDFAST_SCREENSHOTS ? join(root, 'docs/screenshots') : join(root, 'web/test-results/screenshots')
const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } }

interface Kept extends ProxyOptions {
  label?: string
  tags: string[]
  enabled?: boolean
  fault?: string
}
const POOL: Kept[] = [
  { label: 'Rotterdam', tags: ['eu', 'residential'], user: 'holdfast', password: 'x1', listen: '127.71.0.11:3128', fault: 'delay-ms 18' },
  { label: 'Amsterdam', tags: ['eu', 'residential'], user: 'holdfast', password: 'x2', listen: '127.71.0.12:3128', fault: 'delay-ms 31' },
  { label: 'Frankfurt, over SOCKS', tags: ['eu', 'datacenter'], kind: 'socks5', user: 'holdfast', password: 'x3', listen: '127.71.0.13:1080' },
  { label: 'Warsaw', tags: ['eu'], listen: '127.71.0.14:8080', fault: 'delay-ms 74' },
  { label: 'London', tags: ['uk', 'datacenter'], user: 'holdfast', password: 'x4', listen: '127.71.0.15:3128', fault: 'wrong-auth' },
  { label: 'Seattle, only for tests', tags: ['us'], listen: '127.71.0.16:3128', enabled: false },
  { tags: ['us', 'datacenter'], kind: 'socks5', user: 'guest', password: 'x5', listen: '127.71.0.17:1080', fault: 'delay-ms 160' },
]

async function shoot(page: Page, name: string, whole = false): Promise<void> {
  await settled(page)
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', caret: 'hide', fullPage: whole })
}

test('every page, both themes, on a desk and on a phone', async ({ browser, target, watch }, info) => {
  info.setTimeout(180_000)
  mkdirSync(folder, { recursive: true })
  const origin = await KitServer.start('origin', ['--seconds', '120'])
  const objecting = await KitServer.start('target', ['--status', '403'])
  const server = await Server.start(target.checkUrl)
  const proxies: KitProxy[] = []
  try {
    const live = `*.live.test:443=127.0.0.1:${origin.port}`
    for (const [n, { label, tags, enabled = true, fault, ...options }] of POOL.entries()) {
      const map = [live, ...(label === 'Warsaw' ? [`localhost:${target.port}=127.0.0.1:${objecting.port}`] : [])]
      const proxy = await KitProxy.start({ ...options, map })
      if (fault?.startsWith('delay')) await proxy.fault(fault)
      proxies.push(proxy)
      await server.add(proxy, { priority: n, tags, enabled, ...(label ? { label } : {}) })
    }
    await server.configure({ fallback_to_direct_connection: false })
    const stream = (name: string) => `hls://https://${name}.live.test/c/${name}/live.m3u8`
    await expect.poll(async () => (await server.proxies())[0]?.health_status).toBe('healthy')
    const first = await server.record(stream('workshop'))
    await expect.poll(async () => (await server.recording(first.id)).bytes, { timeout: 40_000 }).toBeGreaterThan(500_000)
    await server.call('POST', `/api/recordings/${first.id}/stop`)
    await expect.poll(async () => (await server.recording(first.id)).ended_at, { timeout: 30_000 }).not.toBeNull()

    const real = await server.recording(first.id)
    await server.stop()
    const long = history(server, real, proxies.map((proxy) => proxy.masked))
    await server.start()

    // Windows that are there from the beginning, so that the charts have something to show.
    watch.also(new URL(server.url).host)
    const windows: [name: string, Page][] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const [size, viewport] of Object.entries(SIZES)) {
        const phone = size === 'phone'
        const context = await browser.newContext({ baseURL: server.url, viewport, colorScheme, locale: 'en-GB', timezoneId: 'UTC', deviceScaleFactor: phone ? 2 : 1, isMobile: phone, hasTouch: phone, reducedMotion: 'reduce' })
        await watch.over(context)
        const page = await context.newPage()
        await page.goto('/')
        await expect(page.getByText('Nothing is being recorded')).toBeVisible()
        windows.push([`${colorScheme}-${size}`, page])
      }
    }

    // What goes on while the pictures are taken.
    const running = [await server.record(stream('speedrun-marathon')), await server.record(stream('city-council'))]
    for (const { id } of running) await expect.poll(async () => (await server.recording(id)).bytes, { timeout: 40_000 }).toBeGreaterThan(1_200_000)
    await proxies[4]!.fault('wrong-auth')
    for (let n = 0; n < 3; n += 1) await server.call('POST', '/api/proxy/5/test')
    await proxies[0]!.kill()
    for (const { id } of running) await expect.poll(async () => (await server.recording(id)).failovers, { timeout: 30_000 }).toBeGreaterThan(0)
    for (const { id } of running) {
      const { bytes } = await server.recording(id)
      await expect.poll(async () => (await server.recording(id)).bytes, { timeout: 30_000 }).toBeGreaterThan(bytes + 500_000)
    }

    for (const [window, page] of windows) {
      const here = settings(page)
      const named = (name: string) => `${name}-${window}`

      await expect(page.locator('article[data-recording]')).toHaveCount(2)
      await expect(page.getByTestId('moved').first()).toBeVisible()
      await expect(page.getByText(/^[\d.]+ [kM]B\/s$/).first()).toBeVisible()
      await shoot(page, named('overview'))

      await page.goto('/recordings')
      await expect(page.locator('[data-recording]')).not.toHaveCount(0)
      await expect(page.locator('[data-status="recording"]').first()).toBeVisible()
      await shoot(page, named('recordings'))

      await page.goto(`/recordings/${long}`)
      await expect(page.getByTestId('timeline')).toBeVisible()
      await shoot(page, named('recording'))

      await here.open()
      await expect(here.badge('London')).toHaveText('Auto-disabled')
      await expect(here.badge('Rotterdam')).toHaveText('Failed')
      await expect(here.badge('Warsaw')).toHaveText('Degraded')
      await shoot(page, named('proxies'))
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
      await shoot(page, named('settings'))
      await page.evaluate(() => scrollTo(0, 0))
      await page.getByRole('button', { name: 'Add proxy', exact: true }).click()
      await here.dialog.getByLabel('Proxy URL').fill('ftp://nl.exit.example:1080')
      await here.dialog.getByLabel('Label').fill('Utrecht')
      await shoot(page, named('add-proxy'))
      await page.keyboard.press('Escape')

      await page.goto('/proxies/2')
      await expect(page.getByRole('img', { name: /of the checks succeeded/ })).toBeVisible()
      await expect(page.getByRole('region', { name: 'The drill' })).toContainText(/use it now/)
      await shoot(page, named('proxy'))

      await page.goto('/events')
      await expect(page.getByRole('list', { name: 'Events, the newest first' }).getByText(/Failover/).first()).toBeVisible()
      await shoot(page, named('events'))
      await page.context().close()
    }
  } finally {
    await server.close()
    for (const proxy of proxies) await proxy.close()
    await origin.close()
    await objecting.close()
  }
})
