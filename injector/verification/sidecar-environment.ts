/*
 * Environment that another webhook may give to every container, and what must not reach the sidecar's:
 * whatever Node, OpenSSL, the loader or the C library obeys before or beside the sidecar's own settings.
 * Names that nobody there reads pass, proxies among them: the sidecar's connections use none
 * (`grpc.enable_http_proxy`, and Node asks for NODE_USE_ENV_PROXY first).
 */

interface Family {
  readonly names: RegExp
  readonly reason: string
}

const FAMILIES: readonly Family[] = [
  { names: /^LANYARD_/, reason: "the sidecar's own settings" },
  { names: /^NODE_/, reason: 'Node: options, preloaded modules, certificates, debugging' },
  { names: /^V8_/, reason: 'the engine of Node' },
  { names: /^NPM_CONFIG_/i, reason: 'options of Node by way of npm' },
  { names: /^UV_/, reason: "Node's event loop: threads, io_uring" },
  { names: /^(?:OPENSSL|SSL)_|^SSLKEYLOGFILE$/, reason: 'OpenSSL: modules, authorities, key logs' },
  { names: /^CTLOG_FILE$|^QLOGDIR$|^OSSL_/, reason: 'OpenSSL: logs, tracing' },
  { names: /^GRPC_/, reason: 'gRPC: trace, resolvers, authorities' },
  { names: /^LD_/, reason: 'the dynamic loader: preloaded libraries, where they are' },
  { names: /^GLIBC_TUNABLES$|^MALLOC_/, reason: 'the C library: memory' },
  { names: /^(?:GCONV_PATH|GETCONF_DIR|NIS_PATH|NLSPATH)$/, reason: 'the C library: modules' },
  { names: /^(?:LOCPATH|LOCALDOMAIN|RES_OPTIONS|HOSTALIASES|RESOLV_.*)$/, reason: 'name look-ups' },
  { names: /^ICU_|^LIBUV_/, reason: 'libraries inside Node' },
  { names: /^(?:ASAN|LSAN|MSAN|TSAN|UBSAN)_/, reason: 'sanitizers: libraries and files' },
  { names: /^BASH_ENV$|^ENV$|^BASH_FUNC_/, reason: 'shells' },
  { names: /^__proto__$/, reason: 'no name of a variable' },
]

/** Who in the sidecar would read a variable of this name; undefined when nobody does. */
export function readerInSidecar(name: string): string | undefined {
  return FAMILIES.find(({ names }) => names.test(name))?.reason
}
