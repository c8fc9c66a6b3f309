/**
 * The one WebSocket, without a framework.
 *
 * States: `connecting` (also at first) → `open` once `hello` has come → `retrying` when it breaks, with the time of the
 * next try; the waits double from half a second to half a minute, each shortened by chance so that many pages do not come
 * back at once. `wake()` tries at once: the page came into view or the network came back.
 *
 * Numbers: within one `boot` of the server `seq` never goes backwards. It may repeat and it may skip, neither of which
 * means a loss: the connection itself loses nothing. What is older than what was seen is ignored. After a break the server
 * is told where we were (`since`, `boot`) and sends what was missed, or `resync` when it cannot; a first `hello` is a resync as well.
 */
export interface Frame {
  type: string
  seq: number
  at: string
  [key: string]: unknown
}

export type SocketState = { kind: 'connecting' } | { kind: 'open' } | { kind: 'retrying'; at: number }

/** The part of a WebSocket that is used, so that tests can bring their own. */
export interface Wire {
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
  onerror: (() => void) | null
  close(): void
}

export interface Clock {
  now(): number
  setTimeout(run: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

export interface SocketOptions {
  url: string
  open?: (url: string) => Wire
  clock?: Clock
  random?: () => number
  /** News, in order. */
  onFrame(frame: Frame): void
  /** Everything must be loaded again; frames that come from here on are newer than what is loaded then. */
  onResync(hello: Frame): void
  onHello?(hello: Frame): void
  onState(state: SocketState): void
}

export const FIRST_WAIT = 500
export const LONGEST_WAIT = 30_000
/** A connection that says nothing at all, not even hello, for so long is given up. */
export const HELLO_LIMIT = 10_000

const realClock: Clock = {
  now: () => Date.now(),
  setTimeout: (run, ms) => globalThis.setTimeout(run, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer as number),
}

export class LiveSocket {
  private wire: Wire | null = null
  private timer: unknown = null
  private failures = 0
  private place: { seq: number; boot: string } | null = null
  private hello: Frame | null = null
  private stopped = true

  private readonly clock: Clock
  private readonly random: () => number

  constructor(private readonly options: SocketOptions) {
    this.clock = options.clock ?? realClock
    this.random = options.random ?? Math.random
  }

  start(): void {
    if (!this.stopped) return
    this.stopped = false
    this.connect()
  }

  stop(): void {
    this.stopped = true
    this.drop()
  }

  /** Tries now instead of later. Does nothing while a connection is there or on its way. */
  wake(): void {
    if (this.stopped || this.wire) return
    this.connect()
  }

  /** Leaves a connection that may be dead, as after a sleep, and makes a new one from where we were. */
  reconnect(): void {
    if (this.stopped) return
    this.connect()
  }

  private connect(): void {
    this.drop()
    this.options.onState({ kind: 'connecting' })
    const { url, open = (address) => new WebSocket(address) as unknown as Wire } = this.options
    const place = this.place && `?since=${this.place.seq}&boot=${encodeURIComponent(this.place.boot)}`
    let wire: Wire
    try {
      wire = open(url + (place ?? ''))
    } catch {
      this.retry()
      return
    }
    this.wire = wire
    wire.onmessage = (event) => this.take(event.data)
    wire.onclose = () => this.retry()
    this.timer = this.clock.setTimeout(() => this.retry(), HELLO_LIMIT)
  }

  private take(data: unknown): void {
    const frame = parse(data)
    if (!frame) return
    if (frame.type === 'hello') this.greet(frame)
    else if (frame.type === 'resync') this.resync(frame)
    else this.news(frame)
  }

  private greet(hello: Frame): void {
    this.clearTimer()
    this.failures = 0
    this.hello = hello
    const boot = String(hello.boot)
    const known = this.place
    // Where the server says we stand: with another boot the old numbers mean nothing.
    this.place = { boot, seq: known?.boot === boot ? Math.max(known.seq, hello.seq) : hello.seq }
    this.options.onState({ kind: 'open' })
    this.options.onHello?.(hello)
    if (known?.boot !== boot) this.options.onResync(hello)
  }

  private resync(frame: Frame): void {
    if (!this.place || !this.hello) return
    const boot = this.place.boot
    this.place = { boot, seq: Number.isFinite(frame.seq) ? frame.seq : this.hello.seq }
    this.options.onResync(this.hello)
  }

  private news(frame: Frame): void {
    if (!this.place || frame.seq < this.place.seq) return
    this.place.seq = frame.seq
    this.options.onFrame(frame)
  }

  private retry(): void {
    this.drop()
    if (this.stopped) return
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures)
    const wait = longest * (0.5 + this.random() / 2)
    this.failures += 1
    this.timer = this.clock.setTimeout(() => this.connect(), wait)
    this.options.onState({ kind: 'retrying', at: this.clock.now() + wait })
  }

  private drop(): void {
    this.clearTimer()
    const wire = this.wire
    this.wire = null
    if (!wire) return
    wire.onmessage = wire.onclose = wire.onerror = null
    wire.close()
  }

  private clearTimer(): void {
    if (this.timer !== null) this.clock.clearTimeout(this.timer)
    this.timer = null
  }
}

function parse(data: unknown): Frame | null {
  try {
    const frame = JSON.parse(String(data)) as Frame
    return typeof frame === 'object' && frame !== null && typeof frame.type === 'string' ? frame : null
  } catch {
    return null
  }
}
