/**
 * Recordings: those that run, kept up to date by every frame, and the older ones as far as somebody scrolled. Both live in one
 * map by id, so that a list and a detail view never disagree.
 */
import { defineStore } from 'pinia'
import { computed, shallowReactive, shallowRef } from 'vue'
import { api, call } from '@/api/client'
import type { Frame } from '@/api/socket'
import { isRunning, type Gap, type Progress, type Recording, type RecordingStatus, type Route } from '@/types/recording'
import { createSync } from './sync'

/** Rates that are kept for the small chart: one a second, three minutes of them. */
export const RATES = 180
const PAGE = 50

export const useRecordings = defineStore('recordings', () => {
  const known = shallowReactive(new Map<string, Recording>())
  const progress = shallowReactive(new Map<string, Progress>())
  /** Where the next older page begins; null: nothing is older; undefined: nothing was asked for. */
  const cursor = shallowRef<string | null | undefined>(undefined)
  let loadedPages = 0

  const sync = createSync({
    async load() {
      const active = await call(api.GET('/api/recordings/active'))
      // What a page has scrolled to is loaded again too, but only its first page: the rest is fetched when it is scrolled to.
      const page = loadedPages > 0 ? await fetchPage() : null
      return { active: active.items, page }
    },
    replace({ active, page }) {
      const running = new Set(active.map((recording) => recording.id))
      for (const [id, recording] of known) if (page || (isRunning(recording) && !running.has(id))) known.delete(id)
      for (const recording of [...(page?.items ?? []), ...active]) known.set(recording.id, recording)
      for (const id of progress.keys()) if (!running.has(id)) progress.delete(id)
      if (page) {
        loadedPages = 1
        cursor.value = page.next_cursor
      }
    },
    apply,
  })

  // Ids are in the order of time.
  const newestFirst = (a: Recording, b: Recording): number => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)
  const all = computed(() => [...known.values()].sort(newestFirst))
  const active = computed(() => all.value.filter(isRunning))
  const byId = (id: string): Recording | undefined => known.get(id)

  const fetchPage = (from?: string | null) =>
    call(api.GET('/api/recordings', { params: { query: { limit: PAGE, ...(from ? { cursor: from } : {}) } } }))

  /** The next older page; nothing if there is none. */
  async function loadMore(): Promise<void> {
    if (cursor.value === null) return
    const page = await fetchPage(cursor.value)
    // What runs is newer by its frames.
    for (const recording of page.items) if (!known.has(recording.id)) known.set(recording.id, recording)
    loadedPages += 1
    cursor.value = page.next_cursor
  }
  async function load(id: string): Promise<Recording> {
    const recording = await call(api.GET('/api/recordings/{id}', { params: { path: { id } } }))
    known.set(id, recording)
    return recording
  }

  function merge(id: string, change: (recording: Recording) => Partial<Recording>): void {
    const recording = known.get(id)
    if (recording) known.set(id, { ...recording, ...change(recording) })
  }

  function apply(frame: Frame): void {
    const id = frame.recording_id as string
    switch (frame.type) {
      case 'recording_started':
        known.set(id, frame.recording as Recording)
        break
      case 'recording_finished':
        known.set(id, frame.recording as Recording)
        progress.delete(id)
        break
      case 'recording_progress':
        told(id, frame)
        break
      case 'recording_failover':
        merge(id, (recording) => ({ via: frame.to as string, routes: moved(recording.routes, frame) }))
        break
      case 'recording_gap':
        merge(id, (recording) => ({ gaps: withGap(recording.gaps, frame.gap as Gap) }))
        break
      case 'recording_deleted':
        known.delete(id)
        progress.delete(id)
        break
    }
  }

  function told(id: string, frame: Frame): void {
    const { status, duration_s, bytes, via, failovers, segments_lost, seconds_lost } = frame as unknown as Recording
    // A route may also be left without a failure, which only shows here.
    const routes = (recording: Recording) => (via ? moved(recording.routes, { ...frame, to: via, reason: null }) : recording.routes)
    merge(id, (recording) => ({ status, duration_s, bytes, via, failovers, segments_lost, seconds_lost, routes: routes(recording) }))
    const rate = (frame.rate as number | null) ?? 0
    progress.set(id, {
      rate,
      note: frame.note as string | null,
      quality: frame.quality as string | null,
      elapsed_ms: frame.elapsed_ms as number,
      told_at: Date.now(),
      rates: [...(progress.get(id)?.rates ?? []), rate].slice(-RATES),
    })
  }

  const one = (id: string) => ({ params: { path: { id } } })
  const keep = (recording: Recording): Recording => (known.set(recording.id, recording), recording)
  const start = (url: string, quality?: string): Promise<Recording> =>
    call(api.POST('/api/recordings', { body: quality ? { url, quality } : { url } })).then(keep)
  const stop = (id: string): Promise<Recording> => call(api.POST('/api/recordings/{id}/stop', one(id))).then(keep)
  async function remove(id: string): Promise<void> {
    await call(api.DELETE('/api/recordings/{id}', one(id)))
    known.delete(id)
  }

  return {
    state: sync.state, error: sync.error, reload: sync.reload, take: sync.take,
    all, active, progress, cursor, byId, loadMore, load, start, stop, remove,
  }
})

/** The routes after a move: the open one ends, the next begins. Told twice, nothing changes but that the reason is known. */
function moved(routes: readonly Route[], { at, to, reason }: Frame): Route[] {
  const last = routes.at(-1)
  const why = reason as string | null
  if (last && last.ended_at === null && last.via === to) {
    const before = routes.at(-2)
    return before && why && !before.reason ? [...routes.slice(0, -2), { ...before, reason: why }, last] : [...routes]
  }
  const ended = routes.map((r) => (r.ended_at === null ? { ...r, ended_at: at, reason: why } : r))
  return [...ended, { via: to as string, started_at: at, ended_at: null, bytes: 0, reason: null }]
}

function withGap(gaps: readonly Gap[], gap: Gap): Gap[] {
  return [...gaps.filter((other) => other.at !== gap.at), gap]
}

export const ALL_STATUSES: readonly RecordingStatus[] = [
  'starting', 'recording', 'recovering', 'finalizing', 'completed', 'stopped', 'failed', 'interrupted',
]
