import { Fault } from '../../core/fault.ts'
import { isDnsLabel, isDnsSubdomain } from '../../core/kubernetes/dns-names.ts'

/** As kubectl has them before a name: `kubectl get pod -o name` prints `pod/NAME`. */
const POD_PREFIX = /^(?:pods?|po)\//

/** A name that a namespace can have. Throws `request_invalid`, for an empty one too. */
export function parseNamespace(text: string): string {
  if (isDnsLabel(text)) return text
  throw new Fault('request_invalid', `${JSON.stringify(text)} is not the name of a namespace`)
}

/** The name of a pod, from `NAME`, `pod/NAME` or `pods/NAME`. Throws `request_invalid`. */
export function parsePodName(text: string): string {
  const name = text.replace(POD_PREFIX, '')
  if (isDnsSubdomain(name)) return name
  throw new Fault(
    'request_invalid',
    `${JSON.stringify(text)} is no name of a pod: want NAME or pod/NAME`,
  )
}

/** Text as it is. Throws `request_invalid` when it is empty, as from a variable that is not set. */
export function parseText(text: string): string {
  if (text !== '') return text
  throw new Fault('request_invalid', 'it is empty')
}
