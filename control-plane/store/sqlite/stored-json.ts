import { z } from 'zod'
import type { Via } from '../../../core/chain.ts'
import type { Visits } from '../../../core/chain-visits.ts'
import { Fault } from '../../../core/fault.ts'
import type { Touch } from '../workload-store.ts'

/* What is kept as JSON beside the records, checked whenever it is read. */

const viaList = z.array(z.object({ kind: z.string(), name: z.string() }))
const touches = z.array(
  z.object({ username: z.string(), atMs: z.number(), fields: z.array(z.string()) }),
)
const visits = z.object({
  visitors: z.array(
    z.object({
      username: z.string(),
      kinds: z.array(z.enum(['exec', 'attach', 'portforward', 'ephemeralcontainers', 'image'])),
      firstAtMs: z.number(),
      lastAtMs: z.number(),
      visits: z.number(),
      joined: z.boolean(),
    }),
  ),
  omitted: z.number(),
})

/** Throws `audit_unavailable` for what is no list of objects on a chain's way. */
export function parseViaList(text: string): readonly Via[] {
  return parse(viaList, text)
}

/** Throws `audit_unavailable` for what is no list of touches. */
export function parseTouches(text: string): readonly Touch[] {
  return parse(touches, text)
}

/** Throws `audit_unavailable` for what is no list of codes that were seen. */
export function parseSeenCodes(text: string): readonly string[] {
  return parse(z.array(z.string()), text)
}

/** Throws `audit_unavailable` for what does not say who reached into a pod. */
export function parseVisits(text: string): Visits {
  return parse(visits, text)
}

function parse<Value>(schema: z.ZodType<Value>, text: string): Value {
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new Fault('audit_unavailable', 'A row of the registry is damaged', { cause: error })
  }
}
