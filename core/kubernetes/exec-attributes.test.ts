import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseRequestInfo } from './request-info.ts'
import { EXEC_TEXT_BYTES_MAX, EXEC_TEXTS_MAX, shortenExec } from './shorten-exec.ts'

const POD = '/api/v1/namespaces/d/pods/p'
const attributesOf = (target: string) => parseRequestInfo('POST', target, undefined).attributes
const NOTHING = {
  ...{ command: [], stdin: false, stdout: false, stderr: false, tty: false },
  ...{ container: '', env: [] },
}

describe('parseExecAttributes()', () => {
  test.each([
    ['nothing', '/exec', {}],
    ['a command', '/exec?command=ls&command=-l', { command: ['ls', '-l'] }],
    [
      'a blank, a plus and an empty argument',
      '/exec?command=a%20b+c&command=',
      { command: ['a b c', ''] },
    ],
    ['a newline', '/exec?command=a%0Ab', { command: ['a\nb'] }],
    [
      'streams',
      '/exec?stdin=true&stdout=1&stderr=&tty=yes',
      { stdin: true, stdout: true, stderr: true, tty: true },
    ],
    ['no streams', '/exec?stdin=false&stdout=0&stderr=FALSE&tty=False', {}],
    ['the first of two', '/exec?tty=0&tty=1&container=a&container=b', { container: 'a' }],
    ['an attach', '/attach?stdin=true&container=a', { stdin: true, container: 'a' }],
    ['an environment', '/exec?env=A%3D1&env=B', { env: ['A=1', 'B'] }],
  ])('reads %s', (_name, query, want) => {
    expect(attributesOf(`${POD}${query}`).exec).toEqual({ ...NOTHING, ...want })
  })

  test.each([
    ['a log', `${POD}/log?command=ls`],
    ['a port-forward', `${POD}/portforward?ports=80`],
    ['a pod', `${POD}?command=ls`],
    ['exec of another group', '/apis/x.io/v1/namespaces/d/pods/p/exec?command=ls'],
  ])('says nothing of %s', (_name, target) => {
    expect(attributesOf(target).exec).toBeUndefined()
  })
})

describe('parsePortForwardAttributes()', () => {
  test.each([
    ['no port', '', []],
    ['one', '?ports=80', [80]],
    ['several', '?ports=80,0443&ports=0', [80, 443, 0]],
    ['the highest', '?ports=65535', [65_535]],
  ])('reads %s', (_name, query, ports) => {
    expect(attributesOf(`${POD}/portforward${query}`).portForward).toEqual({ ports })
  })

  test.each(['', 'http', '-1', '%2B80', '65536', '80,', '8e1', '0x50'])('refuses %j', (port) => {
    expect(() => attributesOf(`${POD}/portforward?ports=${port}`)).toThrow(/"ports" must hold/)
  })
})

describe('shortenExec()', () => {
  const withCommand = (command: readonly string[]) => ({
    ...attributesOf(`${POD}/exec`),
    exec: { ...NOTHING, command },
  })
  const digestOf = (texts: readonly string[]) =>
    createHash('sha256')
      .update(texts.map((text) => `${text}\0`).join(''))
      .digest('hex')

  test.each([
    ['nothing', []],
    ['what fits exactly', ['a'.repeat(EXEC_TEXT_BYTES_MAX - 1), 'b', '']],
    ['as many as are kept', Array.from({ length: EXEC_TEXTS_MAX }, () => '')],
  ])('leaves %s as it is', (_name, command) => {
    const attributes = withCommand(command)
    expect(shortenExec(attributes)).toBe(attributes)
  })

  test.each([
    ['one byte too many', ['sh', '-c', 'x'.repeat(EXEC_TEXT_BYTES_MAX)]],
    ['a character that is cut through', [`${'x'.repeat(EXEC_TEXT_BYTES_MAX - 1)}\u00e9`]],
    ['too many', Array.from({ length: EXEC_TEXTS_MAX + 1 }, (_, index) => String(index % 10))],
  ])('keeps the beginning of %s, the count and the digest', (_name, command) => {
    const { exec } = shortenExec(withCommand(command))
    const kept = exec?.command ?? []
    expect(exec?.commandShortened).toEqual({ count: command.length, sha256: digestOf(command) })
    expect(Buffer.byteLength(kept.join(''))).toBeLessThanOrEqual(EXEC_TEXT_BYTES_MAX)
    expect(command.join('\0').startsWith(kept.join('\0'))).toBe(true)
    expect(kept.join('')).not.toContain('\uFFFD')
  })

  test('shortens an environment by itself, and once', () => {
    const env = ['A='.padEnd(5_000, 'x')]
    const attributes = { ...withCommand(['env']), exec: { ...NOTHING, command: ['env'], env } }
    const once = shortenExec(attributes)
    expect(once.exec).toMatchObject({
      command: ['env'],
      envShortened: { count: 1, sha256: digestOf(env) },
    })
    expect(once.exec).not.toHaveProperty('commandShortened')
    expect(shortenExec(once)).toEqual(once)
  })
})
