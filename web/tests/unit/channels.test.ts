/** The channels' store with a fake server, and what is typed about channels and files. */
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, ref } from 'vue'
import { useFilenamePreview } from '@/composables/useFilenamePreview'
import { changeOf, emptyForm, formOf, isTwitchName, nameOf, wishOf } from '@/lib/channelForm'
import { limitsForm, limitsOf, limitsTrouble, wholeTrouble } from '@/lib/limits'
import { changesOf, patchOf, settingsForm, settingsTrouble } from '@/lib/settingsForm'
import { useChannels } from '@/stores/channels'
import { useServerSettings } from '@/stores/serverSettings'
import type { Channel, ServerSettings } from '@/types/channel'
import { aFrame, problem, serve } from './fakes'

const aChannel = (id: number, more: Partial<Channel> = {}): Channel => ({
  id, username: 'x', url: 'https://www.twitch.tv/x', display_name: `Channel ${id}`, record: true, quality: 'best', tags: [], status: 'offline',
  live_since: null, title: null, category: null, recording_id: null, last_checked_at: null, waiting_reason: null, last_error: null,
  filename_template: null, container: null, max_age_days: null, max_count: null, max_bytes: null, streamlink_options: [], has_token: false,
  created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z', ...more,
})

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.useRealTimers())

test('frames bring channels, change them and take them away', async () => {
  serve({ 'GET /api/streamers': () => ({ items: [aChannel(2), aChannel(1)], next_cursor: null }) })
  const channels = useChannels()
  await channels.reload()
  expect(channels.list.map((channel) => channel.id)).toEqual([1, 2])
  channels.take(aFrame('streamer_online', { streamer_id: 2, streamer: aChannel(2, { status: 'live' }) }))
  channels.take(aFrame('streamer_added', { streamer_id: 3, streamer: aChannel(3, { display_name: 'A' }) }))
  channels.take(aFrame('streamer_removed', { streamer_id: 1, streamer: aChannel(1) }))
  expect(channels.list.map((channel) => [channel.id, channel.status])).toEqual([[3, 'offline'], [2, 'live']])
})

test('a switch is shown at once and taken back when it is refused', async () => {
  let refuse: () => void = () => {}
  serve({
    'GET /api/streamers': () => ({ items: [aChannel(1)], next_cursor: null }),
    'PATCH /api/streamers/1': () => new Promise((resolve) => (refuse = () => resolve(problem(503, 'the database is away')))),
  })
  const channels = useChannels()
  await channels.reload()
  const asked = channels.setRecord(1, false)
  expect(channels.list[0]?.record).toBe(false)
  await expect.poll(() => (refuse(), true)).toBe(true)
  await expect(asked).rejects.toThrow('The database is away')
  expect(channels.list[0]?.record).toBe(true)
})

test('what is typed becomes a wish', () => {
  expect(['xqc', '@xqc', 'a b', 'x.tv', ''].map(isTwitchName)).toEqual([true, true, false, false, false])
  expect(wishOf({ ...emptyForm(), stream: ' @xqc ', tags: 'eu, fast', days: '7', options: ' --a=b \n\n' })).toEqual({
    username: 'xqc', quality: 'best', tags: ['eu', 'fast'], filename_template: null, container: null, max_age_days: 7, max_count: null, max_bytes: null, streamlink_options: ['--a=b'],
  })
  expect(wishOf({ ...emptyForm(), stream: 'https://x.test/a' })).toMatchObject({ url: 'https://x.test/a' })
  const known = aChannel(1, { container: 'mkv', max_count: 3, tags: ['eu'] })
  expect(changeOf(formOf(known))).toMatchObject({ container: 'mkv', max_count: 3, tags: ['eu'], max_age_days: null, display_name: 'Channel 1' })
  expect(changeOf(formOf(known))).not.toHaveProperty('token')
  expect(['', '1', '0', '1.5', 'x'].map((text) => wholeTrouble(text) === null)).toEqual([true, true, false, false, false])
})

test('a size that nobody touched stays exact, and one that was typed is taken', () => {
  const odd = aChannel(1, { max_bytes: 1_500_000_000, max_age_days: 3 })
  expect(formOf(odd)).toMatchObject({ size: '1.4', days: '3', number: '' })
  expect(changeOf(formOf(odd), odd)).toMatchObject({ max_bytes: 1_500_000_000, max_age_days: 3, max_count: null })
  expect(changeOf({ ...formOf(odd), size: '2' }, odd)).toMatchObject({ max_bytes: 2 * 1024 ** 3 })
  expect(changeOf({ ...formOf(odd), size: '' }, odd)).toMatchObject({ max_bytes: null })
  expect(limitsOf({ ...limitsForm(null), size: '1.4' })).toEqual({ max_age_days: null, max_count: null, max_bytes: 1503238554 })
  expect(['', '0.5', '0', '-1', 'x'].map((size) => limitsTrouble({ ...limitsForm(null), size }).size === null)).toEqual([true, true, false, false, false])
})

test('a file name is tried with what the channel will be called', () => {
  const called = (stream: string, name = '') => nameOf({ stream, name })
  expect([called('@XqC'), called('xqc', ' The one '), called('https://x.test/a'), called('')]).toEqual(['xqc', 'The one', undefined, undefined])
})

test('a file name is asked for after the last letter, and only the last answer counts', async () => {
  vi.useFakeTimers()
  const waiting: [string, (answer: unknown) => void][] = []
  serve({
    'POST /api/settings/filename-preview': async (request: Request) => {
      const { template } = (await request.json()) as { template: string }
      return new Promise((answer) => waiting.push([template, answer]))
    },
  })
  const template = ref('{')
  const scope = effectScope()
  const { name, wrong } = scope.run(() => useFilenamePreview(() => ({ template: template.value })))!
  for (const text of ['{t', '{title', '{title}']) {
    template.value = text
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(waiting).toEqual([])
  await vi.advanceTimersByTimeAsync(200)
  expect(waiting.map(([text]) => text)).toEqual(['{title}'])
  template.value = '{titel}'
  await vi.advanceTimersByTimeAsync(300)
  waiting[1]![1](problem(400, 'there is no {titel}'))
  await vi.advanceTimersByTimeAsync(0)
  // The first answer is late.
  waiting[0]![1]({ path: 'Title.ts' })
  await vi.advanceTimersByTimeAsync(0)
  expect([name.value, wrong.value]).toEqual(['', 'There is no {titel}'])
  template.value = '{title}'
  await vi.advanceTimersByTimeAsync(300)
  waiting[2]![1]({ path: 'Title.ts' })
  await vi.advanceTimersByTimeAsync(0)
  expect([name.value, wrong.value]).toEqual(['Title.ts', null])
  // The server's own trouble is none of the template's.
  template.value = '{id}'
  await vi.advanceTimersByTimeAsync(300)
  waiting[3]![1](problem(503, 'the database is away'))
  await vi.advanceTimersByTimeAsync(0)
  expect([name.value, wrong.value]).toEqual(['', null])
  template.value = '{date}'
  await vi.advanceTimersByTimeAsync(100)
  scope.stop()
  await vi.advanceTimersByTimeAsync(1000)
  expect(waiting.length).toBe(4)
})

test('limits are previewed as those of the channel; none delete nothing', async () => {
  let items: unknown[] = []
  const asked = serve({ 'GET /api/retention/preview': () => ({ items, bytes: 0 }) })
  const { preview } = useServerSettings()
  expect(await preview({ max_age_days: null, max_count: null, max_bytes: null }, 7)).toBeNull()
  expect(asked).toEqual([])
  expect(await preview({ max_age_days: null, max_count: 2, max_bytes: null }, 7)).toBeNull()
  expect(new URL(asked[0]!.url).search).toBe('?max_count=2&streamer_id=7')
  items = [{}]
  expect((await preview({ max_age_days: 1, max_count: null, max_bytes: 5 }))?.items.length).toBe(1)
  expect(new URL(asked[1]!.url).search).toBe('?max_age_days=1&max_bytes=5')
})

test('settings go into the form and come out as they were', () => {
  const settings: ServerSettings = {
    channel_check_seconds: 60, channel_linger_seconds: 300, filename_template: '{channel}', container: 'ts', max_age_days: null, max_count: 5,
    max_bytes: 10 * 1024 ** 3, disk_floor_bytes: 1024 ** 3, twitch_client_id: 'id', has_twitch_client_secret: true, public_url: 'https://rec.test',
    twitch: { state: 'ok', message: '' }, eventsub: { state: 'off', message: '', subscriptions: 0 },
  }
  const { twitch, eventsub, has_twitch_client_secret, ...plain } = settings
  expect([twitch, eventsub, has_twitch_client_secret]).toHaveLength(3)
  expect(patchOf(settingsForm(settings))).toEqual(plain)
  expect(patchOf({ ...settingsForm(settings), secret: ' s ' })).toEqual({ ...plain, twitch_client_secret: 's' })
  const odd = { ...settings, max_bytes: 1_500_000_000 }
  expect(changesOf({ ...settingsForm(odd), check: '30' }, odd)).toEqual({ channel_check_seconds: 30 })
  expect(Object.values(settingsTrouble(settingsForm(settings))).every((trouble) => trouble === null)).toBe(true)
  expect(settingsTrouble({ ...settingsForm(settings), check: '9', floor: '' })).toMatchObject({ check: expect.any(String), floor: expect.any(String) })
})
