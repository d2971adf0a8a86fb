import { ensureProgramsImage } from './ensure-programs.ts'

/* Builds the real programs of the end-to-end tests, so that tests find them: node test/programs/prepare.ts */

await ensureProgramsImage((line) => process.stderr.write(`${line}\n`))
