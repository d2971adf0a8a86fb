import type { Answer, Kubectl } from './kubectl.ts'
import { shellText } from './shell-text.ts'

/** Who takes part: a person with little, and the administrator who looks on. */
export interface Cast {
  readonly alice: Kubectl
  readonly admin: Kubectl
  /** Of the group that approves. */
  readonly oncall: Kubectl
}

/** One thing that happens, and what must come of it. */
export interface Step {
  readonly name: string
  /** What is run, as the reader would type it in the folder of the stage. */
  readonly command: string
  readonly why: string
  /** Which end of a long answer is shown; the beginning unless it says so. */
  readonly shows?: 'end'
  run(cast: Cast): Promise<Answer>
  /** What the answer must be; a story that goes otherwise fails. */
  readonly wants: { readonly exitCode: number; readonly says: readonly RegExp[] }
}

export interface Chapter {
  readonly title: string
  /** Files that its commands use, for whoever reads along. */
  readonly files?: readonly { readonly name: string; readonly text: string }[]
  readonly steps: readonly Step[]
}

type Action = Pick<Step, 'command' | 'run'>

/** A kubectl command of the administrator. */
export function byAdmin(args: readonly string[]): Action {
  return {
    command: shellText(['kubectl', ...args]),
    run: ({ admin }) => admin.run(args),
  }
}

/** A kubectl command of alice. */
export function byAlice(args: readonly string[]): Action {
  return {
    command: shellText(['kubectl', '--kubeconfig', 'alice.kubeconfig', ...args]),
    run: ({ alice }) => alice.run(args),
  }
}

const NEWEST = '{.items[-1:].metadata.name}'

/** A command of somebody on call about the newest access request of a namespace. */
export function byOncall(
  command: readonly string[],
  namespace: string,
  options: readonly string[] = [],
): Action {
  const newest = ['get', 'accessrequests', '-n', namespace, '-o', `jsonpath=${NEWEST}`]
  const asked = shellText(['kubectl', ...newest])
  const text = (words: readonly string[]) => words.map((word) => ` ${shellText([word])}`).join('')
  return {
    command: `export KUBECONFIG=oncall.kubeconfig\n$ kubectl${text(command)} $(${asked})${text(options)}`,
    async run({ oncall }) {
      const found = await oncall.run(newest)
      if (found.exitCode !== 0) return found
      return oncall.run([...command, found.stdout, ...options])
    },
  }
}

/** Runs a command inside a pod, as the program in that pod would. */
export function inside(namespace: string, target: string, argv: readonly string[]): Action {
  return byAdmin(['exec', '-n', namespace, target, '-c', 'main', '--', ...argv])
}

/** Creates the object of a file from inside a pod, with the pod's own kubectl. */
export function createdInside(
  namespace: string,
  launcher: string,
  file: { readonly name: string; readonly text: string },
): Action {
  const exec = ['exec', '-i', '-n', namespace, launcher, '-c', 'main', '--']
  const args = [...exec, 'kubectl', 'create', '-f', '-']
  return {
    command: `${shellText(['kubectl', ...args])} < ${file.name}`,
    run: ({ admin }) => admin.run(args, file.text),
  }
}

/** An action, and what waits until it has come to something. */
export function thenWait(action: Action, namespace: string, condition: readonly string[]): Action {
  const wait = byAdmin(['wait', '-n', namespace, '--timeout=120s', ...condition])
  return {
    command: `${action.command}\n$ ${wait.command}`,
    async run(cast) {
      const answer = await action.run(cast)
      if (answer.exitCode !== 0) return answer
      const waited = await wait.run(cast)
      return { ...waited, text: `${answer.text}${waited.text}` }
    },
  }
}
