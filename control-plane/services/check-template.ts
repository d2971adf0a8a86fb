import type { PodTemplateBody } from '../../core/commands/container-command.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { groupOf, KEPT_TEMPLATE, WORKLOAD_KINDS } from '../../core/kubernetes/workload-kinds.ts'
import { judgeTemplate } from '../../core/policy/evaluate-rules.ts'
import { principalsOf } from '../chains/chain-lapses.ts'
import type { AdmissionContext } from '../chains/chain-registry.ts'
import { launcherOf } from '../chains/launchers.ts'
import { requireSync } from '../decisions/judge-chain.ts'
import type { ClusterFacts } from '../kubernetes/cluster-facts.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'

/** An object that makes pods, as admission sees it: whole, whatever patch it came from. */
export interface AdmittedTemplate {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly template: PodTemplateBody
}

/**
 * Throws `permission_denied` when a pod writes an object whose pods would run what the command rules of its chain do
 * not let run, and `decision_unavailable` while these are not known.
 */
type TemplateCheck = (context: AdmissionContext, object: AdmittedTemplate) => Promise<void>

/** The sidecar judges what a request says; this judges what a patch and the stored object make together. */
export function createTemplateCheck(deps: {
  readonly bindings: Pick<PodBindingStore, 'find'>
  readonly facts: Pick<ClusterFacts, 'policiesFor' | 'isObserved' | 'problem'>
}): TemplateCheck {
  const { bindings, facts } = deps
  return async function checkTemplate({ user, namespace }, object) {
    const launcher = await launcherOf(bindings, user)
    const pod = launcher?.chain.actors.at(-1)
    if (launcher === undefined || pod === undefined) return
    requireSync(facts)
    if (facts.isObserved(pod.namespace)) return
    for (const { user: principal } of principalsOf(launcher)) {
      const { policies } = facts.policiesFor(principal)
      const refused = judgeTemplate(attributesOf(object, namespace), { policies }, object.template)
      if (refused === undefined) continue
      const { rule, detail = '' } = refused
      const message = `${principal.username} may not have pod ${pod.namespace}/${pod.name} make pods of ${object.kind} ${object.name}: rule ${JSON.stringify(rule)} does not let this command run: ${detail}`
      throw new Fault('permission_denied', escapeText(message))
    }
  }
}

function attributesOf({ apiVersion, kind, name }: AdmittedTemplate, namespace: string) {
  const apiGroup = groupOf(apiVersion)
  const known = [...WORKLOAD_KINDS, KEPT_TEMPLATE].find(
    (one) => one.group === apiGroup && one.kind === kind,
  )
  const attributes: RequestAttributes = {
    ...{ verb: 'update', alsoVerbs: ['create', 'patch'], resourceRequest: true },
    ...{ apiGroup, apiVersion, resource: known?.resource ?? '', subresource: '' },
    ...{ namespace, name, path: '' },
  }
  return attributes
}
