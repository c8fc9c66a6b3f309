/** The words of channels and their settings, as the API's description has them. (The API calls a channel a streamer.) */
import type { Schema } from '@/api/client'

export type Channel = Schema['Streamer']
export type ChannelStatus = Schema['StreamerStatus']
export type NewChannel = Schema['NewStreamer']
export type ChannelChange = Schema['EditStreamer']
export type Container = Schema['Container']
export type ServerSettings = Schema['ServerSettings']
export type SettingsPatch = Schema['SettingsPatch']
export type FilenameTry = Schema['FilenameTry']
export type RetentionPreview = Schema['RetentionPreview']

/** Limits as the API takes them; null is none. */
export type Limits = Pick<ServerSettings, 'max_age_days' | 'max_count' | 'max_bytes'>
