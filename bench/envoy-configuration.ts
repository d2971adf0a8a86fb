export interface EnvoyOptions {
  readonly port: number
  /** Of the API server. */
  readonly upstream: { readonly host: string; readonly port: number; readonly caFile: string }
  readonly certificateFile: string
  readonly keyFile: string
  /** What the upstream accepts; it replaces what the client sent, as the sidecar does. */
  readonly token: string
  /** Port of the ext_authz server on loopback; undefined leaves the filter out. */
  readonly extAuthzPort: number | undefined
  /** UID that Envoy sends to the ext_authz server as the pod's; undefined sends none. */
  readonly podUid: string | undefined
}

const LOOPBACK = '127.0.0.1'
const TYPE = 'type.googleapis.com/envoy.extensions'

/** Envoy's bootstrap: TLS in, a pooled TLS connection out, and nothing that is not needed. */
export function envoyConfiguration(options: EnvoyOptions): object {
  const clusters = [
    apiServer(options),
    ...(options.extAuthzPort === undefined ? [] : [extAuthzServer(options.extAuthzPort)]),
  ]
  return { static_resources: { listeners: [listener(options)], clusters } }
}

function listener(options: EnvoyOptions): object {
  const { port, certificateFile, keyFile, token, extAuthzPort, podUid } = options
  const route = {
    match: { prefix: '/' },
    route: { cluster: 'api-server', timeout: '0s' },
    request_headers_to_add: [
      {
        header: { key: 'authorization', value: `Bearer ${token}` },
        append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
      },
    ],
    ...(podUid === undefined ? {} : { typed_per_filter_config: tellPod(podUid) }),
  }
  const manager = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'bench',
    codec_type: 'AUTO',
    // Of an exec, whose bytes it then passes on as they are.
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [
      ...(extAuthzPort === undefined ? [] : [extAuthzFilter()]),
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` },
      },
    ],
  }
  const tls = {
    '@type': `${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext`,
    common_tls_context: {
      tls_params: { tls_maximum_protocol_version: 'TLSv1_3' },
      tls_certificates: [
        { certificate_chain: { filename: certificateFile }, private_key: { filename: keyFile } },
      ],
    },
  }
  return {
    address: socketAddress(LOOPBACK, port),
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
        transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls },
      },
    ],
  }
}

/** One ext_authz server serves many pods; Envoy's configuration says which one asks. */
function tellPod(podUid: string): object {
  return {
    'envoy.filters.http.ext_authz': {
      '@type': `${TYPE}.filters.http.ext_authz.v3.ExtAuthzPerRoute`,
      check_settings: { context_extensions: { pod: podUid } },
    },
  }
}

/** Asks for every request, and refuses when nobody answers, as the sidecar does. */
function extAuthzFilter(): object {
  return {
    name: 'envoy.filters.http.ext_authz',
    typed_config: {
      '@type': `${TYPE}.filters.http.ext_authz.v3.ExtAuthz`,
      transport_api_version: 'V3',
      failure_mode_allow: false,
      grpc_service: { envoy_grpc: { cluster_name: 'ext-authz' }, timeout: '2s' },
    },
  }
}

/** HTTP/1.1 with keep-alive, as the sidecar calls it. */
function apiServer({ upstream }: EnvoyOptions): object {
  return {
    name: 'api-server',
    type: 'STATIC',
    load_assignment: assignment('api-server', upstream.host, upstream.port),
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${TYPE}.transport_sockets.tls.v3.UpstreamTlsContext`,
        common_tls_context: {
          tls_params: { tls_maximum_protocol_version: 'TLSv1_3' },
          validation_context: { trusted_ca: { filename: upstream.caFile } },
        },
      },
    },
  }
}

function extAuthzServer(port: number): object {
  return {
    name: 'ext-authz',
    type: 'STATIC',
    load_assignment: assignment('ext-authz', LOOPBACK, port),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  }
}

function assignment(name: string, host: string, port: number): object {
  const endpoint = { address: socketAddress(host, port) }
  return { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] }
}

function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } }
}
