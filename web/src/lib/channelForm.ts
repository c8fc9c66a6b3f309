/** What is typed about a channel, and the wish that it becomes. */
import type { Channel, ChannelChange, Container, NewChannel } from '@/types/channel'
import { readTags } from './proxyUrl'

export interface ChannelForm {
  stream: string
  name: string
  quality: string
  tags: string
  filename: string
  container: '' | Container
  days: string
  number: string
  options: string
  token: string
}

export const emptyForm = (): ChannelForm => ({ stream: '', name: '', quality: 'best', tags: '', filename: '', container: '', days: '', number: '', options: '', token: '' })

export const formOf = (channel: Channel): ChannelForm => ({
  stream: channel.username ?? channel.url,
  name: channel.display_name,
  quality: channel.quality,
  tags: channel.tags.join(', '),
  filename: channel.filename_template ?? '',
  container: channel.container ?? '',
  days: channel.max_age_days === null ? '' : String(channel.max_age_days),
  number: channel.max_count === null ? '' : String(channel.max_count),
  options: channel.streamlink_options.join('\n'),
  token: '',
})

/** A bare word is a name on Twitch; everything else is an address. */
export const isTwitchName = (text: string): boolean => /^@?[A-Za-z0-9_]{1,25}$/.test(text)

/** Why a text is no whole number from 1 on; nothing at all is fine. */
export function wholeTrouble(text: string): string | null {
  const number = Number(text)
  return text.trim() === '' || (Number.isInteger(number) && number >= 1 && number <= 1_000_000) ? null : 'A whole number from 1 on, or nothing'
}
/** The number that was typed; null for nothing at all. */
export const whole = (text: string): number | null => (text.trim() === '' ? null : Number(text))

export function changeOf(form: ChannelForm): ChannelChange {
  return {
    quality: form.quality.trim() || 'best',
    tags: readTags(form.tags),
    filename_template: form.filename.trim() || null,
    container: form.container || null,
    max_age_days: whole(form.days),
    max_count: whole(form.number),
    streamlink_options: form.options.split('\n').map((line) => line.trim()).filter(Boolean),
    ...(form.name.trim() ? { display_name: form.name.trim() } : {}),
    ...(form.token.trim() ? { token: form.token.trim() } : {}),
  }
}

export function wishOf(form: ChannelForm): NewChannel {
  const stream = form.stream.trim()
  return { ...changeOf(form), ...(isTwitchName(stream) ? { username: stream.replace('@', '') } : { url: stream }) }
}
