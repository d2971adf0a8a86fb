import { Unreadable } from './unreadable.ts'

/** `{"Width":65535,"Height":65535}` with room for spaces. */
const OBJECT_BYTES_MAX = 256
const SIDE_MAX = 65_535

/**
 * Reads the sizes of a terminal, JSON objects one after the other in pieces of any size, as Kubernetes' decoder does
 * (apiserver pkg/util/proxy/websocket.go, handleResizeEvents, v1.34): after what is no size, no size is taken.
 */
export class ResizeReader {
  readonly #onSize: (columns: number, rows: number) => void
  #text = ''
  #isOver = false

  constructor(onSize: (columns: number, rows: number) => void) {
    this.#onSize = onSize
  }

  /** Reads what came next. Throws `Unreadable` for an object that has no end. */
  push(bytes: Buffer): void {
    if (this.#isOver) return
    for (const part of bytes.toString('latin1').split(/(?<=\})/)) {
      this.#text += part
      if (this.#text.length > OBJECT_BYTES_MAX) {
        throw new Unreadable('a size of the terminal of over 256 bytes')
      }
      if (this.#text.endsWith('}')) this.#end()
    }
  }

  #end(): void {
    const size = parseSize(this.#text)
    this.#text = ''
    if (size === undefined) this.#isOver = true
    else if (!this.#isOver) this.#onSize(size.columns, size.rows)
  }
}

/** Names in any case, as Go takes them. */
function parseSize(text: string): { columns: number; rows: number } | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    const fields = new Map(
      Object.entries(parsed ?? {}).map(([name, value]) => [name.toLowerCase(), value as unknown]),
    )
    const columns = fields.get('width') ?? 0
    const rows = fields.get('height') ?? 0
    return isSide(columns) && isSide(rows) ? { columns, rows } : undefined
  } catch {
    // Converted: Kubernetes stops to read sizes here.
    return undefined
  }
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= SIDE_MAX
}
