import { NODE_PROGRAM, PYTHON_PROGRAM } from './client-programs.ts'
import type { Answer, Kubectl } from './kubectl.ts'
import { AGENT_IMAGE, job, pod, UNWATCHED, WATCHED } from './manifests.ts'

/** Who takes part: a person with little, and the administrator who looks on. */
export interface Cast {
  readonly alice: Kubectl
  readonly admin: Kubectl
}

/** One thing that happens, and what must come of it. */
export interface Step {
  readonly name: string
  /** As the reader would type it. */
  readonly command: string
  readonly why: string
  run(cast: Cast): Promise<Answer>
  /** What the answer must be; a story that goes otherwise fails. */
  readonly wants: { readonly exitCode: number; readonly says: readonly RegExp[] }
}

export interface Chapter {
  readonly title: string
  readonly steps: readonly Step[]
}

/** Runs a command inside a pod, as the program in that pod would. */
function inside(
  namespace: string,
  target: string,
  argv: readonly string[],
): Pick<Step, 'command' | 'run'> {
  const shown = argv.map((word) =>
    /^[\w./:=@,{}-]+$/.test(word) ? word : `'${word.trim().split('\n')[0]} …'`,
  )
  return {
    command: `kubectl exec -n ${namespace} ${target} -- ${shown.join(' ')}`,
    run: ({ admin }) => admin.run(['exec', '-n', namespace, target, '-c', 'main', '--', ...argv]),
  }
}

/** Creates an object from inside a pod with the pod's own kubectl, and waits until it runs. */
function launchedFrom(
  namespace: string,
  launcher: string,
  object: object,
  waitFor: readonly string[],
): Pick<Step, 'run'> {
  return {
    async run({ admin }) {
      const exec = ['exec', '-i', '-n', namespace, launcher, '-c', 'main', '--']
      const answer = await admin.run(
        [...exec, 'kubectl', 'create', '-f', '-'],
        JSON.stringify(object),
      )
      if (answer.exitCode === 0)
        await admin.must(['wait', '-n', namespace, '--timeout=120s', ...waitFor])
      return answer
    },
  }
}

const ready = ['--for=condition=Ready']
const jobReady = ['--for=jsonpath={.status.ready}=1', 'job/build']

/** How alice's authority is kept through two launches, and what happens without Lanyard. */
export function theStory(): readonly Chapter[] {
  return [beginning(), secondHop(), thirdHop(), theHole()]
}

function beginning(): Chapter {
  const listed = { exitCode: 0, says: [/agent/] }
  return {
    title: 'alice starts an agent',
    steps: [
      {
        name: 'alice starts the agent',
        command: `kubectl --kubeconfig alice.kubeconfig create -f agent.yaml   # image ${AGENT_IMAGE}, unmodified`,
        why: 'the injector adds the sidecar; the pod is bound to a new chain whose root requester is alice',
        async run({ alice, admin }) {
          const answer = await alice.run(
            ['create', '-f', '-'],
            JSON.stringify(pod(WATCHED, 'agent', 'agent')),
          )
          if (answer.exitCode === 0) {
            await admin.must(['wait', '-n', WATCHED, '--timeout=120s', ...ready, 'pod/agent'])
          }
          return answer
        },
        wants: { exitCode: 0, says: [/pod\/agent created/] },
      },
      {
        name: 'the agent lists pods with kubectl',
        ...inside(WATCHED, 'agent', ['kubectl', 'get', 'pods']),
        why: 'alice may list pods, and so may the agent; the in-cluster configuration is used as it is',
        wants: listed,
      },
      {
        name: 'the agent lists pods with the Node client',
        ...inside(WATCHED, 'agent', ['env', `NS=${WATCHED}`, 'node', '-e', NODE_PROGRAM]),
        why: 'the official JavaScript client, unchanged',
        wants: { exitCode: 0, says: [/node sees .*agent/] },
      },
      {
        name: 'the agent lists pods with the Python client',
        ...inside(WATCHED, 'agent', ['env', `NS=${WATCHED}`, 'python3', '-c', PYTHON_PROGRAM]),
        why: 'the official Python client, unchanged',
        wants: { exitCode: 0, says: [/python sees .*agent/] },
      },
    ],
  }
}

function secondHop(): Chapter {
  return {
    title: 'the agent starts a Job whose service account may do everything',
    steps: [
      {
        name: 'the agent starts the Job',
        command: `kubectl exec -n ${WATCHED} agent -- kubectl create -f job.yaml   # serviceAccountName: builder`,
        why: 'the Job controller makes the pod, yet the chain goes on: alice → agent → Job → pod',
        ...launchedFrom(WATCHED, 'agent', job(WATCHED, 'build', 'builder'), jobReady),
        wants: { exitCode: 0, says: [/job.batch\/build created/] },
      },
      {
        name: 'RBAC would let the builder read the Secret',
        command: `kubectl auth can-i get secrets -n ${WATCHED} --as=system:serviceaccount:${WATCHED}:builder`,
        why: 'Kubernetes alone looks at the service account, and that one may',
        run: ({ admin }) =>
          admin.run([
            'auth',
            'can-i',
            'get',
            'secrets',
            '-n',
            WATCHED,
            `--as=system:serviceaccount:${WATCHED}:builder`,
          ]),
        wants: { exitCode: 0, says: [/yes/] },
      },
      {
        name: 'the Job may not read the Secret',
        ...inside(WATCHED, 'job/build', ['kubectl', 'get', 'secret', 'db', '-o', 'yaml']),
        why: 'alice may not read Secrets, so nothing that she began may',
        wants: {
          exitCode: 1,
          says: [
            /Error from server \(Forbidden\).*secrets "db" is forbidden: alice \(root requester of pod team\/build-\w+\) cannot get.*\[decision 01[0-9A-Z]{24}\]/,
          ],
        },
      },
      {
        name: 'the Job may not delete the Deployment',
        ...inside(WATCHED, 'job/build', ['kubectl', 'delete', 'deployment', 'shop']),
        why: 'the same for a delete; the Status names alice, the pod and the decision',
        wants: {
          exitCode: 1,
          says: [
            /Forbidden.*deployments\.apps "shop" is forbidden: alice \(root requester of pod team\/build-\w+\)/,
          ],
        },
      },
      {
        name: 'what alice may do still works there',
        ...inside(WATCHED, 'job/build', ['kubectl', 'get', 'pods']),
        why: 'less is refused, not everything',
        wants: { exitCode: 0, says: [/agent/, /build-/] },
      },
    ],
  }
}

function thirdHop(): Chapter {
  return {
    title: "the Job's pod starts a third pod",
    steps: [
      {
        name: 'the Job starts a pod',
        command: `kubectl exec -n ${WATCHED} job/build -- kubectl create -f third.yaml`,
        why: 'one actor longer, the same root requester',
        ...launchedFrom(WATCHED, 'job/build', pod(WATCHED, 'third', 'builder'), [
          ...ready,
          'pod/third',
        ]),
        wants: { exitCode: 0, says: [/pod\/third created/] },
      },
      {
        name: 'a watch streams through',
        ...inside(WATCHED, 'third', [
          'timeout',
          '4',
          'kubectl',
          'get',
          'pods',
          '--watch',
          '--output-watch-events',
        ]),
        why: 'a watch is one request that stays open; its events pass as they come',
        wants: { exitCode: 1, says: [/ADDED\s+third/] },
      },
      {
        name: 'logs are followed',
        ...inside(WATCHED, 'third', [
          'timeout',
          '4',
          'kubectl',
          'logs',
          '-f',
          'agent',
          '-c',
          'main',
          '--tail=1',
        ]),
        why: 'so do lines of a followed log',
        wants: { exitCode: 1, says: [/tick \d+\n(?:.*\n)*.*tick \d+/] },
      },
      {
        name: 'the third pod may not read the Secret',
        ...inside(WATCHED, 'third', ['kubectl', 'get', 'secret', 'db']),
        why: 'three launches deep, alice is still the one for whom it is decided',
        wants: {
          exitCode: 1,
          says: [/alice \(root requester of pod team\/third\) cannot get resource "secrets"/],
        },
      },
    ],
  }
}

/** The same three launches where Lanyard does not watch. */
function theHole(): Chapter {
  return {
    title: `the same in the namespace ${UNWATCHED}, where Lanyard is switched off`,
    steps: [
      {
        name: 'alice starts an agent there',
        command: 'kubectl --kubeconfig alice.kubeconfig create -f agent.yaml',
        why: 'no sidecar: the namespace does not carry the label',
        async run({ alice, admin }) {
          const answer = await alice.run(
            ['create', '-f', '-'],
            JSON.stringify(pod(UNWATCHED, 'agent', 'agent')),
          )
          if (answer.exitCode === 0) {
            await admin.must(['wait', '-n', UNWATCHED, '--timeout=120s', ...ready, 'pod/agent'])
          }
          return answer
        },
        wants: { exitCode: 0, says: [/pod\/agent created/] },
      },
      {
        name: 'its Job starts',
        command: `kubectl exec -n ${UNWATCHED} agent -- kubectl create -f job.yaml`,
        why: 'as before',
        ...launchedFrom(UNWATCHED, 'agent', job(UNWATCHED, 'build', 'builder'), jobReady),
        wants: { exitCode: 0, says: [/created/] },
      },
      {
        name: 'the third pod starts',
        command: `kubectl exec -n ${UNWATCHED} job/build -- kubectl create -f third.yaml`,
        why: 'as before',
        ...launchedFrom(UNWATCHED, 'job/build', pod(UNWATCHED, 'third', 'builder'), [
          ...ready,
          'pod/third',
        ]),
        wants: { exitCode: 0, says: [/created/] },
      },
      {
        name: 'the third pod reads the Secret',
        ...inside(UNWATCHED, 'third', [
          'kubectl',
          'get',
          'secret',
          'db',
          '-o',
          'jsonpath={.data.password}',
        ]),
        why: 'this is the hole: alice may not read it, and what she began just did',
        wants: { exitCode: 0, says: [/Y29ycmVjdC1ob3JzZQ==/] },
      },
    ],
  }
}
