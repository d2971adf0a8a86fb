import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildImages } from './build-images.ts'

const HELP = `Builds Lanyard's images as docker archives, without a container engine.

  npm run images -- --out DIR     (default: dist/images)

Load them with "docker load -i FILE", "ctr -n k8s.io images import FILE" or skopeo. Beside each is
the source map of its /app/main.cjs, which is not in the image.
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: 'dist/images' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const folder = resolve(values.out)
  await mkdir(folder, { recursive: true })
  console.error('Building the images ...')
  for (const path of await buildImages(folder)) console.log(path)
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
