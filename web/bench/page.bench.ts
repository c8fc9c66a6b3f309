/**
 * How light and how smooth the page is, over the real program: what the first page weighs, when it is first painted, how a thousand
 * proxies scroll, and what fifty updates a second do to it. Prints a table and fails when a limit is broken.
 */
import { test as base, type Browser, type Page } from '@playwright/test'
import { cpus, loadavg } from 'node:os'
import { KitProxy, KitServer } from '../tests/e2e/rig/kit.ts'
import { Server } from '../tests/e2e/rig/server.ts'
import { smoothness, type Smoothness } from './trace.ts'

const PROXIES = 1000
const UPDATES = 50
const SECONDS = 10
const COLD_LOADS = 7
/** Kibibytes, milliseconds, milliseconds. */
const LIMITS = { weight: 220, paint: 1000, frame: 50 }

const rows: [what: string, figure: string, limit: string, kept: boolean | null][] = []
const ms = (n: number) => `${n.toFixed(n < 10 ? 1 : 0)} ms`

async function firstPage(browser: Browser, url: string): Promise<void> {
  const paints: number[] = []
  const contents: number[] = []
  let weight = 0
  for (let n = 0; n < COLD_LOADS; n += 1) {
    const context = await browser.newContext()
    const page = await context.newPage()
    const client = await context.newCDPSession(page)
    await client.send('Network.enable')
    await client.send('Network.setCacheDisabled', { cacheDisabled: true })
    const kinds = new Map<string, string>()
    let bytes = 0
    client.on('Network.responseReceived', ({ requestId, response }) => kinds.set(requestId, response.mimeType))
    client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      if (/javascript|css/.test(kinds.get(requestId) ?? '')) bytes += encodedDataLength
    })
    await page.goto(url, { waitUntil: 'networkidle' }).catch(() => {})
    await page.getByTestId('overview-status').getByRole('heading').waitFor()
    const found = await page.evaluate(() => performance.getEntriesByType('paint').map(({ name, startTime }) => [name, startTime] as const))
    paints.push(Object.fromEntries(found)['first-paint'] ?? NaN)
    contents.push(Object.fromEntries(found)['first-contentful-paint'] ?? NaN)
    weight = Math.max(weight, bytes)
    await context.close()
  }
  const middle = (all: number[]) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)]!
  const slowest = Math.max(...paints)
  rows.push(['JavaScript and CSS of the first page, as sent', `${(weight / 1024).toFixed(1)} KiB`, `${LIMITS.weight} KiB`, weight / 1024 <= LIMITS.weight])
  rows.push([`First paint, cold, the middle of ${COLD_LOADS}`, ms(middle(paints)), ms(LIMITS.paint), middle(paints) < LIMITS.paint])
  rows.push(['  the slowest', ms(slowest), ms(LIMITS.paint), slowest < LIMITS.paint])
  rows.push(['First content, cold, the middle', ms(middle(contents)), '', null])
}

/** A thousand proxies: three of four work, by a user name of their own; the last refuses. */
async function fill(server: Server, proxy: KitProxy): Promise<void> {
  const lines = Array.from({ length: PROXIES }, (_, n) => {
    const port = n % 4 === 3 ? 9 : proxy.port
    return `http://user${n}:secret@127.0.0.1:${port} priority=${n} tag=${['eu', 'us', 'asia'][n % 3]}`
  })
  await server.call('POST', '/api/proxy/import', lines.join('\n'))
  for (;;) {
    const all = await server.proxies()
    if (all.every((one) => one.health_status !== 'unknown')) return
    await new Promise((done) => setTimeout(done, 250))
  }
}

/** `strict`: no frame may be late, whatever else the machine does. */
function told(what: string, found: Smoothness, strict: boolean): void {
  const kept = strict ? found.longest < LIMITS.frame : null
  rows.push([`${what}: frames, the middle`, `${found.frames}, ${ms(found.median)}`, '', null])
  rows.push(['  99 of 100 within', ms(found.p99), '', null])
  rows.push([`  the longest frame${found.over50 ? ` (${found.over50} over ${LIMITS.frame} ms)` : ''}`, ms(found.longest), strict ? ms(LIMITS.frame) : '', kept])
  rows.push(['  the longest task, by the wall', ms(found.task), '', null])
  rows.push(['  the longest task, by the processor', ms(found.taskOfProcessor), ms(LIMITS.frame), found.taskOfProcessor < LIMITS.frame])
}

async function scroll(browser: Browser, page: Page): Promise<void> {
  const client = await page.context().newCDPSession(page)
  const found = await smoothness(browser, page, async () => {
    for (const yDistance of [-30_000, 20_000, -15_000]) {
      await client.send('Input.synthesizeScrollGesture', { x: 700, y: 600, yDistance, speed: 6000, gestureSourceType: 'mouse' })
    }
  })
  const rowsDrawn = await page.locator('[data-proxy]').count()
  told(`${PROXIES} proxies scrolled (${rowsDrawn} rows drawn)`, found, false)
}

/** Real changes of real rows, so that the server sends real frames: labels and checks, over the rows in sight and all others. */
async function updates(browser: Browser, page: Page, server: Server): Promise<void> {
  await page.evaluate(() => scrollTo(0, 0))
  const client = await page.context().newCDPSession(page)
  await client.send('Network.enable')
  let frames = 0
  client.on('Network.webSocketFrameReceived', () => (frames += 1))
  const ids = (await server.proxies()).map((proxy) => proxy.id)
  let failed = 0
  const found = await smoothness(browser, page, async () => {
    const begun = performance.now()
    const asked: Promise<unknown>[] = []
    for (let n = 0; n < UPDATES * SECONDS; n += 1) {
      const wait = begun + (n * 1000) / UPDATES - performance.now()
      if (wait > 0) await new Promise((done) => setTimeout(done, wait))
      const id = ids[n % 3 === 0 ? (n * 37) % ids.length : n % 12]!
      asked.push(server.call('PATCH', `/api/proxy/${id}`, { label: `Proxy ${n}` }).catch(() => (failed += 1)))
    }
    await Promise.all(asked)
  })
  if (failed) throw new Error(`${failed} of the changes were refused`)
  told(`${UPDATES} updates a second for ${SECONDS} s (${frames} frames came)`, found, true)
}

base('the page', async ({ browser }) => {
  const target = await KitServer.start('target')
  const proxy = await KitProxy.start()
  const server = await Server.start(target.checkUrl)
  try {
    await firstPage(browser, server.url)
    // Each is checked once, when it is added; then no check disturbs.
    await server.configure({ proxy_max_consecutive_failures: 10, proxy_health_check_interval_seconds: 86_400 })
    await fill(server, proxy)
    const page = await browser.newPage()
    await page.goto(`${server.url}/settings/proxies`)
    await page.locator('[data-proxy]').first().waitFor()
    await scroll(browser, page)
    await updates(browser, page, server)
  } finally {
    await server.close()
    await proxy.close()
    await target.close()
  }
  const wide = Math.max(...rows.map(([what]) => what.length))
  console.log(`\nThe page in ${browser.browserType().name()} ${browser.version()}, ${cpus().length} processors, load ${loadavg()[0]!.toFixed(1)}\n`)
  for (const [what, figure, limit, kept] of rows) {
    console.log(`${what.padEnd(wide)}  ${figure.padStart(14)}  ${limit ? `limit ${limit}` : ''}${kept === false ? '  ← broken' : ''}`)
  }
  console.log()
  const broken = rows.filter(([, , , kept]) => kept === false)
  if (broken.length) throw new Error(`${broken.length} limits are broken`)
})
