/** What is typed about channels and files in general, and the change of the settings that it becomes. */
import type { Container, ServerSettings, SettingsPatch } from '@/types/channel'
import { bytesOf, gib, limitsForm, limitsOf, limitsTrouble, within, type LimitsForm } from './limits'

export interface SettingsForm extends LimitsForm {
  clientId: string
  /** Only typed, never shown again. */
  secret: string
  address: string
  check: string
  linger: string
  container: Container
  template: string
  /** In GiB. */
  floor: string
}

const text = (number: number | null | undefined): string => (number === null || number === undefined ? '' : String(number))

export const settingsForm = (settings: ServerSettings | null): SettingsForm => ({
  clientId: settings?.twitch_client_id ?? '',
  secret: '',
  address: settings?.public_url ?? '',
  check: text(settings?.channel_check_seconds),
  linger: text(settings?.channel_linger_seconds),
  container: settings?.container ?? 'ts',
  template: settings?.filename_template ?? '',
  ...limitsForm(settings),
  floor: gib(settings?.disk_floor_bytes),
})

export const settingsTrouble = (form: SettingsForm) => ({
  check: within(form.check, 10, 3600, true),
  linger: within(form.linger, 0, 3600, true),
  ...limitsTrouble(form),
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
    ...limitsOf(form),
    disk_floor_bytes: bytesOf(form.floor),
  }) satisfies SettingsPatch
