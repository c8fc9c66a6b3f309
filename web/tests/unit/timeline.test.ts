/** The timeline of a recording, from a minute to half a day: nothing is lost, nothing is too small. */
import { describe, expect, test } from 'vitest'
import { ledgerOf, withFailover, withGap } from '@/lib/recording'
import { notches, place, spanOf, ticksOf, together, waysOf } from '@/lib/timeline'
import { describe as words } from '@/lib/timelineWords'
import type { Gap, Route } from '@/types/recording'
import { aRecording } from './fakes'

const START = Date.parse('2026-01-01T00:00:00Z')
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()
const route = (via: string, from: number, to: number | null, bytes = 10): Route => ({ via, started_at: at(from), ended_at: to === null ? null : at(to), bytes, reason: to === null ? null : 'refused' })
const gap = (from: number, seconds = 2): Gap => ({ at: at(from), segments: seconds / 2, seconds, cause: 'route', via: 'http://a' })

describe('the span', () => {
  test('of one that runs goes on to now', () => {
    expect(spanOf(aRecording('r', { routes: [route('a', 1, null)] }), START + 90_000)).toEqual({ from: START, to: START + 90_000 })
  })
  test('of one that is over ends with it, and with what came last if nobody knows', () => {
    expect(spanOf(aRecording('r', { ended_at: at(60) }), null).to).toBe(START + 60_000)
    expect(spanOf(aRecording('r', { status: 'interrupted', routes: [route('a', 1, 40)] }), null).to).toBe(START + 40_000)
    expect(spanOf(aRecording('r'), null)).toEqual({ from: START, to: START + 1000 })
  })
})

test('ways have letters by first use, and direct has a look of its own', () => {
  const span = { from: START, to: START + 100_000 }
  const ways = waysOf([route('http://a', 0, 40), route('direct', 40, 50), route('http://b', 50, 60), route('http://a', 60, null)], span)
  expect([...ways.values()].map((w) => [w.via, w.letter, w.look, w.seconds, w.bytes, w.stretches])).toEqual([
    ['http://a', 'A', 0, 80, 20, 2], ['direct', 'B', null, 10, 10, 1], ['http://b', 'C', 1, 10, 10, 1],
  ])
  const many = waysOf(Array.from({ length: 28 }, (_, n) => route(`http://${n}`, n, n + 1)), span)
  expect([...many.values()].at(-1)).toMatchObject({ letter: 'AB', look: 27 % 6 })
})

test('a second in twelve hours can still be seen, also the last one', () => {
  const span = { from: START, to: START + 12 * 3600_000 }
  const placed = place([route('a', 0, 1), route('b', 12 * 3600 - 1, 12 * 3600)], span, 800)
  expect(placed.map((p) => [p.x, p.width])).toEqual([[0, 3], [797, 3]])
})

test('gaps that would touch are one notch, and their sums stay', () => {
  const span = { from: START, to: START + 12 * 3600_000 }
  const found = notches([gap(7200), gap(60), gap(64, 4), gap(12 * 3600)], span, 800)
  expect(found.map((n) => [n.of.gaps.length, n.of.segments, n.of.seconds])).toEqual([[2, 3, 6], [1, 1, 2], [1, 1, 2]])
  expect(found.at(-1)!.x + found.at(-1)!.width).toBeLessThanOrEqual(800)
})

test('advertisements are apart from what is missing, and are said to be no loss', () => {
  const ad: Gap = { ...gap(20, 12), cause: 'ads', via: null }
  const { lost, ads } = ledgerOf([gap(10), ad, gap(40)])
  expect([lost.map((g) => g.at), ads.map((g) => g.at)]).toEqual([[at(10), at(40)], [at(20)]])
  const say = words({ from: START, to: START + 60_000 }, (via) => via)
  expect(say.ads(ads)).toMatch(/^Advertisements, .*: 12 s left out\. Nothing of the stream is missing/)
  expect(say.ads([ad, { ...ad, at: at(50) }])).toMatch(/2 of them from .*: 24 s left out/)
  expect(say.gaps(lost)).toMatch(/^Missing/)
})

test('marks that would touch are one, with their count', () => {
  expect(together([0, 5, 14, 100])).toEqual([{ x: 0, width: 14, count: 3 }, { x: 100, width: 0, count: 1 }])
})

test.each([60, 600, 3600, 4 * 3600, 12 * 3600, 3 * 86400])('%i seconds get round times that do not touch', (seconds) => {
  for (const width of [300, 1100]) {
    const ticks = ticksOf({ from: START + 1234, to: START + 1234 + seconds * 1000 }, width)
    expect(ticks.length).toBeGreaterThan(width > 1000 ? 4 : 1)
    for (let i = 1; i < ticks.length; i += 1) expect(ticks[i]!.x - ticks[i - 1]!.x).toBeGreaterThan(seconds < 300 ? 80 : 55)
  }
})

test('a failover told again, or after the routes were fetched, adds nothing', () => {
  const frame = { at: at(41), to: 'http://b', reason: 'gone', took_ms: 240 }
  const once = withFailover([route('http://a', 0, null)], frame)
  expect(once.map((r) => [r.via, r.ended_at, r.reason])).toEqual([['http://a', at(41), 'gone'], ['http://b', null, null]])
  expect(withFailover(once, frame)).toEqual(once)
  const fetched = [route('http://a', 0, 40), route('http://b', 40, 70), route('http://a', 70, null)]
  expect(withFailover(fetched, frame)).toEqual(fetched)
})

test('a gap is told once, in order of time', () => {
  expect(withGap([gap(10), gap(4)], gap(10, 6)).map((g) => [g.at, g.seconds])).toEqual([[at(4), 2], [at(10), 6]])
  const ads: Gap = { ...gap(10), cause: 'ads' }
  expect(withGap([gap(10)], ads).map((g) => g.cause)).toEqual(['route', 'ads'])
})
