import { WATCHED } from './manifests.ts'
import { byAdmin, type Cast, type Chapter, type Step } from './step.ts'

/** What is on record of the story: the tree, every decision, one of them explained, and the session. */
export async function theRecords({ admin }: Cast): Promise<readonly Chapter[]> {
  const get = ['get', '-n', WATCHED, '-o', 'json', '--field-selector']
  const newest = async (what: string, fields: string) => {
    const { stdout } = await admin.must([...get, fields, what])
    const { items } = JSON.parse(stdout) as { items: { metadata: { name: string } }[] }
    const id = items.at(-1)?.metadata.name
    if (id === undefined) throw new Error(`none of the ${what} has ${fields}`)
    return id
  }
  const refusal = await newest('auditevents', 'spec.effect=Deny,spec.pod=third')
  const session = await newest('sessions', 'spec.pod=agent,spec.subresource=exec')
  return [{ title: 'what is on record', steps: [...theDecisions(refusal), ...theReplay(session)] }]
}

function theDecisions(id: string): readonly Step[] {
  return [
    step(
      ['get', 'chains', '-n', WATCHED],
      'the aggregated API: your kubeconfig is the login, RBAC says who sees what',
      [/agent\s/, /third\s/],
    ),
    step(['lanyard', 'chain', 'third', '-n', WATCHED], 'the tree alice → agent → Job → pod', [
      /alice/,
      /agent/,
      /Job.*build/,
      /third/,
    ]),
    {
      ...step(['lanyard', 'audit', '-n', WATCHED], 'every decision, the newest last', [
        /[Dd]eny/,
        /[Aa]llow/,
        /secrets/,
        /alice/,
      ]),
      shows: 'end',
    },
    step(['lanyard', 'explain', id], 'one decision in full: who was asked, who refused, and why', [
      /alice/,
      /secrets/,
      /RBAC/,
    ]),
  ]
}

function theReplay(id: string): readonly Step[] {
  return [
    step(['lanyard', 'sessions', '-n', WATCHED], 'each session, with its root requester', [
      /agent/,
      /alice/,
    ]),
    step(
      ['lanyard', 'replay', id],
      'the session as the agent saw it; that you watched it is on record too',
      [/bin/, /Kubernetes-managed hosts file/],
    ),
  ]
}

function step(args: readonly string[], why: string, says: readonly RegExp[]): Step {
  return { name: args.join(' '), why, ...byAdmin(args), wants: { exitCode: 0, says } }
}
