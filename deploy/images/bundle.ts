import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { leaveOut } from './left-out.ts'
import { AFTER_PROGRAM, BEFORE_PROGRAM } from './program-files.ts'

const REPOSITORY = resolve(import.meta.dirname, '../..')

const FUNCTION = { banner: { js: BEFORE_PROGRAM }, footer: { js: AFTER_PROGRAM } }

export interface Bundle {
  readonly code: Uint8Array
  readonly sourceMap: Uint8Array
  /** Every file of which something is in it, relative to the repository. */
  readonly inputs: readonly string[]
}

/**
 * One CommonJS file: faster to start than modules, and what native packages expect. Its `form` is a file, or a
 * function that takes what a file has (`program-files.ts`).
 */
export async function bundle(
  entry: string,
  external: readonly string[],
  form: 'file' | 'function',
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(REPOSITORY, entry)],
    // Nothing is written there; the map names its sources relative to it.
    outfile: join(REPOSITORY, 'main.cjs'),
    write: false,
    metafile: true,
    absWorkingDir: REPOSITORY,
    legalComments: 'none',
    sourcemap: 'external',
    bundle: true,
    // Names stay: a log line should say which class threw. esbuild's keepNames would put them back by
    // defining a property on every closure when it is made, and each request makes dozens.
    minifySyntax: true,
    minifyWhitespace: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    external: [...external],
    plugins: [leaveOut()],
    ...(form === 'file' ? {} : FUNCTION),
    define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '"file:///app/main.cjs"' },
    logLevel: 'error',
  })
  const contentsOf = (name: string) => {
    const file = outputFiles.find(({ path }) => path.endsWith(name))
    if (file === undefined) throw new Error(`esbuild made no ${name} of ${entry}`)
    return file.contents
  }
  const parts = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs))
  const inputs = parts.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path)
  return { code: contentsOf('/main.cjs'), sourceMap: contentsOf('/main.cjs.map'), inputs }
}
