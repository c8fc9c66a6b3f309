/** The checks of one proxy over the last day or week, loaded again when it was checked. */
import { computed, ref, shallowRef, watch } from 'vue'
import { reason } from '@/api/client'
import { useProxies } from '@/stores/proxies'
import type { Check } from '@/types/proxy'

const HOUR = 3_600_000
export const SPANS = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR }
export type Span = keyof typeof SPANS

export function useChecks(id: () => number) {
  const proxies = useProxies()
  const span = ref<Span>('day')
  const checks = shallowRef<readonly Check[] | null>(null)
  const failed = ref('')
  const to = ref(Date.now())
  /** The begin of the span, or of the history where that is shorter. */
  const from = computed(() => {
    const begin = to.value - SPANS[span.value]
    const oldest = Date.parse(checks.value?.at(-1)?.at ?? '')
    return Number.isNaN(oldest) ? begin : Math.max(begin, oldest - Math.max(60_000, (to.value - oldest) * 0.02))
  })
  let turn = 0

  async function load(): Promise<void> {
    const mine = ++turn
    const now = Date.now()
    try {
      const found = await proxies.checks(id(), new Date(now - SPANS[span.value]))
      if (mine !== turn) return
      checks.value = found
      to.value = now
      failed.value = ''
    } catch (error) {
      if (mine === turn) failed.value = reason(error)
    }
  }
  watch([id, span, () => proxies.byId(id())?.last_health_check], () => void load(), { immediate: true })
  return { span, checks, failed, from, to, load }
}
