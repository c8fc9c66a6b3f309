/** The width of a phone: nothing runs out of it, everything can be reached with a thumb. */
import type { Page } from '@playwright/test'
import { fits } from './rig/looks.ts'
import { expect, settings, test } from './rig/test.ts'

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 })

/** What can be pressed, but is less than 24 px. */
const small = (page: Page) =>
  page.locator('button:visible, a:visible, select:visible, [role="switch"]:visible').evaluateAll((all) =>
    all
      // A link within a sentence is as high as its line.
      .filter((element) => getComputedStyle(element).display !== 'inline' && !element.closest('.sr-only') && !element.classList.contains('sr-only'))
      .map((element) => ({ box: element.getBoundingClientRect(), name: element.getAttribute('aria-label') ?? element.textContent.trim() }))
      .filter(({ box }) => box.width > 1 && (Math.round(box.height) < 24 || Math.round(box.width) < 24))
      .map(({ box, name }) => `${name}: ${Math.round(box.width)} × ${Math.round(box.height)}`),
  )

test('the pages are reached by the bar at the bottom, and none is wider than the phone', async ({ page, kit, server }) => {
  const proxy = await kit.proxy('http', 'a-user-with-a-rather-long-name', 'secret')
  const id = await server.add(proxy, { label: 'A proxy with a label that is longer than the screen of any phone there is', tags: ['netherlands', 'residential', 'unmetered'] })
  await expect.poll(async () => (await server.proxy(id)).health_status).toBe('healthy')
  await proxy.fault('wrong-auth')
  await server.call('POST', `/api/proxy/${id}/test`)
  await page.goto('/')
  const bar = page.getByRole('navigation', { name: 'Pages' })
  for (const [name, heading] of [['Recordings', 'Recordings'], ['Proxies', 'Proxy Settings'], ['Events', 'Events'], ['Overview', 'Overview']] as const) {
    await bar.getByRole('link', { name }).tap()
    await expect(page.getByRole('heading', { level: 1, name: heading })).toBeAttached()
    await expect(bar.getByRole('link', { name })).toHaveAttribute('aria-current', 'page')
    await expect(page.getByTestId('system-status')).toContainText('All proxies down')
    await fits(page)
    expect(await small(page)).toEqual([])
    const box = (await bar.boundingBox())!
    expect(Math.round(box.y + box.height)).toBe(844)
  }
  await page.goto(`/proxies/${id}`)
  await expect(page.getByText('Why:')).toBeVisible()
  await fits(page)
  await page.goto('/nowhere')
  await expect(page.getByText('There is nothing at this address')).toBeVisible()
  await fits(page)
})

test('a proxy is added, tested, switched off and deleted with the thumb', async ({ page, kit }) => {
  const proxy = await kit.proxy('http', 'anna', 'secret')
  const here = settings(page)
  await here.open()
  await page.getByRole('button', { name: 'Add your first proxy' }).tap()
  await expect(here.dialog).toBeVisible()
  await fits(page)
  await here.dialog.getByLabel('Proxy URL').fill(proxy.url)
  await here.dialog.getByLabel('Label').fill('Anna')
  await here.dialog.getByRole('button', { name: 'Add proxy' }).tap()
  await expect(here.badge('Anna')).toHaveText('Healthy')
  // What a table says by its heads is said by each card.
  for (const figure of ['Response', 'Last check', 'Recordings', 'Traffic']) await expect(here.row('Anna').getByText(figure, { exact: true })).toBeVisible()
  await here.row('Anna').getByRole('button', { name: 'Test Anna' }).tap()
  await expect(here.toast(/^Anna is healthy/)).toBeVisible()
  await fits(page)
  await here.row('Anna').getByRole('button', { name: /^More for/ }).tap()
  await page.getByRole('menuitem', { name: 'Disable' }).tap()
  await expect(here.badge('Anna')).toHaveText('Disabled')
  await here.row('Anna').getByRole('button', { name: /^More for/ }).tap()
  await page.getByRole('menuitem', { name: 'Delete' }).tap()
  await here.dialog.getByRole('button', { name: 'Delete proxy' }).tap()
  await expect(page.getByText('No proxies yet')).toBeVisible()
})

test('a recording is started, followed and stopped with the thumb', async ({ page, kit, server, origin }) => {
  await server.add(await kit.proxy(), { label: 'Amsterdam' })
  await expect.poll(async () => (await server.proxies())[0]?.health_status).toBe('healthy')
  await page.goto('/recordings')
  await page.getByRole('button', { name: 'Record', exact: true }).tap()
  await page.getByRole('dialog').getByLabel('Address or name').fill(origin.stream(`phone-${process.env.TEST_WORKER_INDEX}`))
  await fits(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Record', exact: true }).tap()
  const row = page.getByRole('table').getByRole('row').filter({ hasText: 'phone-' }).first()
  await expect(row.locator('[data-status]')).toHaveText('Recording', { timeout: 30_000 })
  await fits(page)
  await row.getByRole('link').first().tap()
  await expect(page.getByTestId('timeline')).toBeVisible()
  await fits(page)
  await page.getByRole('button', { name: 'Stop', exact: true }).tap()
  await page.getByRole('dialog').getByRole('button', { name: 'Stop recording' }).tap()
  await expect(page.getByRole('region', { name: 'How it goes' }).locator('[data-status]')).toHaveText('Stopped', { timeout: 30_000 })
  await page.goto('/')
  await fits(page)
})
