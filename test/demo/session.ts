import { POLICY, WATCHED } from './manifests.ts'
import { byAdmin, type Chapter, inside, thenWait } from './step.ts'

const ACCEPTED = ['--for=condition=Accepted', `accesspolicy/${POLICY.name}`]

/** What the agent runs in the Job's pod, and what it may not. */
const LOOK = 'ls /usr && cat /etc/hosts'
const REMOVE = 'ls /tmp; rm -rf /tmp/work'

/** The agent opens a session in a pod of its chain: what may run there, and what is kept of it. */
export function theSession(): Chapter {
  const { file } = POLICY
  const exec = (script: string) =>
    inside(WATCHED, 'agent', [
      ...['kubectl', 'exec', 'job/build', '-c', 'main', '--'],
      ...['sh', '-c', script],
    ])
  return {
    title: "the agent opens a session in the Job's pod",
    files: [file],
    steps: [
      {
        name: 'a policy says which commands may run',
        ...thenWait(byAdmin(['apply', '-f', file.name]), WATCHED, ACCEPTED),
        why: 'for alice, it takes the place of RBAC in all that her pods ask; a script is judged command by command',
        wants: { exitCode: 0, says: [/created|configured|unchanged/, /condition met/] },
      },
      {
        name: 'the agent looks around there',
        ...exec(LOOK),
        why: 'both commands of the script are on the list; what they write is recorded as the agent gets it',
        wants: { exitCode: 0, says: [/bin/, /Kubernetes-managed hosts file/] },
      },
      {
        name: 'a command that is not on the list does not run',
        ...exec(REMOVE),
        why: 'refused before anything reaches the API server, with the part of the script and the name of the rule',
        wants: {
          exitCode: 1,
          says: [
            /Forbidden|forbidden/,
            new RegExp(`rule "${POLICY.name}/${POLICY.rule}" does not let this command run`),
            /rm -rf \/tmp\/work/,
          ],
        },
      },
      {
        name: 'the policy goes',
        ...byAdmin(['delete', '-f', file.name]),
        why: 'from now on RBAC judges alice again',
        wants: { exitCode: 0, says: [/deleted/] },
      },
    ],
  }
}
