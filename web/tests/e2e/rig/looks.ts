/** What is asked of the looks of any page: nothing serious that axe finds, and nothing wider than the screen. */
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, settled } from './test.ts'

export async function sound(page: Page, what: string): Promise<void> {
  await settled(page)
  const { violations, passes } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze()
  expect(passes.length, `rules that axe tried on ${what}`).toBeGreaterThan(15)
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  const told = serious.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}\n  ${node.html.slice(0, 200)}\n  ${node.any[0]?.message ?? node.all[0]?.message ?? ''}`))
  expect(told, what).toEqual([])
}

export const fits = (page: Page) => expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 'how far the page is wider than the phone').toBe(0)
