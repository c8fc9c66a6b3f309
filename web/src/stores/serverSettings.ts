/** The settings of channels and files: what the server says, and what limits would delete. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api, call } from '@/api/client'
import type { Frame } from '@/api/socket'
import type { FilenameTry, Limits, RetentionPreview, ServerSettings, SettingsPatch } from '@/types/channel'
import { createSync } from './sync'

export const useServerSettings = defineStore('serverSettings', () => {
  const settings = shallowRef<ServerSettings | null>(null)
  let news = 0
  const sync = createSync({
    load: () => call(api.GET('/api/settings')),
    replace: (loaded) => (settings.value = loaded),
    apply(frame: Frame) {
      if (frame.type !== 'settings_changed') return
      news += 1
      settings.value = frame.settings as ServerSettings
    },
  })

  async function save(body: SettingsPatch): Promise<void> {
    const before = news
    const answer = await call(api.PUT('/api/settings', { body }))
    if (news === before) settings.value = answer
  }

  /** What these limits would delete now, if they were those of this channel, or of all recordings; null if that is nothing. */
  async function preview(limits: Limits, channel?: number): Promise<RetentionPreview | null> {
    // Without any limit nothing is deleted, and the answer would be about the limits in force.
    if (Object.values(limits).every((limit) => limit === null)) return null
    const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== null))
    const query = channel === undefined ? given : { ...given, streamer_id: channel }
    const found = await call(api.GET('/api/retention/preview', { params: { query } }))
    return found.items.length ? found : null
  }

  /** The name that a recording would get. What is no template is refused with the reason. */
  const filename = (body: FilenameTry): Promise<string> => call(api.POST('/api/settings/filename-preview', { body })).then(({ path }) => path)

  return { state: sync.state, error: sync.error, reload: sync.reload, take: sync.take, settings, save, preview, filename }
})
