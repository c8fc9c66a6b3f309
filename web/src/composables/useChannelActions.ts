/** What a person can do to channels, with the result said in a toast. Pages and panels call this, never the API. */
import { useChannels } from '@/stores/channels'
import { useToasts } from '@/stores/toasts'
import type { Channel, ChannelChange, NewChannel } from '@/types/channel'
import { useBusy } from './useBusy'

const STATUS: Record<Channel['status'], string> = {
  offline: 'is offline',
  live: 'is live',
  waiting: 'is live and waits for a route',
  recording: 'is being recorded',
}

export function useChannelActions() {
  const channels = useChannels()
  const toasts = useToasts()
  const { busy, during } = useBusy()

  /** Refusals are left to the dialog that asked. */
  async function add(wish: NewChannel): Promise<Channel> {
    const channel = await channels.add(wish)
    toasts.ok(`${channel.display_name} was added`, { detail: 'It is being looked at now.' })
    return channel
  }
  async function edit(channel: Channel, change: ChannelChange): Promise<Channel> {
    const changed = await channels.edit(channel.id, change)
    toasts.ok(`${changed.display_name} was changed`)
    return changed
  }
  async function remove(channel: Channel): Promise<void> {
    await channels.remove(channel.id)
    toasts.ok(`${channel.display_name} was removed`)
  }
  async function setRecord(channel: Channel, record: boolean): Promise<void> {
    try {
      await channels.setRecord(channel.id, record)
      const undo = { label: 'Undo', run: () => void setRecord(channel, !record) }
      toasts.ok(`${channel.display_name} is ${record ? 'recorded when it is live' : 'no longer recorded'}`, { action: undo, stays: 8000 })
    } catch (error) {
      toasts.failed(`${channel.display_name} was not changed`, error)
    }
  }
  async function check(channel: Channel): Promise<void> {
    await during(`check ${channel.id}`, async () => {
      try {
        const found = await channels.check(channel.id)
        const detail = found.waiting_reason ?? found.last_error
        toasts.show({ tone: detail ? 'bad' : 'info', title: `${found.display_name} ${STATUS[found.status]}`, ...(detail ? { detail } : {}) })
      } catch (error) {
        toasts.failed(`${channel.display_name} was not looked at`, error)
      }
    })
  }

  return { channels, busy, add, edit, remove, setRecord, check }
}
