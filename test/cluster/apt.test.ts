import { expect, test } from 'vitest'
import { installPackages } from './apt.ts'
import type { CommandResult } from './run-command.ts'

const OK: CommandResult = { exitCode: 0, stdout: '', stderr: '' }
const failed = (stderr: string): CommandResult => ({ exitCode: 100, stdout: '', stderr })
const INTERRUPTED = failed(
  "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.",
)
const LOCKED = failed('dpkg: error: dpkg frontend lock was locked by another process with pid 4711')

/** Answers in turn, and notes each command by the word that tells it apart. */
function answering(...answers: readonly CommandResult[]) {
  const commands: string[] = []
  const run = async (argv: readonly string[]) => {
    commands.push(argv.find((word) => /^(?:update|install|--configure)$/.test(word)) ?? '')
    return answers[commands.length - 1] ?? OK
  }
  return { commands, run }
}

test.each([
  { when: 'nothing is wrong', answers: [], want: ['update', 'install'] },
  {
    when: 'an earlier run was killed',
    answers: [OK, INTERRUPTED],
    want: ['update', 'install', '--configure', 'install'],
  },
  {
    when: 'someone else holds the lock meanwhile',
    answers: [OK, INTERRUPTED, LOCKED, LOCKED],
    want: ['update', 'install', '--configure', '--configure', '--configure', 'install'],
  },
])('installPackages() calls dpkg only when it must: $when', async ({ answers, want }) => {
  const { commands, run } = answering(...answers)
  await installPackages(['wrk'], run, 0)
  expect(commands).toEqual(want)
})

test.each([
  { what: 'the lists', answers: [failed('E: no network')], says: /update.*\nE: no network/ },
  { what: 'a package', answers: [OK, failed('E: no such package')], says: /no such package/ },
  {
    what: 'what was interrupted',
    answers: [OK, INTERRUPTED, failed('dpkg: error processing package')],
    says: /--configure -a.*\ndpkg: error processing/,
  },
])('installPackages() says why it cannot get $what', async ({ answers, says }) => {
  await expect(installPackages(['wrk'], answering(...answers).run, 0)).rejects.toThrow(says)
})
