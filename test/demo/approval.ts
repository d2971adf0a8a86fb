import { APPROVAL_POLICY, WATCHED } from './manifests.ts'
import { byAdmin, byAlice, byOncall, type Chapter, inside, type Step, thenWait } from './step.ts'

const ACCEPTED = ['--for=condition=Accepted', `accesspolicy/${APPROVAL_POLICY.name}`]
const PATCH = [
  ...['kubectl', 'patch', 'deployment', 'shop'],
  ...['-p', '{"metadata":{"labels":{"tier":"gold"}}}'],
]
const IN_TEAM = ['-n', WATCHED]
const REASON = ['--reason', 'INC-7']

/** The Job asks for a change, somebody on call approves just that, and it is done once. */
export function theApproval(): Chapter {
  const { file } = APPROVAL_POLICY
  const patched = inside(WATCHED, 'job/build', PATCH)
  const held = {
    exitCode: 1,
    says: [/ApprovalRequired|waits for an approval|needs an approval/, /01[0-9a-z]{24}/i],
  }
  return {
    title: 'the Job asks for a change, and somebody on call approves it',
    files: [file],
    steps: [
      {
        name: 'a policy holds changes of Deployments',
        ...thenWait(byAdmin(['apply', '-f', file.name]), WATCHED, ACCEPTED),
        why: 'what it holds waits for one person of the group oncall, with a reason',
        wants: { exitCode: 0, says: [/created|configured|unchanged/, /condition met/] },
      },
      {
        name: 'the change is held',
        ...patched,
        why: 'a 403 immediately, which programs do not repeat by themselves; it names the access request',
        wants: held,
      },
      ...theAnswer(),
      {
        name: 'the same change passes',
        ...patched,
        why: 'the same bytes, and only once',
        wants: { exitCode: 0, says: [/deployment\.apps\/shop patched/] },
      },
      {
        name: 'the same change is held again',
        ...patched,
        why: 'one approval is for one request',
        wants: held,
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

function theAnswer(): readonly Step[] {
  return [
    {
      name: 'somebody on call reads what would be sent',
      ...byOncall(['lanyard', 'request', 'show'], WATCHED, IN_TEAM),
      why: 'who asks, for whom, since when, and each byte of it',
      wants: { exitCode: 0, says: [/alice/, /shop/, /"tier": ?"gold"/] },
    },
    {
      name: 'alice does not approve it',
      ...byAlice(['lanyard', 'requests', '-n', WATCHED]),
      why: 'nobody approves what their own chain asks for; alice has no right to see requests either',
      wants: { exitCode: 1, says: [/forbidden|may not/i] },
    },
    {
      name: 'somebody on call approves it',
      ...byOncall(['lanyard', 'approve'], WATCHED, [...IN_TEAM, ...REASON]),
      why: 'the approval is for the digest of these bytes; the kubeconfig is the login',
      wants: { exitCode: 0, says: [/approved/] },
    },
  ]
}
