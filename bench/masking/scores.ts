import type { Sample } from './corpus.ts'

/** Whether a scanner says that there is a credential, for each text of a corpus by its id. */
export type Answers = ReadonlySet<string>

export interface Score {
  readonly name: string
  readonly found: number
  readonly of: number
  readonly falselyFound: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

/** Precision, recall and F1 of the answers to some texts; 0 where there is nothing to divide by. */
export function scoreOf(name: string, samples: readonly Sample[], answers: Answers): Score {
  const positives = samples.filter(({ secrets }) => secrets.length > 0)
  const found = positives.filter(({ id }) => answers.has(id)).length
  const falselyFound = samples.filter(
    ({ id, secrets }) => secrets.length === 0 && answers.has(id),
  ).length
  const precision = found + falselyFound === 0 ? 0 : found / (found + falselyFound)
  const recall = positives.length === 0 ? 0 : found / positives.length
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
  return { name, found, of: positives.length, falselyFound, precision, recall, f1 }
}

/** The same for each class: recall where it holds credentials, how many were taken for one where it holds none. */
export function scoresByClass(samples: readonly Sample[], answers: Answers): readonly Score[] {
  const names = [...new Set(samples.map((one) => one.class))]
  return names.map((name) =>
    scoreOf(
      name,
      samples.filter((one) => one.class === name),
      answers,
    ),
  )
}
