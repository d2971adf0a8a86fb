import type { Terminal } from '../terminal/terminal.ts'

/** Where an export goes. */
export interface ExportSink {
  /** Name of the decision that is there already as the last one. */
  readonly after?: string
  /** Writes whole lines; resolves once they were taken, so that no more is read than is written. */
  write(text: string): Promise<void>
  close(): Promise<void>
}

/** Standard output, as fast as its reader takes it. */
export function toStdout(terminal: Terminal): ExportSink {
  return {
    async write(text) {
      terminal.out(text)
      await terminal.flushed()
    },
    close: async () => {},
  }
}
