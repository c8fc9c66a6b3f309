/** The log: what happened, as it happens, with the way to what it is about. */
import { expect, test } from './rig/test.ts'

test('events come by themselves, are narrowed, opened, and lead to what they are about', async ({ page, kit, server }) => {
  const proxy = await kit.proxy('http', 'anna', 'secret')
  await page.goto('/events')
  await expect(page.getByRole('heading', { level: 1, name: 'Events' })).toBeVisible()
  const list = page.getByRole('list', { name: 'Events, the newest first' })
  // A name of its own: the server of a worker remembers the tests before.
  const label = `Anna ${Date.now()}`
  const id = await server.add(proxy, { label })
  const mine = list.getByRole('listitem').filter({ has: page.getByRole('link', { name: label }) })
  await expect(mine.first()).toBeVisible()
  await server.call('POST', `/api/proxy/${id}/reveal`)
  const revealed = mine.filter({ has: page.locator('[data-type="proxy_revealed"]') })
  await expect(revealed).toHaveCount(1)
  await expect(page.getByRole('main')).not.toContainText('secret')

  await revealed.getByRole('button', { name: /^Details/ }).click()
  await expect(revealed.getByText('proxy_revealed')).toBeVisible()
  await expect(revealed.getByText('Log line')).toBeVisible()

  // While something is opened, the log stands still under the reader; what is new waits to be asked for.
  const before = await mine.count()
  await proxy.fault('refuse')
  await server.call('POST', `/api/proxy/${id}/test`)
  await expect(page.getByTestId('new-events')).toHaveText(/new event/)
  expect(await mine.count()).toBe(before)
  await page.getByTestId('new-events').click()
  await expect(mine.filter({ hasText: 'refused the connection' }).first()).toBeVisible()

  await page.getByRole('combobox', { name: 'How loud' }).selectOption('Warnings and errors')
  await expect(page).toHaveURL(/level=warning/)
  await page.getByRole('searchbox', { name: 'Search the events' }).fill(label)
  await expect(mine.filter({ hasText: 'refused the connection' }).first()).toBeVisible()
  await expect(mine.filter({ has: page.locator('[data-type="proxy_added"]') })).toHaveCount(0)
  await page.getByRole('searchbox', { name: 'Search the events' }).fill('nothing is like this')
  await page.getByRole('button', { name: 'Show all events' }).click()
  await expect(revealed).toHaveCount(1)
  await expect(page).toHaveURL(/\/events$/)

  await revealed.getByRole('link', { name: label }).click()
  await expect(page).toHaveURL(new RegExp(`/proxies/${id}$`))
  await expect(page.getByRole('heading', { level: 1, name: label })).toBeVisible()
})

test('by keyboard: narrowed by kind, opened, followed', async ({ page, kit, server }) => {
  const label = `Bert ${Date.now()}`
  const id = await server.add(await kit.proxy(), { label })
  await server.configure({ proxy_max_consecutive_failures: 5 })
  await page.goto('/events')
  const list = page.getByRole('list', { name: 'Events, the newest first' })
  await expect(list.getByRole('link', { name: label }).first()).toBeVisible()
  await page.getByRole('radio').first().focus()
  const settings = list.locator('[data-type="config_changed"]')
  await expect(settings.first()).toBeVisible()
  for (let n = 0; n < 8 && !(await page.getByRole('radio', { name: 'Proxies' }).isChecked()); n += 1) await page.keyboard.press('ArrowRight')
  await expect(page.getByRole('radio', { name: 'Proxies' })).toBeChecked()
  await expect(settings).toHaveCount(0)
  const link = list.getByRole('link', { name: label }).first()
  await link.focus()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(list.getByText('Log line')).toBeVisible()
  await link.focus()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`/proxies/${id}$`))
})
