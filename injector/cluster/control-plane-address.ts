import { isIPv6 } from 'node:net'
import { Fault } from '../../core/fault.ts'
import type { ReadObject } from './namespace-limits-reader.ts'

/** How long an address is used without a look at the Service. */
const KEPT_MS = 5_000
/** For how long an address that was replaced is still taken at validation: far longer than an admission. */
const REMEMBERED_MS = 10 * 60_000

/** A Service by its name inside the cluster. */
const SERVICE = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.[a-z0-9.-]+)?:(\d{1,5})$/

/**
 * Where sidecars find the control plane, by value: a pod's `dnsPolicy`, `dnsConfig` and `hostAliases`
 * decide what a name means in it. A Service's cluster IP stays until somebody makes the Service again.
 * An address that is no Service of the cluster goes to the sidecars as it is.
 */
export class ControlPlaneAddress {
  /** What the control plane's certificate must hold, where the address does not say so; else empty. */
  readonly name: string
  readonly #address: string
  readonly #path: string | undefined
  readonly #port: string
  readonly #read: ReadObject
  readonly #now: () => number
  #readAt = Number.NEGATIVE_INFINITY
  #known: readonly { readonly address: string; readonly seenAt: number }[] = []

  /** `address` is `host:port`; `now` in milliseconds. */
  constructor(address: string, read: ReadObject, now: () => number) {
    const [, service = '', namespace = '', port = ''] = SERVICE.exec(address) ?? []
    this.name = service === '' ? '' : address.slice(0, address.lastIndexOf(':'))
    this.#address = address
    this.#path = service === '' ? undefined : `/api/v1/namespaces/${namespace}/services/${service}`
    this.#port = port
    this.#read = read
    this.#now = now
  }

  /** `host:port`, at most some seconds old. Throws `upstream_unavailable` when it cannot be known. */
  async current(): Promise<string> {
    const [last] = this.#known
    if (last !== undefined && this.#now() - this.#readAt < KEPT_MS) return last.address
    return this.#look()
  }

  /**
   * Whether an address is the control plane's, or was until a short while ago: the pod may have been
   * injected before, or by another replica. Throws as `current` does.
   */
  async isKnown(address: string): Promise<boolean> {
    if (this.#known.some((one) => one.address === address)) return true
    return (await this.#look()) === address
  }

  async #look(): Promise<string> {
    const address = this.#path === undefined ? this.#address : await this.#readService(this.#path)
    const now = this.#now()
    this.#readAt = now
    const before = this.#known.filter(
      (one) => one.address !== address && now - one.seenAt < REMEMBERED_MS,
    )
    this.#known = [{ address, seenAt: now }, ...before]
    return address
  }

  async #readService(path: string): Promise<string> {
    const service = (await this.#read(path)) as ServiceObject | undefined
    const ip = service?.spec?.clusterIP ?? ''
    if (ip === '' || ip === 'None') {
      throw new Fault('upstream_unavailable', `The Service of the control plane has no cluster IP`)
    }
    return `${isIPv6(ip) ? `[${ip}]` : ip}:${this.#port}`
  }
}

interface ServiceObject {
  readonly spec?: { readonly clusterIP?: string }
}
