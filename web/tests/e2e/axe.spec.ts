/** What a machine can tell about accessibility: nothing serious on any page, in either theme, with something on it and without. */
import { sound } from './rig/looks.ts'
import { expect, settings, test } from './rig/test.ts'

for (const theme of ['light', 'dark'] as const) {
  test.describe(theme, () => {
    test.use({ colorScheme: theme })

    test('empty pages', async ({ page }) => {
      await page.goto('/settings/proxies')
      await expect(page.getByText('No proxies yet')).toBeVisible()
      await sound(page, 'the proxy settings')
      await page.goto('/')
      await expect(page.getByText('Nothing is being recorded')).toBeVisible()
      await sound(page, 'the overview')
      await page.goto('/recordings')
      await expect(page.getByRole('heading', { level: 1, name: 'Recordings' })).toBeVisible()
      await sound(page, 'the recordings')
      await page.goto('/channels')
      await expect(page.getByText('No channels yet')).toBeVisible()
      await sound(page, 'the channels')
      await page.goto('/nowhere')
      await expect(page.getByText('There is nothing at this address')).toBeVisible()
      await sound(page, 'a page that is not there')
    })

    test('pages with something on them, dialogs and menus', async ({ page, kit, server, origin }) => {
      const [healthy, failed, odd] = [await kit.proxy('http', 'anna', 'secret'), await kit.proxy('http', 'bert', 'secret'), await kit.proxy()]
      await server.configure({ proxy_max_consecutive_failures: 1 })
      const ids = [
        await server.add(healthy, { label: 'Healthy one', tags: ['eu', 'fast'] }),
        await server.add(failed, { label: 'Failed one', priority: 1 }),
        await server.add(odd, { label: 'Disabled one', priority: 2, enabled: false }),
      ]
      await expect.poll(async () => (await server.proxies()).slice(0, 2).map((proxy) => proxy.health_status)).toEqual(['healthy', 'healthy'])
      const { id } = await server.record(origin.stream(`axe-${theme}-${process.env.TEST_WORKER_INDEX}`))
      await expect.poll(async () => (await server.recording(id)).bytes, { timeout: 40_000 }).toBeGreaterThan(50_000)
      await server.configure({ proxy_max_consecutive_failures: 2 })
      await failed.fault('wrong-auth')
      await server.call('POST', `/api/proxy/${ids[1]}/test`)

      const here = settings(page)
      await here.open()
      await expect(here.badge('Failed one')).toHaveText('Failed')
      await sound(page, 'the proxy settings')
      await here.row('Healthy one').getByRole('button', { name: /^More for/ }).click()
      await expect(page.getByRole('menu')).toBeVisible()
      await sound(page, 'the menu of a proxy')
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Add proxy', exact: true }).click()
      await here.dialog.getByLabel('Proxy URL').fill('ftp://nobody')
      await sound(page, 'the dialog to add a proxy')
      await here.dialog.getByRole('tab', { name: 'Paste a list' }).click()
      await here.dialog.getByLabel('One proxy a line').fill('ftp://nobody')
      await here.dialog.getByRole('button', { name: 'Add 1 proxy' }).click()
      await expect(here.dialog.getByRole('alert')).toBeVisible()
      await sound(page, 'the dialog to paste a list, with a refused line and a toast')
      await page.keyboard.press('Escape')
      await here.menu('Healthy one', 'Delete')
      await sound(page, 'the confirmation')
      await page.keyboard.press('Escape')

      await page.goto(`/proxies/${ids[1]}`)
      await expect(page.getByText('Why:')).toBeVisible()
      await expect(page.getByRole('img', { name: /of the checks succeeded/ })).toBeVisible()
      await sound(page, 'the page of a proxy')
      await page.goto('/')
      await expect(page.locator(`[data-recording="${id}"]`).getByRole('link', { name: 'Healthy one' })).toBeVisible()
      await sound(page, 'the overview')
      await page.goto('/recordings')
      await expect(page.locator(`[data-recording="${id}"]`)).toBeVisible()
      await sound(page, 'the recordings')
      await page.getByRole('button', { name: 'Record', exact: true }).click()
      await sound(page, 'the dialog to record')
      await page.goto(`/recordings/${id}`)
      await expect(page.getByTestId('timeline')).toBeVisible()
      await sound(page, 'a recording')
      await page.goto('/events')
      const entries = page.getByRole('list', { name: 'Events, the newest first' })
      await entries.getByRole('button', { name: /^Details/ }).first().click()
      await sound(page, 'the events')
      await page.setViewportSize({ width: 390, height: 844 })
      await sound(page, 'the events on a phone')
      await page.goto('/recordings')
      await expect(page.locator(`[data-recording="${id}"]`)).toBeVisible()
      await sound(page, 'the recordings on a phone')
      await here.open()
      await expect(here.badge('Failed one')).toHaveText('Failed')
      await sound(page, 'the proxy settings on a phone')
    })
  })
}

test('a chosen theme is kept and shown before anything else; still things stand still', async ({ page, kit, server }) => {
  await server.add(await kit.proxy(), { label: 'Anna' })
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  const here = settings(page)
  await here.open()
  const dark = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme === 'dark')
  expect(await dark()).toBe(false)
  await page.getByRole('button', { name: /^Theme:/ }).click()
  await page.getByRole('menuitem', { name: 'Dark' }).click()
  expect(await dark()).toBe(true)
  await page.reload()
  expect(await dark()).toBe(true)
  await expect(here.badge('Anna')).toHaveText('Healthy')
  expect(await page.evaluate(() => document.getAnimations().filter((a) => Number(a.effect?.getComputedTiming().duration) > 1).length)).toBe(0)
  // With the keyboard alone somebody gets past the navigation at once.
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('main')).toBeFocused()
})
