/** What a change of a field means for the chain of what runs afterwards. */
export interface FieldRule {
  /** Whoever changes it answers for the code that runs. */
  readonly choosesCode: boolean
  readonly reason: string
}

/** Fields by name; one that is not listed chooses code. */
export type FieldRules = Readonly<Record<string, FieldRule>>

/** A field whose writer answers for what runs. */
export function chooses(reason: string): FieldRule {
  return { choosesCode: true, reason }
}

/** A field that says where, when or how much runs, and never what. */
export function neutral(reason: string): FieldRule {
  return { choosesCode: false, reason }
}

/** Whether a change of a field of that name chooses code: one that is not known does. */
export function choosesCode(rules: FieldRules, name: string): boolean {
  return !Object.hasOwn(rules, name) || rules[name]?.choosesCode !== false
}
