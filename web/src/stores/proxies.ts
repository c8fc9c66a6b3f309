/**
 * The pool: what the server says (`base`), and over it the wishes of this page that are on their way (`wishes`). A wish that
 * is refused is taken away again, and what the server said meanwhile stays: that is the whole rollback.
 */
import { defineStore } from 'pinia'
import { computed, shallowReactive, shallowRef } from 'vue'
import { api, call } from '@/api/client'
import type { Frame } from '@/api/socket'
import type { Check, Drilled, Imported, NewProxy, Proxy, ProxyChange, SystemStatus, Tested } from '@/types/proxy'
import { createSync } from './sync'

type Wish = ReadonlyMap<number, Partial<Proxy>>
/** Response times that are kept for the small charts. */
const SAMPLES = 40

export const useProxies = defineStore('proxies', () => {
  const base = shallowReactive(new Map<number, Proxy>())
  const wishes = shallowRef<readonly Wish[]>([])
  const systemStatus = shallowRef<SystemStatus | null>(null)
  /** The last response times of each proxy, the oldest first; null: a check that failed. */
  const samples = shallowReactive(new Map<number, readonly (number | null)[]>())

  const sync = createSync({
    load: () => call(api.GET('/api/proxy/list')),
    replace({ proxies, system_status }) {
      const kept = new Set(proxies.map((proxy) => proxy.id))
      for (const id of base.keys()) if (!kept.has(id)) forget(id)
      for (const proxy of proxies) base.set(proxy.id, proxy)
      systemStatus.value = system_status
    },
    apply,
  })

  const list = computed(() => {
    const all = [...base.values()].map(wished)
    return all.sort((a, b) => a.priority - b.priority || a.id - b.id)
  })

  function wished(proxy: Proxy): Proxy {
    let shown = proxy
    for (const wish of wishes.value) {
      const part = wish.get(proxy.id)
      if (part) shown = { ...shown, ...part }
    }
    return shown
  }
  function byId(id: number): Proxy | undefined {
    const proxy = base.get(id)
    return proxy && wished(proxy)
  }
  /** The proxy with this masked URL: recordings name their routes by it. */
  const byUrl = computed(() => new Map([...base.values()].map((proxy) => [proxy.proxy_url, proxy])))

  function forget(id: number): void {
    base.delete(id)
    samples.delete(id)
  }
  function merge(id: number, part: Partial<Proxy>): void {
    const known = base.get(id)
    if (known) base.set(id, { ...known, ...part })
  }
  function sample(id: number, part: Partial<Proxy>): void {
    const before = base.get(id)?.last_health_check
    if (!part.last_health_check || part.last_health_check === before) return
    const time = part.health_status === 'failed' ? null : (part.response_time_ms ?? null)
    samples.set(id, [...(samples.get(id) ?? []), time].slice(-SAMPLES))
  }

  function apply(frame: Frame): void {
    const proxy = frame.proxy as Proxy | null | undefined
    switch (frame.type) {
      case 'proxy_health_update':
        if (!proxy) break
        sample(proxy.id, proxy)
        merge(proxy.id, proxy)
        break
      case 'proxy_statistics':
        // What it carried, without what checks say of it.
        if (proxy) merge(proxy.id, proxy)
        break
      case 'proxy_added':
      case 'proxy_updated':
      case 'proxy_recovered':
        // Without the proxy it is gone again already, and the removal follows.
        if (!proxy) break
        sample(proxy.id, proxy)
        base.set(proxy.id, proxy)
        break
      case 'proxy_disabled':
        merge(frame.proxy_id as number, { enabled: false, auto_disabled: true })
        break
      case 'proxy_drill':
        merge(frame.proxy_id as number, { drill_until: frame.until as string })
        break
      case 'proxy_removed':
        forget(frame.proxy_id as number)
        break
      case 'system_status':
        systemStatus.value = frame.system_status as SystemStatus
        break
    }
  }

  /** Shows a wish at once and takes it back when the server has answered, whatever it said. */
  async function wishing<T>(wish: Wish, asked: () => Promise<T>, done?: (answer: T) => void): Promise<T> {
    wishes.value = [...wishes.value, wish]
    try {
      const answer = await asked()
      done?.(answer)
      return answer
    } finally {
      wishes.value = wishes.value.filter((other) => other !== wish)
    }
  }

  const path = (id: number) => ({ params: { path: { id } } })

  /** Frames heard that say how proxies are. They come in the order in which things happened; answers need not. */
  let news = 0
  function take(frame: Frame): void {
    if (frame.type.startsWith('proxy_') && frame.type !== 'proxy_statistics') news += 1
    sync.take(frame)
  }
  /** What an answer tells, to be kept unless frames came meanwhile: they may be newer, and they bring this change as well. */
  function unlessNews<T>(keep: (answer: T) => void): (answer: T) => void {
    const before = news
    return (answer) => void (news === before && keep(answer))
  }
  const keep = (): ((proxy: Proxy) => void) => unlessNews((proxy) => base.set(proxy.id, { ...base.get(proxy.id), ...proxy }))

  const add = (body: NewProxy): Promise<number> =>
    call(api.POST('/api/proxy/add', { body })).then((added) => added.proxy_id)

  /** A new URL is not shown before the server has masked it. */
  function edit(id: number, body: ProxyChange): Promise<Proxy> {
    const { proxy_url: _, ...shown } = body
    const ask = () => call(api.PATCH('/api/proxy/{id}', { ...path(id), body })) as Promise<Proxy>
    return wishing(new Map([[id, shown as Partial<Proxy>]]), ask, keep())
  }
  const setEnabled = (id: number, enabled: boolean): Promise<Proxy> => {
    const ask = () => call(api.PATCH('/api/proxy/{id}', { ...path(id), body: { enabled } })) as Promise<Proxy>
    return wishing(new Map([[id, { enabled, auto_disabled: false }]]), ask, keep())
  }
  async function remove(id: number): Promise<void> {
    await call(api.DELETE('/api/proxy/{id}', path(id)))
    forget(id)
  }
  /** `ids`: every proxy, in its new order. */
  async function reorder(ids: readonly number[]): Promise<void> {
    const wish = new Map(ids.map((id, priority) => [id, { priority }]))
    const ask = () => call(api.POST('/api/proxy/reorder', { body: { ids: [...ids] } }))
    await wishing(wish, ask, unlessNews(() => wish.forEach((part, id) => merge(id, part))))
  }
  const test = (id: number): Promise<Tested> => call(api.POST('/api/proxy/{id}/test', path(id)))
  const reveal = (id: number): Promise<string> =>
    call(api.POST('/api/proxy/{id}/reveal', path(id))).then((answer) => answer.proxy_url)
  const checkAll = (): Promise<unknown> => call(api.POST('/api/proxy/check-all'))
  const importList = (text: string): Promise<Imported> =>
    call(api.POST('/api/proxy/import', { body: text, bodySerializer: (body) => body, headers: { 'Content-Type': 'text/plain' } }))

  async function drill(id: number): Promise<Drilled> {
    const drilled = await call(api.POST('/api/proxy/{id}/drill', path(id)))
    merge(id, { drill_until: drilled.until })
    return drilled
  }
  /** The checks between two times, the newest first; they also feed the small chart. */
  async function checks(id: number, from?: Date): Promise<Check[]> {
    const query = from ? { from: from.toISOString() } : {}
    const { checks } = await call(api.GET('/api/proxy/{id}/checks', { params: { path: { id }, query } }))
    const times = checks.slice(0, SAMPLES).map((check) => (check.status === 'failed' ? null : check.response_time_ms))
    samples.set(id, times.reverse())
    return checks
  }

  return {
    state: sync.state, error: sync.error, reload: sync.reload, take,
    list, systemStatus, samples, byId, byUrl,
    add, edit, setEnabled, remove, reorder, test, reveal, checkAll, importList, drill, checks,
  }
})
