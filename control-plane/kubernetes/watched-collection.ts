import type { KubernetesObject, V1ListMeta, Watch } from '@kubernetes/client-node'
import { textKey } from '../../core/text-key.ts'
import type { Logger } from '../../platform/logger.ts'
import { inTime } from './in-time.ts'

/** Objects of one kind, as kube-apiserver tells of them. */
export interface WatchedCollection<Item extends KubernetesObject> {
  readonly name: string
  /** By `objectKey`. */
  readonly items: ReadonlyMap<string, Item>
  /** False until the first list, and whenever changes could be missed. */
  isSynced(): boolean
  /** Ends the watch; neither `onChange` nor `onSync` is called any more. */
  stop(): void
}

export interface WatchedCollectionOptions<Item extends KubernetesObject> {
  readonly name: string
  /** Such as `/api/v1/namespaces`. */
  readonly path: string
  /** What else the watch asks for, such as a selector; the list asks for the same by itself. */
  readonly query?: Readonly<Record<string, string>>
  readonly watch: Watch
  readonly list: () => Promise<{ items: Item[]; metadata?: V1ListMeta }>
  /** Called after each change of the objects, and when they are in sync again. */
  readonly onChange: (item?: Item) => void
  /** Called when it is in sync again, after `onChange`, and when it no longer is. */
  readonly onSync?: () => void
  /** What is kept of an object; all of it unless told. */
  readonly keep?: (item: Item) => Item
  readonly logger: Logger
  readonly times?: WatchedCollectionTimes
}

export interface WatchedCollectionTimes {
  /** A watch that was not answered until then is not one. kube-apiserver answers immediately. */
  readonly openMsMax: number
  /** A list that was not answered until then is asked for again. */
  readonly listMsMax: number
  /**
   * The same for the first list after the collection was out of sync, and twice as long for each further one
   * up to `listMsMax`, which is also the default: a kube-apiserver that was away does not answer the list
   * that it never got.
   */
  readonly firstListMsMax?: number
}

const TIMES: WatchedCollectionTimes = {
  openMsMax: 5_000,
  listMsMax: 30_000,
  firstListMsMax: 8_000,
}
const RETRY_MS = 500

/**
 * Lists, then watches from there, for ever. A watch that ends well is taken up again immediately where
 * it ended; after an error the collection is out of sync until it was listed again.
 */
export function watchCollection<Item extends KubernetesObject>(
  options: WatchedCollectionOptions<Item>,
): WatchedCollection<Item> {
  return new CollectionWatch(options).start()
}

class CollectionWatch<Item extends KubernetesObject> implements WatchedCollection<Item> {
  readonly name: string
  readonly items = new Map<string, Item>()
  readonly #options: WatchedCollectionOptions<Item>
  readonly #times: WatchedCollectionTimes
  /** How long the next list may take. */
  #listMs: number
  #synced = false
  #stopped = false
  #running: AbortController | undefined

  constructor(options: WatchedCollectionOptions<Item>) {
    this.name = options.name
    this.#options = options
    this.#times = options.times ?? TIMES
    this.#listMs = this.#firstListMs()
  }

  #firstListMs(): number {
    return this.#times.firstListMsMax ?? this.#times.listMsMax
  }

  start(): this {
    void this.#run()
    return this
  }

  isSynced(): boolean {
    return this.#synced
  }

  stop(): void {
    this.#stopped = true
    this.#running?.abort()
  }

  async #relist(): Promise<string> {
    const list = this.#options.list()
    const listMs = this.#listMs
    this.#listMs = Math.min(2 * listMs, this.#times.listMsMax)
    const { items: listed, metadata } = await inTime(list, listMs, `list of ${this.#options.name}`)
    this.#listMs = this.#firstListMs()
    if (this.#stopped) return ''
    this.items.clear()
    for (const item of listed) this.items.set(keyOf(item), item)
    this.#synced = true
    this.#options.onChange()
    this.#options.onSync?.()
    return metadata?.resourceVersion ?? ''
  }

  /** Resolves with the version where a watch ended well; rejects when something may be missed. */
  #watchFrom(version: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let last = version
      let opened = false
      // Events of a watch that was given up are ignored: they may be older than the new list.
      let over = false
      const fail = (error: unknown): void => {
        over = true
        reject(error)
      }
      const query = {
        ...this.#options.query,
        resourceVersion: version,
        allowWatchBookmarks: 'true',
      }
      const handle = (phase: string, item: Item): void => {
        if (over || this.#stopped) return
        if (phase === 'ERROR') {
          fail(new Error(`the watch of ${this.#options.name} was refused`))
          return
        }
        last = item.metadata?.resourceVersion ?? last
        if (phase === 'BOOKMARK') return
        if (phase === 'DELETED') this.items.delete(keyOf(item))
        else this.items.set(keyOf(item), this.#options.keep?.(item) ?? item)
        this.#options.onChange(item)
      }
      const done = (error: unknown): void => {
        // The client says the same of a quiet watch and of one that was never answered.
        const well = error === null || error === undefined || (opened && isQuiet(error))
        if (well) resolve(last)
        else fail(error)
      }
      const asked = this.#options.watch
        .watch(this.#options.path, query, handle, done)
        .then((controller) => {
          opened = true
          this.#running = controller
          if (this.#stopped || over) controller.abort()
        })
      inTime(asked, this.#times.openMsMax, `watch of ${this.#options.name}`).catch(fail)
    })
  }

  async #run(): Promise<void> {
    let version = ''
    while (!this.#stopped) {
      try {
        if (version === '') version = await this.#relist()
        version = await this.#watchFrom(version)
      } catch (error) {
        // Recorded and begun again with a list: nothing may be missed in between.
        this.#synced = false
        version = ''
        if (this.#stopped) return
        this.#options.onSync?.()
        this.#options.logger.warn({ error, collection: this.#options.name }, 'Cannot watch')
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }
}

/** The client ends a watch on which nothing came for a while; that is no error. */
function isQuiet(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

/** The key of an object in a collection; without a namespace for kinds that have none. */
export function objectKey(namespace: string | undefined, name: string): string {
  return textKey([namespace ?? '', name])
}

function keyOf({ metadata }: KubernetesObject): string {
  return objectKey(metadata?.namespace, metadata?.name ?? '')
}
