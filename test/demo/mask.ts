import { MASK_POLICY, WATCHED } from './manifests.ts'
import { byAdmin, type Chapter, inside, thenWait } from './step.ts'

const ACCEPTED = ['--for=condition=Accepted', `accesspolicy/${MASK_POLICY.name}`]

const READ = "kubectl get secret db -o jsonpath='{.data.password}' | base64 -d"
const WRITE_BACK = 'kubectl get secret db -o json | kubectl replace -f -'

/** The agent may read a Secret of which it does not see the values, and cannot destroy them. */
export function theMask(): Chapter {
  const { file } = MASK_POLICY
  const script = (text: string) => inside(WATCHED, 'agent', ['sh', '-c', text])
  return {
    title: 'the agent reads a Secret, and not its values',
    files: [file],
    steps: [
      {
        name: 'a policy masks the values of Secrets',
        ...thenWait(byAdmin(['apply', '-f', file.name]), WATCHED, ACCEPTED),
        why: 'alice may not read Secrets by RBAC; the policy lets her pods, without what is in them',
        wants: { exitCode: 0, says: [/created|configured|unchanged/, /condition met/] },
      },
      {
        name: 'the value is hidden',
        ...script(READ),
        why: 'a token stands in its place: the same for the same value, as long as it is the same chain',
        wants: { exitCode: 0, says: [/lanyard-masked-[0-9a-f]{24}/] },
      },
      {
        name: 'the token is not written over the value',
        ...script(WRITE_BACK),
        why: 'the refusal names the field, and says how to change only what is meant',
        wants: {
          exitCode: 1,
          says: [/data\.password holds a mask token/, /only the fields that are to change/],
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
