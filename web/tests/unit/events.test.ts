/** The event log: fetched after news, together; older lines by cursor; a reload without a hole; two windows the same. */
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { dayOf, detailsOf, groupOf, passes, piecesOf } from '@/lib/events'
import { meaningOf } from '@/lib/systemStatus'
import { smooth } from '@/lib/smooth'
import { useEvents } from '@/stores/events'
import type { LogEvent } from '@/types/event'
import { aFrame, anEvent, serveLog } from './fakes'

beforeEach(() => {
  setActivePinia(createPinia())
  vi.useFakeTimers()
})
afterEach(() => void vi.useRealTimers())
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const seqs = (events: { items: readonly LogEvent[] }) => events.items.map((event) => event.seq)
const many = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => anEvent(from + i))
const health = (id: number, health_status: string) => aFrame('proxy_health_update', { proxy: { id, health_status } })

test('news is fetched together, and only while somebody looks', async () => {
  const log = many(1, 2)
  const asked = serveLog(log)
  const events = useEvents()
  await events.reload()
  events.take(aFrame('notice'))
  await pass(5000)
  expect(asked.length).toBe(0)
  const leave = events.watch()
  await pass(0)
  expect([asked.length, seqs(events)]).toEqual([1, [2, 1]])
  log.push(...many(3, 4))
  for (let n = 0; n < 20; n += 1) events.take(aFrame('proxy_added'))
  for (const type of ['recording_progress', 'system_status', 'proxy_statistics']) events.take(aFrame(type))
  await pass(5000)
  expect([asked.length, seqs(events)]).toEqual([2, [4, 3, 2, 1]])
  expect(new URL(asked[1]!.url).searchParams.get('after')).toBe('2')
  leave()
  leave()
  events.take(aFrame('notice'))
  await pass(5000)
  expect(asked.length).toBe(2)
})

test('a check that changed nothing waits longer than one that did', async () => {
  const asked = serveLog(many(1, 1))
  const events = useEvents()
  events.watch()
  await pass(0)
  events.take(health(1, 'healthy'))
  await pass(300)
  expect(asked.length).toBe(2)
  for (let n = 0; n < 50; n += 1) events.take(health(1, 'healthy'))
  await pass(1000)
  expect(asked.length).toBe(2)
  events.take(health(1, 'failed'))
  await pass(300)
  expect(asked.length).toBe(3)
  await pass(5000)
  expect(asked.length).toBe(3)
})

test('more news than one page, and a server that is away for a moment', async () => {
  const log = many(1, 3)
  let down = false
  const asked = serveLog(log, () => down)
  const events = useEvents()
  events.watch()
  await pass(0)
  log.push(...many(4, 1500))
  down = true
  events.take(aFrame('notice'))
  await pass(1000)
  expect(events.items.length).toBe(3)
  down = false
  await pass(2500)
  expect([events.items.length, events.items[0]!.seq, asked.length]).toEqual([1500, 1500, 4])
})

test('older lines come by cursor, and stay through a resync that reaches them', async () => {
  const log = many(1, 250)
  serveLog(log)
  const events = useEvents()
  events.watch()
  await pass(0)
  expect([events.items.length, events.hasMore]).toEqual([100, true])
  await events.loadMore()
  await events.loadMore()
  expect([events.items.length, events.hasMore]).toEqual([250, false])
  await events.loadMore()
  log.push(...many(251, 260))
  await events.reload()
  expect([events.items.length, events.hasMore]).toEqual([260, false])
  // A resync after a long sleep: what lies between is not there, so the older lines go and are fetched anew when asked for.
  log.push(...many(261, 500))
  await events.reload()
  expect([events.items.length, events.items.at(-1)!.seq, events.hasMore]).toEqual([100, 401, true])
})

test('two windows that hear the same show the same lines', async () => {
  const log = many(1, 3)
  serveLog(log)
  const windows = [createPinia(), createPinia()].map((pinia) => (setActivePinia(pinia), useEvents()))
  windows[0]!.watch()
  await pass(0)
  log.push(...many(4, 6))
  windows[0]!.take(aFrame('notice'))
  windows[1]!.watch()
  for (const events of windows) events.take(aFrame('notice'))
  await pass(3000)
  expect(windows[0]!.items).toEqual(windows[1]!.items)
  expect(seqs(windows[0]!)).toEqual([6, 5, 4, 3, 2, 1])
})

test('what passes the filter', () => {
  const event = anEvent(1, { type: 'proxy_disabled', level: 'warning', message: 'Proxy http://u:***@a:1 is off' })
  const all = { group: null, level: 'info' as const, text: '' }
  const check = (part: object, expected: boolean) => expect(passes(event, { ...all, ...part }, () => 'Frankfurt')).toBe(expected)
  check({}, true)
  check({ group: 'proxies' }, true)
  check({ group: 'recordings' }, false)
  check({ level: 'warning' }, true)
  check({ level: 'error' }, false)
  check({ text: 'off FRANK' }, true)
  check({ text: 'off paris' }, false)
  expect(['gateway_failover', 'recording_gap', 'streamer_online', 'config_changed', 'notice'].map(groupOf)).toEqual(['proxies', 'recordings', 'recordings', 'settings', 'system'])
})

test('addresses in a sentence, and particulars in words', () => {
  const urls = (message: string) => piecesOf(message).flatMap((piece) => piece.url ?? [])
  expect(urls('Failover: http://u:***@a:1 -> socks5h://[::1]:1080 (gone, 3 ms)')).toEqual(['http://u:***@a:1', 'socks5h://[::1]:1080'])
  expect(urls('Recording of https://x.tv/a?b=c; it ended.')).toEqual(['https://x.tv/a?b=c'])
  expect(urls('Failover: direct -> direct')).toEqual([])
  expect(piecesOf('see http://a:1.').map((piece) => piece.text).join('')).toBe('see http://a:1.')
  expect(detailsOf({ proxy_id: 1, took_ms: 1234, proxy_side: true, gap: { seconds: 2, cause: null, via: 'direct' }, list: [] })).toEqual([
    { name: 'Took', text: '1,234 ms', kind: 'fact' },
    { name: 'Proxy side', text: 'yes', kind: 'fact' },
    { name: 'Gap', text: '', kind: 'head' },
    { name: 'Seconds', text: '2 s', kind: 'fact' },
    { name: 'Via', text: 'direct', kind: 'fact' },
  ])
})

test('days, states and smoothed rates', () => {
  const now = new Date(2026, 0, 2, 12).getTime()
  expect([0, 13, 37].map((hours) => dayOf(now - hours * 3_600_000, now))).toEqual(['Today', 'Yesterday', expect.stringContaining('2025')])
  const status = { message: '', healthy: 0, enabled: 0, total: 0 }
  for (const state of ['healthy', 'degraded', 'error', 'disabled'] as const) expect(meaningOf({ ...status, state }).means).toMatch(/\.$/)
  expect(meaningOf({ ...status, state: 'error' }).todo).toContain('Add a proxy')
  expect(smooth([4, 0, 4, 0, 10], 2)).toEqual([4, 2, 2, 2, 5])
  expect(smooth([], 3)).toEqual([])
})
