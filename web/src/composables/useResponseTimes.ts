/** Fills the small charts of a pool that has just come into sight: frames tell only what is checked from now on. */
import { onUnmounted, watch } from 'vue'
import { useProxies } from '@/stores/proxies'
import { useSettings } from '@/stores/settings'

/** So many checks are worth asking for. */
const CHECKS = 40
const DAY = 86_400_000
const AT_A_TIME = 3

export function useResponseTimes(ids: () => readonly number[]): void {
  const proxies = useProxies()
  const settings = useSettings()
  const asked = new Set<number>()
  let running = 0
  let gone = false
  onUnmounted(() => (gone = true))

  function next(): void {
    const id = gone ? undefined : ids().find((id) => !asked.has(id) && (proxies.samples.get(id)?.length ?? 0) < 2)
    if (id === undefined || running >= AT_A_TIME) return
    asked.add(id)
    running += 1
    const span = Math.min(DAY, CHECKS * 1000 * (settings.config?.proxy_health_check_interval_seconds ?? 300))
    // A chart that could not be filled fills itself as checks come.
    const done = () => ((running -= 1), next())
    proxies.checks(id, new Date(Date.now() - span)).then(done, done)
    next()
  }
  watch([() => settings.state === 'ready', () => ids().join()], ([ready]) => ready && next(), { immediate: true })
}
