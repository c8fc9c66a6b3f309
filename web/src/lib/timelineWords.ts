/** What the pieces of a timeline say: for the line below it, and for those who hear it instead. */
import type { Gap, Part, Route } from '@/types/recording'
import { bytes, count, duration } from './format'
import { causeOf, fileName, lost, secondsOf } from './recording'
import { endOf, type Span, type Way } from './timeline'

/** The time of the day; the day too where a recording does not end on the one it began. */
export function clockTime(at: string | number, span: Span): string {
  const several = new Date(span.from).toDateString() !== new Date(span.to).toDateString()
  return new Date(at).toLocaleString(undefined, { ...(several ? { dateStyle: 'short' as const } : {}), timeStyle: 'medium' })
}

export function describe(span: Span, nameOf: (via: string) => string) {
  const time = (at: string | number) => clockTime(at, span)
  const way = (via: string) => (via === 'direct' ? 'direct connection' : nameOf(via))
  return {
    route(route: Route, ways: ReadonlyMap<string, Way>): string {
      const letter = ways.get(route.via)?.letter ?? ''
      const seconds = (endOf(route, span) - Date.parse(route.started_at)) / 1000
      const until = route.ended_at ? time(route.ended_at) : 'now'
      const why = route.reason ? `. Left because: ${route.reason}` : ''
      return `Route ${letter}, ${way(route.via)}: ${time(route.started_at)} to ${until}, ${duration(seconds)}, ${bytes(route.bytes)}${why}`
    },
    gaps(gaps: readonly Gap[]): string {
      const [first] = gaps
      if (!first) return ''
      const total = gaps.reduce((sum, gap) => ({ segments: sum.segments + gap.segments, seconds: sum.seconds + gap.seconds }), { segments: 0, seconds: 0 })
      const length = `${count(total.segments, 'segment')}, ${lost(total.seconds)}`
      const causes = [...new Set(gaps.map((gap) => causeOf(gap.cause)))].join('; ')
      const vias = [...new Set(gaps.flatMap((gap) => (gap.via ? [way(gap.via)] : [])))].join(', ')
      const when = gaps.length === 1 ? time(first.at) : `${gaps.length} gaps from ${time(first.at)}`
      return `Missing, ${when}: ${length}, because ${causes}${vias ? ` (through ${vias})` : ''}`
    },
    ads(gaps: readonly Gap[]): string {
      const [first] = gaps
      if (!first) return ''
      const when = gaps.length === 1 ? time(first.at) : `${gaps.length} of them from ${time(first.at)}`
      return `Advertisements, ${when}: ${lost(secondsOf(gaps))} left out. Nothing of the stream is missing there`
    },
    part(part: Part, number: number): string {
      const until = part.ended_at ? time(part.ended_at) : 'now'
      return `Part ${number}: ${time(part.started_at)} to ${until}, ${bytes(part.bytes)}, ${fileName(part.path)}`
    },
  }
}
