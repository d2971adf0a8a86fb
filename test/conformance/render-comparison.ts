import type { Comparison, Difference } from './compare-runs.ts'

const MESSAGE_LINES_MAX = 6

/** What a person reads at the end of a run: figures, then each difference with its reason or its message. */
export function renderComparison(comparison: Comparison): string {
  const { kubernetes, ran, passedBoth, differences, failedDirectly, noLonger, passedAgain } =
    comparison
  const unknown = differences.filter(({ reason }) => reason === undefined)
  const known = differences.filter(({ reason }) => reason !== undefined)
  return [
    `Kubernetes ${kubernetes}: ${ran} specs ran`,
    `  ${passedBoth} passed directly and through the sidecar`,
    `  ${unknown.length} passed directly alone`,
    `  ${known.length} passed directly alone, which is known (docs/compatibility.md)`,
    `  ${failedDirectly.length} did not pass directly`,
    ...section('Passed directly alone:', unknown.flatMap(differenceLines)),
    ...section('Known:', known.flatMap(differenceLines)),
    ...section('Did not pass directly, which says nothing of Lanyard:', failedDirectly),
    ...section('Passed through the sidecar at the second attempt:', passedAgain),
    ...section('On the list of known differences, and passed: take them off', noLonger),
    '',
  ].join('\n')
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]
}

function differenceLines({ spec, message, reason }: Difference): readonly string[] {
  const text = reason ?? message
  const lines = text.trim().split('\n').slice(0, MESSAGE_LINES_MAX)
  return [spec, ...lines.map((line) => `  ${line}`)]
}
