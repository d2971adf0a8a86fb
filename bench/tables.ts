import {
  type Figures,
  type LoadedPaths,
  PATHS,
  type Parts,
  SESSION_PATHS,
  type SessionFigures,
} from './figures.ts'
import { describeNoise } from './noise.ts'
import { addedMs, judge, toMegabytes } from './verdicts.ts'

/** A table as rows of texts; the first row is the head. */
export interface Table {
  readonly title: string
  readonly rows: readonly (readonly string[])[]
  /** What must be known of it. */
  readonly notes: readonly string[]
}

const PROCESSES = ['sidecar', 'control plane', 'envoy', 'ext_authz', 'kube-apiserver']

/** Everything that was measured, as tables for people. */
export function toTables({ parts, failures, machine }: Figures): readonly Table[] {
  const all = [
    pathTable('A GET of one pod at one connection', parts.one),
    pathTable('A GET of one pod at 16 connections', parts.many),
    pathTable('A POST of a ConfigMap at one connection', parts.create),
    otherTable(parts),
    targetTable({ parts }),
  ]
  const failed = Object.entries(failures).map(
    ([part, reason]) => `Not measured: ${part}: ${reason}`,
  )
  const idle = `The machine was ${number(100 * machine.idle)} % idle before.`
  const last = all.at(-1)
  const tables = all.filter(({ rows }) => rows.length > 1)
  return tables.map((table) =>
    table === last ? { ...table, notes: [...table.notes, ...failed, idle] } : table,
  )
}

function pathTable(title: string, loaded: LoadedPaths | undefined): Table {
  const head = ['path', 'p50 ms', 'added', 'p99 ms', 'requests/s', 'spread']
  const measured = PATHS.flatMap((path) => {
    const own = loaded?.paths[path]
    return own === undefined ? [] : [{ path, own }]
  })
  const processes = PROCESSES.filter((name) => measured.some(({ own }) => name in own.cpuMs))
  const rows = measured.map(({ path, own }) => [
    path,
    number(own.p50Ms),
    path === 'direct' ? '' : number(addedMs(loaded, path) ?? 0),
    ...[own.p99Ms, own.requestsPerSecond].map(number),
    `${Math.round(100 * own.spread)} %`,
    ...processes.map((name) => cpu(own.cpuMs[name])),
  ])
  const missing = loaded === undefined ? [] : PATHS.filter((path) => !(path in loaded.paths))
  return {
    title,
    rows: [[...head, ...processes.map((name) => `CPU ms ${name}`)], ...rows],
    notes: loaded === undefined ? [] : noteNoise(loaded, title.startsWith('A POST') ? [] : missing),
  }
}

function noteNoise({ calm, noise }: LoadedPaths, missing: readonly string[]): readonly string[] {
  return [
    ...(calm ? [] : [`THE MACHINE WAS TOO BUSY TO TELL: ${describeNoise(noise)}.`]),
    ...missing.map((path) => `${path} was not measured under the same load, and is not shown.`),
  ]
}

function otherTable(parts: Partial<Parts>): Table {
  const { memory, list, watches, webhook, burst, kubectlMs, crowdedP99Ms } = parts
  const { echo, copy } = parts
  const ms = (value: number | undefined) => unit(value, 'ms')
  const mb = (value: number | undefined) =>
    value === undefined ? undefined : `${number(toMegabytes(value))} MB`
  const rows: readonly (readonly [string, string | undefined])[] = [
    ...sessionRows('echo of an exec, p50', echo, 'ms'),
    ...sessionRows(`copy of ${number(copy?.megabytes ?? 0)} MB out of a pod`, copy, 'MB/s'),
    ['sidecar private memory after load', mb(memory?.afterLoad.privateMiB)],
    ["sidecar RSS after load, with Node's shared binary", mb(memory?.afterLoad.rssMiB)],
    ['sidecar private memory at rest', mb(memory?.atRest.privateMiB)],
    [`list of ${list?.pods} pods, ${number(list?.megabytes ?? 0)} MB, direct`, ms(list?.ms.direct)],
    [`list of ${list?.pods} pods through the sidecar`, ms(list?.ms.lanyard)],
    [`events/s of ${watches?.count} watches, direct`, unit(watches?.eventsPerSecond.direct, '/s')],
    [
      `events/s of ${watches?.count} watches through the sidecar`,
      unit(watches?.eventsPerSecond.lanyard, '/s'),
    ],
    ['mutate and validate, one pod after the other, p50', ms(webhook?.p50Ms)],
    ['mutate and validate, one pod after the other, p99', ms(webhook?.p99Ms)],
    ['a webhook in the burst, p50', ms(burst?.p50Ms)],
    ["a webhook in the burst by kube-apiserver's histogram, p99", ms(burst?.apiServerP99Ms)],
    ['pods created in the burst', unit(burst?.createdPerSecond, '/s')],
    ['kubectl get pod, a process each, direct', ms(kubectlMs?.direct)],
    ['kubectl get pod, a process each, through the sidecar', ms(kubectlMs?.lanyard)],
    ['p99 of a GET while neighbours burn CPU, direct', ms(crowdedP99Ms?.direct)],
    ['p99 of a GET while neighbours burn CPU, through the sidecar', ms(crowdedP99Ms?.lanyard)],
  ]
  const known = rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const turns = {
    'the echo': echo,
    'the copy': copy,
    'the list': list?.ms,
    kubectl: kubectlMs,
    'busy neighbours': crowdedP99Ms,
  }
  const busy = Object.entries(turns).filter(([, pair]) => pair?.calm === false)
  const notes = busy.map(([name]) => `THE MACHINE WAS TOO BUSY TO TELL: ${name}.`)
  return { title: 'Beside them', rows: [['figure', 'measured'], ...known], notes }
}

function sessionRows(
  what: string,
  figures: SessionFigures | undefined,
  word: string,
): readonly (readonly [string, string | undefined])[] {
  const ways = { direct: 'direct', envoy: 'through Envoy', lanyard: 'recorded by Lanyard' }
  return SESSION_PATHS.map((path) => [`${what}, ${ways[path]}`, unit(figures?.[path], word)])
}

function targetTable(figures: Pick<Figures, 'parts'>): Table {
  const rows = judge(figures).map(({ figure, measured, unit: word, atLeast, must, aim, state }) => {
    const bound = (value: number | undefined) =>
      value === undefined ? '' : `${atLeast ? '≥' : '≤'} ${value.toLocaleString('en')}`
    return [figure, unit(measured, word) ?? '', bound(must), bound(aim), state]
  })
  return {
    title: 'Targets',
    rows: [['figure', 'measured', 'must', 'aim', 'verdict'], ...rows],
    notes: [],
  }
}

function unit(value: number | undefined, word: string): string | undefined {
  return value === undefined ? undefined : `${number(value)} ${word}`
}

function cpu(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(3)
}

/** Three digits that count are enough for what differs by some per cent from run to run. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '∞'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}
