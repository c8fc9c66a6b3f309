/**
 * The event log, the newest first. Frames do not carry the log's sentence, so news is only a sign that there is more: it is
 * fetched then, and at most once in a moment. Nothing is fetched while no page shows the log (`watch`).
 */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api, call } from '@/api/client'
import type { Frame } from '@/api/socket'
import type { EventPage, LogEvent } from '@/types/event'
import { createSync } from './sync'

/** Frames that are mere figures and never stand in the log. */
const FLEETING: ReadonlySet<string> = new Set(['recording_progress', 'system_status'])
const PAGE = 100
const LATEST_EVERY = 250

interface Query {
  before?: number
  after?: number
  order?: 'asc' | 'desc'
  type?: string
  limit?: number
}

export const useEvents = defineStore('events', () => {
  const items = shallowRef<readonly LogEvent[]>([])
  const hasMore = shallowRef(false)
  const type = shallowRef<string | undefined>(undefined)
  let watchers = 0
  let due: ReturnType<typeof setTimeout> | undefined

  const sync = createSync({
    load: () => (watchers > 0 ? fetchPage({ order: 'desc', limit: PAGE }) : Promise.resolve(null)),
    replace(page) {
      if (!page) return
      items.value = page.items
      hasMore.value = page.next_cursor !== null
    },
    apply(frame: Frame) {
      if (watchers === 0 || FLEETING.has(frame.type)) return
      due ??= setTimeout(() => void latest(), LATEST_EVERY)
    },
  })

  function fetchPage(query: Query): Promise<EventPage> {
    const asked = type.value ? { ...query, type: type.value } : query
    return call(api.GET('/api/events', { params: { query: asked } }))
  }

  async function latest(): Promise<void> {
    due = undefined
    try {
      const page = await fetchPage({ after: items.value[0]?.seq ?? 0, limit: 1000 })
      add(page.items)
    } catch {
      // The socket tells when the server is away, and a resync or the next event brings the rest.
    }
  }
  async function loadMore(): Promise<void> {
    const last = items.value.at(-1)
    if (!last || !hasMore.value) return
    const page = await fetchPage({ order: 'desc', before: last.seq, limit: PAGE })
    add(page.items)
    hasMore.value = page.next_cursor !== null
  }
  function add(more: readonly LogEvent[]): void {
    const known = new Map([...items.value, ...more].map((event) => [event.seq, event]))
    items.value = [...known.values()].sort((a, b) => b.seq - a.seq)
  }

  /** Called by a page that shows the log; the answer is called when it no longer does. */
  function watch(): () => void {
    watchers += 1
    if (watchers === 1) void sync.reload()
    return () => void (watchers -= 1)
  }
  /** Only events of this type; all without one. */
  function only(kind: string | undefined): Promise<void> {
    type.value = kind
    return sync.reload()
  }

  return { state: sync.state, error: sync.error, reload: sync.reload, take: sync.take, items, hasMore, type, loadMore, watch, only }
})
