/** What a person can do with recordings, with the result said in a toast. Pages and panels call this, never the API. */
import { ref, shallowRef } from 'vue'
import { useRouter } from 'vue-router'
import { fileName, fileUrl } from '@/lib/recording'
import { useRecordings } from '@/stores/recordings'
import { useToasts } from '@/stores/toasts'
import { titleOf, type Recording } from '@/types/recording'
import { useBusy } from './useBusy'

export type Question = 'stop' | 'delete'

export function useRecordingActions() {
  const recordings = useRecordings()
  const toasts = useToasts()
  const router = useRouter()
  const { busy, during } = useBusy()

  /** What is asked before it is done; RecordingConfirm shows it. */
  const asking = ref(false)
  const asked = shallowRef<{ what: Question; recording: Recording } | null>(null)
  function ask(what: Question, recording: Recording): void {
    asked.value = { what, recording }
    asking.value = true
  }

  const show = (recording: Recording) => ({ label: 'Show', run: () => void router.push({ name: 'recording', params: { id: recording.id } }) })

  /** Refusals are left to whoever asks for the address. */
  async function start(url: string, quality: string, tags: readonly string[]): Promise<Recording> {
    const recording = await recordings.start(url, quality, tags)
    toasts.ok(`${titleOf(recording)} is being recorded`, { action: show(recording), stays: 8000 })
    return recording
  }
  /** Refusals are left to whoever asks for a confirmation. */
  async function stop(recording: Recording): Promise<void> {
    await recordings.stop(recording.id)
    toasts.ok(`${titleOf(recording)} is being stopped`, { detail: 'Its file is being finished.' })
  }
  async function setKeep(recording: Recording, keep: boolean): Promise<void> {
    try {
      await recordings.setKeep(recording.id, keep)
      const undo = { label: 'Undo', run: () => void setKeep(recording, !keep) }
      toasts.ok(`${titleOf(recording)} is ${keep ? 'kept' : 'no longer kept'}`, { detail: keep ? 'No limit deletes it.' : 'The limits may delete it.', action: undo, stays: 8000 })
    } catch (error) {
      toasts.failed(`${titleOf(recording)} was not changed`, error)
    }
  }
  async function remove(recording: Recording): Promise<void> {
    await recordings.remove(recording.id)
    toasts.ok(`${titleOf(recording)} was deleted`)
  }

  /** Asks first whether the file is there: a link that is refused would leave a page of JSON, or nothing at all. */
  async function download(recording: Recording, part?: number): Promise<void> {
    await during(`download ${recording.id} ${part ?? ''}`, async () => {
      const file = await recordings.file(recording.id, part)
      if (!file.there && file.inParts) {
        return void toasts.show({ tone: 'info', title: `${titleOf(recording)} is in parts that are not one file`, detail: 'Each can be downloaded on its page.', action: show(recording) })
      }
      if (!file.there) return void toasts.failed(`${titleOf(recording)} was not downloaded`, new Error(file.why))
      const link = document.createElement('a')
      link.href = fileUrl(recording.id, part)
      link.download = fileName(recording.path)
      link.click()
    })
  }

  return { recordings, busy, asking, asked, ask, start, stop, setKeep, remove, download }
}
