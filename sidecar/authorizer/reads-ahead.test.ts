import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import { NO_OBLIGATIONS, type Obligations } from '../../core/policy/obligations.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import type {
  DecisionReply,
  ForeseenRead,
  OutcomeReport,
} from '../../proxy/judgement/authorizer.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { createSidecarMetrics } from '../sidecar-metrics.ts'
import { ReadsAhead } from './reads-ahead.ts'

/* The control plane is a model here: it records, answers, fails and is lost as a test says. */

const QUESTION: Question = {
  attributes: aRequest({ verb: 'get' }),
  ...{ container: 'app', targetContainer: '', userAgent: '', refusedBecause: '' },
}

interface Asked {
  readonly id: string
  readonly question: Question
  readonly resolve: (reply: DecisionReply) => void
  readonly reject: (fault: Fault) => void
}

interface Answer {
  readonly effect?: 'allow' | 'deny'
  readonly id?: string
  readonly obligations?: Obligations
}

class World {
  readonly clock = new ManualClock()
  readonly outcomes: OutcomeReport[] = []
  /** What is on record, by id. */
  readonly records = new Map<string, 'decided' | 'undecided'>()
  readonly reads: ForeseenRead[] = []
  readonly replies = new Map<string, string>()
  asked: Asked[] = []
  readonly #metrics = createMetrics('sidecar', 'test')
  readonly ahead = new ReadsAhead({
    clock: this.clock,
    logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
    metrics: createSidecarMetrics(this.#metrics),
    report: (outcome) => void this.outcomes.push(outcome),
  })
  #connected = true
  #lastId = 0

  constructor() {
    this.ahead.connect(this)
  }

  foresee(): string | undefined {
    this.#lastId += 1
    return this.#connected ? `id-${this.#lastId}` : undefined
  }

  ask(question: Question, id = ''): Promise<DecisionReply> {
    return new Promise((resolve, reject) => this.asked.push({ id, question, resolve, reject }))
  }

  /** A read is sent, if it may be sent ahead. */
  send(question = QUESTION): ForeseenRead | undefined {
    const read = this.ahead.foresee(this, question, (id) => this.ask(question, id))
    if (read === undefined) return undefined
    this.reads.push(read)
    void read.reply.then(
      ({ id }) => this.replies.set(read.decisionId, this.records.get(id) ?? 'without a record'),
      ({ code }: Fault) => this.replies.set(read.decisionId, code),
    )
    return read
  }

  /** The control plane takes the oldest question; what is on record already is not decided again. */
  record(): Asked | undefined {
    const asked = this.asked.shift()
    if (asked === undefined) return undefined
    const late = asked.question.refusedBecause !== ''
    if (this.records.has(asked.id) && !late) {
      asked.reject(new Fault('audit_unavailable', 'on record already'))
      return undefined
    }
    if (!this.records.has(asked.id)) this.records.set(asked.id, late ? 'undecided' : 'decided')
    return asked
  }

  answer({ effect = 'allow', id, obligations = NO_OBLIGATIONS }: Answer = {}): void {
    const asked = this.record()
    if (asked === undefined) return
    const own = id ?? asked.id
    if (effect === 'deny') asked.resolve({ effect, id: own, message: '', causes: [] })
    else {
      const said = { maskKey: new Uint8Array(), warning: '', impersonationJudged: false }
      asked.resolve({ effect, id: own, obligations, ...said })
    }
  }

  fail(): void {
    this.asked.shift()?.reject(new Fault('overloaded', 'busy'))
  }

  lose(): void {
    this.#connected = false
    this.ahead.disconnect()
    for (const { reject } of this.asked.splice(0)) {
      reject(new Fault('decision_unavailable', 'lost'))
    }
  }

  connect(): void {
    this.#connected = true
    this.ahead.connect(this)
  }

  async counted(): Promise<readonly string[]> {
    const text = await this.#metrics.text()
    return [...text.matchAll(/reads_ahead_total\{result="(\w+)"\} (\d+)/g)].map(
      ([, result, times]) => `${result} ${times}`,
    )
  }
}

test('foresee() is for plain reads alone', () => {
  const world = new World()
  expect(world.send({ ...QUESTION, attributes: aRequest({ verb: 'watch' }) })).toBeUndefined()
  expect(world.asked).toEqual([])
  expect(world.send()).toBeDefined()
})

test.each<[string, Answer, string]>([
  ['an allow', {}, 'allowed 1'],
  ['a denial', { effect: 'deny' }, 'withheld 1'],
  [
    'an allow with something to do',
    { obligations: { ...NO_OBLIGATIONS, record: 'output' as const } },
    'withheld 1',
  ],
])('foresee() replies and counts %s', async (_name, answer, count) => {
  const world = new World()
  const read = world.send()
  world.answer(answer)
  expect(await read?.reply).toMatchObject({ effect: answer.effect ?? 'allow', id: 'id-1' })
  expect(await world.counted()).toEqual([count])
  expect(world.outcomes).toEqual([])
})

test('foresee() takes an answer under another id for none, and reports it', async () => {
  const world = new World()
  const read = world.send()
  world.answer({ id: 'of-the-control-plane' })
  await expect(read?.reply).rejects.toMatchObject({ code: 'decision_unavailable' })
  const reported = { decisionId: 'of-the-control-plane', httpStatus: 503, withheld: true }
  expect(world.outcomes).toMatchObject([reported])
  expect(await world.counted()).toEqual(['withheld 1'])
})

test('foresee() tells what nobody decided, and what became of it, when it is on record', async () => {
  const world = new World()
  const read = world.send()
  world.lose()
  await expect(read?.reply).rejects.toMatchObject({ code: 'decision_unavailable' })
  expect(world.ahead.isUnsettled('id-1')).toBe(true)
  world.connect()
  expect(world.asked).toMatchObject([
    { id: 'id-1', question: { refusedBecause: expect.stringContaining('id-1; no decision came') } },
  ])
  expect(world.send()).toBeUndefined()
  world.answer({ effect: 'deny' })
  await turn()
  const want = { decisionId: 'id-1', httpStatus: 503, fault: 'decision_unavailable' }
  expect(world.outcomes).toEqual([{ ...want, responseBytes: 0n, withheld: true }])
  expect(world.send()).toBeDefined()
})

test('foresee() tells again after a while what could not be put on record', async () => {
  const world = new World()
  world.send()
  world.fail()
  await turn()
  world.fail()
  await world.clock.advance(4_999)
  expect(world.asked).toEqual([])
  await world.clock.advance(1)
  expect(world.asked).toMatchObject([{ id: 'id-1' }])
  expect(world.ahead.isUnsettled('id-1')).toBe(true)
})

test.each([
  ['chain_unknown', 'decision_unavailable'],
  ['request_invalid', 'decision_unavailable'],
  ['overloaded', 'overloaded'],
  ['decision_timeout', 'decision_timeout'],
] as const)('foresee() says of a question that failed with %s: %s', async (code, want) => {
  const world = new World()
  const read = world.send()
  world.asked.shift()?.reject(new Fault(code, 'x'))
  await expect(read?.reply).rejects.toMatchObject({ code: want })
})

const STEPS: Readonly<Record<string, (world: World) => unknown>> = {
  send: (world) => world.send(),
  allow: (world) => world.answer(),
  deny: (world) => world.answer({ effect: 'deny' }),
  fail: (world) => world.fail(),
  'record and lose': (world) => {
    const asked = world.record()
    world.lose()
    asked?.reject(new Fault('decision_unavailable', 'lost'))
  },
  lose: (world) => world.lose(),
  connect: (world) => world.connect(),
  wait: (world) => world.clock.advance(5_000),
}

test('foresee() leaves nothing without a record, in whatever order things happen', async () => {
  const steps = fc.array(fc.constantFrom(...Object.keys(STEPS)), { maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(steps, async (names) => {
      const world = new World()
      for (const name of names) {
        STEPS[name]?.(world)
        await turn()
      }
      world.connect()
      while (world.asked.length > 0) {
        world.answer()
        await turn()
        await world.clock.advance(5_000)
      }
      for (const { decisionId } of world.reads) {
        expect(world.records.has(decisionId)).toBe(true)
        const reply = world.replies.get(decisionId)
        const told = world.outcomes.filter((outcome) => outcome.decisionId === decisionId)
        // A decided one is reported by whoever sent it.
        expect(told.length).toBe(reply === 'decided' ? 0 : 1)
        expect(reply).not.toBe('without a record')
      }
    }),
    { numRuns: 200 },
  )
})
