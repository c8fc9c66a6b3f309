/** Figures for people. Units are decimal, as disks and providers count. */
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `1.2 GB`; three digits that matter at most. */
export function bytes(n: number): string {
  let value = Math.max(0, n)
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

export const rate = (perSecond: number): string => `${bytes(perSecond)}/s`

/** `0:42`, `12:34`, `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** `123 ms`, `Timeout` for a failure without an answer, a dash for what was never measured. */
export function responseTime(ms: number | null, failed = false): string {
  if (ms === null) return failed ? 'Timeout' : '–'
  return `${ms.toLocaleString('en')} ms`
}

const STEPS: readonly [limit: number, seconds: number, unit: string][] = [
  [90, 1, 'second'], [90 * 60, 60, 'minute'], [36 * 3600, 3600, 'hour'], [Infinity, 86400, 'day'],
]

/** `just now`, `2 minutes ago`, `in 3 hours`. */
export function relative(at: number, now: number): string {
  const seconds = (now - at) / 1000
  const far = Math.abs(seconds)
  if (far < 5) return 'just now'
  const [, size, unit] = STEPS.find(([limit]) => far < limit)!
  const n = Math.max(1, Math.round(far / size))
  const words = `${n} ${unit}${n === 1 ? '' : 's'}`
  return seconds >= 0 ? `${words} ago` : `in ${words}`
}

/** Date and time in the person's own way, for titles and tables. */
export const dateTime = (at: string | number): string =>
  new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** `98 %`; never 100 % when something is missing, nor 0 % when something is there. */
export function percent(share: number): string {
  if (share > 0 && share < 0.01) return '<1 %'
  if (share < 1 && share > 0.99) return '>99 %'
  return `${Math.round(share * 100)} %`
}

/** `1 proxy`, `2 proxies`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`

/** With a capital, unless it begins with an address. */
export const sentence = (text: string): string => (/^[a-z]+:\/\//.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1))
