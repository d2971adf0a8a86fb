import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TarEntry } from './tar.ts'

/** Entries for one file of the machine at a path of the image, and for the folders above it. */
export function fileEntry(source: string, path: string, mode?: number): TarEntry {
  const bytes = readFileSync(source)
  return { path, type: 'file', bytes, mode: mode ?? statSync(source).mode & 0o755 }
}

/** A folder of the machine with everything below it; symbolic links stay links. */
export function folderEntries(source: string, path: string): readonly TarEntry[] {
  return readdirSync(source, { withFileTypes: true })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((item): readonly TarEntry[] => {
      const from = join(source, item.name)
      const to = join(path, item.name)
      if (item.isSymbolicLink()) return [{ path: to, type: 'link', target: readlinkSync(from) }]
      if (item.isDirectory()) return folderEntries(from, to)
      return item.isFile() ? [fileEntry(from, to)] : []
    })
}

/**
 * A program with the shared libraries that the dynamic loader of this machine finds for it, each
 * at the path where it will be looked for.
 */
export function programEntries(source: string, path: string): readonly TarEntry[] {
  const real = realpathSync(source)
  return [fileEntry(real, path, 0o755), ...sharedLibraryEntries(real)]
}

/** The shared libraries of some programs, each once, at the path where the loader looks for it. */
export function sharedLibraryEntries(...programs: readonly string[]): readonly TarEntry[] {
  // A static program makes ldd fail; it needs no library.
  const listed = execFileSync('sh', ['-c', 'ldd "$@" 2>/dev/null || true', 'ldd', ...programs], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const found = [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? '')
  return [...new Set(found)].map((library) =>
    fileEntry(realpathSync(library), library.slice(1), 0o755),
  )
}

/** Adds every folder above the entries once, and drops entries of the same path but the first. */
export function withFolders(entries: readonly TarEntry[]): readonly TarEntry[] {
  const folders = new Set<string>()
  const byPath = new Map<string, TarEntry>()
  for (const entry of entries) {
    if (byPath.has(entry.path)) continue
    byPath.set(entry.path, entry)
    for (let folder = dirname(entry.path); folder !== '.'; folder = dirname(folder))
      folders.add(folder)
  }
  const missing = [...folders].filter((folder) => !byPath.has(folder)).sort()
  return [
    ...missing.map((path): TarEntry => ({ path, type: 'folder', mode: 0o755 })),
    ...byPath.values(),
  ]
}

/** `/etc/passwd` and `/etc/group` with root and one other, a world-writable /tmp, CA certificates. */
export function baseEntries(uid: string): readonly TarEntry[] {
  const text = (path: string, content: string): TarEntry => ({
    path,
    type: 'file',
    bytes: Buffer.from(content),
    mode: 0o644,
  })
  return [
    text(
      'etc/passwd',
      `root:x:0:0:root:/:/sbin/nologin\nlanyard:x:${uid}:${uid}:lanyard:/:/sbin/nologin\n`,
    ),
    text('etc/group', `root:x:0:\nlanyard:x:${uid}:\n`),
    text('etc/nsswitch.conf', 'hosts: files dns\n'),
    fileEntry('/etc/ssl/certs/ca-certificates.crt', 'etc/ssl/certs/ca-certificates.crt', 0o644),
    { path: 'tmp', type: 'folder', mode: 0o1777 },
  ]
}

const LIBRARY_FOLDERS: Readonly<Record<string, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
}

/** The loader's name services, which a program that resolves names opens by name. */
export function nameServiceEntries(): readonly TarEntry[] {
  const folder = `/lib/${LIBRARY_FOLDERS[process.arch] ?? 'x86_64-linux-gnu'}`
  const names = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2']
  return names.map((name) =>
    fileEntry(realpathSync(join(folder, name)), join(folder, name).slice(1), 0o755),
  )
}
