/**
 * What every test gets: a server of its worker, emptied; proxies that are ended with the test; a page that is watched; and words
 * for what is looked for on the page.
 */
import { test as base, expect, type BrowserContext, type Locator, type Page } from '@playwright/test'
import { KitProxy, KitServer, type Kind } from './kit.ts'
import { Server } from './server.ts'
import { Watch } from './watch.ts'

export { expect }
export type { Locator, Page }

interface Mine {
  watch: Watch
  kit: Kit
  /** A second window, of another browser profile, watched as well. */
  otherWindow: () => Promise<Page>
}
interface Worker {
  target: KitServer
  origin: KitServer
  server: Server
}
export interface Kit {
  proxy(kind?: Kind, user?: string, password?: string, map?: readonly string[]): Promise<KitProxy>
}

export const test = base.extend<Mine, Worker>({
  target: [async ({}, use) => {
    const target = await KitServer.start('target')
    await use(target)
    await target.close()
  }, { scope: 'worker' }],

  origin: [async ({}, use) => {
    const origin = await KitServer.start('origin', ['--seconds', '120'])
    await use(origin)
    await origin.close()
  }, { scope: 'worker', timeout: 120_000 }],

  server: [async ({ target }, use) => {
    const server = await Server.start(target.checkUrl)
    await use(server)
    await server.close()
  }, { scope: 'worker' }],

  baseURL: async ({ server }, use) => use(server.url),

  watch: [async ({ server }, use, info) => {
    const watch = new Watch(new URL(server.url).host)
    await use(watch)
    if (info.status === info.expectedStatus) expect(watch.complaints, 'what the pages complained of').toEqual([])
    else if (watch.complaints.length) console.log(watch.complaints.join('\n'))
  }, { auto: true }],

  context: async ({ context, watch }, use) => {
    await watch.over(context)
    await use(context)
  },

  otherWindow: async ({ browser, watch, contextOptions, baseURL }, use) => {
    const opened: BrowserContext[] = []
    await use(async () => {
      const context = await browser.newContext({ ...contextOptions, baseURL })
      opened.push(context)
      await watch.over(context)
      return context.newPage()
    })
    for (const context of opened) await context.close()
  },

  kit: [async ({ server, target }, use, info) => {
    await target.ask('heal')
    await server.reset()
    const started: KitProxy[] = []
    await use({
      async proxy(kind = 'http', user = '', password = '', map = []) {
        const proxy = await KitProxy.start({ kind, user, password, map })
        started.push(proxy)
        return proxy
      },
    })
    if (info.status !== info.expectedStatus) await info.attach('server.log', { body: server.log, contentType: 'text/plain' })
    for (const proxy of started) await proxy.close()
  }, { auto: true }],
})

/** The words of the proxy settings. */
export const settings = (page: Page) => {
  const list = page.getByRole('list', { name: 'Proxies, the first to be asked first' })
  const row = (text: string): Locator => list.getByRole('listitem').filter({ hasText: text })
  return {
    open: () => page.goto('/settings/proxies'),
    list,
    rows: list.locator('> li'),
    row,
    badge: (text: string): Locator => row(text).locator('[data-status]'),
    /** The names in their order. */
    order: () => list.locator('> li a').allInnerTexts(),
    async menu(text: string, item: string): Promise<void> {
      await row(text).getByRole('button', { name: /^More for/ }).click()
      await page.getByRole('menuitem', { name: item, exact: true }).click()
    },
    pool: page.getByTestId('pool-status'),
    toast: (text: string | RegExp): Locator => page.getByRole('region', { name: 'Results' }).getByText(text),
    dialog: page.getByRole('dialog'),
  }
}

/** Goes on with Tab until this has the focus, as somebody without a mouse does. */
export async function tabTo(page: Page, goal: Locator, most = 60, key = 'Tab'): Promise<void> {
  for (let n = 0; n < most; n += 1) {
    if (await goal.evaluate((element) => element === document.activeElement).catch(() => false)) return
    await page.keyboard.press(key)
  }
  throw new Error(`the ${most} nearest places for the focus are not ${goal}`)
}

/** Nothing is judged or pictured in the middle of its appearing. What was taken away meanwhile is nobody's concern. */
export const settled = (page: Page): Promise<unknown> =>
  page.evaluate(() => Promise.allSettled(document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations !== Infinity).map((a) => a.finished)).then(() => null))
