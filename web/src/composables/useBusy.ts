/** Which actions are under way, by a name each, so that their buttons can show it and not be pressed twice. */
import { shallowReactive } from 'vue'

export function useBusy() {
  const running = shallowReactive(new Set<string>())

  async function during<T>(name: string, run: () => Promise<T>): Promise<T | undefined> {
    if (running.has(name)) return undefined
    running.add(name)
    try {
      return await run()
    } finally {
      running.delete(name)
    }
  }
  return { busy: (name: string): boolean => running.has(name), during }
}
