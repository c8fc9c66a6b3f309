/** What a recording is called, and where it comes from in a short form. */
import type { Recording } from '@/types/recording'

export const recordingName = ({ title, url }: Pick<Recording, 'title' | 'url'>): string => title || shortUrl(url)
export const shortUrl = (url: string): string => url.replace(/^[a-z]+:\/\/(www\.)?/, '').replace(/\/$/, '')
