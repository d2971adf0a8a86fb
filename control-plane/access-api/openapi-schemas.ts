import { accessRequestKinds } from './openapi-access-request.ts'
import { AUDIT_EVENT_STATUS } from './openapi-audit-event.ts'
import { auditStoreKinds } from './openapi-audit-store.ts'
import { definitionName, listOf, type Ref, type RefTo, top } from './openapi-kinds.ts'
import { notificationKinds } from './openapi-notification.ts'
import { sessionKinds } from './openapi-session.ts'
import {
  flag,
  integer,
  LIST_META,
  list,
  META,
  object,
  type Schema,
  text,
  time,
} from './schema-parts.ts'

/** Every definition by its name. */
export function openApiDefinitions(refTo: RefTo): Record<string, Schema> {
  const ref: Ref = (kind, description) => refTo(definitionName(kind), description)
  const definitions: Record<string, Schema> = {
    ObjectMeta: META,
    ListMeta: LIST_META,
    Requester: REQUESTER,
    Via: object('An object on the way from one pod to the next.', {
      kind: text('Such as Job or ReplicaSet.'),
      name: text('Its name.'),
    }),
    Actor: object('A pod on the way from the root requester.', {
      namespace: text('Namespace of the pod.'),
      name: text('Name of the pod.'),
      podUid: text('UID of the pod.'),
      serviceAccount: text('Service account of the pod.'),
      via: list(
        'What created the pod, nearest to its launcher first. Empty when its launcher created it.',
        ref('Via'),
      ),
    }),
    DelegationChain: object('For whom a pod acted, and through whom.', chainProperties(ref)),
    Cluster: CLUSTER,
    ...decisionDefinitions(ref),
    ChainSpec: object('For whom the pod acts, and through whom.', {
      podUid: text('UID of the pod.'),
      cluster: ref('Cluster', 'The cluster of the pod.'),
      sidecarVersion: text('Version of the sidecar that enrolled last.'),
      ...chainProperties(ref),
      beganAt: time('When the chain began.'),
      renewedAt: time('When its root requester was last seen for it.'),
      visitors: list('Who reached into the pod by their own credential.', ref('Visitor')),
      visitsOmitted: integer('Visits of more people than are named.'),
      endsAt: time('When it ends, unless its root requester is seen for it before.'),
      touches: list(
        'Who restarted, scaled, queued or placed what the pod comes from. Not in lists and watches.',
        ref('Touch'),
      ),
    }),
    ChainStatus: object('Whether the pod runs.', {
      phase: text('Running, Ended, or Unknown while the end of the pod could have been missed.'),
      endedAt: time('When the pod was seen to have ended.'),
    }),
    Touch: TOUCH,
    Visitor: VISITOR,
    AuditEventSpec: object('The request and the decision.', auditEventProperties(ref)),
    AuditEventStatus: AUDIT_EVENT_STATUS,
    Chain: top('Chain', 'The delegation chain of one injected pod. It has the name of the pod.', {
      metadata: ref('ObjectMeta', 'Name, namespace and revision.'),
      spec: ref('ChainSpec', 'For whom the pod acts, and through whom.'),
      status: ref('ChainStatus', 'Whether the pod runs.'),
    }),
    AuditEvent: top(
      'AuditEvent',
      'One decision about one API request of a pod, and what became of the request. Its name is the id of the decision in lower case; the id is the Audit-ID of the request at kube-apiserver.',
      {
        metadata: ref('ObjectMeta', 'Name, namespace and revision.'),
        spec: ref('AuditEventSpec', 'The request and the decision.'),
        status: ref('AuditEventStatus', 'What became of the request.'),
      },
    ),
    ...kindsOfOtherFiles(ref),
    ChainList: listOf('Chain', ref),
    AuditEventList: listOf('AuditEvent', ref),
  }
  return Object.fromEntries(
    Object.entries(definitions).map(([kind, schema]) => [definitionName(kind), schema]),
  )
}

function kindsOfOtherFiles(ref: Ref): Record<string, Schema> {
  return {
    ...auditStoreKinds(ref),
    ...sessionKinds(ref),
    ...accessRequestKinds(ref),
    ...notificationKinds(ref),
  }
}

const VISITOR = object('Somebody who reached into the pod, and may have acted in it.', {
  username: text('User name.'),
  kinds: list('Such as exec, attach, portforward or ephemeralcontainers.', { type: 'string' }),
  firstAt: time('When first.'),
  lastAt: time('When last.'),
  visits: integer('How often.'),
  joined: { type: 'boolean', description: 'They are a co-requester of the pod from then on.' },
})

const TOUCH = object('A write that chose no code.', {
  username: text('User name.'),
  at: time('When.'),
  object: text('Of which object, such as Deployment/web.'),
  fields: list('Which fields, such as replicas.', { type: 'string' }),
})

const CLUSTER = object('A Kubernetes cluster.', {
  id: text('UID of its namespace kube-system.'),
  name: text('What its administrators call it; absent when they have not said.'),
})

const REQUESTER = object('A user, as kube-apiserver authenticated it.', {
  username: text('User name.'),
  uid: text('User id, where the authenticator gives one.'),
  groups: list('Groups of the user.', { type: 'string' }),
  extra: {
    type: 'object',
    description: 'What else the authenticator said about the user.',
    additionalProperties: { type: 'array', items: { type: 'string' } },
  },
})

/** What stands in a decision besides texts. */
function decisionDefinitions(ref: Ref): Record<string, Schema> {
  const texts = { type: 'string' }
  return {
    Exec: object('What an exec or attach asked for.', {
      command: list('Arguments, the program first. Empty for an attach.', texts),
      stdin: flag('Whether standard input was asked for.'),
      stdout: flag('Whether standard output was asked for.'),
      stderr: flag('Whether standard error was asked for.'),
      tty: flag('Whether a terminal was asked for.'),
      container: text('Container that the request names; empty when it names none.'),
      env: list('Environment, each NAME=VALUE.', texts),
      commandShortened: ref(
        'Shortened',
        'Set when the record holds only the beginning of command.',
      ),
      envShortened: ref('Shortened', 'Set when the record holds only the beginning of env.'),
    }),
    Shortened: object('What a list of texts was before the record cut it.', {
      count: integer('How many texts.'),
      sha256: text('SHA-256, in hexadecimal, of all texts, each followed by a NUL byte.'),
    }),
    PortForward: object('What a port-forward asked for.', {
      ports: list('Ports; empty where each stream names its own.', integer('A port.')),
    }),
    Matches: object('The rules that matched for one principal.', {
      principal: text('User name.'),
      role: text('What it is to the chain.'),
      rules: list('The rules, in the order of their policies.', ref('MatchedRule')),
    }),
    MatchedRule: object('A rule that matched.', {
      name: text('AccessPolicy and rule.'),
      effect: text('Effect of the rule: Allow, RequireApproval or Deny.'),
    }),
    Obligations: object('What has to be done to a request that passes.', {
      mask: list('Names of what is hidden in the answer.', texts),
      record: {
        ...text('How much of what goes through the tunnel is recorded.'),
        enum: ['none', 'output', 'all'],
      },
      commands: list('Commands that do not run, each as its words.', {
        type: 'array',
        items: texts,
      }),
    }),
  }
}

function chainProperties(ref: Ref): Record<string, Schema> {
  return {
    rootRequester: ref('Requester', 'Who started the chain.'),
    coRequesters: list('Everyone else who could choose the code that runs.', ref('Requester')),
    actors: list(
      'Every pod on the way, outermost first; the last is the pod itself.',
      ref('Actor'),
    ),
  }
}

function auditEventProperties(ref: Ref): Record<string, Schema> {
  return {
    cluster: ref('Cluster', 'The cluster of the pod that asked.'),
    decidedAt: time('When it was decided.'),
    pod: text('Name of the pod that asked; its namespace is the one of this object.'),
    podUid: text('UID of the pod that asked.'),
    container: text('Container that asked.'),
    serviceAccount: text('Service account of the pod that asked.'),
    rootRequester: text('User name of who started the chain of the pod.'),
    chain: ref('DelegationChain', 'For whom the pod acted, and through whom.'),
    verb: text('Verb of the request.'),
    alsoVerbs: list('Verbs that had to be allowed as well.', { type: 'string' }),
    apiGroup: text('API group that was asked for.'),
    resource: text('Resource that was asked for; empty for a path that is none.'),
    subresource: text('Subresource that was asked for.'),
    namespace: text('Namespace that was asked for.'),
    name: text('Name of the object that was asked for.'),
    path: text('Path of the request, without its query.'),
    exec: ref('Exec', 'Of an exec or attach: what was to run, and how.'),
    portForward: ref('PortForward', 'Of a port-forward: to which ports.'),
    effect: { ...text('The decision.'), enum: ['Allow', 'Hold', 'Deny'] },
    reason: text('Stable word for why it was decided so.'),
    refusedBy: text('User name of the principal that may not, or whose rule asks for an approval.'),
    rule: text('AccessPolicy and rule that decided; empty when none did.'),
    matches: list('Every rule that matched, by principal.', ref('Matches')),
    obligations: ref('Obligations', 'What has to be done to a request that passes.'),
    observed: {
      type: 'boolean',
      description: 'The namespace only observes, so the request passed as it was.',
    },
    message: text('What the caller was told.'),
    userAgent: text('What the client called itself.'),
    impersonatedUser: ref('Requester', 'As whom the pod wanted to act. Absent when as itself.'),
    sentAhead: flag('Whether the request was sent to the API server before it was decided.'),
    grant: text('The access grant that let a held request pass.'),
    refusals: integer('How many refused requests the record stands for, when it is several.'),
    lastAt: time('When the last of them was refused.'),
    samples: list('Verb and path of some of them.', { type: 'string' }),
  }
}
