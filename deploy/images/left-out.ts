import type { Plugin } from 'esbuild'

/**
 * Modules of packages that no process of ours uses but their packages load at each start. Path within
 * node_modules, and why nothing misses it.
 */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  '@prometheus-io/client/lib/pushgateway.js': 'Prometheus reads; nothing is pushed',
  '@prometheus-io/client/lib/defaultMetrics.js': 'platform/metrics.ts names the metrics there are',
  '@prometheus-io/client/lib/cluster.js': 'each process is one process',
  '@prometheus-io/client/lib/worker.js': 'its channel between threads would be opened at the start',
  '@prometheus-io/client/lib/summary.js': 'durations are histograms',
  'pino/lib/transport.js': 'logs go to standard output, from the thread that writes them',
  'pino/lib/multistream.js': 'logs go to standard output only',
  '@grpc/proto-loader/build/src/index.js':
    'messages come from generated code; only channelz would load it',
}

const IN_PLACE = "module.exports=function(){throw new Error('This module is not in the bundle')}"

/** Puts in the place of each such module a function that throws. */
export function leaveOut(): Plugin {
  const paths = Object.keys(LEFT_OUT)
  return {
    name: 'leave-out',
    setup: ({ onLoad }) => {
      onLoad({ filter: /node_modules/ }, ({ path }) =>
        paths.some((end) => path.replaceAll('\\', '/').endsWith(`node_modules/${end}`))
          ? { contents: IN_PLACE, loader: 'js' }
          : undefined,
      )
    },
  }
}
