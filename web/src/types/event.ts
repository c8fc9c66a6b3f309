/** The words of the event log, as the API's description has them. */
import type { Schema } from '@/api/client'

export type LogEvent = Schema['Event']
export type EventPage = Schema['EventPage']
export type Level = 'info' | 'warning' | 'error'
