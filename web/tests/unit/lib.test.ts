/** Figures in words, and the rules for proxy URLs. */
import { expect, test } from 'vitest'
import { bytes, duration, percent, relative, responseTime } from '@/lib/format'
import { readProxyUrl, readTags, tagTrouble, writeProxyUrl } from '@/lib/proxyUrl'

test.each([
  [0, '0 B'], [999, '999 B'], [1000, '1.0 kB'], [999_949, '1.0 MB'], [1_234_567, '1.2 MB'], [123_456_789, '123 MB'], [5.5e12, '5.5 TB'],
])('%d bytes are %s', (n, text) => expect(bytes(n)).toBe(text))

test.each([[0, '0:00'], [61.9, '1:01'], [3723, '1:02:03'], [-1, '0:00']])('%d s are %s', (n, text) => expect(duration(n)).toBe(text))

test('times are told from now', () => {
  const now = 1e12
  const told = (s: number) => relative(now - s * 1000, now)
  expect([1, 30, 120, 7200, 3 * 86400, -600].map(told)).toEqual([
    'just now', '30 seconds ago', '2 minutes ago', '2 hours ago', '3 days ago', 'in 10 minutes',
  ])
})

test('shares and response times never promise too much', () => {
  expect([0, 0.001, 0.5, 0.999, 1].map(percent)).toEqual(['0 %', '<1 %', '50 %', '>99 %', '100 %'])
  expect([responseTime(123), responseTime(null), responseTime(null, true)]).toEqual(['123 ms', '–', 'Timeout'])
})

test.each([
  'http://h', 'https://h:443', 'socks5://1.2.3.4:1080', 'socks5h://u:p@h.example', 'HTTP://h:1', 'http://[::1]:8080', 'http://u@h', 'http://u:p%40@h:1/',
])('%s is a proxy', (url) => expect(readProxyUrl(url).ok).toBe(true))

test.each([
  ['', 'Enter'], ['h:80', 'Begin with'], ['ftp://h', 'ftp:// is not possible'], ['http://', 'host is missing'], ['http://:80', 'host is missing'],
  ['http://h:0', '1 to 65535'], ['http://h:65536', '1 to 65535'], ['http://h:x', '1 to 65535'], ['http://h:', 'port is missing'],
  ['http://h/x', 'Nothing may follow'], ['http://u:a@b@h', '%40'], ['http://u:5%@h', '%25'], ['http://::1:80', 'brackets'], ['http://a b', 'spaces'], ['http://[x]:1', 'not the name'],
])('%s is none', (url, why) => {
  const verdict = readProxyUrl(url)
  expect(verdict.ok ? 'taken' : verdict.why).toContain(why)
})

test('a URL in parts is the same URL again', () => {
  const url = 'socks5h://a%40b:p%3A%2F%25@h.example:1080'
  const verdict = readProxyUrl(url)
  if (!verdict.ok) throw new Error(verdict.why)
  expect(verdict.parts).toMatchObject({ user: 'a@b', password: 'p:/%' })
  expect(writeProxyUrl(verdict.parts)).toBe(url)
})

test('tags are words', () => {
  expect(readTags(' eu,  fast eu ')).toEqual(['eu', 'fast'])
  expect(tagTrouble(['eu', 'a:b.c-d_1'])).toBe(null)
  expect(tagTrouble(['ä'])).toContain('ä')
})
