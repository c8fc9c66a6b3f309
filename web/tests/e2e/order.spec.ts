/** The order in which proxies are asked: by drag and drop, and by keyboard. */
import type { Page } from '@playwright/test'
import { expect, settings, tabTo, test, type Kit } from './rig/test.ts'
import type { Server } from './rig/server.ts'

const NAMES = ['Anna', 'Bert', 'Carl', 'Dora']

async function four(kit: Kit, server: Server): Promise<void> {
  for (const [priority, label] of NAMES.entries()) await server.add(await kit.proxy(), { label, priority: priority * 10 })
}
const stored = async (server: Server) => (await server.proxies()).map(({ label, priority }) => `${priority} ${label}`)

async function drag(page: Page, from: string, to: string, drop: 'mouse' | 'escape' = 'mouse'): Promise<void> {
  const here = settings(page)
  const handle = await here.row(from).getByRole('button', { name: /^Move/ }).boundingBox()
  const goal = await here.row(to).boundingBox()
  await page.mouse.move(handle!.x + handle!.width / 2, handle!.y + handle!.height / 2)
  await page.mouse.down()
  await page.mouse.move(goal!.x + 80, goal!.y + goal!.height / 2, { steps: 12 })
  if (drop === 'escape') await page.keyboard.press('Escape')
  await page.mouse.up()
}

test('dragged to another place by mouse', async ({ page, kit, server }) => {
  await four(kit, server)
  const here = settings(page)
  await here.open()
  await expect(here.rows).toHaveCount(4)
  await drag(page, 'Anna', 'Carl')
  await expect.poll(here.order).toEqual(['Bert', 'Carl', 'Anna', 'Dora'])
  await expect.poll(() => stored(server)).toEqual(['0 Bert', '1 Carl', '2 Anna', '3 Dora'])
  await drag(page, 'Dora', 'Bert')
  await expect.poll(here.order).toEqual(['Dora', 'Bert', 'Carl', 'Anna'])
  await expect.poll(() => stored(server)).toEqual(['0 Dora', '1 Bert', '2 Carl', '3 Anna'])
  await drag(page, 'Dora', 'Anna', 'escape')
  await expect.poll(here.order).toEqual(['Dora', 'Bert', 'Carl', 'Anna'])
  expect(await stored(server)).toEqual(['0 Dora', '1 Bert', '2 Carl', '3 Anna'])
})

test('moved with the keyboard; the focus stays on it and the new place is told', async ({ page, kit, server }) => {
  await four(kit, server)
  const here = settings(page)
  await here.open()
  await expect(here.rows).toHaveCount(4)
  const handle = page.getByRole('button', { name: /^Move Anna/ })
  const told = page.getByRole('status').filter({ hasText: 'Anna' })
  await tabTo(page, handle)
  await page.keyboard.press('ArrowDown')
  await expect.poll(here.order).toEqual(['Bert', 'Anna', 'Carl', 'Dora'])
  await expect(told).toHaveText('Anna is now number 2 of 4')
  await expect(handle).toBeFocused()
  await page.keyboard.press('End')
  await expect.poll(here.order).toEqual(['Bert', 'Carl', 'Dora', 'Anna'])
  await expect(handle).toBeFocused()
  await page.keyboard.press('ArrowDown')
  await expect(told).toHaveText('Anna is already last')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Home')
  await expect.poll(here.order).toEqual(NAMES)
  await expect.poll(() => stored(server)).toEqual(['0 Anna', '1 Bert', '2 Carl', '3 Dora'])
  // From anywhere in the row with Alt.
  await tabTo(page, page.getByRole('button', { name: 'Test Bert' }))
  await page.keyboard.press('Alt+ArrowUp')
  await expect.poll(here.order).toEqual(['Bert', 'Anna', 'Carl', 'Dora'])
})

test('moved by its menu', async ({ page, kit, server }) => {
  await four(kit, server)
  const here = settings(page)
  await here.open()
  await here.menu('Carl', 'Move to the top')
  await expect.poll(here.order).toEqual(['Carl', 'Anna', 'Bert', 'Dora'])
  await here.menu('Anna', 'Move down')
  await expect.poll(here.order).toEqual(['Carl', 'Bert', 'Anna', 'Dora'])
  await expect.poll(() => stored(server)).toEqual(['0 Carl', '1 Bert', '2 Anna', '3 Dora'])
})
