/** Something that the server may refuse: whether it is under way, and the server's own words when it was refused. */
import { ref } from 'vue'
import { reason } from '@/api/client'

export function useAttempt() {
  const busy = ref(false)
  const refused = ref('')

  async function attempt(run: () => Promise<void>): Promise<void> {
    if (busy.value) return
    busy.value = true
    refused.value = ''
    try {
      await run()
    } catch (error) {
      refused.value = reason(error)
    } finally {
      busy.value = false
    }
  }
  return { busy, refused, attempt }
}
