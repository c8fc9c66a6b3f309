/** The words of recordings, as the API's description has them. */
import type { Schema } from '@/api/client'

export type Recording = Schema['Recording']
export type RecordingStatus = Schema['RecordingStatus']
export type Route = Schema['Route']
export type Gap = Schema['Gap']
export type Chapter = Schema['Chapter']
export type Part = Schema['Part']

/** What a running recording tells every second and nobody keeps. */
export interface Progress {
  /** Bytes a second. */
  rate: number
  note: string | null
  quality: string | null
  elapsed_ms: number
  /** When it was told, by the server's clock and by ours: times go on from there, also where the clocks differ. */
  at: number
  told_at: number
  /** The last rates, the oldest first. */
  rates: readonly number[]
}

const RUNNING: ReadonlySet<RecordingStatus> = new Set(['starting', 'recording', 'recovering', 'finalizing'])

/** The channel's name or the stream's address: what it is called. */
export const titleOf = (recording: Pick<Recording, 'title' | 'url'>): string => recording.title || recording.url

/** What one can ask for in the list. */
export type RecordingFilter = '' | 'running' | 'completed' | 'stopped' | 'failed' | 'interrupted'

/** Whether its file is there, and if not, why: it may be in parts that are not one file (yet). */
export type FileState = { there: true } | { there: false; inParts: boolean; why: string }

export const isRunning = (recording: Pick<Recording, 'status'>): boolean => RUNNING.has(recording.status)
