import type { CallerAnswer } from './caller-answer.ts'
import type { CallerConnection } from './caller-connection.ts'
import type { CallerRequest } from './caller-request.ts'

/** A request that is being served, with what it is answered on. */
export interface Served {
  readonly request: CallerRequest
  readonly answer: CallerAnswer
  readonly connection: CallerConnection
}
