import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { Kubectl } from './kubectl.ts'
import { createNarrator } from './narrator.ts'
import { byAdmin, byAlice, type Step, thenWait } from './step.ts'
import { tell } from './tell.ts'

/** Answers with the arguments, after the note that it ran. */
function fakeKubectl(name: string, steps: string[], exitCode = 0): Kubectl {
  const run = async (args: readonly string[]) => {
    steps.push(`${name} runs ${args[0] ?? ''}`)
    const text = `${name} ${args.join(' ')}\n`
    return { exitCode, stdout: text, stderr: '', text }
  }
  return { run, must: run }
}

function play(step: Pick<Step, 'command' | 'run'>, wants: Partial<Step['wants']>, exitCode = 0) {
  const steps: string[] = []
  const narrator = createNarrator((text) => {
    steps.push(...stripVTControlCharacters(text).trim().split('\n'))
  })
  const cast = {
    admin: fakeKubectl('admin', steps),
    alice: fakeKubectl('alice', steps, exitCode),
    oncall: fakeKubectl('oncall', steps),
  }
  const full = { ...step, name: 'a step', why: 'so', wants: { exitCode: 0, says: [], ...wants } }
  const done = tell(narrator, () => {}, { title: 'One', steps: [full] }, cast)
  return { steps, done }
}

test('tell() shows a command before it runs', async () => {
  const { steps, done } = play(byAdmin(['get', 'pods']), {})
  await done
  expect(steps.slice(2)).toEqual(
    ['', '$ kubectl get pods', 'admin runs get', 'admin get pods', '→ so'].slice(1),
  )
})

test.each([
  { wants: { exitCode: 1 }, says: /exit code 0, wanted 1/ },
  { wants: { says: [/Forbidden/] }, says: /missing: \/Forbidden\// },
])('tell() fails when an answer is not the story: $says', async ({ wants, says }) => {
  await expect(play(byAdmin(['get', 'pods']), wants).done).rejects.toThrow(says)
})

test('thenWait() waits for what was launched, and shows both commands', async () => {
  const { steps, done } = play(
    thenWait(byAlice(['create', '-f', 'a.yaml']), 'team', ['--for=condition=Ready', 'pod/a']),
    { says: [/alice create/, /admin wait -n team --timeout=120s --for=condition=Ready pod\/a/] },
  )
  await done
  expect(steps).toContain('$ kubectl --kubeconfig alice.kubeconfig create -f a.yaml')
  expect(steps).toContain('$ kubectl wait -n team --timeout=120s --for=condition=Ready pod/a')
})

test('thenWait() does not wait for what was refused', async () => {
  const refused = thenWait(byAlice(['create']), 'team', ['pod/a'])
  const { steps, done } = play(refused, { exitCode: 1 }, 1)
  await done
  expect(steps).not.toContain('admin runs wait')
})
