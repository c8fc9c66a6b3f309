/** Channels: added by a person, recorded by themselves, and the settings that concern their files. */
import { fits, sound } from './rig/looks.ts'
import { expect, test } from './rig/test.ts'
import type { Channel, Recording } from './rig/server.ts'

const name = (what: string) => `${what}-${process.env.TEST_WORKER_INDEX}-${Date.now()}`

test('a channel is added by mouse, goes live and is recorded, is switched off and removed', async ({ page, server, origin, kit, watch }) => {
  watch.allow(/status of 400/)
  await server.add(await kit.proxy())
  await page.goto('/channels')
  await page.getByRole('button', { name: 'Add your first channel' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Add channel' }).click()
  await expect(dialog.getByText('Enter the name of a Twitch channel or an address')).toBeVisible()
  await dialog.getByLabel('Name or address').fill(origin.stream(name('channel')))
  await dialog.getByText('More', { exact: true }).click()
  await dialog.getByLabel('Shown as').fill('The channel')
  await dialog.getByLabel('Options for Streamlink').fill('--player=sh')
  await dialog.getByRole('button', { name: 'Add channel' }).click()
  await expect(dialog.getByRole('alert')).toContainText('--player')
  await dialog.getByLabel('Options for Streamlink').fill('')
  await dialog.getByRole('button', { name: 'Add channel' }).click()
  await expect(dialog).toBeHidden()

  const row = page.getByRole('listitem').filter({ hasText: 'The channel' })
  await expect(row).toContainText('Recording', { timeout: 60_000 })
  const active = async () => (await server.call<{ items: Recording[] }>('GET', '/api/recordings/active')).items[0]?.bytes ?? 0
  await expect.poll(active, { timeout: 40_000 }).toBeGreaterThan(0)
  await row.getByRole('button', { name: 'More for The channel' }).click()
  await page.getByRole('menuitem', { name: 'Show the recording' }).click()
  await expect(page).toHaveURL(/\/recordings\//)
  await page.goBack()

  const toggle = page.getByRole('switch', { name: 'Record The channel when it is live' })
  await toggle.press('Space')
  await expect(toggle).not.toBeChecked()
  await expect.poll(async () => (await server.call<{ items: Channel[] }>('GET', '/api/streamers')).items[0]?.record).toBe(false)
  await row.getByRole('button', { name: 'More for The channel' }).click()
  await page.getByRole('menuitem', { name: 'Remove' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove channel' }).click()
  await expect(page.getByText('No channels yet')).toBeVisible()
})

test('what another window adds and changes is shown', async ({ page, server }) => {
  await page.goto('/channels')
  await expect(page.getByText('No channels yet')).toBeVisible()
  const added = await server.call<Channel>('POST', '/api/streamers', { username: 'somebody', record: false })
  const row = page.getByRole('listitem').filter({ hasText: 'somebody' })
  await expect(row).toBeVisible()
  await server.call('PATCH', `/api/streamers/${added.id}`, { display_name: 'Somebody else' })
  await expect(page.getByRole('listitem').filter({ hasText: 'Somebody else' })).toBeVisible()
  await server.call('DELETE', `/api/streamers/${added.id}`)
  await expect(page.getByText('No channels yet')).toBeVisible()
})

test('limits of a channel are shown what they delete before they are saved, and delete it then', async ({ page, server, origin, kit }, info) => {
  info.setTimeout(150_000)
  await server.add(await kit.proxy())
  await expect.poll(async () => (await server.proxies())[0]?.health_status).toBe('healthy')
  const { id } = await server.call<Channel>('POST', '/api/streamers', { url: origin.stream(name('limits')), display_name: 'Limited', record: false })
  const recordings: string[] = []
  for (let n = 0; n < 2; n += 1) {
    const begun = await server.call<Recording>('POST', '/api/recordings', { streamer_id: id })
    await expect.poll(async () => (await server.recording(begun.id)).bytes, { timeout: 40_000 }).toBeGreaterThan(0)
    await server.call('POST', `/api/recordings/${begun.id}/stop`)
    await expect.poll(async () => (await server.recording(begun.id)).ended_at, { timeout: 30_000 }).not.toBeNull()
    recordings.push(begun.id)
  }
  const left = async () => (await server.call<{ items: Recording[] }>('GET', `/api/recordings?streamer_id=${id}`)).items.map((recording) => recording.id)
  const limits = async () => {
    const { max_age_days, max_count, max_bytes } = await server.call<Channel>('GET', `/api/streamers/${id}`)
    return [max_age_days, max_count, max_bytes]
  }
  await page.goto('/channels')
  const dialog = page.getByRole('dialog')
  const edit = async () => {
    await page.getByRole('button', { name: 'More for Limited' }).click()
    await page.getByRole('menuitem', { name: 'Edit' }).click()
    await dialog.getByText('More', { exact: true }).click()
  }
  await edit()
  await dialog.getByLabel('Use at most').fill('0')
  await expect(dialog.getByText('A number from 0.01')).toBeVisible()
  await dialog.getByLabel('Use at most').fill('20.5')
  await dialog.getByLabel('Delete after').fill('30')
  // Nothing is as old or as large as that: it is saved at once.
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog).toBeHidden()
  expect(await limits()).toEqual([30, null, 20.5 * 1024 ** 3])

  await edit()
  await expect(dialog.getByLabel('Use at most')).toHaveValue('20.5')
  await dialog.getByLabel('Keep the newest').fill('1')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog.getByRole('alert')).toContainText('delete 1 recording (')
  const doomed = dialog.getByRole('list', { name: 'Recordings that are deleted' }).getByRole('listitem')
  await expect(doomed).toHaveText([/more than 1 recordings, the channel's limit/])
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme })
    await sound(page, `what a limit deletes, ${colorScheme}`)
  }
  // Another limit is another question; and who does not want it loses nothing.
  await dialog.getByLabel('Keep the newest').fill('2')
  await expect(doomed).toHaveCount(0)
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  expect([await limits(), await left()]).toEqual([[30, null, 20.5 * 1024 ** 3], recordings.toReversed()])

  await page.setViewportSize({ width: 390, height: 844 })
  await edit()
  await dialog.getByLabel('Keep the newest').fill('1')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(doomed).toHaveCount(1)
  await fits(page)
  await dialog.getByRole('button', { name: 'Save and delete' }).click()
  await expect(dialog).toBeHidden()
  await expect.poll(left).toEqual([recordings[1]])
  expect(await limits()).toEqual([30, 1, 20.5 * 1024 ** 3])
})

test('settings are saved, impossible ones are not, and what the server refuses is told', async ({ page, server, watch }) => {
  watch.allow(/status of 400/)
  await page.goto('/channels')
  const settings = page.getByRole('region', { name: 'Recording settings' })
  const save = settings.getByRole('button', { name: 'Save' })
  await expect(settings.getByLabel('Look every')).toHaveValue('60')
  await expect(save).toBeDisabled()
  await settings.getByLabel('Look every').fill('5')
  await expect(settings.getByText('A whole number from 10 to 3,600')).toBeVisible()
  await expect(save).toBeDisabled()
  await settings.getByLabel('Look every').fill('30')
  await settings.getByLabel('File name').fill('{nonsense}')
  await save.click()
  await expect(settings.getByRole('alert')).toContainText('{channel}')
  await settings.getByLabel('File name').fill('{channel}/{date} {title} [{id}]')
  await settings.getByLabel('Keep the newest').fill('1000')
  await save.click()
  const stored = async () => {
    const now = await server.call<Record<string, unknown>>('GET', '/api/settings')
    return [now.channel_check_seconds, now.max_count]
  }
  await expect.poll(stored).toEqual([30, 1000])
  await expect(save).toBeDisabled()
})

test('a file name is shown while its template is typed, in the settings and for a channel', async ({ page, server, watch }) => {
  watch.allow(/status of 400/)
  await page.goto('/channels')
  const settings = page.getByRole('region', { name: 'Recording settings' })
  const shown = settings.getByTestId('filename')
  await expect(shown).toHaveText(/^Channel\/\d{4}-\d\d-\d\d Title of the stream \[[0-9a-f]{8}\]\.ts$/)
  await settings.getByLabel('File name').fill('{channel} {titel}')
  await expect(settings.getByLabel('File name')).toHaveAccessibleDescription(/no placeholder \{titel\}: there are \{channel\}/)
  await expect(shown).toBeHidden()
  await settings.getByLabel('File name').fill('{channel}: {category}')
  await expect(settings.getByLabel('File name')).toHaveAccessibleDescription(/':', which not every file system allows/)
  await settings.getByLabel('File name').fill('{year}/{channel} {category}')
  await settings.getByLabel('Container').selectOption('mkv')
  await expect(shown).toHaveText(/^\d{4}\/Channel Category\.mkv$/)
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme })
    await sound(page, `a file name, ${colorScheme}`)
  }
  await settings.getByRole('button', { name: 'Undo' }).click()
  await expect(shown).toHaveText(/Title of the stream/)

  await page.setViewportSize({ width: 390, height: 844 })
  await page.getByRole('button', { name: 'Add your first channel' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name or address').fill('@Alice')
  await dialog.getByText('More', { exact: true }).click()
  await expect(dialog.getByTestId('filename')).toHaveText(/^alice\/.*Title of the stream .*\.ts$/)
  await dialog.getByLabel('Shown as').fill('Alice / live')
  await dialog.getByLabel('File name').fill('{channel}/{time}')
  await dialog.getByLabel('Container').selectOption('mp4')
  await expect(dialog.getByTestId('filename')).toHaveText(/^Alice _ live\/\d\d-\d\d-\d\d\.mp4$/)
  await fits(page)
  await dialog.getByLabel('File name').fill('{')
  await expect(dialog.getByText(/A brace in the filename template has no other/)).toBeVisible()
  expect((await server.call<{ items: Channel[] }>('GET', '/api/streamers')).items).toEqual([])
})
