import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parseRequestInfo } from '../../core/kubernetes/request-info.ts'
import { mustRun } from '../cluster/run-command.ts'
import { buildGoTool } from '../programs/build-go-tool.ts'

/* Requests that are read by kube-apiserver's own code and by ours: the same, or refused here. */

const COUNT = 10_000
const TARGETS = resolve(import.meta.dirname, '../programs/request-info/targets.txt')
const CORPUS = resolve(import.meta.dirname, '../corpus/request-info.json')

/** How kube-apiserver reads a request. */
interface Row {
  readonly method: string
  readonly target: string
  readonly verb: string
  readonly namespace: string
  readonly resource: string
  readonly name: string
  /** It answers with an error before anything is authorized. */
  readonly refused?: boolean
}

/** `same`, `refused`, or the difference. */
interface Verdict {
  readonly row: Row
  readonly verdict: string
}

let tool: string

beforeAll(async () => {
  tool = await buildGoTool('request-info', (line) => process.stderr.write(`${line}\n`))
}, 600_000)

function compare(row: Row): Verdict {
  const { method, target, refused, ...want } = row
  try {
    const {
      alsoVerbs: _,
      exec: __,
      portForward: ___,
      ...got
    } = parseRequestInfo(method, target, undefined).attributes
    // Where kube-apiserver has no verb, whoever may every verb may.
    const authorized = { ...want, verb: row.verb || '*' }
    const isSame =
      refused !== true && JSON.stringify(sorted(got)) === JSON.stringify(sorted(authorized))
    return { row, verdict: isSame ? 'same' : `read as ${JSON.stringify(got)}` }
  } catch (error) {
    const { code } = error as { code?: string }
    return { row, verdict: code === 'request_invalid' ? 'refused' : String(error) }
  }
}

const sorted = (object: object) => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))

const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/

/** No cluster has such an object: kube-apiserver would say that there is none. */
function cannotExist({ resource, namespace, name }: Row): boolean {
  return !LABEL.test(resource || 'none') || !LABEL.test(namespace || 'none') || name.includes('%')
}

/** The requests that the tool makes of a seed, with the number of plain ones among them. */
async function generated(
  seed: number,
): Promise<{ plain: readonly Verdict[]; odd: readonly Verdict[] }> {
  const text = await mustRun([tool, '-count', String(COUNT), '-seed', String(seed)])
  const [head = '', ...lines] = text.trim().split('\n')
  const { plain } = JSON.parse(head) as { plain: number }
  const verdicts = lines.map((line) => compare(JSON.parse(line) as Row))
  return { plain: verdicts.slice(0, plain), odd: verdicts.slice(plain) }
}

const count = (verdicts: readonly Verdict[], wanted: string) =>
  verdicts.filter(({ verdict }) => verdict === wanted).length

// The second seed is another in each run; a failure prints it.
test.each([20_261_128, randomInt(2 ** 31)])(
  'requests of seed %i are read as by kube-apiserver, or refused',
  async (seed) => {
    const { plain, odd } = await generated(seed)
    const differing = [...plain, ...odd].filter(
      ({ verdict }) => !['same', 'refused'].includes(verdict),
    )
    expect(differing).toEqual([])
    expect([plain.length, odd.length]).toEqual([COUNT / 2, COUNT / 2])
    // Refused is only what is unsafe, or is nowhere.
    const unusual = plain.filter(
      ({ row, verdict }) => verdict === 'refused' && row.refused !== true && !cannotExist(row),
    )
    expect(unusual).toEqual([])
    expect(count(plain, 'same')).toBeGreaterThan(0.9 * plain.length)
    expect(count(odd, 'same')).toBeGreaterThan(0.2 * odd.length)
  },
)

test('the requests of targets.txt are answered as in the corpus', async () => {
  const answered = await mustRun([tool], { input: await readFile(TARGETS, 'utf8') })
  expect(JSON.parse(answered)).toEqual(JSON.parse(await readFile(CORPUS, 'utf8')))
})
