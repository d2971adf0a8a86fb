import { readdirSync, readFileSync } from 'node:fs'
import { join, matchesGlob, resolve } from 'node:path'

/** Top of the repository. */
export const ROOT = resolve(import.meta.dirname, '../..')

/**
 * Paths of all files of the repository, sorted, less what .gitignore names. Not from Git: a tarball
 * has none.
 */
export function repositoryFiles(root = ROOT): readonly string[] {
  const ignored = ['.git', ...ignoredNames(readFileSync(join(root, '.gitignore'), 'utf8'))]
  const isIgnored = (name: string) => ignored.some((pattern) => matchesGlob(name, pattern))
  const below = (folder: string): readonly string[] =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter(({ name }) => !isIgnored(name))
      .flatMap((entry) => {
        const path = join(folder, entry.name)
        return entry.isDirectory() ? below(path) : [path]
      })
  return below('').toSorted()
}

/** Throws for what is more than a name in any folder: then Git and this would not agree. */
function ignoredNames(gitignore: string): readonly string[] {
  const lines = gitignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  for (const line of lines) {
    if (!/^[^/!]+\/?$/.test(line)) throw new Error(`Cannot read the line of .gitignore: ${line}`)
  }
  return lines.map((line) => line.replace(/\/$/, ''))
}
