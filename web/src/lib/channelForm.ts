/** What is typed about a channel, and the wish that it becomes. */
import type { Channel, ChannelChange, Container, NewChannel } from '@/types/channel'
import { limitsForm, limitsOf, type LimitsForm } from './limits'
import { readTags } from './proxyUrl'

export interface ChannelForm extends LimitsForm {
  stream: string
  name: string
  quality: string
  tags: string
  filename: string
  container: '' | Container
  options: string
  token: string
}

export const emptyForm = (): ChannelForm => ({ stream: '', name: '', quality: 'best', tags: '', filename: '', container: '', ...limitsForm(null), options: '', token: '' })

export const formOf = (channel: Channel): ChannelForm => ({
  stream: channel.username ?? channel.url,
  name: channel.display_name,
  quality: channel.quality,
  tags: channel.tags.join(', '),
  filename: channel.filename_template ?? '',
  container: channel.container ?? '',
  ...limitsForm(channel),
  options: channel.streamlink_options.join('\n'),
  token: '',
})

/** A bare word is a name on Twitch; everything else is an address. */
export const isTwitchName = (text: string): boolean => /^@?[A-Za-z0-9_]{1,25}$/.test(text)

/** What the channel will be called, as far as that can be said before the server has looked at its address. */
export function nameOf({ name, stream }: Pick<ChannelForm, 'name' | 'stream'>): string | undefined {
  const bare = stream.trim()
  return name.trim() || (isTwitchName(bare) ? bare.replace('@', '').toLowerCase() : undefined)
}

/** Of a channel that is as `before`, or of a new one. */
export function changeOf(form: ChannelForm, before?: Channel | null): ChannelChange {
  return {
    quality: form.quality.trim() || 'best',
    tags: readTags(form.tags),
    filename_template: form.filename.trim() || null,
    container: form.container || null,
    ...limitsOf(form, before),
    streamlink_options: form.options.split('\n').map((line) => line.trim()).filter(Boolean),
    ...(form.name.trim() ? { display_name: form.name.trim() } : {}),
    ...(form.token.trim() ? { token: form.token.trim() } : {}),
  }
}

export function wishOf(form: ChannelForm): NewChannel {
  const stream = form.stream.trim()
  return { ...changeOf(form), ...(isTwitchName(stream) ? { username: stream.replace('@', '') } : { url: stream }) }
}
