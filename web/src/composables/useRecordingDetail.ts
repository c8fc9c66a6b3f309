/** One recording as long as somebody looks at it: whole, kept up to date, and with an answer to whether its file is there. */
import { computed, onScopeDispose, shallowRef, watch } from 'vue'
import { ApiError, reason } from '@/api/client'
import { useProxies } from '@/stores/proxies'
import { useRecordings } from '@/stores/recordings'
import { isRunning, titleOf, type FileState } from '@/types/recording'
import { announce } from './useAnnouncer'

export function useRecordingDetail(id: () => string) {
  const recordings = useRecordings()
  const proxies = useProxies()
  const failed = shallowRef('')
  const missing = shallowRef(false)
  const file = shallowRef<FileState | null>(null)
  const recording = computed(() => recordings.byId(id()))
  const gone = computed(() => missing.value || recordings.isGone(id()))
  let leave = (): void => {}

  async function load(): Promise<void> {
    failed.value = ''
    missing.value = false
    try {
      await recordings.load(id())
    } catch (error) {
      // 400: what stands in the address is no id at all.
      if (error instanceof ApiError && [400, 404].includes(error.status)) missing.value = true
      else failed.value = reason(error)
    }
  }
  watch(id, (now) => (leave(), (leave = recordings.follow(now)), (file.value = null), void load()), { immediate: true })
  onScopeDispose(() => leave())

  /** Asked again when it may be another one: a run began, it ended, its parts were joined. */
  const what = computed(() => recording.value && `${recording.value.id} ${isRunning(recording.value)} ${recording.value.status === 'finalizing'} ${recording.value.ended_at} ${recording.value.parts.length} ${recording.value.path}`)
  watch(
    what,
    async (asked) => {
      if (!asked) return
      const found = await recordings.file(id())
      if (what.value === asked) file.value = found
    },
    { immediate: true },
  )
  watch(() => recording.value && titleOf(recording.value), (title) => title && (document.title = `${title} · Holdfast`), { immediate: true })
  // What the eye sees move.
  watch(
    () => [recording.value?.id, recording.value?.status, recording.value?.via] as const,
    ([now, status, via], [before, was, from]) => {
      if (!now || now !== before) return
      if (status !== was) announce(`The recording is ${status}`)
      else if (via && via !== from) announce(`It goes on through ${via === 'direct' ? 'the direct connection' : (proxies.byUrl.get(via)?.label ?? via)}`)
    },
  )
  return { recording, progress: computed(() => recordings.progress.get(id())), file, gone, failed, load }
}
