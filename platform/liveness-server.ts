import { Worker } from 'node:worker_threads'

export interface LivenessServer {
  readonly port: number
  close(): Promise<void>
}

export interface LivenessOptions {
  /** 0 lets the system choose. */
  readonly port: number
  readonly host: string
  /** Event loop that did nothing for so long is stuck, and the process is to be started again. */
  readonly stuckMs?: number
  readonly beatMs?: number
}

/** Longer than any burst of work keeps the loop; a loop that is stuck for good is as dead after it. */
const STUCK_MS = 30_000
const BEAT_MS = 500
/** Nothing else lives in the thread. */
const MEMORY_MIB_MAX = 16

/**
 * Serves /livez from a thread of its own, so that load is never taken for death: it answers 503 only
 * when the event loop of the process has not moved for `stuckMs`. Rejects when the port is taken.
 */
export async function startLivenessServer(options: LivenessOptions): Promise<LivenessServer> {
  const { stuckMs = STUCK_MS, beatMs = BEAT_MS } = options
  const beats = new BigInt64Array(new SharedArrayBuffer(8))
  const beat = (): void => void Atomics.store(beats, 0, process.hrtime.bigint())
  beat()
  const timer = setInterval(beat, beatMs).unref()
  const worker = new Worker(`(${serveLiveness.toString()})()`, {
    eval: true,
    workerData: { beats, stuckMs, port: options.port, host: options.host },
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB_MAX },
  })
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  worker.unref()
  return {
    port,
    async close() {
      clearInterval(timer)
      await worker.terminate()
    },
  }
}

/**
 * The thread: its source is sent as text, so nothing outside of it can be named. Only kubelet has
 * business here, so few connections are taken, each for a moment.
 */
function serveLiveness(): void {
  const { createServer } = process.getBuiltinModule('node:http')
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const { beats, stuckMs, port, host } = workerData as {
    readonly beats: BigInt64Array
    readonly stuckMs: number
    readonly port: number
    readonly host: string
  }
  const limits = {
    maxHeaderSize: 4_096,
    headersTimeout: 2_000,
    requestTimeout: 2_000,
    connectionsCheckingInterval: 500,
    keepAliveTimeout: 1,
  }
  const server = createServer(limits, (request, response) => {
    const stoodMs = Number(process.hrtime.bigint() - Atomics.load(beats, 0)) / 1e6
    const alive = stoodMs < stuckMs
    const known = request.url === '/livez'
    response.writeHead(known ? (alive ? 200 : 503) : 404, {
      'content-type': 'text/plain',
      connection: 'close',
    })
    response.end(alive ? 'ok\n' : `the event loop stands since ${Math.round(stoodMs)} ms\n`)
  })
  server.maxConnections = 64
  server.listen(port, host, () => {
    const address = server.address()
    parentPort?.postMessage(typeof address === 'object' && address !== null ? address.port : port)
  })
}
