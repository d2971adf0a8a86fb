import type { RequestOptions } from 'node:https'
import { KubeConfig, type RequestContext } from '@kubernetes/client-node'
import { textKey } from '../../core/text-key.ts'

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>

/**
 * A kubeconfig whose requests use connections again. The library's own opens a connection for each request,
 * with a TLS handshake that takes many times as long as a review of access: whoever asks a lot of new
 * questions would slow down everyone. For requests that are short: HTTP/1.1, so that one that gets no answer
 * holds up no other, which has a connection of its own.
 */
export class KeptConnections extends KubeConfig {
  #kept: { readonly key: string; readonly dispatcher: Dispatcher } | undefined

  /** Starts from the environment, as `loadFromDefault` does. Throws for a kubeconfig that cannot be read. */
  static fromDefault(): KeptConnections {
    const config = new KeptConnections()
    config.loadFromDefault()
    return config
  }

  override createDispatcherOptions(
    ...given: Parameters<KubeConfig['createDispatcherOptions']>
  ): ReturnType<KubeConfig['createDispatcherOptions']> {
    const options = super.createDispatcherOptions(...given)
    if (options.type !== 'agent') return options
    const connect = { ...options.connect, allowH2: false }
    return { ...options, connect }
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    // Read before the library reads them: a file that changes in between is seen the next time.
    const read: RequestOptions = {}
    await this.applyToHTTPSOptions(read)
    const { ca, cert, key: privateKey, rejectUnauthorized, servername } = read
    const parts = [ca, cert, privateKey, rejectUnauthorized, servername]
    const key = textKey(parts.map((part) => String(part ?? '')))
    await super.applySecurityAuthentication(context)
    if (this.#kept?.key === key) {
      context.setDispatcher(this.#kept.dispatcher)
      return
    }
    const dispatcher = context.getDispatcher()
    if (dispatcher === undefined) return
    // What runs on the old connections comes to its end.
    this.#kept?.dispatcher.close().catch(() => undefined)
    this.#kept = { key, dispatcher }
  }
}
