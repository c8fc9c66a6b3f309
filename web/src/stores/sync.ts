/**
 * How a store keeps up with the server: listen first, then load, then apply what was heard meanwhile. Frames carry new
 * values, so applying one that the load had already seen does no harm, and two windows end with the same.
 */
import { shallowRef, type ShallowRef } from 'vue'
import type { Frame } from '@/api/socket'
import { reason } from '@/api/client'

export type SyncState = 'idle' | 'loading' | 'ready' | 'error'

export interface Sync {
  /** `loading` only before there is anything to show; a reload leaves what is there in place. */
  state: ShallowRef<SyncState>
  /** Why there is nothing, if there is nothing. */
  error: ShallowRef<string | null>
  /** Loads everything again. A failure is tried again until it works or `reload` is called anew. */
  reload(): Promise<void>
  /** Takes a frame in, now or after the load that is under way. */
  take(frame: Frame): void
}

export interface SyncParts<T> {
  load(): Promise<T>
  /** Replaces everything by what was loaded. */
  replace(loaded: T): void
  apply(frame: Frame): void
  /** From one try to the next, in milliseconds. */
  retryAfter?: number
}

export function createSync<T>({ load, replace, apply, retryAfter = 2000 }: SyncParts<T>): Sync {
  const state = shallowRef<SyncState>('idle')
  const error = shallowRef<string | null>(null)
  let heard: Frame[] | null = null
  let turn = 0

  async function reload(): Promise<void> {
    turn += 1
    const mine = turn
    heard = []
    if (state.value !== 'ready') state.value = 'loading'
    try {
      const loaded = await load()
      if (mine !== turn) return
      replace(loaded)
      const missed = heard
      heard = null
      missed.forEach(apply)
      state.value = 'ready'
      error.value = null
    } catch (failure) {
      if (mine !== turn) return
      if (state.value !== 'ready') state.value = 'error'
      error.value = reason(failure)
      setTimeout(() => mine === turn && void reload(), retryAfter)
    }
  }

  function take(frame: Frame): void {
    if (heard) heard.push(frame)
    else if (state.value === 'ready') apply(frame)
  }

  return { state, error, reload, take }
}
