import type { PodObject } from './cluster-objects.ts'

/** The command that makes a pod again, by what made it, so that the injector sees the new one. */
export function restartCommand(namespace: string, { metadata }: PodObject): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  const hash = metadata.labels?.['pod-template-hash']
  const restart = (what: string) => `kubectl -n ${namespace} rollout restart ${what}`
  switch (owner?.kind) {
    case 'ReplicaSet': {
      const deployment = owner.name.endsWith(`-${hash}`)
        ? owner.name.slice(0, -`-${hash}`.length)
        : ''
      return deployment === ''
        ? `kubectl -n ${namespace} delete pod ${metadata.name}`
        : restart(`deployment/${deployment}`)
    }
    case 'StatefulSet':
    case 'DaemonSet':
      return restart(`${owner.kind.toLowerCase()}/${owner.name}`)
    case 'Job':
      return `kubectl -n ${namespace} delete job ${owner.name}   # then create it again`
    case undefined:
      return `kubectl -n ${namespace} delete pod ${metadata.name}   # then create it again`
    default:
      return `kubectl -n ${namespace} delete pod ${metadata.name}`
  }
}
