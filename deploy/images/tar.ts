/** One entry of a tar archive. */
export type TarEntry =
  | { readonly path: string; readonly type: 'file'; readonly bytes: Buffer; readonly mode: number }
  | { readonly path: string; readonly type: 'folder'; readonly mode: number }
  | { readonly path: string; readonly type: 'link'; readonly target: string }

const BLOCK = 512
const TYPE_FLAGS = { file: '0', link: '2', folder: '5' } as const

/**
 * A POSIX ustar archive. The same entries give the same bytes: no time, no owner but root. Throws
 * for a path that ustar cannot hold.
 */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const bytes = entry.type === 'file' ? entry.bytes : Buffer.alloc(0)
    return [header(entry, bytes.length), bytes, Buffer.alloc(padding(bytes.length))]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  const { name, prefix } = splitPath(entry.type === 'folder' ? `${entry.path}/` : entry.path)
  block.write(name, 0, 100)
  block.write(octal(entry.type === 'link' ? 0o777 : entry.mode, 7), 100)
  block.write(octal(0, 7), 108)
  block.write(octal(0, 7), 116)
  block.write(octal(size, 11), 124)
  block.write(octal(0, 11), 136)
  block.write('        ', 148)
  block.write(TYPE_FLAGS[entry.type], 156)
  if (entry.type === 'link') block.write(entry.target, 157, 100)
  block.write('ustar\u000000', 257)
  block.write(prefix, 345, 155)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\u0000 `, 148)
  return block
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** ustar holds 100 bytes of name and 155 of the folders before it. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' }
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const prefix = path.slice(0, slash)
    const name = path.slice(slash + 1)
    if (name !== '' && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) {
      return { name, prefix }
    }
  }
  throw new Error(`Cannot archive ${path}: the path is too long for ustar`)
}
