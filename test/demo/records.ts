import { WATCHED } from './manifests.ts'
import { byAdmin, type Cast, type Chapter, type Step } from './step.ts'

/** What is on record of the story: the tree, every decision, and one of them explained. */
export async function theRecords({ admin }: Cast): Promise<readonly Chapter[]> {
  const events = await admin.must([
    'get',
    'auditevents',
    '-n',
    WATCHED,
    '-o',
    'json',
    '--field-selector',
    'spec.effect=Deny,spec.pod=third',
  ])
  const { items } = JSON.parse(events.stdout) as { items: { metadata: { name: string } }[] }
  const id = items.at(-1)?.metadata.name
  if (id === undefined) throw new Error('no refusal of the third pod is on record')
  const step = (args: readonly string[], why: string, says: readonly RegExp[]): Step => ({
    name: args.join(' '),
    why,
    ...byAdmin(args),
    wants: { exitCode: 0, says },
  })
  return [
    {
      title: 'what is on record',
      steps: [
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
        step(
          ['lanyard', 'explain', id],
          'one decision in full: who was asked, who refused, and why',
          [/alice/, /secrets/, /RBAC/],
        ),
      ],
    },
  ]
}
