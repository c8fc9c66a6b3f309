/** What recordings are made of, without a server: addresses of files, and what frames do to routes and gaps. */
import { duration } from './format'
import type { Gap, Recording, Route } from '@/types/recording'

/** Where the file is; `part` counts from 1, for recordings whose parts are not one file. */
export const fileUrl = (id: string, part?: number): string => `/api/recordings/${id}/file${part === undefined ? '' : `?part=${part}`}`

/** A picture of it, where `has_thumbnail` says so. */
export const thumbnailUrl = (id: string): string => `/api/recordings/${id}/thumbnail`

/** `twitch.tv/channel`: what tells addresses apart in a narrow place. */
export const withoutScheme = (url: string): string => url.replace(/^https?:\/\/(www\.)?/, '')

export const fileName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path

const KINDS: Record<string, [mime: string, name: string]> = {
  ts: ['video/mp2t', 'MPEG transport stream (.ts)'],
  mkv: ['video/x-matroska', 'Matroska file (.mkv)'],
  mp4: ['video/mp4', 'MP4 file'],
}
export function kindOf(path: string): { mime: string; name: string } {
  const [mime, name] = KINDS[path.split('.').at(-1)?.toLowerCase() ?? ''] ?? ['', 'file']
  return { mime, name }
}

/** The least by which two opinions on one moment may differ: a failover's, and its route's first connection. */
const SAME = 5000

/**
 * The routes after a move: the open one ends, the next begins. Told twice, or after they were fetched, nothing changes but that the
 * reason is known. `reason` is null where only the figures told of the move.
 */
export function withFailover(routes: readonly Route[], frame: { at: string; [key: string]: unknown }): Route[] {
  const { at, to, reason, took_ms } = frame as { at: string; to: string; reason: string | null; took_ms?: number }
  const when = Date.parse(at)
  const near = SAME + (took_ms ?? 0)
  const isOpen = (route: Route) => route.ended_at === null
  const known = routes.findLastIndex((route) => route.via === to && (isOpen(route) || Math.abs(Date.parse(route.started_at) - when) <= near))
  if (known >= 0) return routes.map((route, i) => (i === known - 1 && reason && !route.reason ? { ...route, reason } : route))
  const ended = routes.map((route) => (isOpen(route) ? { ...route, ended_at: at, reason } : route))
  return [...ended, { via: to, started_at: at, ended_at: null, bytes: 0, reason: null }]
}

/** Frames tell the size of all; what it grew by came over the open route, into the last part. */
export function grown({ routes, parts }: Pick<Recording, 'routes' | 'parts'>, by: number, at: string): Pick<Recording, 'routes' | 'parts'> {
  if (by <= 0) return { routes, parts }
  const last = parts.length - 1
  return {
    routes: routes.map((route) => (route.ended_at === null ? { ...route, bytes: route.bytes + by } : route)),
    parts: parts.map((part, n) => (n === last ? { ...part, bytes: part.bytes + by, ended_at: part.ended_at && at } : part)),
  }
}

/** A gap that is told again replaces itself; of one moment there may be two, for different causes. */
export function withGap(gaps: readonly Gap[], gap: Gap): Gap[] {
  return [...gaps.filter((other) => other.at !== gap.at || other.cause !== gap.cause), gap].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
}

/** What was cut out on purpose is in the ledger, but nothing was lost by it. */
export const isAd = (gap: Pick<Gap, 'cause'>): boolean => gap.cause === 'ads'
/** What is missing, and the advertisement breaks, apart. */
export const ledgerOf = (gaps: readonly Gap[]): { lost: Gap[]; ads: Gap[] } => ({ lost: gaps.filter((gap) => !isAd(gap)), ads: gaps.filter(isAd) })
/** Their play time together. */
export const secondsOf = (gaps: readonly Gap[]): number => gaps.reduce((sum, gap) => sum + gap.seconds, 0)

/** `4 s`, `0.5 s`, `12:34 min`: play time that is missing. */
export const lost = (seconds: number): string =>
  seconds < 100 ? `${seconds.toLocaleString('en', { maximumFractionDigits: 1 })} s` : `${duration(seconds)}${seconds < 3600 ? ' min' : ' h'}`

/** Why segments are missing, in words. */
const CAUSES: Record<string, string> = {
  route: 'the route failed',
  origin: 'the stream did not have them',
  ads: 'advertisements were left out',
  process: 'the recorder was not running',
}
export const causeOf = (cause: string): string => CAUSES[cause] ?? cause
