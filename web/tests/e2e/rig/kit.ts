/** The test kit: proxies that break on command, something to check, something to record. */
import { authority, testkit } from './programs.ts'
import { Program } from './process.ts'

export type Kind = 'http' | 'https' | 'socks5'

/** A proxy in a process of its own. `user` makes it ask for user and password. */
export class KitProxy {
  private constructor(private program: Program, readonly kind: Kind, readonly port: number, readonly user: string, readonly password: string) {}

  static async start(kind: Kind = 'http', user = '', password = '', port = 0, args: string[] = []): Promise<KitProxy> {
    const login = user ? ['--user', user] : []
    const program = Program.start(testkit, ['proxy', '--kind', kind, '--listen', `127.0.0.1:${port}`, ...login, ...args], { TESTKIT_PASSWORD: password })
    const [, own] = await program.says(/^ready (\d+)$/m)
    return new KitProxy(program, kind, Number(own), user, password)
  }

  get url(): string {
    const login = this.user ? `${encodeURIComponent(this.user)}:${encodeURIComponent(this.password)}@` : ''
    return `${this.scheme}://${login}${this.host}:${this.port}`
  }
  /** As the page shows it. */
  get masked(): string {
    return `${this.scheme}://${this.user ? `${this.user}:***@` : ''}${this.host}:${this.port}`
  }
  private get scheme(): string {
    return this.kind === 'socks5' ? 'socks5h' : this.kind
  }
  private get host(): string {
    return this.kind === 'https' ? 'localhost' : '127.0.0.1'
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
    this.program = (await KitProxy.start(this.kind, this.user, this.password, this.port)).program
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
