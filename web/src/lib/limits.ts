/** What is typed about limits, of a channel or of all recordings, and the limits that it becomes. */
import type { Limits } from '@/types/channel'

const GIB = 1024 ** 3

export interface LimitsForm {
  days: string
  number: string
  /** In GiB. */
  size: string
}

const text = (number: number | null | undefined): string => (number === null || number === undefined ? '' : String(number))
/** Bytes in GiB, rounded to be read. */
export const gib = (bytes: number | null | undefined): string => (bytes === null || bytes === undefined ? '' : String(Math.round((bytes / GIB) * 100) / 100))
/** And back. */
export const bytesOf = (gib: string): number => Math.round(Number(gib) * GIB)

export const limitsForm = (limits: Limits | null | undefined): LimitsForm => ({
  days: text(limits?.max_age_days),
  number: text(limits?.max_count),
  size: gib(limits?.max_bytes),
})

/** Why a text is no number within these bounds. */
export function within(text: string, low: number, high: number, whole: boolean): string | null {
  const number = Number(text)
  const fits = text.trim() !== '' && Number.isFinite(number) && number >= low && number <= high && (!whole || Number.isInteger(number))
  return fits ? null : `${whole ? 'A whole number' : 'A number'} from ${low} to ${high.toLocaleString('en')}`
}
/** Why a text is no whole number from 1 on; nothing at all is fine. */
export const wholeTrouble = (text: string): string | null =>
  text.trim() === '' || within(text, 1, 1_000_000, true) === null ? null : 'A whole number from 1 on, or nothing'

export const limitsTrouble = (form: LimitsForm) => ({
  days: wholeTrouble(form.days),
  number: wholeTrouble(form.number),
  size: form.size.trim() === '' ? null : within(form.size, 0.01, 1_000_000, false),
})

const whole = (text: string): number | null => (text.trim() === '' ? null : Number(text))

/** A size that is shown as it was stays exactly that: it is shown rounded. */
export const limitsOf = (form: LimitsForm, before?: Limits | null): Limits => ({
  max_age_days: whole(form.days),
  max_count: whole(form.number),
  max_bytes: form.size.trim() === '' ? null : before && gib(before.max_bytes) === form.size.trim() ? before.max_bytes : bytesOf(form.size),
})

export const sameLimits = (a: Limits, b: Limits): boolean => a.max_age_days === b.max_age_days && a.max_count === b.max_count && a.max_bytes === b.max_bytes
