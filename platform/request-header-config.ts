import { Fault } from '../core/fault.ts'
import { certificateFingerprints } from './certificate-fingerprints.ts'
import type { Logger } from './logger.ts'

/** How kube-apiserver, as a front proxy, says for whom it forwards a request. */
export interface RequestHeaderConfig {
  /** PEM bundle: only certificates of these authorities may speak for others. */
  readonly clientCaPem: string
  /** Common names that may; empty means every name, as Kubernetes defines it. */
  readonly allowedNames: readonly string[]
  /** Header names in lower case. */
  readonly usernameHeaders: readonly string[]
  readonly uidHeaders: readonly string[]
  readonly groupHeaders: readonly string[]
  readonly extraHeaderPrefixes: readonly string[]
}

export interface RequestHeaderSource {
  /** Undefined until it was read, and then nobody is authenticated. */
  current(): RequestHeaderConfig | undefined
  /** Calls back when what `current` returns has changed; returns the way to stop. */
  onChange(listener: () => void): () => void
}

export interface ReloadedRequestHeaderSource extends RequestHeaderSource {
  /** Reads once, then again at every interval, more often while nothing is known. Never throws: a failed read keeps what was known. */
  start(): Promise<void>
  close(): void
}

/** The ConfigMap in which Kubernetes publishes it, for exactly this use. */
export const EXTENSION_AUTHENTICATION = {
  namespace: 'kube-system',
  name: 'extension-apiserver-authentication',
}

/** A new front-proxy CA is published long before the old one ends, so a minute is early enough. */
const RELOAD_MS = 60_000
/** While nothing is known every reader is turned away. */
const RETRY_MS = 1_000

/** Header names that a cluster cannot do without, so a ConfigMap without them is not usable. */
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

/**
 * Parses the data of ConfigMap kube-system/extension-apiserver-authentication. Undefined when the
 * cluster has no front proxy (no CA is named). Throws `config_invalid` for data of another shape.
 */
export function parseRequestHeaderConfig(
  data: Readonly<Record<string, string>>,
): RequestHeaderConfig | undefined {
  const clientCaPem = data['requestheader-client-ca-file'] ?? ''
  if (clientCaPem.trim() === '') return undefined
  if (certificateFingerprints(clientCaPem).size === 0) {
    throw new Fault(
      'config_invalid',
      'The front-proxy configuration has no readable CA certificate',
    )
  }
  const config = {
    clientCaPem,
    allowedNames: parseNames(data, 'requestheader-allowed-names'),
    usernameHeaders: parseHeaders(data, 'requestheader-username-headers'),
    uidHeaders: parseHeaders(data, 'requestheader-uid-headers'),
    groupHeaders: parseHeaders(data, 'requestheader-group-headers'),
    extraHeaderPrefixes: parseHeaders(data, 'requestheader-extra-headers-prefix'),
  }
  if (config.usernameHeaders.length === 0) {
    throw new Fault('config_invalid', 'The front-proxy configuration names no user name header')
  }
  return config
}

function parseHeaders(data: Readonly<Record<string, string>>, key: string): readonly string[] {
  const names = parseNames(data, key).map((name) => name.trim().toLowerCase())
  if (names.every((name) => HEADER_NAME.test(name))) return names
  throw new Fault('config_invalid', `The front-proxy configuration has a bad name in ${key}`)
}

function parseNames(data: Readonly<Record<string, string>>, key: string): readonly string[] {
  const text = data[key] ?? ''
  if (text.trim() === '') return []
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Fault('config_invalid', `The front-proxy configuration has no JSON in ${key}`, {
      cause: error,
    })
  }
  if (Array.isArray(parsed) && parsed.every((name) => typeof name === 'string')) return parsed
  throw new Fault('config_invalid', `The front-proxy configuration has no list of names in ${key}`)
}

/** Keeps the configuration current by reading it again and again. */
export function createRequestHeaderSource(options: {
  readonly read: () => Promise<Readonly<Record<string, string>>>
  readonly logger: Logger
  readonly reloadMs?: number
  readonly retryMs?: number
}): ReloadedRequestHeaderSource {
  const { read, logger, reloadMs = RELOAD_MS, retryMs = RETRY_MS } = options
  const listeners = new Set<() => void>()
  let config: RequestHeaderConfig | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  async function reload(): Promise<void> {
    try {
      const next = parseRequestHeaderConfig(await read())
      if (JSON.stringify(next) === JSON.stringify(config)) return
      config = next
      logger.info({ frontProxy: next !== undefined }, 'Front-proxy configuration changed')
      for (const listener of listeners) listener()
    } catch (error) {
      // Recorded, and what was known stays: the old authority is still the cluster's own.
      logger.error({ error }, 'Cannot read the front-proxy configuration')
    }
  }

  async function start(): Promise<void> {
    await reload()
    if (closed) return
    timer = setTimeout(() => void start(), config === undefined ? retryMs : reloadMs)
    timer.unref()
  }

  return {
    current: () => config,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    start,
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
