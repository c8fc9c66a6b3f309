/** The words of the proxy pool, as the API's description has them. */
import type { Schema } from '@/api/client'

export type Proxy = Schema['Proxy']
export type Health = Schema['Health']
export type SystemStatus = Schema['SystemStatus']
export type NewProxy = Schema['NewProxy']
export type ProxyChange = Schema['EditProxy']
export type Imported = Schema['Imported']
export type Tested = Schema['Tested']
export type Phases = Schema['Phases']
export type Check = Schema['Check']
export type Drilled = Schema['Drilled']
export type Moved = Schema['Moved']
export type Config = Schema['Config']
export type ConfigPatch = Schema['ConfigPatch']

/** What a badge says: health, or that it is not in use. */
export type ProxyStatus = Health | 'disabled' | 'auto-disabled' | 'drill'

/** How a proxy is, for a person: one that is switched off is not judged. */
export function statusOf(proxy: Proxy, now = Date.now()): ProxyStatus {
  if (proxy.drill_until && Date.parse(proxy.drill_until) > now) return 'drill'
  if (proxy.auto_disabled) return 'auto-disabled'
  return proxy.enabled ? proxy.health_status : 'disabled'
}
