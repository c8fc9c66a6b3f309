/**
 * The server's rules for proxy URLs, for advice while somebody types. The server has the last word; here a wrong URL is
 * refused before it is sent, with the same reasons.
 */
export const SCHEMES = ['http', 'https', 'socks5', 'socks5h'] as const
export type Scheme = (typeof SCHEMES)[number]

export interface ProxyUrlParts {
  scheme: Scheme
  host: string
  port: string
  user: string
  password: string
}

export const DEFAULT_PORTS: Record<Scheme, number> = { http: 80, https: 443, socks5: 1080, socks5h: 1080 }

export type Verdict = { ok: true; parts: ProxyUrlParts } | { ok: false; why: string }

const refuse = (why: string): Verdict => ({ ok: false, why })

/** What is wrong with it, or what it consists of. */
export function readProxyUrl(text: string): Verdict {
  const url = text.trim()
  if (url === '') return refuse('Enter the address of the proxy, such as http://proxy.example:3128')
  if (/\s/.test(url)) return refuse('A proxy URL has no spaces')
  const split = /^([a-z0-9+.-]+):\/\/(.*)$/i.exec(url)
  if (!split) return refuse('Begin with http://, https://, socks5:// or socks5h://')
  const scheme = split[1]!.toLowerCase() as Scheme
  if (!SCHEMES.includes(scheme)) return refuse(`${scheme}:// is not possible: use http://, https://, socks5:// or socks5h://`)
  const rest = split[2]!.replace(/\/$/, '')
  if (/[/?#]/.test(rest)) {
    return refuse('Nothing may follow the port. A /, ? or # in a password is written as %2F, %3F or %23')
  }
  const at = rest.lastIndexOf('@')
  const credentials = at < 0 ? '' : rest.slice(0, at)
  if (credentials.includes('@')) return refuse('An @ in a user name or password is written as %40')
  if (/%(?![0-9a-f]{2})/i.test(credentials)) return refuse('A % in a user name or password is written as %25')
  if (at === 0) return refuse('There is no user name before the @')
  const colon = credentials.indexOf(':')
  const user = decode(colon < 0 ? credentials : credentials.slice(0, colon))
  const password = decode(colon < 0 ? '' : credentials.slice(colon + 1))
  if (user === null || password === null) return refuse('User name and password must be UTF-8 behind their % signs')
  return readHost(rest.slice(at + 1), { scheme, user, password })
}

function readHost(text: string, known: Omit<ProxyUrlParts, 'host' | 'port'>): Verdict {
  if (!text.startsWith('[') && (text.match(/:/g)?.length ?? 0) > 1) return refuse('An IPv6 address stands in brackets: [2001:db8::1]:3128')
  const split = text.startsWith('[') ? /^(\[[^\]]*\])(?::(.*))?$/.exec(text) : /^([^:]*)(?::(.*))?$/.exec(text)
  if (!split) return refuse('An IPv6 address stands in brackets: [2001:db8::1]:3128')
  const [, host = '', port = ''] = split
  if (host === '') return refuse('The host is missing')
  const v6 = /^\[[0-9a-f:.]*:[0-9a-f:.]*\]$/i
  if (host.startsWith('[') ? !v6.test(host) : /[^\p{L}\p{N}._-]/u.test(host)) return refuse(`${host} is not the name or address of a host`)
  if (text.endsWith(':')) return refuse('The port is missing after the colon')
  if (port !== '' && (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)) {
    return refuse('The port is a number from 1 to 65535')
  }
  return { ok: true, parts: { ...known, host, port } }
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/** The URL again, with user and password encoded. */
export function writeProxyUrl({ scheme, host, port, user, password }: ProxyUrlParts): string {
  const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const credentials = user === '' ? '' : `${encode(user)}${password === '' ? '' : `:${encode(password)}`}@`
  return `${scheme}://${credentials}${host}${port === '' ? '' : `:${port}`}`
}

const TAG = /^[A-Za-z0-9_.:-]{1,64}$/

/** What is wrong with these tags, if anything is. */
export function tagTrouble(tags: readonly string[]): string | null {
  const wrong = tags.find((tag) => !TAG.test(tag))
  if (wrong !== undefined) return `“${wrong}” is no tag: letters, digits, _ . : and - only, 64 at most`
  return tags.length > 32 ? 'At most 32 tags' : null
}
export const readTags = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))]
