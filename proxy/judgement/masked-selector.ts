import type { RequestInfo } from '../../core/kubernetes/request-info.ts'
import { concerns } from '../../core/masking/mask-rules.ts'
import { compilePathRules, type PathState } from '../../core/masking/path-rules.ts'
import type { MaskOrder } from './mask-order.ts'

/** A key of a label, or of a field as CustomResourceDefinitions and built-in resources name fields. */
const KEY = /^[A-Za-z0-9_./-]+$/

/**
 * Why the selectors of a request would tell what a MaskProfile hides, in words; undefined when they would not. Whether an
 * object is selected says whether a guess is right. Source: Kubernetes v1.34 apimachinery/pkg/fields/selector.go.
 */
export function maskedSelector(
  { profiles }: Pick<MaskOrder, 'profiles'>,
  { attributes, query }: Pick<RequestInfo, 'attributes' | 'query'>,
): string | undefined {
  const hidden = profiles.flatMap(({ id, fields }) =>
    fields
      .filter((field) => concerns(field, attributes))
      .map(({ path }) => [[...path, '**'], id] as const),
  )
  const places = compilePathRules(hidden)
  if (places === undefined || hidden.length === 0) return undefined
  // Whichever of several kube-apiserver takes.
  const given = (name: string) => query.filter(([key]) => key === name).map(([, value]) => value)
  for (const key of given('labelSelector').flatMap(selectedLabels)) {
    const labels = places.step('metadata')?.step('labels')
    if (isHidden(key, labels, [key])) return `a label selector for ${shown(key)} would tell it`
  }
  for (const key of given('fieldSelector').flatMap(selectedFields)) {
    if (isHidden(key, places, key.split('.')))
      return `a field selector for ${shown(key)} would tell what is hidden there`
  }
  return undefined
}

/** Whether what a key names is hidden. A key that may name several things names what is hidden. */
function isHidden(
  key: string,
  places: PathState<string> | undefined,
  steps: readonly string[],
): boolean {
  if (places === undefined || key === '') return false
  if (!KEY.test(key)) return true
  let place: PathState<string> | undefined = places
  for (const step of steps) place = place?.step(step)
  return place !== undefined && place.rules.length > 0
}

function selectedFields(selector: string): readonly string[] {
  return selector.split(/(?<!\\),/).map((term) => term.split(/[!=]/)[0]?.trim() ?? '')
}

/** `a=b`, `a in (b,c)`, `!a`, `a`. Source: Kubernetes v1.34 apimachinery/pkg/labels/selector.go. */
function selectedLabels(selector: string): readonly string[] {
  const terms = selector.replaceAll(/\([^)]*\)/g, ' ').split(',')
  return terms.map(
    (term) =>
      term
        .trim()
        .replace(/^!\s*/, '')
        .split(/[\s=!<>]/)[0] ?? '',
  )
}

function shown(key: string): string {
  return JSON.stringify(key.slice(0, 128))
}
