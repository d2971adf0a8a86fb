/* Names as Kubernetes apimachinery/pkg/util/validation/validation.go (v1.34) has them. */

/** The pattern of a DNS label, for larger patterns. */
export const DNS_LABEL_PATTERN = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?'
const DNS_LABEL = new RegExp(`^${DNS_LABEL_PATTERN}$`)
const DNS_SUBDOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/

/** Whether a text can name a namespace, a container or a Service (IsDNS1123Label): at most 63 characters. */
export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text)
}

/** Whether a text can name a pod and most other objects (IsDNS1123Subdomain): at most 253 characters. */
export function isDnsSubdomain(text: string): boolean {
  return DNS_SUBDOMAIN.test(text)
}
