import { SIDECAR_UID } from '../../core/pods/sidecar-contract.ts'

/** How a process becomes an image. */
export interface Recipe {
  readonly name: string
  readonly entry: string
  readonly user: string
  readonly nodeFlags: readonly string[]
  /** What the C library reads. */
  readonly env: readonly string[]
  /** Packages that no bundle can hold; they are copied beside it with what they need. */
  readonly external: readonly string[]
  /** Whether its compiled code is kept in the image: it starts in every pod. */
  readonly keepsCode: boolean
}

/** Uid of the sidecar; the injector's manifests and the admission rules know it too. */
const SIDECAR_USER = `${SIDECAR_UID}:${SIDECAR_UID}`
const SYSTEM_USER = '65532:65532'

/** Lanyard's three images. */
export const RECIPES: readonly Recipe[] = [
  {
    name: 'lanyard-sidecar',
    entry: 'sidecar/main.ts',
    user: SIDECAR_USER,
    // It is in every pod: a small heap costs a little throughput and saves memory. Not
    // --optimize-for-size: it takes a sixth more CPU for each request and saves next to nothing.
    // 1,024 open requests hold about 50 MB of heap. proxy/front/memory-guard.ts collects garbage.
    // Three spaces of 2 MiB for young objects: with 4 a request takes a hundredth less CPU and the process
    // 4 MB more, with 1 it takes more CPU. They have that size from the start, which would fill smaller ones
    // three times, and each collection copies what has just been loaded.
    // No flag that changes what code V8 makes (`v8.cachedDataVersionTag()`), such as --expose-gc: Node's own
    // modules would be compiled at each start.
    nodeFlags: ['--min-semi-space-size=2', '--max-semi-space-size=2', '--max-old-space-size=96'],
    // What is read of a socket comes in buffers of 64 KiB between small things that stay. Given back to the
    // kernel one by one they leave no holes. Records of TLS are 16 KiB, and must not: of a list of 59 MB half of
    // the CPU was for their pages. With little room at the end of the heap those of 64 KiB are not taken from there,
    // where all of their pages would be in use.
    env: ['MALLOC_ARENA_MAX=1', 'MALLOC_MMAP_THRESHOLD_=32768', 'MALLOC_TOP_PAD_=16384'],
    external: [],
    keepsCode: true,
  },
  {
    name: 'lanyard-control-plane',
    entry: 'control-plane/main.ts',
    user: SYSTEM_USER,
    // Decisions under way live for some milliseconds, long enough to be copied by every collection
    // of a small young generation: a fifth of the CPU under load.
    nodeFlags: ['--max-semi-space-size=64'],
    env: [],
    // One has native code, three have WebAssembly; the others read .proto files beside their own.
    external: [
      ...['better-sqlite3', 'grpc-health-check', '@grpc/reflection', '@grpc/grpc-js'],
      ...['sh-syntax', 'tree-sitter-bash', 'web-tree-sitter'],
    ],
    keepsCode: false,
  },
  {
    name: 'lanyard-injector',
    entry: 'injector/main.ts',
    user: SYSTEM_USER,
    nodeFlags: [],
    env: [],
    external: [],
    keepsCode: false,
  },
]

/** A process as its image runs it, for this machine. */
export interface Program {
  /** Without `main`'s own options. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}
