/**
 * A recording's routes, gaps and parts as places on a line of time. Pure, so that it can be tried from a minute to half a day:
 * times are milliseconds, places are pixels, and nothing is too short to be seen or to be reached.
 */
import type { Gap, Part, Recording, Route } from '@/types/recording'

export interface Span {
  from: number
  to: number
}
/** One of the ways that were used, with what tells it from the others. */
export interface Way {
  via: string
  letter: string
  /** Which colour and pattern, from 0; null: direct. */
  look: number | null
  bytes: number
  seconds: number
  stretches: number
}
export interface Placed<T> {
  of: T
  x: number
  width: number
}
export type Notch = Placed<{ gaps: Gap[]; segments: number; seconds: number }>

export const LOOKS = 6
/** What is shorter is drawn as long as this. */
const LEAST = 3

const time = (at: string): number => Date.parse(at)

/** From the wish to the end: what came last if nothing says when it was over. */
export function spanOf(recording: Recording, now: number | null): Span {
  const { started_at, ended_at, routes, parts, gaps } = recording
  const known = [...routes, ...parts].flatMap((piece) => [time(piece.started_at), ...(piece.ended_at ? [time(piece.ended_at)] : [])])
  const last = Math.max(...known, ...gaps.map((gap) => time(gap.at) + gap.seconds * 1000), time(started_at) + 1000)
  const from = Math.min(time(started_at), ...known)
  return { from, to: now ?? (ended_at ? Math.max(time(ended_at), from + 1000) : last) }
}

export const endOf = (piece: { ended_at: string | null }, span: Span): number => (piece.ended_at ? time(piece.ended_at) : span.to)

function letters(n: number): string {
  const letter = String.fromCharCode(65 + (n % 26))
  return n < 26 ? letter : letters(Math.floor(n / 26) - 1) + letter
}

/** In the order of their first use. */
export function waysOf(routes: readonly Route[], span: Span): Map<string, Way> {
  const ways = new Map<string, Way>()
  let proxies = 0
  for (const route of routes) {
    const known = ways.get(route.via)
    const way = known ?? { via: route.via, letter: letters(ways.size), look: route.via === 'direct' ? null : proxies++ % LOOKS, bytes: 0, seconds: 0, stretches: 0 }
    way.bytes += route.bytes
    way.seconds += Math.max(0, endOf(route, span) - time(route.started_at)) / 1000
    way.stretches += 1
    ways.set(route.via, way)
  }
  return ways
}

export const placeOf = (at: number, span: Span, width: number): number =>
  Math.max(0, Math.min(width, ((at - span.from) / Math.max(1, span.to - span.from)) * width))

export function place<T extends Route | Part>(pieces: readonly T[], span: Span, width: number): Placed<T>[] {
  return pieces.map((of) => {
    const x = placeOf(time(of.started_at), span, width)
    const wide = Math.max(LEAST, placeOf(endOf(of, span), span, width) - x)
    return { of, x: Math.min(x, width - wide), width: wide }
  })
}

/** Gaps as notches; those that would touch are one. */
export function notches(gaps: readonly Gap[], span: Span, width: number): Notch[] {
  const found: Notch[] = []
  for (const gap of [...gaps].sort((a, b) => time(a.at) - time(b.at))) {
    const at = placeOf(time(gap.at), span, width)
    const wide = Math.max(LEAST * 2, placeOf(time(gap.at) + gap.seconds * 1000, span, width) - at)
    const x = Math.max(0, Math.min(at, width - wide))
    const last = found.at(-1)
    if (last && x - (last.x + last.width) < 2) {
      last.width = Math.max(last.width, x + wide - last.x)
      last.of = { gaps: [...last.of.gaps, gap], segments: last.of.segments + gap.segments, seconds: last.of.seconds + gap.seconds }
    } else found.push({ of: { gaps: [gap], segments: gap.segments, seconds: gap.seconds }, x, width: wide })
  }
  return found
}

/** Marks that would lie on each other are one, with their count. */
export function together(places: readonly number[], apart = 11): { x: number; width: number; count: number }[] {
  const found: { x: number; width: number; count: number }[] = []
  for (const x of places) {
    const last = found.at(-1)
    if (last && x - last.x - last.width < apart) {
      last.width = Math.max(last.width, x - last.x)
      last.count += 1
    } else found.push({ x, width: 0, count: 1 })
  }
  return found
}

const MINUTE = 60_000
const STEPS = [1, 2, 5, 10, 15, 30].map((s) => s * 1000).concat([1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((m) => m * MINUTE))

/** Round times of the person's clock, so far apart that their labels do not touch. */
export function ticksOf(span: Span, width: number): { at: number; x: number; label: string }[] {
  const apart = (step: number) => (step / (span.to - span.from)) * width
  // Seconds make a label longer.
  const step = STEPS.find((size) => apart(size) >= (size < MINUTE ? 84 : 60)) ?? STEPS.at(-1)! * Math.ceil(60 / apart(STEPS.at(-1)!))
  const offset = new Date(span.from).getTimezoneOffset() * MINUTE
  const seconds = step < MINUTE ? { second: '2-digit' as const } : {}
  const ticks = []
  for (let at = Math.ceil((span.from - offset) / step) * step + offset; at <= span.to; at += step) {
    const label = new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', ...seconds })
    ticks.push({ at, x: placeOf(at, span, width), label })
  }
  return ticks
}
