/** Recordings over a fake server: one that is followed, pages by filter, what is deleted, and two windows. */
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import { computed } from 'vue'
import { useRecordings } from '@/stores/recordings'
import type { Recording } from '@/types/recording'
import { aFrame, aRecording, problem, serve, settle } from './fakes'

const page = (items: Recording[], next_cursor: string | null = null) => ({ items, next_cursor })
const route = (via: string, from = 0) => ({ via, started_at: `2026-01-01T00:00:0${from}Z`, ended_at: null, bytes: 1, reason: null })
const part = (n: number) => ({ path: `x.part00${n}.ts`, started_at: '2026-01-01T00:00:00Z', ended_at: '2026-01-01T00:00:04Z', bytes: 100 })
const progress = (id: string, more: Record<string, unknown> = {}) =>
  aFrame('recording_progress', { recording_id: id, status: 'recording', bytes: 500, duration_s: 4, rate: 9, elapsed_ms: 4000, via: 'http://a', failovers: 0, segments_lost: 0, seconds_lost: 0, note: null, quality: 'best', title: null, category: null, ...more })

beforeEach(() => {
  setActivePinia(createPinia())
  vi.useRealTimers()
})

test('one that is followed is fetched again when its route changed, once for many frames', async () => {
  let there = aRecording('r1', { via: 'http://a', bytes: 500, routes: [route('http://a')] })
  const asked = serve({ 'GET /api/recordings/active': () => page([there]), 'GET /api/recordings/r1': () => there })
  const recordings = useRecordings()
  await recordings.reload()
  const leave = recordings.follow('r1')
  there = { ...there, via: 'http://b', failovers: 1, routes: [{ ...route('http://a'), ended_at: '2026-01-01T00:00:05Z', reason: 'gone' }, route('http://b', 5)], parts: [part(1)] }
  const failover = aFrame('recording_failover', { recording_id: 'r1', from: 'http://a', to: 'http://b', reason: 'gone', took_ms: 240 })
  for (const frame of [failover, progress('r1', { via: 'http://b' }), failover]) recordings.take(frame)
  expect(recordings.byId('r1')!.routes.map((r) => r.via)).toEqual(['http://a', 'http://b'])
  await new Promise((done) => setTimeout(done, 350))
  expect(asked.filter((request) => request.url.endsWith('/r1')).length).toBe(1)
  expect(recordings.byId('r1')!.parts.length).toBe(1)
  leave()
  recordings.take(failover)
  await new Promise((done) => setTimeout(done, 350))
  expect(asked.filter((request) => request.url.endsWith('/r1')).length).toBe(1)
})

test('what is heard while one is fetched is newer than the answer', async () => {
  let answer!: (value: unknown) => void
  serve({ 'GET /api/recordings/active': page([aRecording('r1')]), 'GET /api/recordings/r1': () => new Promise((done) => (answer = done)) })
  const recordings = useRecordings()
  await recordings.reload()
  const loading = recordings.load('r1')
  await settle()
  recordings.take(aFrame('recording_finished', { recording_id: 'r1', recording: aRecording('r1', { status: 'completed', bytes: 900 }) }))
  answer(aRecording('r1', { bytes: 500 }))
  await loading
  expect(recordings.byId('r1')).toMatchObject({ status: 'completed', bytes: 900 })
})

test('what came in is counted for the open route and the last part', async () => {
  serve({ 'GET /api/recordings/active': page([aRecording('r1', { bytes: 100, via: 'http://a', routes: [route('http://a')], parts: [part(1)] })]) })
  const recordings = useRecordings()
  await recordings.reload()
  for (let n = 0; n < 2; n += 1) recordings.take(progress('r1'))
  expect(recordings.byId('r1')!.routes[0]!.bytes).toBe(401)
  expect(recordings.byId('r1')!.parts[0]).toMatchObject({ bytes: 500, ended_at: '2026-01-01T00:00:05Z' })
})

test('one that was interrupted goes on, known before or not', async () => {
  const stopped = { status: 'interrupted' as const, ended_at: '2026-01-01T00:00:03Z', error: 'the server ended' }
  serve({ 'GET /api/recordings/active': page([aRecording('r1')]), 'GET /api/recordings/r2': aRecording('r2', { bytes: 7 }) })
  const recordings = useRecordings()
  await recordings.reload()
  recordings.take(aFrame('recording_interrupted', { recording_id: 'r1', recording: aRecording('r1', stopped) }))
  expect([recordings.active.length, recordings.byId('r1')!.status]).toEqual([0, 'interrupted'])
  recordings.take(progress('r1'))
  expect(recordings.byId('r1')).toMatchObject({ status: 'recording', ended_at: null, error: null })
  recordings.take(progress('r2', { bytes: 9 }))
  await settle()
  expect(recordings.byId('r2')).toMatchObject({ status: 'recording' })
  expect(recordings.active.length).toBe(2)
})

test('pages by filter have no holes, and an old one that somebody looked at is in none', async () => {
  const done = (id: string) => aRecording(id, { status: 'completed' })
  serve({
    'GET /api/recordings/active': page([aRecording('r9')]),
    'GET /api/recordings/r1': done('r1'),
    'GET /api/recordings': (request: Request) => {
      const query = new URL(request.url).searchParams
      if (query.get('status') === 'failed') return page([aRecording('r2', { status: 'failed' })])
      return query.get('cursor') === 'r7' ? page([done('r6')]) : page([aRecording('r9'), done('r8'), done('r7')], 'r7')
    },
  })
  const recordings = useRecordings()
  await recordings.reload()
  const ids = (filter: Parameters<typeof recordings.list>[0]) => recordings.list(filter).map((r) => r.id)
  expect([ids(''), recordings.cursor]).toEqual([['r9'], undefined])
  await recordings.load('r1')
  await Promise.all([recordings.loadMore(), recordings.loadMore()])
  expect([ids(''), ids('completed'), ids('running')]).toEqual([['r9', 'r8', 'r7'], [], ['r9']])
  await recordings.loadMore('failed')
  expect([ids('failed'), ids('')]).toEqual([['r2'], ['r9', 'r8', 'r7']])
  await recordings.loadMore()
  await recordings.loadMore()
  expect([ids(''), recordings.cursor]).toEqual([['r9', 'r8', 'r7', 'r6', 'r2', 'r1'], null])
})

test('a reload brings as much as was shown, and what is followed', async () => {
  const asked = serve({
    'GET /api/recordings/active': page([]),
    'GET /api/recordings/r1': aRecording('r1', { status: 'completed' }),
    'GET /api/recordings': page([aRecording('r8', { status: 'completed' })], 'r8'),
  })
  const recordings = useRecordings()
  await recordings.reload()
  recordings.follow('r1')
  for (let n = 0; n < 60; n += 1) await recordings.loadMore()
  await recordings.reload()
  expect(asked.at(-1)!.url + asked.at(-2)!.url + asked.at(-3)!.url).toContain('limit=60')
  expect([recordings.list('').map((r) => r.id), recordings.byId('r1')!.id]).toEqual([['r8'], 'r1'])
})

test('what was deleted stays away, whatever was on its way', async () => {
  let answer!: (value: unknown) => void
  serve({
    'GET /api/recordings/active': page([]),
    'GET /api/recordings': () => new Promise((done) => (answer = done)),
    'DELETE /api/recordings/r8': () => problem(409, 'recording r8 is running: stop it first'),
  })
  const recordings = useRecordings()
  await recordings.reload()
  const isGone = computed(() => recordings.isGone('r7'))
  expect(isGone.value).toBe(false)
  const loading = recordings.loadMore()
  await settle()
  recordings.take(aFrame('recording_deleted', { recording_id: 'r7' }))
  answer(page([aRecording('r8'), aRecording('r7', { status: 'completed' })]))
  await loading
  expect([recordings.all.map((r) => r.id), isGone.value]).toEqual([['r8'], true])
  await expect(recordings.remove('r8')).rejects.toThrow('Recording r8 is running: stop it first')
  expect(recordings.byId('r8')).toBeDefined()
})

test('a file that is not there is told in the server’s sentence', async () => {
  const asked = serve({
    'GET /api/recordings/r1/file': (request: Request) => (request.url.includes('part=2') ? problem(404, 'recording r1 has no such file') : new Response('x', { status: 206 })),
  })
  const recordings = useRecordings()
  expect(await recordings.file('r1')).toEqual({ there: true })
  expect(await recordings.file('r1', 2)).toEqual({ there: false, inParts: false, why: 'Recording r1 has no such file' })
  serve({ 'GET /api/recordings/r2/file': () => problem(409, 'recording r2 is in 2 parts') })
  expect(await recordings.file('r2')).toMatchObject({ there: false, inParts: true })
  expect(asked[0]!.headers.get('Range')).toBe('bytes=0-0')
})

test('two windows that hear the same frames show the same', async () => {
  serve({ 'GET /api/recordings/active': () => page([aRecording('r1', { via: 'http://a', routes: [route('http://a')] })]) })
  const windows = [createPinia(), createPinia()].map((pinia) => (setActivePinia(pinia), useRecordings()))
  await windows[0]!.reload()
  const frames = [
    aFrame('recording_failover', { recording_id: 'r1', from: 'http://a', to: 'http://b', reason: 'gone', took_ms: 200 }),
    progress('r1', { via: 'http://b', failovers: 1, segments_lost: 1, seconds_lost: 2 }),
    aFrame('recording_gap', { recording_id: 'r1', gap: { at: '2026-01-01T00:00:04Z', segments: 1, seconds: 2, cause: 'route', via: 'http://a' } }),
  ]
  const late = windows[1]!.reload()
  for (const window of windows) for (const frame of frames) window.take(frame)
  await late
  expect(windows[0]!.all).toEqual(windows[1]!.all)
  expect(windows[0]!.byId('r1')).toMatchObject({ via: 'http://b', failovers: 1, segments_lost: 1 })
})

test('a mark is shown at once, taken back when it is refused, and heard of from another window', async () => {
  let answer!: (value: unknown) => void
  serve({ 'GET /api/recordings/active': page([aRecording('r1', { bytes: 1 })]), 'PATCH /api/recordings/r1': () => new Promise((done) => (answer = done)) })
  const recordings = useRecordings()
  await recordings.reload()
  const kept = recordings.setKeep('r1', true)
  expect([recordings.byId('r1')?.keep, recordings.active[0]?.keep]).toEqual([true, true])
  recordings.take(progress('r1'))
  await settle()
  // The answer is older than the figures that came meanwhile.
  answer(aRecording('r1', { bytes: 1, keep: true }))
  await kept
  expect(recordings.byId('r1')).toMatchObject({ keep: true, bytes: 500 })
  const freed = recordings.setKeep('r1', false)
  expect(recordings.byId('r1')?.keep).toBe(false)
  await settle()
  answer(problem(503, 'the database is away'))
  await expect(freed).rejects.toThrow('The database is away')
  expect(recordings.byId('r1')?.keep).toBe(true)
  recordings.take(aFrame('recording_updated', { recording_id: 'r1', recording: aRecording('r1', { keep: false }) }))
  expect(recordings.byId('r1')?.keep).toBe(false)
})

test('a mark that is changed twice stays as it was wished last, one request at a time', async () => {
  const asked: { keep: boolean; answer: (value: unknown) => void }[] = []
  const patch = async (request: Request) => {
    const { keep } = await request.json()
    return new Promise((answer) => asked.push({ keep, answer }))
  }
  serve({ 'GET /api/recordings/active': page([aRecording('r1')]), 'PATCH /api/recordings/r1': patch })
  const recordings = useRecordings()
  await recordings.reload()
  const both = Promise.all([recordings.setKeep('r1', true), recordings.setKeep('r1', false)])
  await settle()
  expect(asked.map((one) => one.keep)).toEqual([true])
  asked[0]!.answer(aRecording('r1', { keep: true }))
  await settle()
  expect(recordings.byId('r1')?.keep).toBe(false)
  expect(asked.map((one) => one.keep)).toEqual([true, false])
  asked[1]!.answer(aRecording('r1', { keep: false }))
  await both
  expect(recordings.byId('r1')?.keep).toBe(false)
})

test('another title is shown at once, and its chapter fetched by whoever looks at it', async () => {
  const chapter = (offset_s: number, title: string) => ({ at: '2026-01-01T00:00:00Z', offset_s, title, category: null })
  let there = aRecording('r1', { via: 'http://a', title: 'One', chapters: [chapter(0, 'One')] })
  serve({ 'GET /api/recordings/active': () => page([there]), 'GET /api/recordings/r1': () => there })
  const recordings = useRecordings()
  await recordings.reload()
  recordings.follow('r1')
  there = { ...there, title: 'Two', chapters: [...there.chapters, chapter(60, 'Two')] }
  recordings.take(progress('r1', { title: 'Two' }))
  expect(recordings.byId('r1')?.title).toBe('Two')
  await expect.poll(() => recordings.byId('r1')?.chapters.length).toBe(2)
})
