/** The dialog for one proxy: credentials find their fields, and a stored password is not asked for without need. */
import { expect, test, vi } from 'vitest'
import { useProxyForm } from '@/composables/useProxyForm'
import { aProxy } from './fakes'

const nobody = () => Promise.reject(new Error('nobody asked'))

test('a pasted URL is taken apart and sent whole', async () => {
  const { form, split, errors, valid, asNew } = useProxyForm(null, nobody)
  form.address = 'http://a%40b:c%2Fd@h.example:3128'
  split()
  expect([form.address, form.user, form.password]).toEqual(['http://h.example:3128', 'a@b', 'c/d'])
  form.tags = 'eu, fast'
  expect([errors.value.tags, valid.value]).toEqual([null, true])
  expect(await asNew()).toEqual({ proxy_url: 'http://a%40b:c%2Fd@h.example:3128', priority: 0, label: '', tags: ['eu', 'fast'], enabled: true })
})

test('what is wrong is said for each field', () => {
  const { form, errors, valid } = useProxyForm(null, nobody)
  Object.assign(form, { address: 'ftp://h', password: 'x', priority: '-1', tags: 'ä' })
  expect(Object.values(errors.value).filter(Boolean).length).toBe(4)
  expect(valid.value).toBe(false)
})

test('a change beside the URL leaves the URL and its password alone', async () => {
  const { form, asChange } = useProxyForm(aProxy(1), nobody)
  form.label = 'one'
  expect(await asChange()).toEqual({ label: 'one', priority: 1, tags: [] })
})

test('another host keeps the stored password, which is asked for once', async () => {
  const reveal = vi.fn(() => Promise.resolve('http://u:s%40cret@p1.example:3128'))
  const { form, look, asChange } = useProxyForm(aProxy(1), reveal)
  form.address = 'http://other.example:3128'
  expect((await asChange()).proxy_url).toBe('http://u:s%40cret@other.example:3128')
  await look()
  expect(reveal).toHaveBeenCalledTimes(1)
})

test('another password is sent without looking at the stored one, and none means none', async () => {
  const { form, asChange } = useProxyForm(aProxy(1), nobody)
  form.password = 'new'
  expect((await asChange()).proxy_url).toBe('http://u:new@p1.example:3128')
  form.password = ''
  expect((await asChange()).proxy_url).toBe('http://u@p1.example:3128')
})
