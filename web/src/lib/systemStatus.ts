/** What the state of the pool means for a person, and what to do about it. The message itself is the server's. */
import type { SystemStatus } from '@/types/proxy'

export interface Meaning {
  word: string
  /** In one sentence. */
  means: string
  /** What to do; none where nothing must be done. */
  todo: string | null
}

/** `away`: whether a proxy is out of use though nobody switched it off. */
export function meaningOf({ state, healthy, enabled, total }: SystemStatus, away = healthy < enabled): Meaning {
  switch (state) {
    case 'healthy':
      return away
        ? { word: 'Healthy', means: 'Recordings go through the healthy proxies; the others are tried again until they are back.', todo: null }
        : { word: 'Healthy', means: healthy === 1 ? 'Recordings go through it.' : 'Recordings go through the first of them, and the others stand by to take over.', todo: null }
    case 'degraded':
      if (total === 0) return { word: 'Degraded', means: 'Recordings work, but without a proxy: streams see this machine’s own address.', todo: 'Add a proxy, and recordings move to it.' }
      return { word: 'Degraded', means: 'Recordings go on, though not by a healthy proxy: some may go straight from this machine’s own address.', todo: 'See why the proxies fail; recordings return to them by themselves.' }
    case 'error':
      return total === 0
        ? { word: 'Error', means: 'There is no way to any stream: direct connections are forbidden and there is no proxy.', todo: 'Add a proxy, or allow the fallback to direct connections in the settings.' }
        : { word: 'Error', means: 'There is no way to any stream: no proxy can carry one and direct connections are forbidden.', todo: 'See why the proxies fail, add another one, or allow the fallback to direct connections in the settings.' }
    case 'disabled':
      return { word: 'Disabled', means: 'Every recording goes straight from this machine’s own address, whatever the proxies are like.', todo: 'Switch the proxy system on to use the pool again.' }
    default:
      return { word: 'Unknown', means: 'The server says something that this page does not know.', todo: 'Load the page again.' }
  }
}
