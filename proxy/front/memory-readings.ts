import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/* What the kernel says about the memory of this process. */

const PAGE_BYTES = 4096
/** A limit above this is none: control groups without one say a very large number. */
const LIMIT_BYTES_MAX = 2 ** 46
const GROUPS = '/sys/fs/cgroup'

/** The limit of the process's control group, in bytes; 0 when it has none. */
export function memoryLimitBytes(): number {
  const limit = process.constrainedMemory()
  return limit > 0 && limit < LIMIT_BYTES_MAX ? limit : 0
}

/**
 * Memory that is the process's alone, in bytes. Pages of files are left out: the kernel takes those
 * back. Source: proc_pid_statm(5); 0 where there is no such file.
 */
export function privateBytes(): number {
  const [, resident = 0, shared = 0] = readText('/proc/self/statm').split(' ').map(Number)
  return (resident - shared) * PAGE_BYTES
}

/**
 * A reader of what the kernel holds for the sockets of the process's control group, in bytes: answers that
 * callers do not read wait there, some megabytes a connection, and count against the limit. Undefined where
 * the kernel does not count it. Source: Linux Documentation/admin-guide/cgroup-v2.rst, memory.stat `sock`, and
 * cgroup-v1/memory.rst, memory.kmem.tcp.usage_in_bytes.
 */
export function createSocketReader(
  groups: string = readText('/proc/self/cgroup'),
  root: string = GROUPS,
  read: (path: string) => string = readText,
): (() => number) | undefined {
  const second = /^0::(\/.*)$/m.exec(groups)?.[1] ?? '/'
  const first = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(groups)?.[1] ?? '/'
  // In a container the group may be mounted where the root of all groups is outside.
  const places = [
    { path: join(root, second, 'memory.stat'), pattern: /^sock (\d+)$/m },
    { path: join(root, 'memory.stat'), pattern: /^sock (\d+)$/m },
    { path: join(root, 'memory', first, 'memory.kmem.tcp.usage_in_bytes'), pattern: /^(\d+)$/m },
    { path: join(root, 'memory', 'memory.kmem.tcp.usage_in_bytes'), pattern: /^(\d+)$/m },
  ]
  const place = places.find(({ path, pattern }) => pattern.test(read(path)))
  if (place === undefined) return undefined
  return () => Number(place.pattern.exec(read(place.path))?.[1] ?? 0)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Converted: this system has no such file.
    return ''
  }
}
