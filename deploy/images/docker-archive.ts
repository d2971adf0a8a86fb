import { createHash } from 'node:crypto'
import { type TarEntry, writeTar } from './tar.ts'

/** What a container of the image runs, as an OCI image configuration says it. */
export interface Image {
  /** Such as `lanyard-sidecar:0.1.0`. */
  readonly reference: string
  readonly entrypoint: readonly string[]
  /** What a pod's `args` replace; nothing unless told. */
  readonly command?: readonly string[]
  readonly env?: readonly string[]
  /** Numeric `uid:gid`, so that Kubernetes can check runAsNonRoot. */
  readonly user: string
  readonly workingDir?: string
  /** Uncompressed tar archives, the lowest first. */
  readonly layers: readonly Buffer[]
}

/**
 * Images as `docker load`, `ctr images import` and skopeo read them; a layer that several share is
 * in the archive once. Made without a container engine, and reproducible: the same files give the
 * same image id.
 */
export function dockerArchive(images: readonly Image[]): Buffer {
  const digests = new Map<Buffer, string>()
  const digestOf = (layer: Buffer) => {
    const digest = digests.get(layer) ?? sha256(layer)
    digests.set(layer, digest)
    return digest
  }
  const files = new Map<string, Buffer>()
  const manifest = images.map((image) => {
    const layers = image.layers.map((bytes) => ({ bytes, digest: digestOf(bytes) }))
    const config = imageConfig(
      image,
      layers.map(({ digest }) => digest),
    )
    const configPath = `${sha256(config)}.json`
    files.set(configPath, config)
    for (const { digest, bytes } of layers) files.set(`${digest}/layer.tar`, bytes)
    return {
      Config: configPath,
      RepoTags: [image.reference],
      Layers: layers.map(({ digest }) => `${digest}/layer.tar`),
    }
  })
  const manifestBytes = Buffer.from(JSON.stringify(manifest))
  const entries = [['manifest.json', manifestBytes] as const, ...files].map(
    ([path, bytes]): TarEntry => ({ path, type: 'file', bytes, mode: 0o644 }),
  )
  return writeTar(entries)
}

function imageConfig(image: Image, digests: readonly string[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: 'linux',
      config: {
        User: image.user,
        Env: ['PATH=/usr/local/bin:/usr/bin:/bin', ...(image.env ?? [])],
        Entrypoint: image.entrypoint,
        Cmd: image.command ?? [],
        WorkingDir: image.workingDir ?? '/',
      },
      rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    }),
  )
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
