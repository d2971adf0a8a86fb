/** What a reader of a tar archive tells. */
export interface TarSink {
  /** A file begins; `size` in bytes. Directories, links and devices are not told. */
  onFile(name: string, size: number): void
  /** Bytes of the file that began last. */
  onFileData(bytes: Buffer): void
  /** The file that began last is whole. */
  onFileEnd(): void
}

const BLOCK_BYTES = 512
/** Of a name or of attributes that stand before a file's header. */
const EXTENSION_BYTES_MAX = 64 * 1024
const NAME_CHARACTERS_MAX = 4_096
const REGULAR = new Set(['0', '\0', '7'])
/** A name of GNU tar, and the attributes of POSIX, for the header that follows. */
const LONG_NAME = 'L'
const ATTRIBUTES = 'x'

/**
 * Reads a tar archive as it comes, in pieces of any size, and keeps no more than names. Understands ustar, pax and the
 * long names of GNU tar. What is no archive is not told: after the first header that does not fit, nothing is.
 */
export class TarReader {
  readonly #sink: TarSink
  readonly #header = Buffer.alloc(BLOCK_BYTES)
  #headerBytes = 0
  /** Bytes of the entry that are still to come, and what pads it. */
  #left = 0
  #padding = 0
  #isFile = false
  #isOver = false
  #extension: Buffer[] | undefined
  #extensionKind = ''
  #nextName = ''
  #nextSize = -1

  constructor(sink: TarSink) {
    this.#sink = sink
  }

  /** Reads what came next. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#isOver) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left)
        this.#readEntry(chunk.subarray(at, end))
        at = end
      } else if (this.#padding > 0) {
        const skipped = Math.min(chunk.length - at, this.#padding)
        this.#padding -= skipped
        at += skipped
      } else {
        const taken = chunk.copy(this.#header, this.#headerBytes, at)
        this.#headerBytes += taken
        at += taken
        if (this.#headerBytes === BLOCK_BYTES) this.#readHeader()
      }
    }
  }

  #readHeader(): void {
    this.#headerBytes = 0
    // Zeros end an archive and fill its last record.
    if (this.#header.every((byte) => byte === 0)) return
    const size = this.#nextSize >= 0 ? this.#nextSize : parseNumber(this.#header.subarray(124, 136))
    if (size < 0 || parseNumber(this.#header.subarray(148, 156)) !== sumOf(this.#header)) {
      this.#isOver = true
      return
    }
    const kind = String.fromCharCode(this.#header[156] ?? 0)
    this.#left = size
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES
    if (kind === LONG_NAME || kind === ATTRIBUTES) this.#beginExtension(kind, size)
    else this.#beginEntry(kind, size)
    if (this.#left === 0) this.#endEntry()
  }

  #beginExtension(kind: string, size: number): void {
    this.#isFile = false
    this.#isOver = size > EXTENSION_BYTES_MAX
    this.#extension = []
    this.#extensionKind = kind
  }

  #beginEntry(kind: string, size: number): void {
    const name = this.#nextName === '' ? headerName(this.#header) : this.#nextName
    this.#nextName = ''
    this.#nextSize = -1
    this.#extension = undefined
    this.#isFile = REGULAR.has(kind)
    if (this.#isFile) this.#sink.onFile(name.slice(0, NAME_CHARACTERS_MAX), size)
  }

  #readEntry(bytes: Buffer): void {
    this.#left -= bytes.length
    if (this.#isFile) this.#sink.onFileData(bytes)
    else this.#extension?.push(Buffer.from(bytes))
    if (this.#left === 0) this.#endEntry()
  }

  #endEntry(): void {
    if (this.#isFile) this.#sink.onFileEnd()
    this.#isFile = false
    if (this.#extension === undefined) return
    const extension = Buffer.concat(this.#extension)
    this.#extension = undefined
    if (this.#extensionKind === LONG_NAME) this.#nextName = text(extension)
    else this.#readAttributes(extension)
  }

  /** Lines of `LENGTH NAME=VALUE`. */
  #readAttributes(lines: Buffer): void {
    for (const line of attributeLines(lines)) {
      const [, name = '', value = ''] = /^([^=]*)=([\s\S]*)\n$/.exec(line) ?? []
      if (name === 'path') this.#nextName = value
      if (name === 'size' && /^\d{1,15}$/.test(value)) this.#nextSize = Number(value)
    }
  }
}

function attributeLines(bytes: Buffer): readonly string[] {
  const lines: string[] = []
  let at = 0
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at)
    const length = Number(bytes.toString('latin1', at, Math.max(at, space)))
    if (space < 0 || !Number.isInteger(length) || length <= space - at) return lines
    lines.push(bytes.toString('utf8', space + 1, at + length))
    at += length
  }
  return lines
}

function headerName(header: Buffer): string {
  const name = text(header.subarray(0, 100))
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isPosix ? text(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

/** Octal digits, or 256-based with the first bit set; -1 for anything else. */
function parseNumber(field: Buffer): number {
  const first = field[0] ?? 0
  if (first === 0x80) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0)
    return Number.isSafeInteger(value) ? value : -1
  }
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart()
  if (digits === '') return 0
  return /^[0-7]{1,12}$/.test(digits) ? Number.parseInt(digits, 8) : -1
}

/** The sum of a header is taken as if the sum itself were spaces. */
function sumOf(header: Buffer): number {
  const sum = header.reduce((total, byte) => total + byte, 0)
  const own = header.subarray(148, 156).reduce((total, byte) => total + byte, 0)
  return sum - own + 8 * 0x20
}
