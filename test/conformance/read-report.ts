import { readFile } from 'node:fs/promises'
import type { Outcomes, SpecOutcome } from './compare-runs.ts'

/** What is read of Ginkgo's JSON report (`types.Report` of Ginkgo 2). */
interface GinkgoSpec {
  readonly ContainerHierarchyTexts?: readonly string[] | null
  readonly LeafNodeType: string
  readonly LeafNodeText: string
  readonly State: string
  /** Nanoseconds. */
  readonly RunTime: number
  readonly Failure?: { readonly Message?: string }
}

const NOT_RUN = ['skipped', 'pending']

/** What a report says of each spec that was run. Throws when there is none, or it is not Ginkgo's. */
export async function readReport(path: string): Promise<Outcomes> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Error(`There is no report of a run in ${path}`, { cause })
  })
  return parseReport(text)
}

/** The same from the text of a report. */
export function parseReport(text: string): Outcomes {
  const suites = JSON.parse(text) as readonly { readonly SpecReports?: readonly GinkgoSpec[] }[]
  if (!Array.isArray(suites)) throw new Error('This is no report of Ginkgo: it is not a list')
  const specs = suites.flatMap(({ SpecReports }) => SpecReports ?? [])
  const ran = specs.filter(
    ({ LeafNodeType, State }) => LeafNodeType === 'It' && !NOT_RUN.includes(State),
  )
  return new Map(ran.map((spec) => [specName(spec), outcomeOf(spec)]))
}

function specName({ ContainerHierarchyTexts, LeafNodeText }: GinkgoSpec): string {
  return [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' ')
}

function outcomeOf({ State, RunTime, Failure }: GinkgoSpec): SpecOutcome {
  const seconds = Math.round(RunTime / 1e8) / 10
  return { state: State, seconds, message: Failure?.Message ?? '' }
}
