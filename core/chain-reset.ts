/** Resource of the objects by which somebody takes a closed chain upon themselves. */
export const CHAIN_RESETS = 'chainresets'

/** Which object a reset is for, as its author has seen it. */
export interface ChainResetTarget {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  /** metadata.generation: what was changed later was not looked at. */
  readonly generation: number
}
