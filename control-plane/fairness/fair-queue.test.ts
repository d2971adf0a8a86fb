import { setImmediate as settle } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FairQueue } from './fair-queue.ts'

const LIMITS = {
  atOnceMax: 3,
  atOncePerRootMax: 2,
  waitingMax: 6,
  waitingPerRootMax: 4,
  waitingPerPodMax: 2,
}
const share = (root: string, pod = `${root}-pod`) => ({ root, pod })

/** Work that ends when it is told to, and notes when it began. */
function aQueue(limits = LIMITS) {
  const queue = new FairQueue('things', limits)
  const began: string[] = []
  const ends = new Map<string, () => void>()
  const run = (root: string, name: string, pod?: string) =>
    queue.run(share(root, pod), async () => {
      began.push(name)
      await new Promise<void>((end) => ends.set(name, end))
      return name
    })
  return { queue, began, run, end: (name: string) => ends.get(name)?.() }
}

test('run() lets no root requester have all that may be under way', async () => {
  const { queue, began, run, end } = aQueue()
  const running = [run('alice', 'a1'), run('alice', 'a2'), run('alice', 'a3'), run('bob', 'b1')]
  await settle()
  expect(began).toEqual(['a1', 'a2', 'b1'])
  expect(queue).toMatchObject({ running: 3, waiting: 1 })
  end('b1')
  await running[3]
  expect(began).toEqual(['a1', 'a2', 'b1'])
  end('a1')
  expect(await running[0]).toBe('a1')
  await settle()
  expect(began).toEqual(['a1', 'a2', 'b1', 'a3'])
})

test.each([
  ['a pod', 4, ['p', 'p', 'p', 'p', 'p'], /of this pod wait/],
  ['a root requester', 6, ['p', 'p', 'p', 'p', 'q', 'q', 'r'], /of one root requester wait/],
])(
  'run() refuses what is beyond the share of %s, and others go on',
  async (_n, kept, pods, why) => {
    const { run, began } = aQueue({ ...LIMITS, atOnceMax: 20 })
    const results = pods.map((pod, index) => run('alice', `a${index}`, pod))
    results.slice(0, kept).forEach((result) => void result.catch(() => undefined))
    await expect(results.at(-1)).rejects.toMatchObject({ code: 'overloaded', message: why })
    void run('bob', 'b1')
    await settle()
    expect(began).toContain('b1')
  },
)

test('run() refuses when too many wait of all', async () => {
  const { run } = aQueue({ ...LIMITS, atOnceMax: 1, waitingMax: 1 })
  void run('alice', 'a1')
  void run('bob', 'b1')
  await expect(run('carol', 'c1')).rejects.toMatchObject({ code: 'overloaded' })
})

test('run() passes an error on, and goes on with the next', async () => {
  const { queue } = aQueue({ ...LIMITS, atOnceMax: 1 })
  const failing = queue.run(share('alice'), () => Promise.reject(new Error('x')))
  const next = queue.run(share('bob'), async () => 'done')
  await expect(failing).rejects.toThrow('x')
  expect(await next).toBe('done')
  expect(queue).toMatchObject({ running: 0, waiting: 0 })
})
