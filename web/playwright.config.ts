/**
 * The page in Debian's Chromium, against the real program and the proxies of the test kit. Nothing is tried twice: a test that fails
 * now and then tells of a fault, in the page or in the test.
 */
import { defineConfig } from '@playwright/test'
import { CHROMIUM } from './tests/e2e/rig/programs.ts'

export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: 'test-results',
  fullyParallel: true,
  workers: Number(process.env.HOLDFAST_E2E_WORKERS ?? 2),
  retries: 0,
  forbidOnly: true,
  // The machine may be busy; nothing waits longer than it must.
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    ...CHROMIUM,
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    trace: 'retain-on-failure',
  },
})
