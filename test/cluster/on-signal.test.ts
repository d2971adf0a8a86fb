import { EventEmitter } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { cleaningUpOnSignal, type Interruptible } from './on-signal.ts'

class FakeProcess extends EventEmitter implements Interruptible {
  readonly codes: number[] = []

  exit(code: number): void {
    this.codes.push(code)
  }
}

test.each([
  { signal: 'SIGINT', code: 130 },
  { signal: 'SIGTERM', code: 143 },
  { signal: 'SIGHUP', code: 129 },
])(
  'cleaningUpOnSignal() cleans up once and ends with $code on $signal',
  async ({ signal, code }) => {
    const target = new FakeProcess()
    const cleaned: string[] = []
    const settled: string[] = []
    const work = Promise.withResolvers<void>()
    cleaningUpOnSignal(
      () => work.promise,
      async (name) => void cleaned.push(name),
      target,
    ).then(
      () => settled.push('resolved'),
      () => settled.push('rejected'),
    )
    target.emit(signal, signal)
    target.emit(signal, signal)
    work.reject(new Error('kubectl was interrupted too'))
    await nextTurn()
    expect(cleaned).toEqual([signal])
    expect(target.codes).toEqual([code])
    expect(settled).toEqual([])
  },
)

test('cleaningUpOnSignal() ends although cleaning up fails', async () => {
  const target = new FakeProcess()
  const never = () => new Promise<void>(() => {})
  void cleaningUpOnSignal(never, () => Promise.reject(new Error('busy')), target)
  target.emit('SIGTERM', 'SIGTERM')
  await nextTurn()
  expect(target.codes).toEqual([143])
})

test('cleaningUpOnSignal() passes on what work came to, and hears no signal afterwards', async () => {
  const target = new FakeProcess()
  const cleanUp = () => Promise.reject(new Error('[unexpected] nothing happened'))
  expect(await cleaningUpOnSignal(() => Promise.resolve(7), cleanUp, target)).toBe(7)
  const failing = cleaningUpOnSignal(() => Promise.reject(new Error('no disk')), cleanUp, target)
  await expect(failing).rejects.toThrow('no disk')
  expect(target.listenerCount('SIGINT')).toBe(0)
})
