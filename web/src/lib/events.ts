/** What the lines of the event log are about, and how they are looked through. */
import { bytes, dateTime, percent } from './format'
import type { Level, LogEvent } from '@/types/event'

export const GROUPS = { proxies: 'Proxies', recordings: 'Recordings', settings: 'Settings', system: 'System' } as const
export type Group = keyof typeof GROUPS

const STARTS: readonly [start: string, group: Group][] = [
  ['proxy_', 'proxies'], ['gateway_', 'proxies'], ['recording_', 'recordings'], ['streamer_', 'recordings'], ['config_', 'settings'],
]
export const groupOf = (type: string): Group => STARTS.find(([start]) => type.startsWith(start))?.[1] ?? 'system'

/** At least this loud. */
export const LEVELS: Record<Level, string> = { info: 'All levels', warning: 'Warnings and errors', error: 'Errors only' }
const LOUDNESS: Record<string, number> = { info: 0, warning: 1, error: 2 }
export const isLevel = (word: unknown): word is Level => typeof word === 'string' && word in LEVELS
export const isGroup = (word: unknown): word is Group => typeof word === 'string' && word in GROUPS

export interface Filter {
  group: Group | null
  level: Level
  text: string
}
export const isOpen = ({ group, level, text }: Filter): boolean => !group && level === 'info' && text.trim() === ''

/** Whether a line passes; every word of the text must be somewhere in it. `named`: what the page calls its subject. */
export function passes(event: LogEvent, { group, level, text }: Filter, named: (event: LogEvent) => string = () => ''): boolean {
  if (group && groupOf(event.type) !== group) return false
  if ((LOUDNESS[event.level] ?? 0) < LOUDNESS[level]!) return false
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const whole = `${event.message} ${event.type} ${named(event)}`.toLowerCase()
  return words.every((word) => whole.includes(word))
}

/** `proxy_health_update` as a person says it: `Proxy health update`. */
export function typeInWords(type: string): string {
  const words = type.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export type Piece = { text: string; url?: undefined } | { text: string; url: string }
/** An address, without the punctuation behind it. */
const ADDRESS = /\b[a-z][a-z0-9+]*:\/\/[^\s()]*[^\s().,;:]/g

/** A sentence, with the addresses in it apart. */
export function piecesOf(message: string): Piece[] {
  const pieces: Piece[] = []
  let from = 0
  for (const { 0: url, index } of message.matchAll(ADDRESS)) {
    if (index > from) pieces.push({ text: message.slice(from, index) })
    pieces.push({ text: url, url })
    from = index + url.length
  }
  if (from < message.length) pieces.push({ text: message.slice(from) })
  return pieces
}

export interface Detail {
  name: string
  text: string
  /** The head of those below it, several lines as the server wrote them, or neither. */
  kind: 'fact' | 'head' | 'block'
}
/** What links say already, or nobody but a program wants to know. */
const UNTOLD: ReadonlySet<string> = new Set(['proxy_id', 'recording_id', 'streamer_id', 'id'])
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The particulars of a line, one by one; those of what it carries under a head of its own. */
export function detailsOf(data: unknown, deep = false): Detail[] {
  if (!isObject(data)) return []
  return Object.entries(data).flatMap<Detail>(([key, value]) => {
    if (UNTOLD.has(key) || value === null || value === '' || (Array.isArray(value) && value.length === 0)) return []
    const name = typeInWords(key.replace(/_(ms|s|at)$/, '')).replace(/\burl\b/i, 'URL')
    if (isObject(value) && !deep) {
      const below = detailsOf(value, true)
      return below.length ? [{ name, text: '', kind: 'head' }, ...below] : []
    }
    if (typeof value !== 'object') return [{ name, text: sayDetail(key, value), kind: 'fact' }]
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return [{ name, text: value.join(', '), kind: 'fact' }]
    return [{ name, text: JSON.stringify(value, null, 2), kind: 'block' }]
  })
}
function sayDetail(key: string, value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT/.test(value) ? dateTime(value) : value
  if (typeof value !== 'number') return String(value)
  if (/^bytes|_bytes$/.test(key)) return bytes(value)
  if (key === 'success_rate') return percent(value)
  return value.toLocaleString('en') + (/_ms$/.test(key) ? ' ms' : /_s$|seconds/.test(key) ? ' s' : '')
}

/** `Today`, `Yesterday`, or the date: the heading of a day in the log. */
export function dayOf(at: number, now: number): string {
  const start = (time: number) => new Date(time).setHours(0, 0, 0, 0)
  const days = Math.round((start(now) - start(at)) / 86_400_000)
  if (days <= 0) return 'Today'
  if (days === 1) return 'Yesterday'
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  return new Date(at).toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) })
}
