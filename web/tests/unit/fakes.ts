/** Time, a WebSocket and a server that tests hold in their hands. */
import { vi } from 'vitest'
import type { Clock, Frame, Wire } from '@/api/socket'
import type { LogEvent } from '@/types/event'
import type { Proxy } from '@/types/proxy'
import type { Recording } from '@/types/recording'

export class FakeClock implements Clock {
  private at = 1_000_000
  private timers = new Map<number, { due: number; run: () => void }>()
  private last = 0

  now = (): number => this.at
  setTimeout = (run: () => void, ms: number): number => {
    this.timers.set(++this.last, { due: this.at + ms, run })
    return this.last
  }
  clearTimeout = (timer: unknown): void => void this.timers.delete(timer as number)

  pass(ms: number): void {
    const until = this.at + ms
    for (;;) {
      const next = [...this.timers].filter(([, t]) => t.due <= until).sort((a, b) => a[1].due - b[1].due)[0]
      if (!next) break
      this.timers.delete(next[0])
      this.at = next[1].due
      next[1].run()
    }
    this.at = until
  }
}

export class FakeWire implements Wire {
  static all: FakeWire[] = []
  static get last(): FakeWire {
    return FakeWire.all.at(-1)!
  }
  onmessage: Wire['onmessage'] = null
  onclose: Wire['onclose'] = null
  onerror: Wire['onerror'] = null
  closed = false

  constructor(readonly url: string) {
    FakeWire.all.push(this)
  }
  close(): void {
    this.closed = true
  }
  say(frame: Partial<Frame>): void {
    this.onmessage?.({ data: JSON.stringify({ at: '2026-01-01T00:00:00Z', ...frame }) })
  }
  hello(seq: number, boot = 'a'): void {
    this.say({ type: 'hello', seq, boot, version: '1' })
  }
  die(code = 1006): void {
    this.onclose?.({ code })
  }
}

/** Answers `fetch` by method and path; a function may look at the request or wait. */
export function serve(answers: Record<string, unknown | ((request: Request) => unknown)>): Request[] {
  const asked: Request[] = []
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push(request.clone())
    const key = `${request.method} ${new URL(request.url).pathname}`
    if (!(key in answers)) throw new TypeError(`nobody answers ${key}`)
    const answer = answers[key]
    const body = typeof answer === 'function' ? await answer(request) : answer
    return body instanceof Response ? body : Response.json(body)
  })
  return asked
}

export const problem = (status: number, detail: string): Response =>
  new Response(JSON.stringify({ status, title: 'x', detail }), { status, headers: { 'Content-Type': 'application/problem+json' } })

export function aProxy(id: number, more: Partial<Proxy> = {}): Proxy {
  return {
    id, proxy_url: `http://u:***@p${id}.example:3128`, label: null, tags: [], priority: id, enabled: true, auto_disabled: false,
    health_status: 'healthy', last_health_check: '2026-01-01T00:00:00Z', response_time_ms: 100, average_response_time_ms: 100,
    consecutive_failures: 0, last_error: null,
    drill_until: null, total_recordings: 0, failed_recordings: 0, success_rate: null, bytes_up: 0,
    bytes_down: 0, active_connections: 0, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z', ...more,
  }
}

export function aRecording(id: string, more: Partial<Recording> = {}): Recording {
  return {
    id, streamer_id: null, url: 'https://live.example/x', title: null, quality: 'best', tags: [], status: 'recording',
    started_at: '2026-01-01T00:00:00Z', ended_at: null, path: 'x.ts', bytes: 0, duration_s: 0, via: 'direct', failovers: 0,
    segments_lost: 0, seconds_lost: 0, error: null, routes: [], gaps: [], parts: [], channel: null, category: null, chapters: [], keep: false,
    has_thumbnail: false, ...more,
  }
}

export function anEvent(seq: number, more: Partial<LogEvent> = {}): LogEvent {
  return { seq, at: '2026-01-01T00:00:00Z', type: 'notice', level: 'info', message: `event ${seq}`, proxy_id: null, recording_id: null, streamer_id: null, data: {}, ...more }
}

/** A log that answers as the server does. */
export function serveLog(log: LogEvent[], down: () => boolean = () => false): Request[] {
  return serve({
    'GET /api/events': (request: Request) => {
      if (down()) return problem(503, 'the database is away')
      const query = new URL(request.url).searchParams
      const [after, before, limit] = [Number(query.get('after') ?? 0), Number(query.get('before') ?? Infinity), Number(query.get('limit') ?? 100)]
      const found = log.filter((event) => event.seq > after && event.seq < before).sort((a, b) => a.seq - b.seq)
      if (query.get('order') === 'desc') found.reverse()
      const items = found.slice(0, limit)
      return { items, next_cursor: found.length > limit ? String(items.at(-1)!.seq) : null }
    },
  })
}

export const aFrame = (type: string, more: Record<string, unknown> = {}): Frame => ({ type, seq: 1, at: '2026-01-01T00:00:05Z', ...more })
/** Lets all that is resolved already run. */
export const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 0))
