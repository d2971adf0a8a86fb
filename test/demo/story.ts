import { setTimeout as sleep } from 'node:timers/promises'
import { theApproval } from './approval.ts'
import { NODE_PROGRAM, PYTHON_PROGRAM } from './client-programs.ts'
import { AGENT_IMAGE, manifestsOf, UNWATCHED, WATCHED } from './manifests.ts'
import { theMask } from './mask.ts'
import { theSession } from './session.ts'
import {
  byAdmin,
  byAlice,
  type Cast,
  type Chapter,
  createdInside,
  inside,
  type Step,
  thenWait,
} from './step.ts'

const AGENT_READY = ['--for=condition=Ready', 'pod/agent']
const JOB_READY = ['--for=jsonpath={.status.ready}=1', 'job/build']
const THIRD_READY = ['--for=condition=Ready', 'pod/third']

/** How alice's authority is kept through two launches, and what happens without Lanyard. */
export function theStory(): readonly Chapter[] {
  return [
    aliceAlone(),
    beginning(),
    secondHop(),
    thirdHop(),
    theSession(),
    theMask(),
    theApproval(),
    theHole(),
  ]
}

function aliceAlone(): Chapter {
  return {
    title: 'alice is no administrator',
    steps: [
      {
        name: 'alice is alice',
        ...byAlice(['auth', 'whoami']),
        why: 'a client certificate; RBAC lets her look at pods and Jobs of two namespaces, start them, and run commands in pods',
        wants: { exitCode: 0, says: [/Username\s+alice\b/, /developers/] },
      },
      {
        name: 'alice may not read the Secret',
        ...byAlice(['get', 'secret', 'db', '-n', WATCHED]),
        why: 'Kubernetes itself refuses her; the question is what becomes of that when her agent asks',
        wants: {
          exitCode: 1,
          says: [/Error from server \(Forbidden\): secrets "db" is forbidden: User "alice" cannot/],
        },
      },
    ],
  }
}

function beginning(): Chapter {
  const { agent } = manifestsOf(WATCHED)
  return {
    title: 'alice starts an agent',
    files: [agent],
    steps: [
      {
        name: 'alice starts the agent',
        ...thenWait(byAlice(['create', '-f', agent.name]), WATCHED, AGENT_READY),
        why: `the image ${AGENT_IMAGE} is unmodified; the injector adds the sidecar, and the pod is bound to a new chain whose root requester is alice`,
        wants: { exitCode: 0, says: [/pod\/agent created/] },
      },
      {
        name: 'the agent lists pods with kubectl',
        ...inside(WATCHED, 'agent', ['kubectl', 'get', 'pods']),
        why: 'alice may list pods, and so may the agent; the in-cluster configuration is used as it is',
        wants: { exitCode: 0, says: [/agent/] },
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
  const { job } = manifestsOf(WATCHED)
  const builder = `--as=system:serviceaccount:${WATCHED}:builder`
  return {
    title: 'the agent starts a Job whose service account may do everything',
    steps: [
      {
        name: 'the agent starts the Job',
        ...thenWait(createdInside(WATCHED, 'agent', job), WATCHED, JOB_READY),
        why: `${job.name} is that pod with serviceAccountName builder; the Job controller makes the pod, yet the chain goes on: alice → agent → Job → pod`,
        wants: { exitCode: 0, says: [/job.batch\/build created/] },
      },
      {
        name: 'RBAC would let the builder read the Secret',
        ...byAdmin(['auth', 'can-i', 'get', 'secrets', '-n', WATCHED, builder]),
        why: 'Kubernetes alone looks at the service account, and that one may',
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
  const { third } = manifestsOf(WATCHED)
  // How kubectl ends when its time is over differs from release to release.
  const follow = ['sh', '-c', 'timeout 4 kubectl logs -f agent -c main --tail=1 || true']
  return {
    title: "the Job's pod starts a third pod",
    steps: [
      {
        name: 'the Job starts a pod',
        ...thenWait(createdInside(WATCHED, 'job/build', third), WATCHED, THIRD_READY),
        why: `${third.name} is that pod once more; one actor longer, the same root requester`,
        wants: { exitCode: 0, says: [/pod\/third created/] },
      },
      watchStep(),
      {
        name: 'logs are followed',
        ...inside(WATCHED, 'third', follow),
        why: 'so do lines of a followed log',
        wants: { exitCode: 0, says: [/tick \d+\n(?:.*\n)*.*tick \d+/] },
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

/** Long enough for kubectl to get its watch on a busy machine, and some changes after that. */
const WATCH_SECONDS = 8

/**
 * kubectl prints no object that was there before, so each line is an event that came through the
 * watch; and its last column is what the change wrote that it tells of.
 */
function watchStep(): Step {
  const only = ['--watch-only', '--output-watch-events', '-L', 'change']
  const kubectl = ['kubectl', 'get', 'pods', ...only]
  const watch = inside(WATCHED, 'third', ['timeout', String(WATCH_SECONDS), ...kubectl])
  const change = (value: string) =>
    byAdmin(['label', 'pod', 'agent', '-n', WATCHED, `change=${value}`, '--overwrite'])
  return {
    name: 'a watch streams through',
    command: `${watch.command} &\n$ ${change('c1').command}   # then c2, c3 …`,
    why: 'a watch is one request that stays open; what changes meanwhile comes as it happens',
    async run(cast: Cast) {
      let ended = false
      const watching = watch.run(cast).finally(() => {
        ended = true
      })
      for (let count = 1; !ended; count += 1) {
        await change(`c${count}`).run(cast)
        await sleep(1_000)
      }
      return watching
    },
    wants: { exitCode: 1, says: [/MODIFIED\s+agent\s.*\sc\d+\b/] },
  }
}

/** The same three launches where Lanyard does not watch. */
function theHole(): Chapter {
  const { agent, job, third } = manifestsOf(UNWATCHED)
  const password = ['kubectl', 'get', 'secret', 'db', '-o', 'jsonpath={.data.password}']
  return {
    title: `the same in the namespace ${UNWATCHED}, where Lanyard is switched off`,
    steps: [
      {
        name: 'alice starts an agent there',
        ...thenWait(byAlice(['create', '-f', agent.name]), UNWATCHED, AGENT_READY),
        why: 'no sidecar: the namespace does not carry the label',
        wants: { exitCode: 0, says: [/pod\/agent created/] },
      },
      {
        name: 'its Job starts',
        ...thenWait(createdInside(UNWATCHED, 'agent', job), UNWATCHED, JOB_READY),
        why: 'as before',
        wants: { exitCode: 0, says: [/created/] },
      },
      {
        name: 'the third pod starts',
        ...thenWait(createdInside(UNWATCHED, 'job/build', third), UNWATCHED, THIRD_READY),
        why: 'as before',
        wants: { exitCode: 0, says: [/created/] },
      },
      {
        name: 'the third pod reads the Secret',
        ...inside(UNWATCHED, 'third', password),
        why: 'this is the hole: alice may not read it, and what she began just did',
        wants: { exitCode: 0, says: [/Y29ycmVjdC1ob3JzZQ==/] },
      },
    ],
  }
}
