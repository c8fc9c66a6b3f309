/** Weeks of use, written into the database of a server that is not running: checks, recordings, and what the proxies did. */
import { copyFileSync, truncateSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Recording, Server } from './server.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The same figures each time. */
function dice(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648
}
const quote = (text: string | null) => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`)

/** What each proxy usually takes, and how often it fails. */
const USUAL: [ms: number, failing: number][] = [[92, 0.002], [118, 0.01], [141, 0.015], [204, 0.03], [177, 0.12], [233, 0], [318, 0.02]]
const USED = [[64, 1, 148], [41, 2, 96], [22, 1, 51], [6, 1, 11], [9, 4, 8], [0, 0, 0], [3, 0, 4]]

interface Old {
  url: string
  title: string | null
  status: string
  ago: number
  hours: number
  gigabytes: number
  failovers: number
  error?: string
}
const OLD: Old[] = [
  { url: 'https://www.twitch.tv/gamesdonequick', title: 'Summer Games Done Quick, day 3', status: 'completed', ago: 5, hours: 3.4, gigabytes: 9.2, failovers: 4 },
  { url: 'https://www.twitch.tv/nasa', title: 'Cargo ship docking, live', status: 'completed', ago: 22, hours: 2.1, gigabytes: 4.8, failovers: 0 },
  { url: 'https://www.youtube.com/@lofi/live', title: null, status: 'stopped', ago: 31, hours: 0.7, gigabytes: 0.9, failovers: 1 },
  { url: 'https://www.twitch.tv/chessclub', title: 'Titled Tuesday, late', status: 'completed', ago: 46, hours: 4.2, gigabytes: 10.4, failovers: 0 },
  { url: 'https://www.twitch.tv/harbourcam', title: 'Harbour camera', status: 'failed', ago: 60, hours: 0, gigabytes: 0, failovers: 0, error: 'no route for 10 minutes: all proxies were down' },
  { url: 'https://www.twitch.tv/orchestra', title: 'Open rehearsal: Sibelius 5', status: 'interrupted', ago: 75, hours: 1.3, gigabytes: 2.6, failovers: 1, error: 'the server ended while it recorded; the stream was over when it came back' },
]

/** `real` is a recording that is there: its file, and what cannot be made up, is taken from it. Answers with the id of the one that has most to show. */
const COLUMNS =
  'id, streamer_id, url, url_encrypted, title, quality, tags, status, started_at, ended_at, path, bytes, duration_s, via, failovers, segments_lost, seconds_lost, error, resume_encrypted'

export function history(server: Server, real: Recording, masked: readonly string[]): string {
  const now = Date.now()
  const at = (ms: number) => `'${new Date(ms).toISOString().replace('Z', '+00:00')}'`
  const random = dice(7)
  const lines = ['BEGIN;']
  for (const [n, [usual, failing]] of USUAL.entries()) {
    const rows: string[] = []
    for (let back = 24 * 60; back > 4; back -= 5) {
      // A bad quarter of an hour for one, and now and then a failure for each.
      const failed = random() < failing || (n === 1 && back > 400 && back < 425) || (n === 4 && back < 200)
      const wave = 1 + 0.25 * Math.sin(back / 90 + n) + (random() - 0.5) * 0.3
      const ms = Math.round(usual * wave)
      const when = at(now - back * MINUTE - Math.round(random() * 20_000))
      rows.push(failed
        ? `(${n + 1}, ${when}, 'failed', NULL, ${quote(n === 4 ? '407 from the proxy: wrong user or password' : 'no answer to CONNECT in 10 s')}, 12, NULL, NULL, NULL, 'schedule')`
        : `(${n + 1}, ${when}, ${quote(n === 3 ? 'degraded' : 'healthy')}, ${ms}, ${quote(n === 3 ? 'the target answered 403' : null)}, ${Math.round(ms * 0.15)}, ${Math.round(ms * 0.3)}, ${Math.round(ms * 0.3)}, ${Math.round(ms * 0.25)}, 'schedule')`)
    }
    lines.push(`INSERT INTO proxy_checks (proxy_id, at, status, response_time_ms, error, connect_ms, proxy_ms, tls_ms, first_byte_ms, "trigger") VALUES ${rows.join(',')};`)
    const [total, failedOnes, gigabytes] = USED[n] as [number, number, number]
    lines.push(`UPDATE proxy_settings SET total_recordings = ${total}, failed_recordings = ${failedOnes}, bytes_down = ${gigabytes * 1e9}, bytes_up = ${gigabytes * 11e6}, created_at = ${at(now - (40 - n * 3) * 24 * HOUR)}${n === 4 ? '' : `, average_response_time_ms = ${usual}`} WHERE id = ${n + 1};`)
  }
  // What the setting-up wrote is as old as the rest.
  lines.push(`UPDATE events SET at = ${at(now - 40 * 24 * HOUR)};`)

  // As the server makes them: the time first, so that they are in its order.
  const old = (n: number) => `${Math.round(now - OLD[n]!.ago * HOUR).toString(16).padStart(12, '0')}7000800000000000000${n}`
  for (const [n, recording] of OLD.entries()) {
    const started = now - recording.ago * HOUR
    const ended = started + recording.hours * HOUR
    const name = `${new URL(recording.url).pathname.split('/')[1]!.replace('@', '')} ${new Date(started).toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '-')}.ts`
    const path = join(dirname(real.path!), name)
    if (recording.gigabytes > 0) {
      // As large as its row says, or it would be taken for another's file; a hole takes no room.
      copyFileSync(real.path!, path)
      truncateSync(path, recording.gigabytes * 1e9)
    }
    const via = recording.gigabytes === 0 ? null : masked[0]!
    lines.push(`INSERT INTO recordings (${COLUMNS}) SELECT ${quote(old(n))}, NULL, ${quote(recording.url)}, url_encrypted, ${quote(recording.title)}, 'best', '[]', ${quote(recording.status)}, ${at(started)}, ${at(ended)}, ${quote(path)}, ${recording.gigabytes * 1e9}, ${recording.hours * 3600}, ${quote(via)}, ${recording.failovers}, ${n === 0 ? 12 : 0}, ${n === 0 ? 24 : 0}, ${quote(recording.error ?? null)}, NULL FROM recordings WHERE id = ${quote(real.id.replaceAll('-', ''))};`)
    const ways = n === 0 ? [0, 1, 0, 2, 1] : recording.failovers ? [1, 0] : recording.gigabytes ? [0] : []
    const whole = ended - started
    const cuts = n === 0 ? [0, 0.22, 0.41, 0.68, 0.83, 1] : ways.map((_, i) => i / ways.length).concat(1)
    const why = ['proxy refused the connection', 'a better proxy is back', 'no answer to CONNECT in 10 s', 'did not answer while another proxy did']
    for (const [i, way] of ways.entries()) {
      const last = i === ways.length - 1
      const share = cuts[i + 1]! - cuts[i]!
      lines.push(`INSERT INTO recording_routes VALUES (${quote(old(n))}, ${i}, ${way + 1}, ${quote(masked[way]!)}, ${at(started + whole * cuts[i]!)}, ${at(started + whole * cuts[i + 1]!)}, ${Math.round(share * recording.gigabytes * 1e9)}, ${quote(last ? null : why[i % why.length]!)});`)
    }
    if (n === 0) {
      for (const [i, [share, segments, cause]] of ([[0.41, 2, 'route'], [0.6, 3, 'origin'], [0.83, 7, 'route']] as const).entries()) {
        lines.push(`INSERT INTO recording_gaps VALUES (${quote(old(n))}, ${i}, ${at(started + whole * share)}, ${segments}, ${segments * 2}, '${cause}', ${cause === 'route' ? 1 : 'NULL'}, ${cause === 'route' ? quote(masked[0]!) : 'NULL'}, FALSE);`)
      }
      for (const [i, [from, to]] of ([[0, 0.41], [0.412, 1]] as const).entries()) {
        lines.push(`INSERT INTO recording_parts VALUES (${quote(old(n))}, ${i}, 'recordings/gamesdonequick ${i + 1}.ts', ${at(started + whole * from)}, ${at(started + whole * to)}, ${Math.round((to - from) * recording.gigabytes * 1e9)});`)
      }
    }
  }
  lines.push('COMMIT;')
  server.sql(lines.join('\n'))
  const found = old(0)
  return `${found.slice(0, 8)}-${found.slice(8, 12)}-${found.slice(12, 16)}-${found.slice(16, 20)}-${found.slice(20)}`
}
