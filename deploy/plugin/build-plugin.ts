import { appendFile, chmod, mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { thirdPartyNotices } from '../third-party-notices.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * The file has no extension, so Node takes it for CommonJS or for a module by where it lies. It is
 * both: a script that needs neither `require` nor `import`, since it takes built-in modules by
 * `process.getBuiltinModule` (Node 20.16 and newer).
 */
const BANNER = [
  '#!/usr/bin/env node',
  'if (typeof process.getBuiltinModule !== "function") {',
  '  console.error("error: kubectl-lanyard needs Node 20.16 or newer; this is " + process.version);',
  '  process.exit(1);',
  '}',
  'var require = (name) => process.getBuiltinModule(name);',
].join('\n')

/**
 * The Kubernetes client takes its fetch from undici, which is half a megabyte and needs Node 22. The
 * CLI makes its own requests, so none of it is ever called.
 */
const WITHOUT_UNDICI: Plugin = {
  name: 'without-undici',
  setup({ onResolve, onLoad }) {
    const contents = [
      'const absent = () => { throw new Error("[unexpected] undici is not part of this bundle") };',
      'export { absent as fetch, absent as Agent, absent as ProxyAgent };',
    ].join('\n')
    onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, namespace: 'absent' }))
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents }))
  },
}

/** Bundles the CLI with all that it needs, licence texts included, into one executable file. */
export async function buildPlugin(out: string): Promise<void> {
  await mkdir(dirname(resolve(out)), { recursive: true })
  const { metafile } = await build({
    entryPoints: [resolve(ROOT, 'cli/main.ts')],
    outfile: resolve(out),
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'iife',
    // The texts at the end of the file say more than what is left of comments.
    legalComments: 'none',
    metafile: true,
    banner: { js: BANNER },
    plugins: [WITHOUT_UNDICI],
    logLevel: 'warning',
  })
  const notices = await thirdPartyNotices(Object.keys(metafile.inputs), ROOT)
  // A licence that quotes code must not end the comment.
  await appendFile(resolve(out), `/*!\n${notices.replaceAll('*/', '* /')}*/\n`)
  await chmod(resolve(out), 0o755)
}

const OUT_FLAG = '--out'

async function main(args: readonly string[]): Promise<number> {
  const [flag, out] = args
  if (flag !== OUT_FLAG || out === undefined || args.length !== 2) {
    console.error(`usage: npm run build:cli -- ${OUT_FLAG} FILE`)
    return 2
  }
  await buildPlugin(out)
  console.log(resolve(out))
  return 0
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
