import { CoreV1Api, type KubeConfig, type V1ServiceAccount, Watch } from '@kubernetes/client-node'
import type { Logger } from '../../platform/logger.ts'
import type { KnownAccount } from '../chains/chain-lapses.ts'
import { objectKey, watchCollection } from './watched-collection.ts'

/** Which service accounts exist, kept up to date. */
export interface ServiceAccounts {
  find(namespace: string, name: string): KnownAccount | undefined
  isSynced(): boolean
  stop(): void
}

/** Service accounts of one page of the list, so that the first list of a large cluster is read piece by piece. */
const PAGE = 500

/** Begins to watch them. Kept of each is its name, its UID and its time: some hundred bytes. */
export function watchServiceAccounts(options: {
  readonly config: KubeConfig
  readonly logger: Logger
  /** A service account was deleted, or is another one of the same name. */
  readonly onGone: () => void
  /** `isSynced` may say something else than before. */
  readonly onSync: () => void
}): ServiceAccounts {
  const core = options.config.makeApiClient(CoreV1Api)
  let before = new Map<string, string>()

  async function list() {
    const items: V1ServiceAccount[] = []
    let token: string | undefined
    for (;;) {
      const page = await core.listServiceAccountForAllNamespaces({
        limit: PAGE,
        ...(token === undefined ? {} : { _continue: token }),
      })
      items.push(...page.items.map(slim))
      token = page.metadata?._continue
      if (!token) return { items, metadata: page.metadata ?? {} }
    }
  }

  function onChange(item?: V1ServiceAccount): void {
    if (item === undefined) {
      const now = new Map([...accounts.items].map(([key, one]) => [key, uidOf(one)]))
      const gone = [...before].some(([key, uid]) => now.get(key) !== uid)
      before = now
      if (gone) options.onGone()
      return
    }
    const key = objectKey(item.metadata?.namespace, item.metadata?.name ?? '')
    const now = accounts.items.get(key)
    const known = before.get(key)
    if (now === undefined) before.delete(key)
    else before.set(key, uidOf(now))
    if (known !== undefined && known !== (now && uidOf(now))) options.onGone()
  }

  const accounts = watchCollection<V1ServiceAccount>({
    name: 'serviceaccounts',
    path: '/api/v1/serviceaccounts',
    watch: new Watch(options.config),
    logger: options.logger,
    list,
    keep: slim,
    onChange,
    onSync: options.onSync,
  })
  return {
    find(namespace, name) {
      const found = accounts.items.get(objectKey(namespace, name))?.metadata
      if (found === undefined) return undefined
      return { uid: found.uid ?? '', createdAtMs: toMs(found.creationTimestamp) }
    },
    isSynced: () => accounts.isSynced(),
    stop: () => accounts.stop(),
  }
}

function slim({ metadata = {} }: V1ServiceAccount): V1ServiceAccount {
  const { name = '', namespace = '', uid = '', creationTimestamp, resourceVersion } = metadata
  return {
    metadata: {
      ...{ name, namespace, uid },
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  }
}

function uidOf({ metadata }: V1ServiceAccount): string {
  return metadata?.uid ?? ''
}

/** The list gives a Date, a watch the text. A time that is not known is no late one. */
function toMs(time: Date | string | undefined): number {
  return time === undefined ? 0 : new Date(time).getTime() || 0
}
