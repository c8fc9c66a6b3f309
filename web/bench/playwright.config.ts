/** Figures, not tests: one browser, one page at a time, nothing beside it. `make bench-web`. */
import { defineConfig } from '@playwright/test'
import { CHROMIUM } from '../tests/e2e/rig/programs.ts'

export default defineConfig({
  testDir: '.',
  testMatch: 'page.bench.ts',
  outputDir: '../test-results/bench',
  workers: 1,
  timeout: 300_000,
  reporter: [['./quiet.ts']],
  use: { ...CHROMIUM, viewport: { width: 1440, height: 900 }, locale: 'en-GB' },
})
