/** What a template makes of a recording, asked while it is typed: a moment after the last letter, and only the last answer counts. */
import { onScopeDispose, shallowRef, watch } from 'vue'
import { ApiError } from '@/api/client'
import { useServerSettings } from '@/stores/serverSettings'
import type { FilenameTry } from '@/types/channel'

/** So long after the last letter, in milliseconds. */
const PAUSE = 250

export function useFilenamePreview(wanted: () => FilenameTry) {
  const settings = useServerSettings()
  const name = shallowRef('')
  const wrong = shallowRef<string | null>(null)
  let due: ReturnType<typeof setTimeout> | undefined
  let latest: FilenameTry | undefined

  async function ask(tried: FilenameTry): Promise<void> {
    let answer: [name: string, wrong: string | null]
    try {
      answer = [await settings.filename(tried), null]
    } catch (error) {
      // A server that does not answer says nothing about what was typed.
      answer = ['', error instanceof ApiError && error.status === 400 ? error.message : null]
    }
    if (latest === tried) [name.value, wrong.value] = answer
  }
  watch(
    wanted,
    (now, before) => {
      if (before && JSON.stringify(now) === JSON.stringify(before)) return
      clearTimeout(due)
      latest = now
      due = setTimeout(() => void ask(now), PAUSE)
    },
    { immediate: true },
  )
  onScopeDispose(() => clearTimeout(due))
  return { name, wrong }
}
