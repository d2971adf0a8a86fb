import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openLineGate } from './line-gate.ts'

/** What passes of bytes in pieces, what was asked, and what was stopped, where lines with `rm` are. */
async function gated(isTerminal: boolean, typed: string, size = Number.MAX_SAFE_INTEGER) {
  const asked: string[] = []
  const stopped: string[] = []
  const passed: Buffer[] = []
  const gate = openLineGate({
    isTerminal,
    judge: async (line) => {
      const text = line.toString('latin1')
      asked.push(text)
      return { passes: !text.includes('rm'), reason: 'no rm' }
    },
    onStopped: (reason) => void stopped.push(reason),
  })
  const bytes = Buffer.from(typed, 'latin1')
  for (let at = 0; at < bytes.length; at += size) {
    for await (const piece of gate.pass(bytes.subarray(at, at + size))) passed.push(piece)
  }
  const before = Buffer.concat(passed).toString('latin1')
  for await (const piece of gate.end()) passed.push(piece)
  return { asked, stopped, before, passed: Buffer.concat(passed).toString('latin1') }
}

const WIPE = '\x0b\x15'

describe('openLineGate() of a terminal', () => {
  test.each([
    ['a line', 'ls\r', ['ls'], 'ls\r'],
    ['a line that is stopped', 'rm x\rls\r', ['rm x', 'ls'], `rm x${WIPE}ls\r`],
    ['a newline', 'rm x\n', ['rm x'], `rm x${WIPE}`],
    ['nothing but Enter', '\r\n \r', [], '\r\n \r'],
    ['no Enter', 'rm x', [], 'rm x'],
    ['backspace', 'x\x7frm\x08m x\r', ['rm x'], `x\x7frm\x08m x${WIPE}`],
    ['a character of several bytes', 'r\xc3\xa9\x7fm\r', ['rm'], `r\xc3\xa9\x7fm${WIPE}`],
    ['Ctrl-U', 'rm x\x15ls\r', ['ls'], 'rm x\x15ls\r'],
    ['Ctrl-C', 'rm x\x03ls\r', ['ls'], 'rm x\x03ls\r'],
    ['Ctrl-W', 'rm\x17ls\r', ['ls'], 'rm\x17ls\r'],
    ['a key that stands for itself', 'rm x\x16\x15\r', ['rm x\x15'], `rm x\x16\x15${WIPE}`],
    ['Home', 'm x\x01r\r', ['rm x'], `m x\x01r${WIPE}`],
    ['arrow keys', 'm\x1b[Dr\x1b[C x\r', ['rm x'], `m\x1b[Dr\x1b[C x${WIPE}`],
    ['kill and yank', 'rm\x01\x0b\x19 x\r', ['rm x'], `rm\x01\x0b\x19 x${WIPE}`],
    [
      'what an editor makes of it and a terminal does not',
      'rm x\x01\x0bls\r',
      ['ls', 'rm xls'],
      `rm x\x01\x0bls${WIPE}`,
    ],
    [
      'a bracketed paste',
      '\x1b[200~ls\rrm x\r\x1b[201~',
      ['ls', 'rm x'],
      `\x1b[200~ls\rrm x${WIPE}\x1b[201~`,
    ],
    ['Ctrl-D, which hands over what is no line yet', 'rm x\x04', ['rm x'], `rm x${WIPE}`],
    ['Ctrl-D within a line', 'r\x04m\r', ['r', 'rm'], `r\x04m${WIPE}`],
    ['Ctrl-D alone', '\x04', [], '\x04'],
    ['Ctrl-O', 'rm x\x0f', ['rm x'], `rm x${WIPE}`],
  ])('takes %s', async (_name, typed, asked, passed) => {
    const whole = await gated(true, typed)
    expect(whole).toMatchObject({ asked, passed })
    expect(whole.stopped.length).toBe(passed.split(WIPE).length - 1)
    expect(await gated(true, typed, 1)).toEqual(whole)
  })

  test('stops a line of over 64 KiB without a question', async () => {
    const { asked, stopped } = await gated(true, `${'x'.repeat(65_537)}\r`)
    expect([asked, stopped]).toEqual([[], [expect.stringContaining('64 KiB')]])
  })
})

describe('openLineGate() without a terminal', () => {
  test.each([
    ['lines', 'a\nb\n', ['a', 'b'], 'a\nb\n', 'a\nb\n'],
    ['a line that is stopped', 'a\nrm x\nb\n', ['a', 'rm x', 'b'], 'a\nb\n', 'a\nb\n'],
    ['what is no line yet', 'a\nb', ['a', 'b'], 'a\n', 'a\nb'],
    ['a last line that is stopped', 'a\nrm x', ['a', 'rm x'], 'a\n', 'a\n'],
    ['CR', 'rm x\rb\r\n', ['rm x', 'b'], 'b\r\n', 'b\r\n'],
    ['empty lines', '\n\n', [], '\n\n', '\n\n'],
    ['nothing', '', [], '', ''],
  ])('takes %s', async (_name, typed, asked, before, passed) => {
    const whole = await gated(false, typed)
    expect(whole).toMatchObject({ asked, before, passed })
    expect(await gated(false, typed, 1)).toEqual(whole)
  })

  test('stops a line of over 64 KiB without a question, and goes on after it', async () => {
    const { asked, stopped, passed } = await gated(false, `${'x'.repeat(65_537)}\nls\n`, 1_000)
    expect([asked, stopped.length, passed]).toEqual([['ls'], 1, 'ls\n'])
  })

  test('passes all bytes where no line is stopped, and none of a stopped line', async () => {
    const piece = fc.constantFrom('ls', 'rm', '\n', '\r', '\0', 'x', '\xff', ' ')
    await fc.assert(
      fc.asyncProperty(fc.array(piece), fc.integer({ min: 1, max: 9 }), async (all, size) => {
        const { passed } = await gated(false, all.join(''), size)
        const kept = all.join('').match(/[^\r\n]*[\r\n]?/g) ?? []
        expect(passed).toBe(kept.filter((line) => !line.includes('rm')).join(''))
      }),
      { seed: 10, numRuns: 300 },
    )
  })
})
