import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dockerArchive, type Image } from './docker-archive.ts'
import { writeTar } from './tar.ts'

function aLayer(content: string): Buffer {
  return writeTar([{ path: 'x', type: 'file', bytes: Buffer.from(content), mode: 0o755 }])
}

function anImage(name: string, layers: readonly Buffer[]): Image {
  return { reference: `${name}:1`, user: '7:7', entrypoint: ['/x', '--y'], env: ['A=b'], layers }
}

/** Reads an archive back with the machine's own tar. */
function unpack(archive: Buffer): ReadonlyMap<string, Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-archive-'))
  writeFileSync(join(folder, 'archive'), archive)
  execFileSync('tar', ['-xf', 'archive'], { cwd: folder })
  rmSync(join(folder, 'archive'))
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name).slice(folder.length + 1))
  const files = new Map(names.map((name) => [name, readFileSync(join(folder, name))]))
  rmSync(folder, { recursive: true })
  return files
}

function readJson<Value>(files: ReadonlyMap<string, Buffer>, path: string): Value {
  return JSON.parse(String(files.get(path))) as Value
}

interface ManifestEntry {
  readonly Config: string
  readonly RepoTags: readonly string[]
  readonly Layers: readonly string[]
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('dockerArchive() names configuration and layers by their digests, lowest layer first', () => {
  const layers = [aLayer('below'), aLayer('above')]
  const files = unpack(dockerArchive([anImage('one', layers)]))
  const [entry] = readJson<readonly ManifestEntry[]>(files, 'manifest.json')
  expect(entry?.RepoTags).toEqual(['one:1'])
  expect(entry?.Layers).toEqual(layers.map((layer) => `${digest(layer)}/layer.tar`))
  const config = entry?.Config ?? ''
  expect(config).toBe(`${digest(files.get(config) ?? Buffer.alloc(0))}.json`)
  expect(readJson(files, config)).toMatchObject({
    os: 'linux',
    config: {
      User: '7:7',
      Entrypoint: ['/x', '--y'],
      Cmd: [],
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'A=b'],
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${digest(layer)}`) },
  })
})

test('dockerArchive() gives the same bytes for the same files', () => {
  const make = () => dockerArchive([anImage('one', [aLayer('x')])])
  expect(make().equals(make())).toBe(true)
})

test('dockerArchive() holds a layer once, though two images or one image twice have it', () => {
  const shared = aLayer('shared')
  const images = [anImage('one', [shared, aLayer('1')]), anImage('two', [shared, aLayer('shared')])]
  const files = unpack(dockerArchive(images))
  const manifest = readJson<readonly ManifestEntry[]>(files, 'manifest.json')
  expect(manifest.map(({ RepoTags }) => RepoTags)).toEqual([['one:1'], ['two:1']])
  expect([...files.keys()].filter((path) => path.endsWith('layer.tar'))).toHaveLength(2)
})

test('dockerArchive() of no image is an empty list and no error', () => {
  expect(readJson(unpack(dockerArchive([])), 'manifest.json')).toEqual([])
})
