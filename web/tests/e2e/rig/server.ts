/** One `holdfast serve`, as a person would start it: asked over HTTP, killed, and started again on the same port and data. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Schema } from '../../../src/api/client.ts'
import { authority, holdfast, streamlink } from './programs.ts'
import { Program } from './process.ts'

export type Proxy = Schema['Proxy']
export type Recording = Schema['Recording']
export type Channel = Schema['Streamer']

export const DEFAULTS = {
  enable_proxy: true,
  proxy_health_check_enabled: true,
  proxy_health_check_interval_seconds: 300,
  proxy_max_consecutive_failures: 3,
  fallback_to_direct_connection: true,
}

export class Server {
  private program!: Program
  private address = '127.0.0.1:0'
  readonly data = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'))

  private constructor(private readonly checkUrl: string) {}

  static async start(checkUrl: string): Promise<Server> {
    const server = new Server(checkUrl)
    await server.start()
    return server
  }

  /** The first time on any free port, later on the same. */
  async start(): Promise<void> {
    const ca = authority()
    const args = ['serve', '--listen', this.address, '--data-dir', this.data, '--check-url', this.checkUrl, '--streamlink', streamlink]
    this.program = Program.start(holdfast, args, { SSL_CERT_FILE: ca, REQUESTS_CA_BUNDLE: ca, TZ: 'UTC' })
    const [, address] = await this.program.says(/^listening on http:\/\/(\S+)$/m)
    this.address = address!
  }
  /** Without a chance to say goodbye. */
  kill(): Promise<void> {
    return this.program.kill()
  }
  stop(): Promise<void> {
    return this.program.kill('SIGTERM')
  }
  async close(): Promise<void> {
    await this.stop()
    rmSync(this.data, { recursive: true, force: true })
  }

  get url(): string {
    return `http://${this.address}`
  }
  get log(): string {
    return this.program.log
  }

  async call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const answer = await fetch(this.url + path, { method, ...sent })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return JSON.parse(text) as T
  }

  async add(proxy: { url: string }, more: Partial<Pick<Proxy, 'label' | 'tags' | 'priority' | 'enabled'>> = {}): Promise<number> {
    const added = await this.call<{ proxy_id: number }>('POST', '/api/proxy/add', { proxy_url: proxy.url, ...more })
    return added.proxy_id
  }
  async proxies(): Promise<Proxy[]> {
    return (await this.call<{ proxies: Proxy[] }>('GET', '/api/proxy/list')).proxies
  }
  proxy(id: number): Promise<Proxy> {
    return this.call('GET', `/api/proxy/${id}`)
  }
  configure(change: Partial<typeof DEFAULTS>): Promise<unknown> {
    return this.call('PUT', '/api/proxy/config', change)
  }
  record(url: string): Promise<Recording> {
    return this.call('POST', '/api/recordings', { url })
  }
  recording(id: string): Promise<Recording> {
    return this.call('GET', `/api/recordings/${id}`)
  }

  /** As it was before anybody used it, but for its log. */
  async reset(): Promise<void> {
    const channels = await this.call<{ items: Channel[] }>('GET', '/api/streamers')
    for (const { id } of channels.items) await this.call('DELETE', `/api/streamers/${id}`)
    const { items } = await this.call<{ items: Recording[] }>('GET', '/api/recordings/active')
    for (const { id } of items) await this.call('POST', `/api/recordings/${id}/stop`)
    for (const { id } of await this.proxies()) await this.call('DELETE', `/api/proxy/${id}`)
    await this.configure(DEFAULTS)
    await this.call('PUT', '/api/settings', { channel_check_seconds: 60, channel_linger_seconds: 300, container: 'ts', max_age_days: null, max_count: null, max_bytes: null, twitch_client_id: null })
  }

  /** Changes its database behind its back, while it is not running. Python is here for Streamlink, and knows SQLite. */
  sql(script: string): void {
    const run = 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.stdin.read()); db.commit()'
    execFileSync('python3', ['-c', run, join(this.data, 'holdfast.db')], { input: script })
  }
}
