import type { ConditionInput } from './condition-input.ts'

/** The `when` of a rule, ready to be asked. */
export interface RuleCondition {
  /** As it was written. */
  readonly source: string
  /** Whether it looks at the time, so that its answer changes by itself. */
  readonly readsTime: boolean
  /** Whether it holds; undefined where it cannot be told. Never throws. */
  holds(input: ConditionInput): boolean | undefined
}
