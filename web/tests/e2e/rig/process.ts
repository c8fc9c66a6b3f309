/** A program that runs beside a test, with what it has said so far. Ended by its own handle, never by its name. */
import { spawn, type ChildProcess } from 'node:child_process'

export class Program {
  private out = ''
  private err = ''
  private readonly ends: Promise<void>
  private wake = new Set<() => void>()
  private over = false

  private constructor(private readonly child: ChildProcess, readonly name: string) {
    const tell = () => [...this.wake].forEach((run) => run())
    child.stdout?.on('data', (piece) => ((this.out += String(piece)), tell()))
    child.stderr?.on('data', (piece) => ((this.err = (this.err + String(piece)).slice(-200_000)), tell()))
    this.ends = new Promise<void>((done) => {
      child.once('error', (error) => ((this.err += String(error)), done()))
      child.once('close', () => done())
    }).then(() => ((this.over = true), tell()))
  }

  static start(path: string, args: readonly string[], env: Record<string, string> = {}): Program {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(HOLDFAST|TESTKIT)_|_PROXY$/i.test(name)))
    const child = spawn(path, args, { env: { ...clean, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    // A program that has ended takes no commands; whoever waits for its answer is told.
    child.stdin?.on('error', () => {})
    return new Program(child, `${path} ${args[0] ?? ''}`)
  }

  get log(): string {
    return this.err
  }

  /** The first match in what it wrote to standard output from `from` on. */
  async says(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const limit = AbortSignal.timeout(30_000)
    for (;;) {
      const match = pattern.exec(this.out.slice(from))
      if (match) return match
      if (this.over || limit.aborted) throw new Error(`${this.name} never said ${pattern}:\n${this.out}\n${this.err}`)
      await new Promise<void>((done) => {
        const run = () => (this.wake.delete(run), limit.removeEventListener('abort', run), done())
        this.wake.add(run)
        limit.addEventListener('abort', run)
      })
    }
  }

  /** Sends a line to its standard input and waits for the answer. */
  async ask(line: string): Promise<string> {
    const from = this.out.length
    this.child.stdin?.write(`${line}\n`)
    const [answer] = await this.says(/^.+$/m, from)
    if (answer.startsWith('error')) throw new Error(`${this.name}: ${line}: ${answer}`)
    return answer
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
  /** The end of its standard input, which ends a program of the test kit. */
  async close(): Promise<void> {
    this.child.stdin?.end()
    await this.ends
  }
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal)
    await this.ends
  }
}
