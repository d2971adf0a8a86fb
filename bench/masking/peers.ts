import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import type { Sample } from './corpus.ts'
import type { Answers } from './scores.ts'

const run = promisify(execFile)
const MORE = { maxBuffer: 256 * 1024 * 1024 }

/** A program of others that finds credentials in files, with one of its settings. */
export interface Peer {
  readonly name: string
  readonly setting: string
  /** Which texts of a folder hold a credential. */
  scan(bin: string, folder: string, samples: readonly Sample[]): Promise<Answers>
}

/** What a peer found, and where. */
interface PeerFinding {
  readonly path: string
  readonly line: number
  readonly text: string
}

const PACKAGES = ['kingfisher-bin==2.14.0', 'credsweeper==1.19.5']

/** Installs the peers in a folder of their own, once; returns where their programs are. */
export async function installPeers(folder: string): Promise<string> {
  const bin = join(folder, 'bin')
  if (existsSync(join(bin, 'kingfisher')) && existsSync(join(bin, 'credsweeper'))) return bin
  await run('python3', ['-m', 'venv', folder])
  await run(join(bin, 'pip'), ['install', '--quiet', ...PACKAGES], MORE)
  return bin
}

/** Writes each text as a file of its own. */
export async function writeTexts(folder: string, samples: readonly Sample[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const one of samples) await writeFile(join(folder, `${one.id}.${one.extension}`), one.text)
}

/**
 * A peer has found a credential when it names a line that holds a part of it, or a text that does: less than is asked
 * of the masker, which must leave nothing of it.
 */
function answersOf(findings: readonly PeerFinding[], samples: readonly Sample[]): Answers {
  const byFile = new Map(samples.map((one) => [`${one.id}.${one.extension}`, one]))
  const found = new Set<string>()
  for (const { path, line, text } of findings) {
    const one = byFile.get(basename(path))
    if (one === undefined) continue
    const named = one.text.split('\n')[line - 1] ?? ''
    const isHit = one.secrets.some((secret) => named.includes(secret) || text.includes(secret))
    // A private key is named by its first line.
    if (isHit || one.secrets.length === 0 || one.class === 'Private key') found.add(one.id)
  }
  return found
}

function kingfisher(confidence: string): Peer {
  return {
    name: 'Kingfisher 2.14.0',
    setting: `--no-validate --confidence ${confidence}`,
    async scan(bin, folder, samples) {
      const output = join(folder, '..', `kingfisher-${confidence}.jsonl`)
      const options = [
        '--no-validate',
        '--no-dedup',
        '--git-history',
        'none',
        '--confidence',
        confidence,
      ]
      const target = ['--format', 'jsonl', '--output', output]
      // It ends with 200 when it found something.
      await run(join(bin, 'kingfisher'), ['scan', folder, ...options, ...target], MORE).catch(
        () => undefined,
      )
      const lines = (await readFile(output, 'utf8'))
        .split('\n')
        .filter((line) => line.startsWith('{"rule"'))
      const findings = lines.map((line): PeerFinding => {
        const { finding } = JSON.parse(line)
        return { path: finding.path, line: finding.line, text: finding.snippet }
      })
      return answersOf(findings, samples)
    },
  }
}

function credSweeper(threshold: string): Peer {
  return {
    name: 'CredSweeper 1.19.5',
    setting: `--ml_threshold ${threshold}`,
    async scan(bin, folder, samples) {
      const output = join(folder, '..', `credsweeper-${threshold}.json`)
      const options = ['--ml_threshold', threshold, '--log', 'error', '--save-json', output]
      await run(join(bin, 'credsweeper'), ['--path', folder, ...options], MORE)
      const found: readonly {
        line_data_list: readonly { path: string; line_num: number; value: string }[]
      }[] = JSON.parse(await readFile(output, 'utf8'))
      const findings = found.flatMap((one) =>
        one.line_data_list.map(({ path, line_num, value }) => ({
          path,
          line: line_num,
          text: value,
        })),
      )
      return answersOf(findings, samples)
    },
  }
}

/** Each with its usual setting, and with the one that finds most. */
export const PEERS: readonly Peer[] = [
  kingfisher('medium'),
  kingfisher('low'),
  credSweeper('medium'),
  credSweeper('0'),
]
