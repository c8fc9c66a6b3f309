/** The channels: what the server says, and over it the wishes of this page that are on their way. */
import { defineStore } from 'pinia'
import { computed, shallowReactive, shallowRef } from 'vue'
import { api, call } from '@/api/client'
import type { Frame } from '@/api/socket'
import type { Channel, ChannelChange, NewChannel } from '@/types/channel'
import { createSync } from './sync'

export const useChannels = defineStore('channels', () => {
  const base = shallowReactive(new Map<number, Channel>())
  /** Whether a channel is to be recorded, as this page wishes it until the server has answered. */
  const wished = shallowReactive(new Map<number, boolean>())
  /** Frames heard so far: an answer that one of them has overtaken may be older. */
  const news = shallowRef(0)

  const sync = createSync({
    load: () => call(api.GET('/api/streamers')),
    replace({ items }) {
      base.clear()
      for (const channel of items) base.set(channel.id, channel)
    },
    apply,
  })

  const list = computed(() => {
    const shown = [...base.values()].map((channel) => ({ ...channel, record: wished.get(channel.id) ?? channel.record }))
    return shown.sort((a, b) => a.display_name.localeCompare(b.display_name) || a.id - b.id)
  })
  const byId = (id: number): Channel | undefined => base.get(id)

  function apply(frame: Frame): void {
    const channel = frame.streamer as Channel | undefined
    if (frame.type === 'streamer_removed') base.delete(frame.streamer_id as number)
    else if (frame.type.startsWith('streamer_') && channel) base.set(channel.id, channel)
  }
  function take(frame: Frame): void {
    if (frame.type.startsWith('streamer_')) news.value += 1
    sync.take(frame)
  }

  const path = (id: number) => ({ params: { path: { id } } })
  /** Keeps an answer unless frames came meanwhile, which bring this change as well. */
  async function kept(asked: Promise<Channel>): Promise<Channel> {
    const before = news.value
    const answer = await asked
    if (news.value === before) base.set(answer.id, answer)
    return answer
  }

  const add = (body: NewChannel): Promise<Channel> => kept(call(api.POST('/api/streamers', { body })))
  const edit = (id: number, body: ChannelChange): Promise<Channel> => kept(call(api.PATCH('/api/streamers/{id}', { ...path(id), body })))
  const check = (id: number): Promise<Channel> => kept(call(api.POST('/api/streamers/{id}/check', path(id))))

  async function setRecord(id: number, record: boolean): Promise<void> {
    wished.set(id, record)
    try {
      await edit(id, { record })
    } finally {
      wished.delete(id)
    }
  }
  async function remove(id: number): Promise<void> {
    await call(api.DELETE('/api/streamers/{id}', path(id)))
    base.delete(id)
  }

  return { state: sync.state, error: sync.error, reload: sync.reload, take, list, byId, add, edit, check, setRecord, remove }
})
