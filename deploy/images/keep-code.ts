import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CODE_CACHE_FILE, readProgram, runProgram } from './program-files.ts'

/*
 * Runs the program of the folder that LANYARD_PROGRAM_FOLDER names. When told by its parent it writes what
 * V8 has compiled so far beside the program, and ends: so the code of what a start does is in it, and of
 * nothing else.
 */

const folder = process.env['LANYARD_PROGRAM_FOLDER'] ?? ''
const script = readProgram(folder)
process.once('message', () => {
  writeFileSync(join(folder, CODE_CACHE_FILE), script.createCachedData())
  process.exit(0)
})
runProgram(script, folder, createRequire(join(folder, 'main.cjs')))
