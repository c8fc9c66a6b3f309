/** Says nothing but what failed: the figures speak for themselves. */
import type { Reporter, TestCase, TestResult } from '@playwright/test/reporter'

export default class Quiet implements Reporter {
  onStdOut(text: string | Buffer): void {
    process.stdout.write(text)
  }
  onTestEnd(test: TestCase, result: TestResult): void {
    for (const error of result.errors) console.error(`${test.title}: ${error.message ?? error.value ?? ''}\n${error.snippet ?? ''}`)
  }
  printsToStdio(): boolean {
    return true
  }
}
