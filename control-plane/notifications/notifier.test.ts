import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { NOON_MS } from '../../test/support/record-builders.ts'
import type { Notice } from './notice.ts'
import { NotificationLog } from './notification-log.ts'
import { Notifier, RETRY_MS, WAITING_MAX } from './notifier.ts'
import type { SendResult } from './send-webhook.ts'
import { signWebhook } from './webhook-signature.ts'
import type { WebhookTarget } from './webhook-target.ts'

const KEY = Buffer.alloc(32, 1)

function aTarget(name: string, parts: Partial<WebhookTarget> = {}): WebhookTarget {
  return {
    ...{ name, url: new URL('https://hooks.example.com/'), format: 'standard', keys: [KEY] },
    ...{ namespaces: undefined, caCertificate: undefined },
    ...parts,
  }
}

function aNotice(id: string, parts: Partial<Notice> = {}): Notice {
  return {
    ...{ id, type: 'accessrequest.pending', atMs: NOON_MS, namespace: 'team', request: '01' },
    ...{ data: { number: 1 }, text: 'alice asks' },
    ...parts,
  }
}

interface Sent {
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

let clock: ManualClock
let log: NotificationLog
let notifier: Notifier
let targets: WebhookTarget[]
let broken: { name: string; problem: string }[]
let sent: Sent[]
let answer: (target: string) => SendResult | Promise<SendResult>

beforeEach(() => {
  clock = new ManualClock(NOON_MS)
  log = new NotificationLog(NOON_MS)
  targets = [aTarget('chat')]
  broken = []
  sent = []
  answer = () => ({ result: 'taken' })
  const metrics = createMetrics('control-plane', 'test')
  notifier = new Notifier({
    readTargets: async () => ({ targets: [...targets], broken }),
    send: async (target, headers, body) => {
      sent.push({ target: target.name, headers, body })
      return answer(target.name)
    },
    ...{ log, clock, logger: createLogger({ name: 'test', level: 'error' }) },
    counter: metrics.counter('notifications_total', 'Of this test.', ['result']),
  })
})
afterEach(() => notifier.stop())

async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await turn()
}

async function tell(...notices: readonly Notice[]): Promise<void> {
  for (const notice of notices) notifier.tell(notice)
  await settle()
}

const phases = () => log.list(0).map(({ name, phase, attempts }) => [name, phase, attempts])
const FAILED: SendResult = { result: 'failed', why: 'the receiver answered HTTP 500' }

describe('Notifier', () => {
  test('signs what it sends, and each target gets its own form', async () => {
    targets.push(aTarget('slack', { format: 'slack', keys: [] }))
    const notice = aNotice('one')
    await tell(notice)
    const [standard, slack] = sent
    const body = standard?.body ?? ''
    const atSeconds = NOON_MS / 1_000
    expect(standard?.headers).toEqual(signWebhook([KEY], { id: 'one', atSeconds, body }))
    expect(JSON.parse(slack?.body ?? '')).toMatchObject({ text: 'alice asks' })
    expect(phases()).toEqual([
      ['one-chat', 'Delivered', 1],
      ['one-slack', 'Delivered', 1],
    ])
  })

  test('tries again with the same id and a new time, until the target takes it', async () => {
    answer = () => FAILED
    await tell(aNotice('one'))
    expect(log.get('one-chat')).toMatchObject({
      ...{ phase: 'Waiting', attempts: 1, reason: 'the receiver answered HTTP 500' },
      nextAttemptAtMs: NOON_MS + RETRY_MS[0],
    })
    answer = () => ({ result: 'taken' })
    await clock.advance(RETRY_MS[0])
    await settle()
    expect(sent.map(({ headers }) => headers['webhook-id'])).toEqual(['one', 'one'])
    const times = sent.map(({ headers }) => Number(headers['webhook-timestamp']))
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(RETRY_MS[0] / 1_000)
    expect(sent[0]?.headers['webhook-signature']).not.toBe(sent[1]?.headers['webhook-signature'])
    expect(phases()).toEqual([['one-chat', 'Delivered', 2]])
  })

  test('gives up after the last try, and lists why', async () => {
    answer = () => FAILED
    await tell(aNotice('one'))
    for (const ms of RETRY_MS) {
      await clock.advance(ms)
      await settle()
    }
    expect(phases()).toEqual([['one-chat', 'Dead', 1 + RETRY_MS.length]])
    expect(log.get('one-chat')?.reason).toBe('the receiver answered HTTP 500')
    expect(clock.waiting).toBe(0)
  })

  test('waits as long as the target asks for, and never less than its own time', async () => {
    answer = () => ({ result: 'failed', why: 'busy', retryAfterMs: 60_000 })
    await tell(aNotice('one'))
    expect(log.get('one-chat')?.nextAttemptAtMs).toBe(NOON_MS + 60_000)
    answer = () => ({ result: 'failed', why: 'busy', retryAfterMs: 1 })
    await tell(aNotice('two'))
    expect(log.get('two-chat')?.nextAttemptAtMs).toBe(NOON_MS + RETRY_MS[0])
  })

  test.each<[string, () => SendResult | Promise<SendResult>, string, number]>([
    ['is refused', () => ({ result: 'refused', why: 'gone' }), 'Dead', 1],
    ['throws', () => Promise.reject(new Fault('internal', 'oops')), 'Waiting', 1],
  ])('lives when a try %s', async (_what, answered, phase, attempts) => {
    answer = answered
    await tell(aNotice('one'))
    expect(phases()).toEqual([['one-chat', phase, attempts]])
  })

  test('tells a target of its own namespaces', async () => {
    targets = [aTarget('chat', { namespaces: ['other'] })]
    await tell(aNotice('one'), aNotice('two', { namespace: 'other' }))
    expect(phases()).toEqual([['two-chat', 'Delivered', 1]])
  })

  test('tells the same event once', async () => {
    await tell(aNotice('one'), aNotice('one'))
    await tell(aNotice('one'))
    expect(sent).toHaveLength(1)
  })

  test('lists what a broken target was not told', async () => {
    broken.push({ name: 'pager', problem: 'keys is empty' })
    await tell(aNotice('one'))
    expect(log.get('one-pager')).toMatchObject({ phase: 'Dead', reason: 'keys is empty' })
    expect(log.get('one-chat')).toMatchObject({ phase: 'Delivered' })
  })

  test('goes by the target as it is at each try, and sends nothing to one that was taken away', async () => {
    answer = () => FAILED
    await tell(aNotice('one'))
    targets = []
    await clock.advance(RETRY_MS[0])
    await settle()
    expect(log.get('one-chat')).toMatchObject({
      phase: 'Dead',
      reason: 'the webhook was taken away',
    })
    expect(sent).toHaveLength(1)
  })

  test('holds four tries at the same time for a target, and up none of another', async () => {
    const held = Promise.withResolvers<SendResult>()
    targets.push(aTarget('fast'))
    answer = (target) => (target === 'chat' ? held.promise : { result: 'taken' })
    await tell(...Array.from({ length: 6 }, (_, index) => aNotice(`n-${index}`)))
    expect(sent.filter(({ target }) => target === 'chat')).toHaveLength(4)
    expect(sent.filter(({ target }) => target === 'fast')).toHaveLength(6)
    held.resolve({ result: 'taken' })
    await settle()
    expect(sent.filter(({ target }) => target === 'chat')).toHaveLength(6)
  })

  test('lets no more than its bound wait', async () => {
    answer = () => FAILED
    await tell(...Array.from({ length: WAITING_MAX + 1 }, (_, index) => aNotice(`n-${index}`)))
    const dead = log.list(0).filter(({ phase }) => phase === 'Dead')
    expect(dead).toMatchObject([{ name: `n-${WAITING_MAX}-chat`, attempts: 0 }])
  })

  test('tries nothing once it has stopped', async () => {
    answer = () => FAILED
    await tell(aNotice('one'))
    notifier.stop()
    await clock.advance(RETRY_MS[0])
    await tell(aNotice('two'))
    expect(sent).toHaveLength(1)
  })
})
