/** What the lines of the event log are about, and how they are looked through. */
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
export function passes(event: LogEvent, { group, level, text }: Filter, named = ''): boolean {
  if (group && groupOf(event.type) !== group) return false
  if ((LOUDNESS[event.level] ?? 0) < LOUDNESS[level]!) return false
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const whole = `${event.message} ${event.type} ${named}`.toLowerCase()
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
  /** Several lines of it, as the server wrote them. */
  block: boolean
}
/** What links say already. */
const LINKED: ReadonlySet<string> = new Set(['proxy_id', 'recording_id', 'streamer_id'])

/** The particulars of a line, one by one. */
export function detailsOf(data: unknown): Detail[] {
  if (typeof data !== 'object' || data === null) return []
  return Object.entries(data).flatMap(([key, value]) => {
    if (LINKED.has(key)) return []
    const block = typeof value === 'object' && value !== null
    return [{ name: nameOfDetail(key), text: block ? JSON.stringify(value, null, 2) : sayDetail(key, value), block }]
  })
}
function nameOfDetail(key: string): string {
  return typeInWords(key.replace(/_(ms|s)$/, '')).replace(/\burl\b/, 'URL')
}
function sayDetail(key: string, value: unknown): string {
  if (value === null || value === '') return '–'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value !== 'number') return String(value)
  return value.toLocaleString('en') + (/_ms$/.test(key) ? ' ms' : /_s$/.test(key) ? ' s' : '')
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
