/**
 * Recordings: those that run, kept up to date by every frame, and the older ones as far as somebody scrolled. Both live in one
 * map by id, so that a list and a detail view never disagree. Frames tell no routes and no parts: whoever looks at one recording
 * follows it, and it is fetched again when a frame says that those have changed.
 */
import { defineStore } from 'pinia'
import { computed, shallowReactive } from 'vue'
import { api, ApiError, call } from '@/api/client'
import type { Frame } from '@/api/socket'
import { fileUrl, grown, withFailover, withGap } from '@/lib/recording'
import { isRunning, type FileState, type Gap, type Progress, type Recording, type RecordingFilter } from '@/types/recording'
import { createSync } from './sync'

/** Rates that are kept for the charts: one a second, five minutes of them. */
export const RATES = 300
const PAGE = 50
const LARGEST_PAGE = 1000
/** Changes that come together are fetched together. */
const REFRESH_AFTER = 250

/** The filters that the server knows; those who run are all here anyway. */
export type Stored = Exclude<RecordingFilter, 'running'>

export const useRecordings = defineStore('recordings', () => {
  const known = shallowReactive(new Map<string, Recording>())
  const progress = shallowReactive(new Map<string, Progress>())
  /** By filter, where the next older page begins; null: nothing is older; not there: nothing was asked for. */
  const cursors = shallowReactive(new Map<Stored, string | null>())
  const cursor = computed(() => cursors.get(''))
  const gone = shallowReactive(new Set<string>())
  /** Whether one is to be kept, as this page wishes it until the server has answered. */
  const wished = shallowReactive(new Map<string, boolean>())
  /** The last such wish of each: one after the other, for an answer that overtakes another would win. */
  const keeping = new Map<string, Promise<void>>()
  const followed = new Map<string, number>()
  /** What is being fetched, and whether it changed meanwhile. */
  const fetching = new Map<string, { frames: Frame[] }>()
  const due = new Map<string, ReturnType<typeof setTimeout>>()
  let loaded = 0

  const sync = createSync({
    async load() {
      const page = loaded > 0 ? fetchPage('', undefined, Math.min(LARGEST_PAGE, Math.max(PAGE, loaded))) : null
      const seen = Promise.all([...followed.keys()].map((id) => fetchOne(id).catch(() => null)))
      const active = await call(api.GET('/api/recordings/active'))
      return { active: active.items, page: await page, seen: await seen }
    },
    replace({ active, page, seen }) {
      const running = new Set(active.map((recording) => recording.id))
      for (const [id, recording] of known) if (page || (isRunning(recording) && !running.has(id))) known.delete(id)
      for (const recording of [...(page?.items ?? []), ...seen, ...active]) if (recording) put(recording)
      for (const id of progress.keys()) if (!running.has(id)) progress.delete(id)
      cursors.clear()
      if (page) cursors.set('', page.next_cursor)
    },
    apply,
  })

  // Ids are in the order of time.
  const newestFirst = (a: Recording, b: Recording): number => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)
  const shown = (recording: Recording): Recording => {
    const keep = wished.get(recording.id)
    return keep === undefined ? recording : { ...recording, keep }
  }
  const all = computed(() => [...known.values()].map(shown).sort(newestFirst))
  const active = computed(() => all.value.filter(isRunning))
  const byId = (id: string): Recording | undefined => {
    const recording = known.get(id)
    return recording && shown(recording)
  }
  const isGone = (id: string): boolean => gone.has(id)

  /** Without holes: as far back as pages were loaded, though an older one may be known because somebody looked at it. */
  function list(filter: RecordingFilter): Recording[] {
    if (filter === 'running') return active.value
    const back = cursors.get(filter)
    const reaches = (recording: Recording): boolean => isRunning(recording) || back === null || (back !== undefined && recording.id >= back)
    return all.value.filter((recording) => (filter === '' || recording.status === filter) && reaches(recording))
  }

  const fetchOne = (id: string) => call(api.GET('/api/recordings/{id}', one(id)))
  function fetchPage(status: Stored, from: string | undefined, limit: number) {
    const query = { limit, ...(status ? { status } : {}), ...(from ? { cursor: from } : {}) }
    return call(api.GET('/api/recordings', { params: { query } }))
  }

  /** The next older page; nothing if there is none. */
  async function loadMore(filter: Stored = '', limit = PAGE): Promise<void> {
    const from = cursors.get(filter)
    if (from === null) return
    const page = await fetchPage(filter, from, limit)
    // Whoever asked twice gets it once; what was known is newer by its frames.
    if (cursors.get(filter) !== from) return
    for (const recording of page.items) if (!known.has(recording.id)) put(recording)
    if (filter === '') loaded += page.items.length
    cursors.set(filter, page.next_cursor)
  }

  /** Fetches one; what is heard of it meanwhile is newer. */
  async function load(id: string): Promise<Recording> {
    const mine = { frames: [] as Frame[] }
    fetching.set(id, mine)
    try {
      const recording = await fetchOne(id)
      put(recording)
      return known.get(id) ?? recording
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) forget(id)
      throw error
    } finally {
      if (fetching.get(id) === mine) fetching.delete(id)
      mine.frames.forEach(apply)
    }
  }
  function refresh(id: string): void {
    if (!followed.has(id) || due.has(id)) return
    due.set(id, setTimeout(() => (due.delete(id), void load(id).catch(() => {})), REFRESH_AFTER))
  }
  /** Keeps one whole, routes and parts included, until the answer is called. */
  function follow(id: string): () => void {
    followed.set(id, (followed.get(id) ?? 0) + 1)
    return () => {
      const left = (followed.get(id) ?? 1) - 1
      if (left > 0) followed.set(id, left)
      else followed.delete(id)
    }
  }

  function put(recording: Recording): void {
    if (!gone.has(recording.id)) known.set(recording.id, recording)
  }
  function forget(id: string): void {
    gone.add(id)
    known.delete(id)
    progress.delete(id)
  }
  function merge(id: string, change: (recording: Recording) => Partial<Recording>): void {
    const recording = known.get(id)
    if (recording) known.set(id, { ...recording, ...change(recording) })
  }

  function apply(frame: Frame): void {
    const id = frame.recording_id as string
    fetching.get(id)?.frames.push(frame)
    switch (frame.type) {
      case 'recording_started':
      case 'recording_updated':
      case 'recording_interrupted':
        put(frame.recording as Recording)
        break
      case 'recording_finished':
        put(frame.recording as Recording)
        progress.delete(id)
        break
      case 'recording_progress':
        told(id, frame)
        break
      case 'recording_failover':
        merge(id, ({ routes }) => ({ via: frame.to as string, routes: withFailover(routes, frame) }))
        refresh(id)
        break
      case 'recording_gap':
        merge(id, ({ gaps }) => ({ gaps: withGap(gaps, frame.gap as Gap) }))
        break
      case 'recording_deleted':
        forget(id)
        break
    }
  }

  function told(id: string, frame: Frame): void {
    const { status, title, category, duration_s, bytes, via, failovers, segments_lost, seconds_lost } = frame as unknown as Recording
    const before = known.get(id)
    // One that was interrupted goes on after a restart, perhaps before we asked what runs.
    if (!before) return void (fetching.has(id) || gone.has(id) || load(id).catch(() => {}))
    const now = { status, title, category, duration_s, bytes, via, failovers, segments_lost, seconds_lost }
    // A route may also be left without a failure, which only shows here.
    const routes = via ? withFailover(before.routes, { at: frame.at, to: via, reason: null }) : before.routes
    known.set(id, { ...before, ...now, ...grown({ routes, parts: before.parts }, bytes - before.bytes, frame.at), ended_at: null, error: isRunning(before) ? before.error : null })
    // Another title or category is another chapter.
    if (before.status !== status || before.via !== via || before.title !== title || before.category !== category) refresh(id)
    const rate = (frame.rate as number | null) ?? 0
    progress.set(id, {
      rate,
      note: frame.note as string | null,
      quality: frame.quality as string | null,
      elapsed_ms: frame.elapsed_ms as number,
      at: Date.parse(frame.at),
      told_at: Date.now(),
      rates: [...(progress.get(id)?.rates ?? []), rate].slice(-RATES),
    })
  }

  const one = (id: string) => ({ params: { path: { id } } })
  const keep = (recording: Recording): Recording => (put(recording), recording)
  const start = (url: string, quality?: string, tags?: readonly string[]): Promise<Recording> =>
    call(api.POST('/api/recordings', { body: { url, ...(quality ? { quality } : {}), ...(tags?.length ? { tags: [...tags] } : {}) } })).then(keep)
  const stop = (id: string): Promise<Recording> => call(api.POST('/api/recordings/{id}/stop', one(id))).then(keep)
  async function setKeep(id: string, keep: boolean): Promise<void> {
    wished.set(id, keep)
    const before = keeping.get(id)
    const mine = Promise.resolve(before?.catch(() => {})).then(async () => {
      const answer = await call(api.PATCH('/api/recordings/{id}', { ...one(id), body: { keep } }))
      merge(id, () => ({ keep: answer.keep }))
    })
    keeping.set(id, mine)
    try {
      await mine
    } finally {
      // A later wish is still on its way.
      if (keeping.get(id) === mine) {
        keeping.delete(id)
        wished.delete(id)
      }
    }
  }
  async function remove(id: string): Promise<void> {
    await call(api.DELETE('/api/recordings/{id}', one(id)))
    forget(id)
  }
  /** Asks for its first byte, because a link that is refused says nothing to the person who followed it. */
  async function file(id: string, part?: number): Promise<FileState> {
    const asked = new Request(new URL(fileUrl(id, part), location.origin), { headers: { Range: 'bytes=0-0' } })
    try {
      await call(globalThis.fetch(asked).then(async (response) => ({ response, error: response.ok ? undefined : await response.json().catch(() => null) })))
      return { there: true }
    } catch (error) {
      return { there: false, inParts: error instanceof ApiError && error.status === 409, why: (error as Error).message }
    }
  }

  return {
    state: sync.state, error: sync.error, reload: sync.reload, take: sync.take,
    all, active, progress, cursor, cursors, list, byId, isGone, loadMore, load, follow, start, stop, setKeep, remove, file,
  }
})
