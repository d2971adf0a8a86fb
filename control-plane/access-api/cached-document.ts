import { createHash } from 'node:crypto'

/** A document that never changes while the process runs. */
export interface CachedDocument {
  readonly body: unknown
  /** Quoted, as the ETag header wants it. */
  readonly etag: string
  /** Lets a client keep an OpenAPI document of version 3 for ever. */
  readonly hash: string
}

/** A document with the hash of what it says: clients that have it already are told so. */
export function withHash(body: unknown): CachedDocument {
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex').toUpperCase()
  return { body, etag: `"${hash}"`, hash }
}
