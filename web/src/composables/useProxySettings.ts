/** What a person can do to the pool, with the result said in a toast. Pages and panels call this, never the API. */
import { computed } from 'vue'
import { count, responseTime } from '@/lib/format'
import { useProxies } from '@/stores/proxies'
import { useSettings } from '@/stores/settings'
import { useToasts } from '@/stores/toasts'
import type { ConfigPatch, Proxy } from '@/types/proxy'
import { announce } from './useAnnouncer'
import { useBusy } from './useBusy'

export const nameOf = (proxy: Pick<Proxy, 'label' | 'proxy_url'>): string => proxy.label ?? proxy.proxy_url

export function useProxySettings() {
  const proxies = useProxies()
  const settings = useSettings()
  const toasts = useToasts()
  const { busy, during } = useBusy()

  async function test(proxy: Proxy) {
    return during(`test ${proxy.id}`, async () => {
      try {
        const found = await proxies.test(proxy.id)
        const time = found.response_time_ms === null ? '' : `, ${responseTime(found.response_time_ms)}`
        const disabled = found.enabled || !proxy.enabled ? '' : ` It was disabled after ${count(found.consecutive_failures, 'failure')} in a row.`
        const tone = found.status === 'failed' ? 'bad' : found.status === 'healthy' ? 'ok' : 'info'
        const detail = (found.error ?? '') + disabled
        toasts.show({ tone, title: `${nameOf(proxy)} is ${found.status}${time}`, stays: 8000, ...(detail ? { detail } : {}) })
        return found
      } catch (error) {
        toasts.failed(`${nameOf(proxy)} was not tested`, error)
      }
    })
  }

  async function setEnabled(proxy: Proxy, enabled: boolean): Promise<void> {
    try {
      await proxies.setEnabled(proxy.id, enabled)
      const undo = { label: 'Undo', run: () => void setEnabled(proxy, !enabled) }
      toasts.ok(`${nameOf(proxy)} was ${enabled ? 'enabled' : 'disabled'}`, { action: undo, stays: 8000 })
    } catch (error) {
      toasts.failed(`${nameOf(proxy)} was not ${enabled ? 'enabled' : 'disabled'}`, error)
    }
  }

  /** Refusals are left to whoever asks for a confirmation. */
  async function remove(proxy: Proxy): Promise<void> {
    await proxies.remove(proxy.id)
    toasts.ok(`${nameOf(proxy)} was deleted`)
  }

  async function checkAll(): Promise<void> {
    try {
      await during('check-all', () => proxies.checkAll())
      toasts.show({ tone: 'info', title: 'Every proxy is being checked', detail: 'Results appear as they come.' })
    } catch (error) {
      toasts.failed('The checks were not started', error)
    }
  }

  /** Moves a proxy to another place in the order, and says so to those who do not see it. */
  async function move(id: number, to: number): Promise<void> {
    const ids = proxies.list.map((proxy) => proxy.id)
    const from = ids.indexOf(id)
    const place = Math.max(0, Math.min(ids.length - 1, to))
    const proxy = proxies.byId(id)
    if (from < 0 || !proxy) return
    if (from === place) return announce(`${nameOf(proxy)} is already ${from === 0 ? 'first' : 'last'}`)
    ids.splice(place, 0, ...ids.splice(from, 1))
    announce(`${nameOf(proxy)} is now number ${place + 1} of ${ids.length}`)
    try {
      await proxies.reorder(ids)
    } catch (error) {
      toasts.failed('The order was not changed', error)
    }
  }

  /** Saves a setting at once; `said` tells what was done. Undo brings the earlier value back. */
  async function save(change: ConfigPatch, said: string): Promise<void> {
    const before = settings.config
    if (!before) return
    const keys = Object.keys(change) as (keyof typeof before)[]
    const earlier = Object.fromEntries(keys.map((key) => [key, before[key]])) as ConfigPatch
    try {
      await settings.save(change)
      toasts.ok(said, { action: { label: 'Undo', run: () => void undo(earlier) } })
    } catch (error) {
      toasts.failed('The setting was not saved', error)
    }
  }
  async function undo(earlier: ConfigPatch): Promise<void> {
    try {
      await settings.save(earlier)
      toasts.ok('The earlier setting is back')
    } catch (error) {
      toasts.failed('The setting was not put back', error)
    }
  }

  return { proxies, settings, config: computed(() => settings.config), busy, test, setEnabled, remove, checkAll, move, save }
}
