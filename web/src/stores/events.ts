/**
 * The event log, the newest first. Frames do not carry the log's sentence, so news is only a sign that there is more: it is
 * fetched then, from the newest line that is known, and at most once in a moment. Nothing is fetched while no page shows the
 * log (`watch`). Lines are what the server stored, never made up here, so two windows show the same.
 */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api, call } from '@/api/client'
import type { Frame } from '@/api/socket'
import type { EventPage, LogEvent } from '@/types/event'
import { createSync } from './sync'

/** Frames that are mere figures and never stand in the log. */
const FLEETING: ReadonlySet<string> = new Set(['recording_progress', 'system_status', 'proxy_statistics'])
/** A check's result stands in the log only if it changed something, which its frame does not say for certain. */
const MAYBE = 'proxy_health_update'
const PAGE = 100
const FETCH = 1000
/** From news to its fetching, and from what is perhaps news. */
const SOON = 250
const LATER = 3000
const AGAIN = 2000
/** A page that stands open for weeks forgets what is older; it is there again when it is scrolled to. */
const MOST = 10_000

interface Query {
  before?: number
  after?: number
  order?: 'asc' | 'desc'
  limit?: number
}
const fetchPage = (query: Query): Promise<EventPage> => call(api.GET('/api/events', { params: { query: query as never } }))

export const useEvents = defineStore('events', () => {
  const items = shallowRef<readonly LogEvent[]>([])
  const hasMore = shallowRef(false)
  const health = new Map<number, unknown>()
  let watchers = 0
  let due: { at: number; timer: ReturnType<typeof setTimeout> } | undefined

  const sync = createSync({
    load: () => (watchers > 0 ? fetchPage({ order: 'desc', limit: PAGE }) : Promise.resolve(null)),
    replace(page) {
      if (!page) return
      // What was scrolled to stays where the new page reaches it; else there would be a hole between the two.
      const oldest = page.items.at(-1)?.seq
      const kept = oldest === undefined ? [] : items.value.filter((event) => event.seq < oldest)
      const joins = kept.length > 0 && items.value.some((event) => event.seq === oldest)
      items.value = joins ? [...page.items, ...kept] : page.items
      if (!joins) hasMore.value = page.next_cursor !== null
    },
    apply(frame: Frame) {
      if (watchers === 0 || FLEETING.has(frame.type)) return
      fetchIn(frame.type === MAYBE && isSame(frame) ? LATER : SOON)
    },
  })

  function isSame(frame: Frame): boolean {
    const { id, health_status } = frame.proxy as { id: number; health_status: unknown }
    const same = health.get(id) === health_status
    health.set(id, health_status)
    return same
  }

  function fetchIn(ms: number): void {
    const at = Date.now() + ms
    if (due && due.at <= at) return
    clearTimeout(due?.timer)
    due = { at, timer: setTimeout(() => ((due = undefined), void latest()), ms) }
  }

  async function latest(): Promise<void> {
    if (watchers === 0) return
    try {
      for (let more = true; more; ) {
        const page = await fetchPage({ after: items.value[0]?.seq ?? 0, limit: FETCH })
        addNewer(page.items)
        more = page.next_cursor !== null && page.items.length > 0
      }
    } catch {
      // The socket tells a person that the server is away.
      fetchIn(AGAIN)
    }
  }

  /** The next older lines. */
  async function loadMore(limit = PAGE): Promise<void> {
    const last = items.value.at(-1)
    if (!last || !hasMore.value) return
    const page = await fetchPage({ order: 'desc', before: last.seq, limit })
    addOlder(page.items)
    hasMore.value = page.next_cursor !== null
  }

  // Two fetches may overlap, so each adds only what is beyond what is there.
  function addNewer(found: readonly LogEvent[]): void {
    const newest = items.value[0]?.seq ?? -1
    const more = found.filter((event) => event.seq > newest).reverse()
    if (more.length === 0) return
    const all = [...more, ...items.value]
    if (all.length > MOST) hasMore.value = true
    items.value = all.slice(0, MOST)
  }
  function addOlder(found: readonly LogEvent[]): void {
    const oldest = items.value.at(-1)?.seq ?? Infinity
    items.value = [...items.value, ...found.filter((event) => event.seq < oldest)]
  }

  /** Called by a page that shows the log; the answer is called when it no longer does. */
  function watch(): () => void {
    watchers += 1
    if (watchers === 1) void sync.reload()
    let watching = true
    return () => {
      if (watching) watchers -= 1
      watching = false
    }
  }

  return { state: sync.state, error: sync.error, reload: sync.reload, take: sync.take, items, hasMore, loadMore, watch }
})
