/**
 * The log as a person reads it: filtered (the filter stands in the address), and held still while they read. New lines come
 * in by themselves only at the top with nothing opened; otherwise they wait to be asked for.
 */
import { computed, onUnmounted, ref, shallowReactive, shallowRef, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { reason } from '@/api/client'
import { isGroup, isLevel, isOpen, passes, piecesOf, type Filter } from '@/lib/events'
import { useEvents } from '@/stores/events'
import { useProxies } from '@/stores/proxies'
import { useRecordings } from '@/stores/recordings'
import type { LogEvent } from '@/types/event'

/** Until so many are found, the log is searched further back by itself, so many lines a time, so many times. */
const ENOUGH = 30
const STEP = 500
const STEPS = 6

export function useEventLog() {
  const events = useEvents()
  const proxies = useProxies()
  const recordings = useRecordings()
  const route = useRoute()
  const router = useRouter()
  onUnmounted(events.watch())

  const filter = computed<Filter>({
    get: () => {
      const { about, level, q } = route.query
      return { group: isGroup(about) ? about : null, level: isLevel(level) ? level : 'info', text: typeof q === 'string' ? q : '' }
    },
    set: ({ group, level, text }) => {
      const query = { ...(group ? { about: group } : {}), ...(level !== 'info' ? { level } : {}), ...(text ? { q: text } : {}) }
      void router.replace({ query })
    },
  })
  const filtered = computed(() => !isOpen(filter.value))
  /** What the page calls those that a line is about, beside its own words. */
  function named(event: LogEvent): string {
    const urls = piecesOf(event.message).flatMap(({ url }) => (url ? [proxies.byUrl.get(url)?.label ?? ''] : []))
    const title = event.recording_id === null ? '' : (recordings.byId(event.recording_id)?.title ?? '')
    return [...urls, title].join(' ')
  }
  const found = computed(() => {
    const wanted = filter.value
    return filtered.value ? events.items.filter((event) => passes(event, wanted, named)) : events.items
  })

  // Held still.
  const opened = shallowReactive(new Set<number>())
  const away = ref(false)
  const inside = ref(false)
  const holding = computed(() => away.value || inside.value || opened.size > 0)
  /** The newest line that is shown while held. */
  const heldAt = shallowRef<number | null>(null)
  const newest = () => events.items[0]?.seq ?? 0
  watch(holding, (now) => (heldAt.value = now ? newest() : null))
  watch(() => events.state, () => heldAt.value === 0 && (heldAt.value = newest()))
  const isNew = (event: LogEvent) => heldAt.value !== null && event.seq > heldAt.value
  const fresh = computed(() => {
    const first = found.value.findIndex((event) => !isNew(event))
    return first < 0 ? found.value.length : first
  })
  const shown = computed(() => found.value.slice(fresh.value))
  /** Shows what waits. */
  function release(): void {
    heldAt.value = holding.value ? newest() : null
  }
  const toggle = (seq: number): void => void (opened.delete(seq) || opened.add(seq))

  // Further back.
  const loading = ref(false)
  const failed = ref('')
  let steps = 0
  async function more(limit?: number): Promise<void> {
    if (loading.value || !events.hasMore) return
    loading.value = true
    failed.value = ''
    try {
      await events.loadMore(limit)
    } catch (error) {
      failed.value = reason(error)
    } finally {
      loading.value = false
    }
  }
  watch(() => [filter.value.group, filter.value.level, filter.value.text], () => (steps = 0))
  watch(
    [found, () => events.state, loading],
    () => {
      if (!filtered.value || found.value.length >= ENOUGH || steps >= STEPS || loading.value || failed.value || !events.hasMore) return
      steps += 1
      void more(STEP)
    },
    { immediate: true },
  )
  function further(): void {
    steps = 0
    void more(filtered.value ? STEP : undefined)
  }
  return { events, filter, filtered, shown, fresh, release, opened, toggle, away, inside, loading, failed, further }
}
