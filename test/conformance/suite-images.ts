import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { dockerArchive, type Image } from '../../deploy/images/docker-archive.ts'
import { baseEntries, fileEntry, programEntries, withFolders } from '../../deploy/images/files.ts'
import { type TarEntry, writeTar } from '../../deploy/images/tar.ts'
import { ensurePackages } from '../cluster/packages.ts'
import type { Log } from '../cluster/progress.ts'
import { mustRun } from '../cluster/run-command.ts'
import { ensureImage } from '../cluster/test-images.ts'
import type { SuitePrograms } from './suite-programs.ts'

/*
 * Images that the suite's pods name, made from Go modules and Debian's packages, since no registry of images is
 * asked for any. Each has the name that the suite wants, so its pods find it on the node.
 */

/** Of the container that runs the suite itself. */
export const SUITE_IMAGE = 'lanyard-test/conformance:1'
/** A change of what is packed below raises it. */
const RECIPE = 4
const BUSYBOX = '/bin/busybox'
/** Of OpenBSD, since specs use flags that busybox does not have. */
const NETCAT = '/bin/nc.openbsd'
const PACKAGES = { 'netcat-openbsd': NETCAT }

export interface ImageInputs extends SuitePrograms {
  readonly kubectl: string
  readonly pause: string
}

/**
 * Paths of docker archives: of the container that runs the suite, and of what its pods run. Makes what the cache
 * does not have. Wants the cluster's Debian packages.
 */
export async function ensureSuiteImages(inputs: ImageInputs, log: Log): Promise<readonly string[]> {
  const { e2e, ginkgo, kubectl, agnhost, pause } = inputs
  await ensurePackages(log, PACKAGES)
  const references = imageReferences(await mustRun([e2e, '--list-images']))
  return [
    await ensureImage('conformance', [String(RECIPE), e2e, ginkgo, kubectl], log, () =>
      Promise.resolve(dockerArchive([suiteImage(inputs)])),
    ),
    await ensureImage(
      'conformance-pods',
      [String(RECIPE), agnhost, pause, ...references],
      log,
      () => Promise.resolve(dockerArchive(podImages(inputs, references))),
    ),
  ]
}

/**
 * The names of Kubernetes' own images in what `e2e.test --list-images` prints in any order, sorted. Those of
 * other registries are there to be out of reach.
 */
export function imageReferences(listed: string): readonly string[] {
  return listed
    .split('\n')
    .filter((line) => /^registry\.k8s\.io(?:\/[a-z0-9._-]+)+:[\w.-]+$/.test(line))
    .sort()
}

function suiteImage({ e2e, ginkgo, kubectl }: ImageInputs): Image {
  const programs = [
    fileEntry(e2e, 'usr/bin/e2e.test', 0o755),
    fileEntry(ginkgo, 'usr/bin/ginkgo', 0o755),
    fileEntry(kubectl, 'usr/bin/kubectl', 0o755),
  ]
  return {
    reference: SUITE_IMAGE,
    user: '1000:1000',
    entrypoint: [],
    command: ['/bin/sh'],
    env: ['HOME=/tmp'],
    layers: [layer([...shellEntries(), ...baseEntries('1000')]), layer(programs)],
  }
}

/** What stands for an image, by the last part of its name. Its layers and what it starts. */
type Recipe = Pick<Image, 'entrypoint' | 'command' | 'layers'>

function podImages(inputs: ImageInputs, references: readonly string[]): readonly Image[] {
  const recipes = podRecipes(inputs)
  return references.flatMap((reference): readonly Image[] => {
    const name = /([^/]+):[^:]+$/.exec(reference)?.[1] ?? ''
    const recipe = recipes[name]
    return recipe === undefined ? [] : [{ reference, user: '0:0', ...recipe }]
  })
}

function podRecipes({ agnhost, pause, porter }: ImageInputs): Readonly<Record<string, Recipe>> {
  const base = layer([
    // Of bash, which passes variables on whose names no shell can have, such as those of a ConfigMap.
    { path: 'bin/sh', type: 'link', target: 'bash' },
    ...programEntries('/bin/bash', 'bin/bash'),
    ...programEntries(NETCAT, 'bin/nc'),
    ...programEntries('/usr/bin/printenv', 'bin/printenv'),
    ...shellEntries(),
    ...passwordEntries(),
    ...baseEntries('0'),
  ])
  const agnhostLayer = layer([
    fileEntry(agnhost, 'agnhost', 0o755),
    { path: 'agnhost-2', type: 'link', target: 'agnhost' },
    { path: 'uploads', type: 'folder', mode: 0o777 },
    ...['localhost.crt', 'localhost.key'].map((name) => fileEntry(join(porter, name), name, 0o644)),
    ...programEntries('/usr/bin/curl', 'usr/bin/curl'),
  ])
  const html = (path: string, content: string) => layer([textEntry(path, content)])
  const webServer = (image: string): Recipe => ({
    entrypoint: ['/agnhost'],
    command: ['test-webserver'],
    layers: [base, agnhostLayer, html('data.json', `{"image": "${image}.jpg"}\n`)],
  })
  return {
    agnhost: { entrypoint: ['/agnhost'], command: ['pause'], layers: [base, agnhostLayer] },
    busybox: { entrypoint: [], command: ['sh'], layers: [base] },
    // The suite wants a web server with this page, and not what nginx does besides.
    nginx: {
      entrypoint: ['/bin/httpd', '-f', '-p', '80', '-h', '/usr/share/nginx/html'],
      layers: [base, html('usr/share/nginx/html/index.html', '<h1>Welcome to nginx!</h1>\n')],
    },
    kitten: webServer('kitten'),
    nautilus: webServer('nautilus'),
    pause: {
      entrypoint: ['/pause'],
      layers: [layer([fileEntry(pause, 'pause', 0o755), ...baseEntries('65535')])],
    },
  }
}

/** Debian's static busybox under each of its names. */
function shellEntries(): readonly TarEntry[] {
  const names = execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).trim().split('\n')
  return [
    fileEntry(BUSYBOX, 'bin/busybox', 0o755),
    ...names
      .filter((name) => name !== 'busybox')
      .map((name): TarEntry => ({ path: `bin/${name}`, type: 'link', target: 'busybox' })),
  ]
}

/** The user and the group that specs about supplemental groups look for in the image of agnhost. */
function passwordEntries(): readonly TarEntry[] {
  const users = [
    'root:x:0:0:root:/root:/bin/sh',
    'user-defined-in-image:x:1000:1000::/:/bin/sh',
    'nobody:x:65534:65534:nobody:/:/bin/false',
  ]
  const groups = [
    'root:x:0:',
    'user-defined-in-image:x:1000:',
    'group-defined-in-image:x:50000:user-defined-in-image',
  ]
  return [
    textEntry('etc/passwd', `${users.join('\n')}\n`),
    textEntry('etc/group', `${groups.join('\n')}\n`),
    { path: 'root', type: 'folder', mode: 0o755 },
  ]
}

function textEntry(path: string, content: string): TarEntry {
  return { path, type: 'file', bytes: Buffer.from(content), mode: 0o644 }
}

function layer(entries: readonly TarEntry[]): Buffer {
  return writeTar(withFolders(entries))
}
