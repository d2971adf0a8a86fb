import { type FileHandle, open } from 'node:fs/promises'
import { AUDIT_FORMS, type AuditFormName, formOf } from '../../api/forms/audit-form.ts'
import { Fault } from '../../core/fault.ts'
import type { ExportSink } from './export-sink.ts'

/** Longer than any record; a file whose last line is longer is no export. */
const LINE_BYTES_MAX = 4 * 1024 * 1024
const NEWLINE = 0x0a
/** Records say who did what: they are for whoever exported them. */
const FILE_MODE = 0o600

interface ExportFileOptions {
  readonly path: string
  /** Whether the file may hold an export already, which then goes on. */
  readonly resume: boolean
  readonly form: AuditFormName
  /** Says to the user what was repaired. */
  readonly tell: (text: string) => void
}

/**
 * Opens a file for whole lines of an export. With `resume` the file is continued after its last whole
 * line, and what an interrupted export left after that is cut off. Throws `request_invalid`, saying what
 * to do, for a file that exists without `resume`, or whose last line is no decision in this form.
 */
export async function openExportFile(options: ExportFileOptions): Promise<ExportSink> {
  const file = await openFile(options)
  try {
    const after = options.resume ? await continueFile(file, options) : undefined
    return {
      ...(after === undefined ? {} : { after }),
      // Appended: a write of a whole page leaves at most one line incomplete.
      write: (text) => file.appendFile(text),
      async close() {
        await file.sync()
        await file.close()
      },
    }
  } catch (error) {
    // Cleaned up; the error says what is wrong.
    await file.close()
    throw error
  }
}

async function openFile({ path, resume }: ExportFileOptions): Promise<FileHandle> {
  try {
    return await open(path, resume ? 'a+' : 'ax', FILE_MODE)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Fault(
      'request_invalid',
      code === 'EEXIST'
        ? `${path} exists already: --resume continues it, or choose another file`
        : `Cannot write ${path}: ${code ?? message}`,
      { cause: error },
    )
  }
}

/** The name of the decision in the last whole line; undefined for an empty file. */
async function continueFile(
  file: FileHandle,
  { path, form, tell }: ExportFileOptions,
): Promise<string | undefined> {
  const { size } = await file.stat()
  if (size === 0) return undefined
  const { text, end } = await lastLine(file, size, path)
  const value = parseJson(text)
  const found = formOf(value)
  if (found === undefined) {
    throw new Fault(
      'request_invalid',
      `The last line of ${path} is no decision, so nothing can be continued there: choose another file`,
    )
  }
  if (found !== form) {
    throw new Fault(
      'request_invalid',
      `${path} holds decisions in the form ${found}: continue it with --format ${found}, or choose another file`,
    )
  }
  if (end < size) {
    await file.truncate(end)
    tell(`Cut an incomplete last line of ${size - end} bytes off ${path}.\n`)
  }
  return AUDIT_FORMS[form].idOf(value)?.toLowerCase()
}

/** The last line that ends, and where the next one begins. */
async function lastLine(
  file: FileHandle,
  size: number,
  path: string,
): Promise<{ readonly text: string; readonly end: number }> {
  // Two lines of the greatest length: the last whole one, and what is left of another.
  const length = Math.min(size, 2 * LINE_BYTES_MAX)
  const start = size - length
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, start)
  const last = buffer.lastIndexOf(NEWLINE)
  const before = last <= 0 ? -1 : buffer.lastIndexOf(NEWLINE, last - 1)
  if (last < 0 || (before < 0 && start > 0)) {
    throw new Fault(
      'request_invalid',
      `${path} does not end in lines of decisions, so nothing can be continued there: remove it, or choose another file`,
    )
  }
  return { text: buffer.toString('utf8', before + 1, last), end: start + last + 1 }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Converted: no JSON is no decision.
    return undefined
  }
}
