/** The socket against a fake one: order, repetition, gaps, resync, and coming back. */
import { beforeEach, expect, test } from 'vitest'
import { FIRST_WAIT, HELLO_LIMIT, LiveSocket, LONGEST_WAIT, type SocketState } from '@/api/socket'
import { FakeClock, FakeWire } from './fakes'

let clock: FakeClock
let seen: (number | string)[]
let states: SocketState[]
let socket: LiveSocket

beforeEach(() => {
  FakeWire.all = []
  clock = new FakeClock()
  seen = []
  states = []
  socket = new LiveSocket({
    url: 'ws://x/ws',
    open: (url) => new FakeWire(url),
    clock,
    random: () => 1,
    onFrame: (frame) => seen.push(frame.seq),
    onResync: () => seen.push('resync'),
    onState: (state) => states.push(state),
  })
  socket.start()
})
const kind = () => states.at(-1)!.kind

test('the first hello means: load everything', () => {
  expect(kind()).toBe('connecting')
  expect(FakeWire.last.url).toBe('ws://x/ws')
  FakeWire.last.hello(7)
  expect(kind()).toBe('open')
  expect(seen).toEqual(['resync'])
})

test('numbers may skip and repeat, and what is older is ignored', () => {
  FakeWire.last.hello(7)
  for (const seq of [8, 9, 9, 14, 12, 14, 15]) FakeWire.last.say({ type: 'notice', seq })
  expect(seen).toEqual(['resync', 8, 9, 9, 14, 14, 15])
})

test('what is no frame is ignored', () => {
  FakeWire.last.hello(1)
  for (const data of ['', 'x', 'null', '[]', '{}', '{"type":3}']) FakeWire.last.onmessage?.({ data })
  expect(seen).toEqual(['resync'])
})

test('after a break it says where it was, and gets what it missed once', () => {
  FakeWire.last.hello(7, 'b/1')
  FakeWire.last.say({ type: 'notice', seq: 9 })
  FakeWire.last.die()
  clock.pass(FIRST_WAIT)
  expect(FakeWire.last.url).toBe('ws://x/ws?since=9&boot=b%2F1')
  FakeWire.last.hello(9, 'b/1')
  for (const seq of [10, 11]) FakeWire.last.say({ type: 'notice', seq })
  expect(seen).toEqual(['resync', 9, 10, 11])
})

test('a gap that the server cannot fill is a resync', () => {
  FakeWire.last.hello(7)
  FakeWire.last.say({ type: 'notice', seq: 8 })
  FakeWire.last.die()
  clock.pass(FIRST_WAIT)
  FakeWire.last.hello(5000)
  FakeWire.last.say({ type: 'resync', seq: 5000 })
  FakeWire.last.say({ type: 'notice', seq: 5001 })
  expect(seen).toEqual(['resync', 8, 'resync', 5001])
})

test('a server that was restarted counts anew', () => {
  FakeWire.last.hello(5000, 'a')
  FakeWire.last.die()
  clock.pass(FIRST_WAIT)
  FakeWire.last.hello(3, 'b')
  FakeWire.last.say({ type: 'resync', seq: 3 })
  FakeWire.last.say({ type: 'notice', seq: 4 })
  expect(seen.at(-1)).toBe(4)
  expect(seen.filter((x) => x === 'resync').length).toBeGreaterThanOrEqual(2)
  FakeWire.last.die()
  clock.pass(FIRST_WAIT)
  expect(FakeWire.last.url).toContain('since=4&boot=b')
})

test('the waits double up to a limit, and a success begins anew', () => {
  const waits: number[] = []
  for (let n = 0; n < 9; n += 1) {
    FakeWire.last.die()
    const state = states.at(-1)!
    if (state.kind !== 'retrying') throw new Error(state.kind)
    waits.push(state.at - clock.now())
    clock.pass(state.at - clock.now())
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT])
  FakeWire.last.hello(1)
  FakeWire.last.die(4008)
  expect(states.at(-1)).toEqual({ kind: 'retrying', at: clock.now() + FIRST_WAIT })
})

test('chance shortens a wait by half at most', () => {
  socket.stop()
  const found: number[] = []
  const shy = new LiveSocket({
    url: '', open: (url) => new FakeWire(url), clock, random: () => 0, onFrame() {}, onResync() {},
    onState: (state) => state.kind === 'retrying' && found.push(state.at - clock.now()),
  })
  shy.start()
  FakeWire.last.die()
  expect(found).toEqual([FIRST_WAIT / 2])
})

test('a connection that says nothing is given up', () => {
  clock.pass(HELLO_LIMIT)
  expect(kind()).toBe('retrying')
  expect(FakeWire.all[0]!.closed).toBe(true)
})

test('waking tries at once, and only when there is nothing yet', () => {
  FakeWire.last.hello(1)
  socket.wake()
  expect(FakeWire.all.length).toBe(1)
  FakeWire.last.die()
  socket.wake()
  expect(FakeWire.all.length).toBe(2)
  clock.pass(FIRST_WAIT)
  expect(FakeWire.all.length).toBe(2)
  FakeWire.last.hello(1)
  socket.reconnect()
  expect(FakeWire.all[1]!.closed).toBe(true)
  expect(FakeWire.last.url).toContain('since=1')
})

test('stopped, it stays stopped, and an old connection is not heard', () => {
  const old = FakeWire.last
  old.hello(1)
  const { onmessage } = old
  socket.stop()
  expect(old.closed).toBe(true)
  expect(old.onmessage).toBe(null)
  expect(onmessage).not.toBe(null)
  clock.pass(LONGEST_WAIT)
  expect(FakeWire.all.length).toBe(1)
})
