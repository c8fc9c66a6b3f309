/** Short results for the corner of the page. Errors stay until they are closed; the rest goes by itself. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { reason } from '@/api/client'

export type ToastTone = 'ok' | 'bad' | 'info'

export interface Toast {
  id: number
  tone: ToastTone
  title: string
  detail?: string
  action?: { label: string; run(): void }
  /** How long it stays, in milliseconds; 0: until closed. */
  stays: number
}

/** More than this would hide the page. */
const MOST = 4

export const useToasts = defineStore('toasts', () => {
  const items = ref<Toast[]>([])
  let last = 0

  function show(toast: Omit<Toast, 'id' | 'stays'> & { stays?: number }): number {
    last += 1
    const stays = toast.stays ?? (toast.tone === 'bad' ? 0 : toast.action ? 10_000 : 5000)
    items.value = [...items.value, { ...toast, id: last, stays }].slice(-MOST)
    return last
  }
  const close = (id: number): void => void (items.value = items.value.filter((toast) => toast.id !== id))
  const ok = (title: string, more: Partial<Toast> = {}): number => show({ tone: 'ok', title, ...more })
  /** What failed, and the server's sentence about why. */
  const failed = (title: string, error: unknown): number => show({ tone: 'bad', title, detail: reason(error) })

  return { items, show, close, ok, failed }
})
