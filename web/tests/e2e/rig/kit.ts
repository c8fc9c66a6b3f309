/** The test kit: proxies that break on command, something to check, something to record. */
import { authority, testkit } from './programs.ts'
import { Program } from './process.ts'

export type Kind = 'http' | 'https' | 'socks5'

export interface ProxyOptions {
  kind?: Kind
  /** Makes it ask for user and password. */
  user?: string
  password?: string
  listen?: string
  /** `NAME:PORT=ADDRESS:PORT`: where it leads instead. */
  map?: readonly string[]
}

/** A proxy in a process of its own. */
export class KitProxy {
  private constructor(private program: Program, private readonly options: ProxyOptions, readonly port: number) {}

  static async start(options: ProxyOptions = {}): Promise<KitProxy> {
    const { kind = 'http', user, password = '', listen = '127.0.0.1:0', map = [] } = options
    const more = [...(user ? ['--user', user] : []), ...map.flatMap((entry) => ['--map', entry])]
    const program = Program.start(testkit, ['proxy', '--kind', kind, '--listen', listen, ...more], { TESTKIT_PASSWORD: password })
    const [, port] = await program.says(/^ready (\d+)$/m)
    return new KitProxy(program, options, Number(port))
  }

  get url(): string {
    const { user, password = '' } = this.options
    const login = user ? `${encodeURIComponent(user)}:${encodeURIComponent(password)}@` : ''
    return `${this.scheme}://${login}${this.host}:${this.port}`
  }
  /** As the page shows it. */
  get masked(): string {
    return `${this.scheme}://${this.options.user ? `${this.options.user}:***@` : ''}${this.host}:${this.port}`
  }
  private get scheme(): string {
    return this.options.kind === 'socks5' ? 'socks5h' : (this.options.kind ?? 'http')
  }
  private get host(): string {
    // The name that its certificate is for.
    return this.options.kind === 'https' ? 'localhost' : (this.options.listen?.split(':')[0] ?? '127.0.0.1')
  }

  /** Such as `refuse`, `status 503`, `delay-ms 200`, `none`. */
  async fault(fault: string): Promise<void> {
    await this.program.ask(`fault ${fault}`)
  }
  heal(): Promise<void> {
    return this.fault('none')
  }
  /** The process is gone, and its connections with it. */
  kill(): Promise<void> {
    return this.program.kill()
  }
  /** On its old port, as it was. */
  async again(): Promise<void> {
    const host = this.options.listen?.split(':')[0] ?? '127.0.0.1'
    this.program = (await KitProxy.start({ ...this.options, listen: `${host}:${this.port}` })).program
  }
  close(): Promise<void> {
    return this.program.close()
  }
}

/** Something that health checks ask, or a live stream, both over TLS. */
export class KitServer {
  private constructor(private readonly program: Program, readonly port: number) {}

  static async start(what: 'target' | 'origin', args: string[] = []): Promise<KitServer> {
    authority()
    const program = Program.start(testkit, [what, ...args])
    // Media is made once, and that takes a while.
    const [, port] = await program.says(/^ready (\d+)$/m)
    return new KitServer(program, Number(port))
  }

  get checkUrl(): string {
    return `https://localhost:${this.port}/check`
  }
  /** A channel goes live with its first request. */
  stream(channel: string): string {
    return `hls://https://localhost:${this.port}/c/${channel}/live.m3u8`
  }
  ask(line: string): Promise<string> {
    return this.program.ask(line)
  }
  close(): Promise<void> {
    return this.program.close()
  }
}

/** A Twitch of our own: what proxies have to lead to it, the credentials of an application, and a hand on its channels. */
export class KitTwitch {
  private constructor(
    private readonly program: Program,
    private readonly about: { control: string; map: string[]; client_id: string; client_secret: string },
  ) {}

  static async start(): Promise<KitTwitch> {
    const program = Program.start(testkit, ['twitch', '--seconds', '120'])
    const [line] = await program.says(/^\{.*\}$/m)
    return new KitTwitch(program, JSON.parse(line) as KitTwitch['about'])
  }

  get map(): readonly string[] {
    return this.about.map
  }
  get credentials(): { twitch_client_id: string; twitch_client_secret: string } {
    return { twitch_client_id: this.about.client_id, twitch_client_secret: this.about.client_secret }
  }
  /** Such as `live`, `title`, `ads`, `end-ads`, `offline`, with its parameters. */
  async ask(verb: string, parameters: Record<string, string>): Promise<void> {
    const answer = await fetch(`${this.about.control}/${verb}?${new URLSearchParams(parameters)}`, { method: 'POST' })
    if (!answer.ok) throw new Error(`${verb}: ${await answer.text()}`)
  }
  close(): Promise<void> {
    return this.program.close()
  }
}
