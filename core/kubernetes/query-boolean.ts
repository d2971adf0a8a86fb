/**
 * How kube-apiserver reads a boolean parameter: absent, `0` and `false` in any case are false, all
 * else is true. Source: Kubernetes apimachinery/pkg/runtime/conversion.go.
 */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false'
}
