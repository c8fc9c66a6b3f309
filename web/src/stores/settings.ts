/** The settings of the proxy system. A change is shown at once and taken back if the server refuses it. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api, call } from '@/api/client'
import type { Frame } from '@/api/socket'
import type { Config, ConfigPatch } from '@/types/proxy'
import { createSync } from './sync'

export const useSettings = defineStore('settings', () => {
  const base = shallowRef<Config | null>(null)
  const wishes = shallowRef<readonly Partial<Config>[]>([])
  const config = computed<Config | null>(() => base.value && Object.assign({}, base.value, ...wishes.value))

  /** Changes heard of so far: an answer that one of them has overtaken may be older. */
  let news = 0
  const sync = createSync({
    load: () => call(api.GET('/api/proxy/config')),
    replace: (loaded) => (base.value = loaded),
    apply(frame: Frame) {
      if (frame.type !== 'config_changed') return
      news += 1
      base.value = { ...base.value, ...(frame.config as Config) }
    },
  })

  async function save(body: ConfigPatch): Promise<Config> {
    const wish = body as Partial<Config>
    const before = news
    wishes.value = [...wishes.value, wish]
    try {
      const answer = await call(api.PUT('/api/proxy/config', { body }))
      if (news === before) base.value = answer
      return answer
    } finally {
      wishes.value = wishes.value.filter((other) => other !== wish)
    }
  }
  return { state: sync.state, error: sync.error, reload: sync.reload, take: sync.take, config, save }
})
