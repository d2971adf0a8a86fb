import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** Where a command writes: what was asked for to `out`, talk to `err`. */
export interface Terminal {
  out(text: string): void
  /** Bytes as they are, for programs. */
  outBytes(bytes: Uint8Array): void
  err(text: string): void
  /** Plain text where colours are not wanted. */
  style(style: Style, text: string): string
  /** Resolves when everything that went to `out` was taken, so that what comes next need not be kept. */
  flushed(): Promise<void>
  /** Whether a person watches `err`. */
  readonly watched: boolean
  /** Whether `out` is a terminal. */
  readonly shown: boolean
}

export interface TerminalOptions {
  readonly stdout: {
    write(text: string | Uint8Array, taken?: () => void): unknown
    readonly isTTY?: boolean
  }
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  /** False for `--no-color`. */
  readonly color: boolean
}

/** Colours only on a terminal that can show them and when nobody asked for none. */
export function createTerminal({ stdout, stderr, env, color }: TerminalOptions): Terminal {
  const colored =
    color && stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return {
    out: (text) => void stdout.write(text),
    outBytes: (bytes) => void stdout.write(bytes),
    err: (text) => void stderr.write(text),
    flushed: () => new Promise((resolve) => void stdout.write('', () => resolve())),
    watched: stderr.isTTY === true,
    shown: stdout.isTTY === true,
    style: (style, text) => (colored ? styleText(style, text, { validateStream: false }) : text),
  }
}
