import { escapeText } from '../../core/escape-text.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { CommandContext } from '../command/command-context.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'

export interface RevokeOptions {
  /** User name, or NAMESPACE/NAME of a service account. */
  readonly root: string
  readonly rootKind: 'User' | 'ServiceAccount'
  readonly reason: string
  readonly since?: string
  readonly onlyRoot?: true
}

interface Made {
  readonly metadata: { readonly name: string }
}

interface SelfReview {
  readonly status?: { readonly userInfo?: { readonly username?: string } }
}

const API_VERSION = `${LANYARD_GROUP}/v1alpha1`
const NAME_MAX = 200

/** `revoke`: ends the chains that a principal began before now. */
export async function runRevoke(context: CommandContext, options: RevokeOptions): Promise<number> {
  const { client, terminal, output } = context
  const review = await client.post<SelfReview>(
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  )
  const made = await client.post<Made>(`/apis/${API_VERSION}/chainrevocations`, {
    apiVersion: API_VERSION,
    kind: 'ChainRevocation',
    metadata: { generateName: `${objectNameOf(options.root)}-` },
    spec: {
      principal: principalOf(options),
      requester: options.onlyRoot === true ? 'Root' : 'Any',
      ...(options.since === undefined ? {} : { since: options.since }),
      reason: options.reason,
      revokedBy: review.status?.userInfo?.username ?? '',
    },
  })
  const object = `chainrevocation.${LANYARD_GROUP}/${made.metadata.name}`
  if (output === 'json') terminal.out(toJson(made))
  else if (output === 'yaml') terminal.out(toYaml(made))
  else if (output === 'name') terminal.out(`${object}\n`)
  else {
    const who = escapeText(options.root)
    terminal.out(
      `${object} created: chains of ${who} that began before now have ended, open requests included.\nWhat ${who} starts from now on works: take their RBAC away too. To undo it:\n  kubectl delete ${object}\n`,
    )
  }
  return 0
}

function principalOf({ root, rootKind }: RevokeOptions): object {
  if (rootKind === 'User') return { kind: rootKind, name: root }
  const [namespace = '', name = ''] = root.split('/')
  return { kind: rootKind, namespace, name }
}

/** What of a user name may stand in the name of an object. */
function objectNameOf(root: string): string {
  const name = root
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, NAME_MAX)
  return name.replaceAll(/^-|-$/g, '') || 'chain'
}
