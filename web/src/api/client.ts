/** The one way to the API. A refusal becomes an `ApiError` whose message is the server's own sentence. */
import createClient, { type ClientMethod } from 'openapi-fetch'
import type { components, paths } from './schema'

export type Schema = components['schemas']
export type { ClientMethod }

/** What the server said when it refused, or that it could not be reached (status 0). */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

const UNREACHABLE = 'The server does not answer. Is it running?'

export const api = createClient<paths>({
  // Looked up at each call, so that a test may put its own in place.
  fetch: (request) => globalThis.fetch(request),
  baseUrl: typeof location === 'undefined' ? 'http://localhost' : location.origin,
})

/** Unwraps an answer: its data, or an `ApiError` thrown. */
export async function call<T>(answer: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let got
  try {
    got = await answer
  } catch {
    throw new ApiError(UNREACHABLE, 0)
  }
  if (got.response.ok) return got.data as T
  throw new ApiError(sentence(got.error) ?? `The server answered ${got.response.status}.`, got.response.status)
}

function sentence(problem: unknown): string | undefined {
  if (typeof problem !== 'object' || problem === null || !('detail' in problem)) return undefined
  const { detail } = problem
  if (typeof detail !== 'string' || detail === '') return undefined
  // A sentence, unless it begins with an address.
  return /^[a-z]+:\/\//.test(detail) ? detail : detail.charAt(0).toUpperCase() + detail.slice(1)
}

/** What to tell a person about anything that was thrown. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
