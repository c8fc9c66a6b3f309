/**
 * What a trace of Chromium says about smoothness. A frame is the time from one drawing of the page to the next, as an eye sees it; a
 * task is how long the page's own thread was busy without a pause, in time of the wall and of the processor: on a machine that does
 * other things beside, the first is theirs too, the second is ours alone.
 */
import type { Browser, Page } from '@playwright/test'

interface TraceEvent {
  name: string
  ph: string
  pid: number
  tid: number
  ts: number
  dur?: number
  tdur?: number
  args: { name?: string; data?: { name?: string }; [key: string]: unknown }
}

export interface Smoothness {
  frames: number
  median: number
  p99: number
  longest: number
  over50: number
  task: number
  taskOfProcessor: number
}

const CATEGORIES = ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline.frame', '__metadata']

export async function smoothness(browser: Browser, page: Page, during: () => Promise<void>): Promise<Smoothness> {
  await browser.startTracing(page, { categories: CATEGORIES })
  await page.evaluate(() => {
    const times: number[] = []
    const tick = (now: number) => (times.push(now), Object.assign(window, { ticking: requestAnimationFrame(tick) }))
    Object.assign(window, { times, ticking: requestAnimationFrame(tick) })
  })
  await during()
  const times = await page.evaluate(() => {
    const { times, ticking } = window as unknown as { times: number[]; ticking: number }
    cancelAnimationFrame(ticking)
    return times
  })
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
  const gaps = times.slice(1).map((time, i) => time - times[i]!).sort((a, b) => a - b)
  const at = (share: number) => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * share))] ?? NaN
  const tasks = tasksOf(trace.traceEvents)
  return {
    frames: gaps.length,
    median: at(0.5),
    p99: at(0.99),
    longest: at(1),
    over50: gaps.filter((gap) => gap > 50).length,
    task: Math.max(0, ...tasks.map((task) => task.dur ?? 0)) / 1000,
    taskOfProcessor: Math.max(0, ...tasks.map((task) => task.tdur ?? 0)) / 1000,
  }
}

/** Those of the thread that runs the page: of all renderers the busiest, for there is one page. */
function tasksOf(events: readonly TraceEvent[]): TraceEvent[] {
  const mains = events.filter((event) => event.name === 'thread_name' && event.args.name === 'CrRendererMain')
  const per = mains.map(({ pid, tid }) => events.filter((e) => e.pid === pid && e.tid === tid && e.ph === 'X' && /RunTask$/.test(e.name)))
  return per.sort((a, b) => b.length - a.length)[0] ?? []
}
