/** One ticking `now` for every relative time on the page, so that they change together and one timer is enough. */
import { defineStore } from 'pinia'
import { ref } from 'vue'

export const useClock = defineStore('clock', () => {
  const now = ref(Date.now())
  let timer: ReturnType<typeof setInterval> | undefined

  function start(): void {
    timer ??= setInterval(() => (now.value = Date.now()), 1000)
  }
  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }
  return { now, start, stop }
})
