/** The stores over a fake server: load and news in any order, wishes and their refusal. */
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import { useConnection } from '@/stores/connection'
import { useProxies } from '@/stores/proxies'
import { useRecordings } from '@/stores/recordings'
import { useSettings } from '@/stores/settings'
import type { Proxy } from '@/types/proxy'
import { aFrame, aProxy, aRecording, FakeWire, problem, serve, settle } from './fakes'

const STATUS = { state: 'healthy', message: '2 of 2 proxies healthy', healthy: 2, enabled: 2, total: 2 }
const CONFIG = {
  enable_proxy: true, proxy_health_check_enabled: true, proxy_health_check_interval_seconds: 300,
  proxy_max_consecutive_failures: 3, fallback_to_direct_connection: true,
}
const list = (...proxies: Proxy[]) => ({ proxies, system_status: STATUS })

beforeEach(() => {
  setActivePinia(createPinia())
  FakeWire.all = []
})

test('what is heard while loading is applied after it', async () => {
  let answer!: (value: unknown) => void
  serve({ 'GET /api/proxy/list': () => new Promise((done) => (answer = done)) })
  const proxies = useProxies()
  const loading = proxies.reload()
  expect(proxies.state).toBe('loading')
  proxies.take(aFrame('proxy_health_update', { proxy: { id: 1, health_status: 'failed', last_error: 'refused' } }))
  proxies.take(aFrame('proxy_removed', { proxy_id: 2 }))
  proxies.take(aFrame('proxy_added', { proxy_id: 3, proxy: aProxy(3) }))
  await settle()
  answer(list(aProxy(1), aProxy(2)))
  await loading
  expect(proxies.list.map((p) => [p.id, p.health_status])).toEqual([[1, 'failed'], [3, 'healthy']])
  expect(proxies.byId(1)!.proxy_url).toContain('***')
})

test('only the newest of two loads counts', async () => {
  const answers: ((value: unknown) => void)[] = []
  serve({ 'GET /api/proxy/list': () => new Promise((done) => answers.push(done)) })
  const proxies = useProxies()
  const first = proxies.reload()
  const second = proxies.reload()
  await settle()
  answers[1]!(list(aProxy(2)))
  await second
  answers[0]!(list(aProxy(1)))
  await first
  expect(proxies.list.map((p) => p.id)).toEqual([2])
})

test('a load that fails says why and is tried again', async () => {
  vi.useFakeTimers()
  let down = true
  serve({ 'GET /api/proxy/list': () => (down ? problem(503, 'the database is away') : list(aProxy(1))) })
  const proxies = useProxies()
  await proxies.reload()
  expect([proxies.state, proxies.error]).toEqual(['error', 'The database is away'])
  down = false
  await vi.advanceTimersByTimeAsync(2500)
  expect([proxies.state, proxies.list.length]).toEqual(['ready', 1])
  vi.useRealTimers()
})

test('every delta of the pool, twice as well as once', async () => {
  serve({ 'GET /api/proxy/list': list(aProxy(1), aProxy(2)) })
  const proxies = useProxies()
  await proxies.reload()
  const frames = [
    aFrame('proxy_updated', { proxy_id: 1, proxy: aProxy(1, { label: 'one', priority: 9 }) }),
    aFrame('proxy_disabled', { proxy_id: 2, reason: '3 consecutive failures' }),
    aFrame('system_status', { system_status: { ...STATUS, message: '1 of 2 proxies healthy' } }),
    aFrame('proxy_recovered', { proxy_id: 7, proxy: null }),
  ]
  for (const frame of [...frames, ...frames]) proxies.take(frame)
  expect(proxies.list.map((p) => [p.id, p.label, p.enabled, p.auto_disabled])).toEqual([[2, null, false, true], [1, 'one', true, false]])
  expect(proxies.systemStatus!.message).toBe('1 of 2 proxies healthy')
  proxies.take(aFrame('proxy_health_update', { proxy: { id: 1, health_status: 'failed', response_time_ms: null, last_health_check: '2026-01-01T00:05:00Z' } }))
  expect(proxies.samples.get(1)).toEqual([null])
  const counted = aFrame('proxy_statistics', { proxy_id: 1, proxy: { id: 1, total_recordings: 3, failed_recordings: 1, success_rate: 0.67, bytes_up: 5, bytes_down: 7, active_connections: 2 } })
  for (const frame of [counted, counted, aFrame('proxy_statistics', { proxy_id: 9, proxy: { id: 9, bytes_up: 1 } })]) proxies.take(frame)
  expect(proxies.byId(1)).toMatchObject({ label: 'one', health_status: 'failed', total_recordings: 3, active_connections: 2, bytes_down: 7 })
  expect(proxies.byId(9)).toBeUndefined()
})

test('a refused wish goes, and what the server said meanwhile stays', async () => {
  let answer!: (value: unknown) => void
  serve({
    'GET /api/proxy/list': list(aProxy(1), aProxy(2), aProxy(3)),
    'PATCH /api/proxy/1': () => new Promise((done) => (answer = done)),
    'POST /api/proxy/reorder': () => problem(400, 'name every proxy once'),
  })
  const proxies = useProxies()
  await proxies.reload()
  const asked = proxies.setEnabled(1, false)
  expect(proxies.byId(1)!.enabled).toBe(false)
  proxies.take(aFrame('proxy_health_update', { proxy: { id: 1, health_status: 'degraded', enabled: true } }))
  expect(proxies.byId(1)).toMatchObject({ enabled: false, health_status: 'degraded' })
  await settle()
  answer(problem(503, 'the database is away'))
  await expect(asked).rejects.toThrow('The database is away')
  expect(proxies.byId(1)).toMatchObject({ enabled: true, health_status: 'degraded' })

  const order = proxies.reorder([3, 2, 1])
  expect(proxies.list.map((p) => p.id)).toEqual([3, 2, 1])
  await expect(order).rejects.toThrow()
  expect(proxies.list.map((p) => p.id)).toEqual([1, 2, 3])
})

test('an answer that news has overtaken is not kept', async () => {
  const answers: ((value: unknown) => void)[] = []
  const later = () => new Promise((done) => answers.push(done))
  serve({ 'GET /api/proxy/list': list(aProxy(1), aProxy(2)), 'POST /api/proxy/reorder': later, 'PATCH /api/proxy/1': later })
  const proxies = useProxies()
  await proxies.reload()
  const order = proxies.reorder([2, 1])
  await settle()
  // Another window put the first back meanwhile, and its frames are here before our answer.
  for (const id of [1, 2]) proxies.take(aFrame('proxy_updated', { proxy_id: id, proxy: aProxy(id, { priority: id }) }))
  answers[0]!({ success: true })
  await order
  expect(proxies.list.map((p) => p.id)).toEqual([1, 2])

  const edit = proxies.edit(1, { label: 'mine' })
  await settle()
  proxies.take(aFrame('proxy_updated', { proxy_id: 1, proxy: aProxy(1, { label: 'theirs' }) }))
  answers[1]!(aProxy(1, { label: 'mine' }))
  await edit
  expect(proxies.byId(1)!.label).toBe('theirs')
})

test('settings are shown at once, and another window’s too', async () => {
  serve({ 'GET /api/proxy/config': CONFIG, 'PUT /api/proxy/config': () => problem(400, 'no') })
  const settings = useSettings()
  await settings.reload()
  const saving = settings.save({ enable_proxy: false })
  expect(settings.config!.enable_proxy).toBe(false)
  settings.take(aFrame('config_changed', { config: { ...CONFIG, proxy_max_consecutive_failures: 5 } }))
  await expect(saving).rejects.toThrow('No')
  expect(settings.config).toEqual({ ...CONFIG, proxy_max_consecutive_failures: 5 })
})

test('a recording from its start to its end', async () => {
  serve({ 'GET /api/recordings/active': { items: [], next_cursor: null } })
  const recordings = useRecordings()
  await recordings.reload()
  const route = { via: 'http://a', started_at: '2026-01-01T00:00:00Z', ended_at: null, bytes: 1, reason: null }
  recordings.take(aFrame('recording_started', { recording_id: 'r1', recording: aRecording('r1', { routes: [route] }) }))
  const failover = aFrame('recording_failover', { recording_id: 'r1', from: 'http://a', to: 'http://b', reason: 'gone', took_ms: 240 })
  const gap = aFrame('recording_gap', { recording_id: 'r1', gap: { at: '2026-01-01T00:00:04Z', segments: 1, seconds: 2, cause: 'route', via: 'http://a' } })
  const progress = aFrame('recording_progress', {
    recording_id: 'r1', status: 'recording', bytes: 5000, duration_s: 4, rate: 900, elapsed_ms: 4000, via: 'http://b', failovers: 1,
    segments_lost: 1, seconds_lost: 2, note: null, quality: 'best',
  })
  for (const frame of [failover, failover, gap, gap, progress, progress]) recordings.take(frame)
  expect(recordings.active[0]).toMatchObject({ bytes: 5000, failovers: 1, via: 'http://b' })
  expect(recordings.byId('r1')!.routes.map((r) => [r.via, r.ended_at !== null])).toEqual([['http://a', true], ['http://b', false]])
  expect(recordings.byId('r1')!.gaps.length).toBe(1)
  expect(recordings.progress.get('r1')!.rates).toEqual([900, 900])
  // Left for a better one: told by the figures only, and the reason perhaps later.
  const better = { ...progress, via: 'http://c' }
  for (const frame of [better, better]) recordings.take(frame)
  expect(recordings.byId('r1')!.routes.map((r) => [r.via, r.reason])).toEqual([['http://a', 'gone'], ['http://b', null], ['http://c', null]])
  recordings.take(aFrame('recording_failover', { recording_id: 'r1', from: 'http://b', to: 'http://c', reason: 'late', took_ms: 1 }))
  expect(recordings.byId('r1')!.routes.map((r) => r.reason)).toEqual(['gone', 'late', null])
  recordings.take(aFrame('recording_finished', { recording_id: 'r1', recording: aRecording('r1', { status: 'completed' }) }))
  expect([recordings.active.length, recordings.all.length, recordings.progress.size]).toEqual([0, 1, 0])
})

test('two windows that hear the same end with the same', async () => {
  const server = { proxies: [aProxy(1), aProxy(2)] }
  serve({
    'GET /api/proxy/list': () => list(...structuredClone(server.proxies)),
    'GET /api/proxy/config': CONFIG,
    'GET /api/recordings/active': { items: [], next_cursor: null },
  })
  const windows = [createPinia(), createPinia()].map((pinia) => {
    setActivePinia(pinia)
    const connection = useConnection()
    connection.start({ url: 'ws://x/ws', open: (url) => new FakeWire(url) })
    return { connection, proxies: useProxies(), wire: FakeWire.last }
  })
  windows[0]!.wire.hello(1)
  await settle()
  server.proxies[0]!.health_status = 'failed'
  windows[1]!.wire.hello(1)
  for (const { wire } of windows) wire.say({ type: 'proxy_health_update', seq: 2, proxy: { id: 1, health_status: 'failed' } })
  await settle()
  await settle()
  expect(windows[0]!.proxies.list).toEqual(windows[1]!.proxies.list)
  expect(windows[0]!.proxies.byId(1)!.health_status).toBe('failed')
  for (const { connection } of windows) connection.stop()
})
