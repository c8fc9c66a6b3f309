/**
 * What is typed into the dialog for one proxy, and what is wrong with it. Credentials that come with a pasted URL move into their own
 * fields. For a proxy that is there already the password is unknown until somebody asks for it, and is left alone if nobody types one.
 */
import { computed, reactive } from 'vue'
import { readProxyUrl, readTags, tagTrouble, writeProxyUrl } from '@/lib/proxyUrl'
import type { NewProxy, Proxy, ProxyChange } from '@/types/proxy'

export function useProxyForm(known: Proxy | null, reveal: (id: number) => Promise<string>) {
  const begin = known ? readProxyUrl(known.proxy_url) : null
  const parts = begin?.ok ? begin.parts : null
  const hasPassword = parts?.password === '***'
  const bare = parts ? writeProxyUrl({ ...parts, user: '', password: '' }) : ''

  const form = reactive({
    address: bare,
    user: parts?.user ?? '',
    /** null: the stored one, not looked at. */
    password: (hasPassword ? null : '') as string | null,
    priority: String(known?.priority ?? 0),
    label: known?.label ?? '',
    tags: (known?.tags ?? []).join(' '),
    enabled: known?.enabled ?? true,
  })
  const touched = reactive({ address: false })

  const verdict = computed(() => readProxyUrl(form.address))
  const errors = computed(() => ({
    address: verdict.value.ok ? null : verdict.value.why,
    user: form.user === '' && form.password ? 'A password needs a user name' : null,
    priority: /^\d{1,10}$/.test(form.priority.trim()) && Number(form.priority) <= 2147483647 ? null : 'A whole number, 0 or more',
    label: [...form.label].length > 200 ? 'At most 200 characters' : null,
    tags: tagTrouble(readTags(form.tags)),
  }))
  const valid = computed(() => Object.values(errors.value).every((error) => error === null))

  /** Moves credentials out of the address. */
  function split(): void {
    touched.address = true
    const now = verdict.value
    if (!now.ok || now.parts.user === '') return
    form.user = now.parts.user
    form.password = now.parts.password
    form.address = writeProxyUrl({ ...now.parts, user: '', password: '' })
  }
  /** The stored password; the server writes down that it was looked at. */
  async function look(): Promise<void> {
    if (!known || form.password !== null) return
    const whole = readProxyUrl(await reveal(known.id))
    if (whole.ok) form.password = whole.parts.password
  }
  async function url(): Promise<string> {
    split()
    if (form.password === null) await look()
    if (!verdict.value.ok) throw new Error(verdict.value.why)
    return writeProxyUrl({ ...verdict.value.parts, user: form.user, password: form.password ?? '' })
  }
  const rest = () => ({ priority: Number(form.priority), label: form.label.trim(), tags: readTags(form.tags) })

  const asNew = async (): Promise<NewProxy> => ({ proxy_url: await url(), ...rest(), enabled: form.enabled })
  async function asChange(): Promise<ProxyChange> {
    split()
    const same = form.address === bare && form.user === (parts?.user ?? '') && (form.password === null || (!hasPassword && form.password === ''))
    return same ? rest() : { ...rest(), proxy_url: await url() }
  }
  return { form, touched, errors, valid, hasPassword, split, look, asNew, asChange }
}
