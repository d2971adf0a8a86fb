import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { thirdPartyNotices } from './third-party-notices.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lanyard-notices-'))
})

afterEach(() => rmSync(root, { recursive: true }))

function install(name: string, license: string | undefined, files: Record<string, string>): void {
  const folder = join(root, 'node_modules', name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.2.3', license }))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
}

test('thirdPartyNotices() names what was bundled, each licence text once', async () => {
  install('one', 'MIT', { LICENSE: 'Be kind.\r\n' })
  install('@scope/two', 'MIT', { 'LICENSE.md': 'Be kind.\n' })
  install('three', 'Apache-2.0', {
    'license.txt': 'Be fair. */',
    NOTICE: 'Thanks.',
    'a.js': 'code',
  })
  install('four', 'ISC', {})
  install('unused', 'MIT', { LICENSE: 'Never seen.' })
  const inputs = ['one/a.js', 'one/b.js', '@scope/two/a.js', 'three/a.js', 'four/a.js']
  const text = await thirdPartyNotices(
    ['cli/main.ts', ...inputs.map((path) => `node_modules/${path}`)],
    root,
  )
  expect(text.match(/Be kind\./g)).toHaveLength(1)
  expect(text).toContain('@scope/two 1.2.3 (MIT)\none 1.2.3 (MIT)\n\nBe kind.')
  expect(text).toContain('three 1.2.3 (Apache-2.0)\n\nThanks.\n\nBe fair. */')
  expect(text).toContain('four 1.2.3 (ISC)\n\nLicence: ISC')
  expect(text).not.toMatch(/Never seen|unused/)
})

test('thirdPartyNotices() tells the package of a package', async () => {
  install('outer/node_modules/inner', 'MIT', { LICENSE: 'Inner.' })
  const inputs = ['node_modules/outer/node_modules/inner/lib/a.js']
  expect(await thirdPartyNotices(inputs, root)).toContain('inner 1.2.3 (MIT)\n\nInner.')
})

test('thirdPartyNotices() ships nothing whose licence it cannot tell', async () => {
  install('none', undefined, {})
  const notices = thirdPartyNotices(['node_modules/none/a.js'], root)
  await expect(notices).rejects.toThrow(/licence of none/)
})
