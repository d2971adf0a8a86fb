import { type Figures, PATHS } from './figures.ts'
import { addedMs, judge, toMegabytes, type Verdict } from './verdicts.ts'

/** A table for people. */
export function renderTable(figures: Figures): string {
  const { paths, sidecar, webhook, decisionsPerSecond, machine } = figures
  const rows = PATHS.map((path) => {
    const { p50Ms, p99Ms, rps16 } = paths[path]
    const added = path === 'direct' ? '' : number(addedMs(figures, path))
    return [path, number(p50Ms), added, number(p99Ms), number(rps16)]
  })
  const others = [
    ['durable decisions on one core', `${number(decisionsPerSecond)} /s`],
    ['sidecar ready after its start', `${number(sidecar.readyMs)} ms`],
    ['sidecar working set after load', megabytes(sidecar.workingSetMiB)],
    ['sidecar private memory after load', megabytes(sidecar.privateMiB)],
    ['sidecar RSS after load', megabytes(sidecar.rssMiB)],
    ['webhooks, mutate and validate, p50', `${number(webhook.p50Ms)} ms`],
    ['webhooks, mutate and validate, p99', `${number(webhook.p99Ms)} ms`],
  ]
  const verdicts = judge(figures).map(({ target, measured, unit, met }) => [
    met ? 'met' : 'MISSED',
    `${number(measured)} ${unit}`,
    target,
  ])
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}`,
    `Node ${machine.node}, Kubernetes ${machine.kubernetes}, ${machine.date}`,
    '',
    columns([['path', 'p50 ms', 'added', 'p99 ms', 'requests/s at 16'], ...rows]),
    '',
    columns(others),
    '',
    columns([['target', 'measured', ''], ...verdicts]),
    '',
  ].join('\n')
}

/** One JSON object a line, one for each figure; those with a target say how they stand to it. */
export function renderLines(figures: Figures): string {
  const { machine, ...measured } = figures
  const plain = flatten(measured).map(([figure, value]) => ({ figure, value }))
  const judged = judge(figures).map(({ target, measured: value, met }: Verdict) => ({
    target,
    // JSON has no infinity.
    value: Number.isFinite(value) ? value : null,
    met,
  }))
  return [...plain, ...judged, { machine }].map((line) => `${JSON.stringify(line)}\n`).join('')
}

function flatten(value: unknown, path = ''): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) =>
    flatten(inner, path === '' ? key : `${path}.${key}`),
  )
}

function megabytes(mebibytes: number): string {
  return `${number(toMegabytes(mebibytes))} MB`
}

/** Three digits that count are enough for what differs by some per cent from run to run. */
function number(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

/** Pads to columns; those that hold numbers are aligned to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const last = rows.at(-1) ?? []
  const shape = last.map((cell, index) => ({
    width: Math.max(...rows.map((row) => row[index]?.length ?? 0)),
    isNumber: /^-?\d/.test(cell),
  }))
  return rows
    .map((row) =>
      shape
        .map(({ width, isNumber }, index) => {
          const cell = row[index] ?? ''
          return isNumber ? cell.padStart(width) : cell.padEnd(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
