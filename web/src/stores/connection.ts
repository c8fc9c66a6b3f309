/**
 * Joins the socket to the stores: frames go to each of them, and a resync makes each load again. It also knows how the
 * connection is, for the banner, and wakes the socket when the page comes back from sleep.
 */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { LiveSocket, type Frame, type SocketOptions, type SocketState } from '@/api/socket'
import { useChannels } from './channels'
import { useEvents } from './events'
import { useProxies } from './proxies'
import { useRecordings } from './recordings'
import { useServerSettings } from './serverSettings'
import { useSettings } from './settings'

/** A page that nobody saw for so long may hold a connection that is dead without knowing. */
const ASLEEP = 30_000

export const useConnection = defineStore('connection', () => {
  const state = shallowRef<SocketState>({ kind: 'connecting' })
  const version = shallowRef<string | null>(null)
  /** When the connection was lost, in milliseconds; null while it is there. */
  const lostAt = shallowRef<number | null>(null)
  const stores = [useProxies(), useSettings(), useRecordings(), useEvents(), useChannels(), useServerSettings()]
  let socket: LiveSocket | undefined

  function start(options: Partial<SocketOptions> = {}): void {
    socket?.stop()
    socket = new LiveSocket({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
      onFrame: (frame: Frame) => stores.forEach((store) => store.take(frame)),
      onResync: () => stores.forEach((store) => void store.reload()),
      onHello: (hello) => {
        version.value = String(hello.version ?? '')
        const status = hello.system_status
        if (status) stores[0]!.take({ ...hello, type: 'system_status', system_status: status })
      },
      onState: (next) => {
        state.value = next
        if (next.kind === 'open') lostAt.value = null
        else if (next.kind === 'retrying') lostAt.value ??= Date.now()
      },
      ...options,
    })
    socket.start()
  }

  /** Wakes the socket when the page is seen again, the network is back, or the machine slept. Returns what undoes it. */
  function keepAwake(): () => void {
    let seen = Date.now()
    const onSeen = () => {
      if (document.visibilityState === 'hidden') seen = Date.now()
      else if (Date.now() - seen > ASLEEP) socket?.reconnect()
      else socket?.wake()
    }
    const onOnline = () => socket?.reconnect()
    let ticked = Date.now()
    const ticks = setInterval(() => {
      const now = Date.now()
      if (now - ticked > ASLEEP && document.visibilityState !== 'hidden') socket?.reconnect()
      ticked = now
    }, 5000)
    document.addEventListener('visibilitychange', onSeen)
    window.addEventListener('online', onOnline)
    return () => {
      clearInterval(ticks)
      document.removeEventListener('visibilitychange', onSeen)
      window.removeEventListener('online', onOnline)
    }
  }

  const retryNow = (): void => socket?.wake()
  const stop = (): void => socket?.stop()
  return { state, version, lostAt, start, stop, retryNow, keepAwake }
})
