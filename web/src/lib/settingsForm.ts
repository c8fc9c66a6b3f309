/** What is typed about channels and files in general, and the change of the settings that it becomes. */
import type { Container, ServerSettings, SettingsPatch } from '@/types/channel'
import { whole, wholeTrouble } from './channelForm'

const GIB = 1024 ** 3

export interface SettingsForm {
  clientId: string
  /** Only typed, never shown again. */
  secret: string
  address: string
  check: string
  linger: string
  container: Container
  template: string
  days: string
  number: string
  /** In GiB. */
  size: string
  /** In GiB. */
  floor: string
}

const text = (number: number | null | undefined): string => (number === null || number === undefined ? '' : String(number))
const gib = (bytes: number | null | undefined): string => (bytes === null || bytes === undefined ? '' : String(Math.round((bytes / GIB) * 100) / 100))

export const settingsForm = (settings: ServerSettings | null): SettingsForm => ({
  clientId: settings?.twitch_client_id ?? '',
  secret: '',
  address: settings?.public_url ?? '',
  check: text(settings?.channel_check_seconds),
  linger: text(settings?.channel_linger_seconds),
  container: settings?.container ?? 'ts',
  template: settings?.filename_template ?? '',
  days: text(settings?.max_age_days),
  number: text(settings?.max_count),
  size: gib(settings?.max_bytes),
  floor: gib(settings?.disk_floor_bytes),
})

function within(text: string, low: number, high: number, whole: boolean): string | null {
  const number = Number(text)
  const fits = text.trim() !== '' && Number.isFinite(number) && number >= low && number <= high && (!whole || Number.isInteger(number))
  return fits ? null : `${whole ? 'A whole number' : 'A number'} from ${low} to ${high.toLocaleString('en')}`
}

export const settingsTrouble = (form: SettingsForm) => ({
  check: within(form.check, 10, 3600, true),
  linger: within(form.linger, 0, 3600, true),
  days: wholeTrouble(form.days),
  number: wholeTrouble(form.number),
  size: form.size.trim() === '' ? null : within(form.size, 0.01, 1_000_000, false),
  floor: within(form.floor, 0.06, 1_000_000, false),
})

/** Only what was changed: figures are shown rounded, and what nobody touched stays exact. */
export function changesOf(form: SettingsForm, settings: ServerSettings | null): SettingsPatch {
  const before = patchOf(settingsForm(settings)) as Record<string, unknown>
  return Object.fromEntries(Object.entries(patchOf(form)).filter(([key, value]) => before[key] !== value))
}

export const patchOf = (form: SettingsForm) =>
  ({
    twitch_client_id: form.clientId.trim() || null,
    ...(form.secret.trim() ? { twitch_client_secret: form.secret.trim() } : {}),
    public_url: form.address.trim() || null,
    channel_check_seconds: Number(form.check),
    channel_linger_seconds: Number(form.linger),
    container: form.container,
    filename_template: form.template.trim(),
    max_age_days: whole(form.days),
    max_count: whole(form.number),
    max_bytes: form.size.trim() === '' ? null : Math.round(Number(form.size) * GIB),
    disk_floor_bytes: Math.round(Number(form.floor) * GIB),
  }) satisfies SettingsPatch
