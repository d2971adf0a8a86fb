import { readProgram, runProgram } from './program-files.ts'

/*
 * `/app/main.cjs` of an image whose program has its compiled code beside it. Compiling takes a third of
 * the CPU of a start.
 */

const folder = import.meta.dirname
runProgram(readProgram(folder), folder, require)
