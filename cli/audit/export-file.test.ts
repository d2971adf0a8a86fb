import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openExportFile } from './export-file.ts'

let folder: string
let path: string
let told: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-export-'))
  path = join(folder, 'audit.jsonl')
  told = ''
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const line = (id: string) => `${JSON.stringify({ kind: 'AuditEvent', metadata: { uid: id } })}\n`

function open(resume: boolean, form: 'lanyard' | 'ocsf' = 'lanyard') {
  const tell = (text: string) => {
    told += text
  }
  return openExportFile({ path, resume, form, tell })
}

test('openExportFile() makes a file that only its owner reads', async () => {
  const sink = await open(false)
  expect(sink.after).toBeUndefined()
  await sink.write(line('A'))
  await sink.write(line('B'))
  await sink.close()
  expect(await readFile(path, 'utf8')).toBe(line('A') + line('B'))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test.each([
  ['whole lines', line('A') + line('B'), 'b', ''],
  ['one line', line('A'), 'a', ''],
  ['an incomplete line', `${line('A')}{"kind":"Audit`, 'a', 'Cut an incomplete last line of 14'],
  ['an incomplete line that is JSON', `${line('A')}{}`, 'a', 'Cut an incomplete last line of 2'],
  ['a long line before', line('x'.repeat(100_000)) + line('B'), 'b', ''],
])('openExportFile() continues after %s', async (_case, text, after, want) => {
  await writeFile(path, text)
  const sink = await open(true)
  expect(sink.after).toBe(after)
  await sink.write(line('C'))
  await sink.close()
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  expect(await readFile(path, 'utf8')).toBe(whole + line('C'))
  expect(told.startsWith(want)).toBe(true)
})

test('openExportFile() begins in an empty file', async () => {
  await writeFile(path, '')
  const sink = await open(true)
  expect(sink.after).toBeUndefined()
  await sink.close()
})

test.each([
  ['something else', 'hello\n', /is no decision/],
  ['no whole line', '{"kind":"AuditEv', /does not end in lines/],
  ['an empty line', `${line('A')}\n`, /is no decision/],
  ['another form', '{"class_uid":6003,"metadata":{"uid":"A"}}\n', /--format ocsf/],
  ['a line longer than any', `${line('A')}${'x'.repeat(9 * 1024 * 1024)}`, /does not end in lines/],
])('openExportFile() refuses to continue %s, and changes nothing', async (_case, text, want) => {
  await writeFile(path, text)
  await expect(open(true)).rejects.toThrow(want)
  expect(await readFile(path, 'utf8')).toBe(text)
})

test('openExportFile() overwrites nothing', async () => {
  await writeFile(path, line('A'))
  await expect(open(false)).rejects.toThrow(/exists already: --resume continues it/)
  expect(await readFile(path, 'utf8')).toBe(line('A'))
})

test('openExportFile() says what cannot be written', async () => {
  path = join(folder, 'absent', 'audit.jsonl')
  await expect(open(false)).rejects.toThrow(/Cannot write .*: ENOENT/)
})
