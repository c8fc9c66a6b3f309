/** The log as it is read: live at the top, held still while somebody reads, searched further back when little is found. */
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defineComponent } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { useEventLog } from '@/composables/useEventLog'
import { aFrame, anEvent, serveLog } from './fakes'

const many = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => anEvent(from + i, { level: (from + i) % 50 ? 'info' : 'error' }))
let router: Router

async function open(path = '/') {
  let log!: ReturnType<typeof useEventLog>
  const page = defineComponent({ setup: () => ((log = useEventLog()), () => null) })
  router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: page }] })
  await router.push(path)
  const mounted = mount(page, { global: { plugins: [router] } })
  await pass(0)
  return { log, close: () => mounted.unmount() }
}
const pass = async (ms: number) => (await vi.advanceTimersByTimeAsync(ms), await flushPromises())

beforeEach(() => {
  setActivePinia(createPinia())
  vi.useFakeTimers()
})
afterEach(() => void vi.useRealTimers())

test('new lines wait while somebody reads', async () => {
  const lines = many(1, 10)
  serveLog(lines)
  const { log, close } = await open()
  const news = async (from: number, to: number) => (lines.push(...many(from, to)), log.events.take(aFrame('notice')), await pass(300))
  await news(11, 11)
  expect([log.shown.value[0]!.seq, log.fresh.value]).toEqual([11, 0])
  log.away.value = true
  await news(12, 14)
  expect([log.shown.value[0]!.seq, log.fresh.value]).toEqual([11, 3])
  log.release()
  expect([log.shown.value[0]!.seq, log.fresh.value]).toEqual([14, 0])
  await news(15, 15)
  expect(log.fresh.value).toBe(1)
  log.away.value = false
  await flushPromises()
  expect([log.shown.value[0]!.seq, log.fresh.value]).toEqual([15, 0])
  // A line that is opened is being read.
  log.toggle(15)
  await news(16, 16)
  expect([log.shown.value[0]!.seq, log.fresh.value]).toEqual([15, 1])
  log.toggle(15)
  await flushPromises()
  expect(log.shown.value[0]!.seq).toBe(16)
  close()
})

test('a filter stands in the address, and looks further back by itself, but not for ever', async () => {
  const asked = serveLog(many(1, 6000))
  const { log, close } = await open('/?level=error&about=nonsense')
  expect(log.filter.value).toEqual({ group: null, level: 'error', text: '' })
  await pass(100)
  expect(log.shown.value.length).toBeGreaterThanOrEqual(30)
  expect(log.shown.value.every((event) => event.level === 'error')).toBe(true)
  log.filter.value = { group: 'system', level: 'info', text: 'nowhere' }
  await pass(100)
  expect(router.currentRoute.value.query).toEqual({ about: 'system', q: 'nowhere' })
  const until = asked.length
  expect([log.shown.value.length, log.events.hasMore, log.loading.value]).toEqual([0, true, false])
  await pass(10_000)
  expect(asked.length).toBe(until)
  log.further()
  await pass(100)
  expect(asked.length).toBeGreaterThan(until)
  expect(log.events.hasMore).toBe(false)
  close()
})
