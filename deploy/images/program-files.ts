import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, Script } from 'node:vm'

/** A program whose compiled code is kept beside it: one function, which is given what a CommonJS file has. */
export const PROGRAM_FILE = 'program.cjs'
export const CODE_CACHE_FILE = 'program.cache'

/** What esbuild writes before and after a bundle to make it such a function. */
export const BEFORE_PROGRAM = '(function(exports,require,module,__filename,__dirname){'
export const AFTER_PROGRAM = '})'

/**
 * The program of a folder, with its compiled code where V8 accepts it: the same V8 with the same flags has
 * made it. Otherwise V8 compiles the source, and only the start takes longer. Throws without a program.
 */
export function readProgram(folder: string): Script {
  const filename = join(folder, PROGRAM_FILE)
  const cachedData = readCodeCache(folder)
  // A bundle is ASCII, so each byte is a character and the text takes no more memory than the file.
  return new Script(readFileSync(filename, 'latin1'), {
    filename,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData === undefined ? {} : { cachedData }),
  })
}

/** Runs the program as Node runs a CommonJS file of that folder. */
export function runProgram(script: Script, folder: string, require: NodeJS.Require): void {
  const run: unknown = script.runInThisContext()
  if (typeof run !== 'function') throw new TypeError(`${PROGRAM_FILE} is not a program`)
  run({}, require, { exports: {} }, join(folder, PROGRAM_FILE), folder)
}

/** Without compiled code the program runs as well. */
function readCodeCache(folder: string): Buffer | undefined {
  try {
    return readFileSync(join(folder, CODE_CACHE_FILE))
  } catch {
    return undefined
  }
}
