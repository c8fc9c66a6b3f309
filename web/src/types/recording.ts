/** The words of recordings, as the API's description has them. */
import type { Schema } from '@/api/client'

export type Recording = Schema['Recording']
export type RecordingStatus = Schema['RecordingStatus']
export type Route = Schema['Route']
export type Gap = Schema['Gap']
export type Part = Schema['Part']

/** What a running recording tells every second and nobody keeps. */
export interface Progress {
  /** Bytes a second. */
  rate: number
  note: string | null
  quality: string | null
  elapsed_ms: number
  /** When it was told, by our clock: the elapsed time goes on from there. */
  told_at: number
  /** The last rates, the oldest first. */
  rates: readonly number[]
}

const RUNNING: ReadonlySet<RecordingStatus> = new Set(['starting', 'recording', 'recovering', 'finalizing'])

export const isRunning = (recording: Pick<Recording, 'status'>): boolean => RUNNING.has(recording.status)
