import { createHash } from 'node:crypto'
import { type TarEntry, writeTar } from './tar.ts'

/** What a container of the image runs, as an OCI image configuration says it. */
export interface ImageOptions {
  /** Such as `lanyard-sidecar:0.1.0`. */
  readonly reference: string
  readonly entrypoint: readonly string[]
  readonly env?: readonly string[]
  /** Numeric `uid:gid`, so that Kubernetes can check runAsNonRoot. */
  readonly user: string
  readonly workingDir?: string
  /** Uncompressed tar archives, the lowest first. */
  readonly layers: readonly Buffer[]
}

/**
 * An image as `docker load`, `ctr images import` and skopeo read it. Made without a container
 * engine, and reproducible: the same files give the same image id.
 */
export function dockerArchive(options: ImageOptions): Buffer {
  const layers = options.layers.map((bytes) => ({ bytes, digest: sha256(bytes) }))
  const config = Buffer.from(
    JSON.stringify({
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: 'linux',
      config: {
        User: options.user,
        Env: ['PATH=/usr/local/bin:/usr/bin:/bin', ...(options.env ?? [])],
        Entrypoint: options.entrypoint,
        WorkingDir: options.workingDir ?? '/',
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    }),
  )
  const configPath = `${sha256(config)}.json`
  const manifest = [
    {
      Config: configPath,
      RepoTags: [options.reference],
      Layers: layers.map(({ digest }) => `${digest}/layer.tar`),
    },
  ]
  const unique = new Map(layers.map(({ digest, bytes }) => [digest, bytes]))
  const entries: TarEntry[] = [
    {
      path: 'manifest.json',
      type: 'file',
      bytes: Buffer.from(JSON.stringify(manifest)),
      mode: 0o644,
    },
    { path: configPath, type: 'file', bytes: config, mode: 0o644 },
    ...[...unique].map(
      ([digest, bytes]): TarEntry => ({
        path: `${digest}/layer.tar`,
        type: 'file',
        bytes,
        mode: 0o644,
      }),
    ),
  ]
  return writeTar(entries)
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
