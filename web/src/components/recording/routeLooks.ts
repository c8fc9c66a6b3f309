/** The colours of routes by their place: whole names, because only what is written out is built. */
import type { Way } from '@/lib/timeline'

const FILLS = ['fill-route-1', 'fill-route-2', 'fill-route-3', 'fill-route-4', 'fill-route-5', 'fill-route-6']
const STROKES = ['stroke-route-1', 'stroke-route-2', 'stroke-route-3', 'stroke-route-4', 'stroke-route-5', 'stroke-route-6']

/** Direct is no proxy and has the colour of none. */
export const fillOf = ({ look }: Pick<Way, 'look'>): string => (look === null ? 'fill-idle' : FILLS[look]!)
export const strokeOf = ({ look }: Pick<Way, 'look'>): string => (look === null ? 'stroke-idle' : STROKES[look]!)
