import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const PACKAGE_FOLDER = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/
const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)(?:[.-]|$)/i

/**
 * What the licences of bundled packages ask for, as text: the name and version of each, and its
 * licence text, once for all that share it. `inputs` are the files that went into the bundle, relative
 * to `root`. Throws when a package has neither a text nor a licence in its package.json.
 */
export async function thirdPartyNotices(inputs: readonly string[], root: string): Promise<string> {
  const folders = inputs.flatMap((path) => PACKAGE_FOLDER.exec(path)?.[0] ?? [])
  const packagesOf = new Map<string, string[]>()
  for (const folder of [...new Set(folders)].toSorted()) {
    const { title, text } = await readPackage(resolve(root, folder))
    packagesOf.set(text, [...(packagesOf.get(text) ?? []), title])
  }
  const sections = [...packagesOf].map(([text, titles]) => `${titles.join('\n')}\n\n${text}`)
  return `${['Third-party software', ...sections].join(`\n\n${'-'.repeat(72)}\n\n`)}\n`
}

async function readPackage(folder: string): Promise<{ title: string; text: string }> {
  const json = await readFile(join(folder, 'package.json'), 'utf8')
  const { name, version, license } = JSON.parse(json) as Readonly<Record<string, string>>
  const texts: string[] = []
  for (const file of (await readdir(folder)).filter((entry) => LICENCE_FILE.test(entry)).toSorted())
    texts.push((await readFile(join(folder, file), 'utf8')).trim().replaceAll('\r\n', '\n'))
  if (texts.length === 0 && license === undefined) {
    throw new Error(`Cannot tell the licence of ${name}, which would ship: ${folder}`)
  }
  const title = `${name} ${version} (${license ?? 'see below'})`
  return { title, text: texts.length > 0 ? texts.join('\n\n') : `Licence: ${license}` }
}
