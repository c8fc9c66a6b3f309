/** Watches every page of a test: no request to anybody else, nothing against the policy, no error in the console. */
import type { BrowserContext, Page } from '@playwright/test'

export class Watch {
  private readonly seen: string[] = []
  private readonly allowed: RegExp[] = []

  private readonly hosts: Set<string>

  constructor(host: string) {
    this.hosts = new Set([host])
  }
  /** Another server of the test. */
  also(host: string): void {
    this.hosts.add(host)
  }

  async over(context: BrowserContext): Promise<void> {
    context.on('request', (request) => this.request(request.url()))
    context.on('page', (page) => this.page(page))
    // Told by the browser itself, whether or not somebody listens to the console.
    await context.exposeFunction('tellViolation', (what: string) => this.note(`against the policy: ${what}`))
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        void (window as unknown as { tellViolation(what: string): void }).tellViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`)
      })
    })
  }
  private page(page: Page): void {
    page.on('console', (message) => {
      const { url } = message.location()
      if (['error', 'warning'].includes(message.type())) this.note(`console ${message.type()}: ${message.text()} (${url})`)
    })
    page.on('pageerror', (error) => this.note(`uncaught: ${error.stack ?? error.message}`))
    page.on('websocket', (socket) => this.request(socket.url()))
  }
  private request(address: string): void {
    const url = new URL(address)
    if (['data:', 'blob:', 'about:'].includes(url.protocol)) return
    if (!this.hosts.has(url.host)) this.note(`a request to ${url.host}: ${address}`)
  }
  private note(what: string): void {
    if (!this.allowed.some((pattern) => pattern.test(what))) this.seen.push(what)
  }

  /** What a test provokes on purpose, such as an answer 409: the browser itself writes a line for it. */
  allow(...patterns: RegExp[]): void {
    this.allowed.push(...patterns)
  }
  get complaints(): readonly string[] {
    return this.seen
  }
}
