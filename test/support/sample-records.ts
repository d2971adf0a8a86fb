import type { AccessApiFixture } from './access-api-fixture.ts'
import { aRequest } from './policy-builders.ts'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  aDecisionId,
  anActor,
  anOutcome,
  aRefusal,
  aUser,
  BUILD,
  NOON_MS,
  recordEnrolled,
  THIRD,
} from './record-builders.ts'

/** Pods of other namespaces and of other requesters. */
const FAR = {
  ...anActor(4, 'far', [
    { kind: 'Deployment', name: 'far' },
    { kind: 'ReplicaSet', name: 'far-1' },
  ]),
  namespace: 'other',
}
const SHARED = anActor(5, 'shared')

/**
 * alice → agent → Job build → build-x7k2 → third and other/far; bob's pod shared, whose template
 * carol edited. other/far has ended. Eight decisions of every sort.
 */
export async function recordSamples(api: AccessApiFixture): Promise<void> {
  const { podBindings, auditEvents } = api
  await recordEnrolled(podBindings, aBinding([AGENT]))
  await recordEnrolled(podBindings, aBinding([AGENT, BUILD]))
  await recordEnrolled(podBindings, aBinding([AGENT, BUILD, THIRD]))
  await recordEnrolled(podBindings, aBinding([AGENT, BUILD, FAR]))
  const sharedChain = {
    ...aChain([SHARED], aUser('bob', ['platform'])),
    coRequesters: [
      aUser('carol'),
      aUser('system:serviceaccount:ci:deployer', ['system:serviceaccounts']),
    ],
  }
  await recordEnrolled(podBindings, aBinding([SHARED], { chain: sharedChain }))
  await podBindings.markEnded([FAR.podUid], NOON_MS + 45_000)

  await auditEvents.append(aDecision(1))
  await auditEvents.complete(
    AGENT.podUid,
    aDecisionId(1),
    anOutcome(1, { masked: [{ mask: 'secret-values', values: 2 }] }),
  )
  await auditEvents.append(aRefusal(2))
  await auditEvents.complete(
    BUILD.podUid,
    aDecisionId(2),
    anOutcome(2, { httpStatus: 403, responseBytes: 612 }),
  )
  await auditEvents.append(
    aDecision(3, {
      attributes: aRequest({ verb: 'watch', resource: 'pods', name: '' }),
      userAgent: 'node\u001b[31m-client\n/1.0',
    }),
  )
  await auditEvents.append(guarded())
  await auditEvents.complete(BUILD.podUid, aDecisionId(4), anOutcome(4, { httpStatus: 403 }))
  await auditEvents.append(observed(sharedChain.rootRequester))
  await auditEvents.complete(SHARED.podUid, aDecisionId(5), anOutcome(5))
  await auditEvents.append(byPolicy())
  await auditEvents.complete(
    THIRD.podUid,
    aDecisionId(6),
    anOutcome(6, { httpStatus: 0, fault: 'upstream_unavailable' }),
  )
  await auditEvents.append(ancestorRefuses())
  await auditEvents.complete(FAR.podUid, aDecisionId(7), anOutcome(7, { httpStatus: 403 }))
  await auditEvents.append(
    aDecision(8, {
      attributes: aRequest({
        resourceRequest: false,
        resource: '',
        namespace: '',
        path: '/version',
      }),
    }),
  )
  await auditEvents.complete(AGENT.podUid, aDecisionId(8), anOutcome(8))
}

function guarded() {
  return aRefusal(4, {
    attributes: aRequest({
      verb: 'create',
      resource: 'serviceaccounts',
      subresource: 'token',
      name: 'admin',
    }),
    reason: 'guard',
    rule: 'credentials',
    refusedBy: '',
    message:
      'serviceaccounts "admin" is forbidden: a pod may not make or read credentials that the API server accepts (guard credentials)',
  })
}

function observed(bob: ReturnType<typeof aUser>) {
  return aRefusal(5, {
    caller: SHARED,
    container: '',
    chain: { ...aChain([SHARED], bob), coRequesters: [aUser('carol')] },
    attributes: aRequest({
      verb: 'patch',
      alsoVerbs: ['create'],
      apiGroup: 'apps',
      resource: 'deployments',
      name: 'web',
    }),
    reason: 'no_rule',
    refusedBy: 'carol',
    observed: true,
    userAgent: '',
    message:
      'deployments.apps "web" is forbidden: carol (who also chose the code of pod team/shared, whose root requester is bob) cannot patch and create resource "deployments" in API group "apps" in the namespace "team": no rule allows it',
  })
}

function byPolicy() {
  return aDecision(6, {
    caller: THIRD,
    chain: aChain([AGENT, BUILD, THIRD]),
    attributes: aRequest({ verb: 'list', apiGroup: 'batch', resource: 'jobs', name: '' }),
    reason: 'policy_allows',
    rule: 'alice-agents/read',
  })
}

function ancestorRefuses() {
  return aRefusal(7, {
    caller: FAR,
    chain: aChain([AGENT, BUILD, FAR]),
    attributes: aRequest({ verb: 'delete', resource: 'nodes', namespace: '', name: 'n1' }),
    refusedBy: 'system:serviceaccount:team:build-x7k2',
    message:
      'nodes "n1" is forbidden: system:serviceaccount:team:build-x7k2 (which launched pod other/far, whose root requester is alice) cannot delete resource "nodes" in API group "" at the cluster scope: RBAC does not allow it',
  })
}
