import type { CallerAnswer } from './caller-answer.ts'
import type { ServedConnection } from './caller-handler.ts'
import type { CallerRequest } from './caller-request.ts'

/** A request that is being served, with what it is answered on. */
export interface Served {
  readonly request: CallerRequest
  readonly answer: CallerAnswer
  readonly connection: ServedConnection
}
