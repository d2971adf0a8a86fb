import { join, resolve } from 'node:path'
import { baseEntries, nameServiceEntries, programEntries, withFolders } from './files.ts'
import { type TarEntry, writeTar } from './tar.ts'

/** The runtime of every image. */
export const NODE = resolve(import.meta.dirname, '../../node_modules/node/bin/node')

/** What every image stands on: Node, the libraries it needs, CA certificates and /tmp. */
export function runtimeEntries(): readonly TarEntry[] {
  return withFolders([
    ...programEntries(NODE, join('usr/local/bin', 'node')),
    ...nameServiceEntries(),
    ...baseEntries('65532'),
  ])
}

let layer: Buffer | undefined

/** The same bytes for every image: a node keeps one copy, and all its sidecars share its pages. */
export function runtimeLayer(): Buffer {
  layer ??= writeTar(runtimeEntries())
  return layer
}
