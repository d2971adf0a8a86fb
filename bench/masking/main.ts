import { mkdir, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CredentialScanner } from '../../core/masking/credentials/credential-scanner.ts'
import { TextMasker } from '../../core/masking/credentials/text-masker.ts'
import { buildCorpus, CORPUS_SEED, type Sample } from './corpus.ts'
import { installPeers, PEERS, writeTexts } from './peers.ts'
import { type Answers, type Score, scoreOf, scoresByClass } from './scores.ts'
import { measureSidecar } from './sidecar.ts'
import { measureSpeed } from './speed.ts'

const HELP = `Measures the mask "credentials" on a labelled corpus, beside two programs of others.

  npm run bench:masking                        precision, recall and F1 on the test split, and speed
  npm run bench:masking -- --split dev         on the split by which rules may be changed
  npm run bench:masking -- --without-peers     only the mask
  npm run bench:masking -- --corpus FOLDER     writes the corpus there: a file a text, and labels.jsonl
  npm run bench:masking -- --sidecar           what masks cost a sidecar in memory and time

  --folder FOLDER   where the peers are installed from PyPI (default: dist/masking-peers)

Needs python3 with venv for the peers. Takes about three minutes on two cores.
`

const WORDS = { tokenOf: () => 'lanyard-masked-0', unknown: 'lanyard-masked-1' }

/** The texts in which the mask finds a credential: of one that holds some, all of them must be gone. */
function answersOfMask(samples: readonly Sample[]): Answers {
  const scanner = new CredentialScanner()
  const found = samples.filter(({ text, secrets }) => {
    const masker = new TextMasker(scanner, WORDS)
    const out = Buffer.concat([masker.push(Buffer.from(text), 0), masker.end()]).toString()
    return out !== text && secrets.every((secret) => !out.includes(secret))
  })
  return new Set(found.map(({ id }) => id))
}

const share = (value: number) => value.toFixed(3)

function tableOf(scores: readonly Score[]): string {
  const rows = scores.map(
    (one) =>
      `| ${one.name} | ${share(one.precision)} | ${share(one.recall)} | ${share(one.f1)} | ${one.found} of ${one.of} | ${one.falselyFound} |`,
  )
  return [
    '| | Precision | Recall | F1 | Found | Look-alikes taken for one |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function classTable(
  samples: readonly Sample[],
  all: readonly (readonly [string, Answers])[],
): string {
  const names = all.map(([name]) => name)
  const byName = all.map(([, answers]) => scoresByClass(samples, answers))
  const rows = (byName[0] ?? []).map((one, at) => {
    const isLookAlike = one.of === 0
    const count = samples.filter((sample) => sample.class === one.name).length
    const cells = byName.map((scores) => {
      const score = scores[at]
      return isLookAlike ? `${score?.falselyFound ?? 0}` : share(score?.recall ?? 0)
    })
    return `| ${isLookAlike ? `not one: ${one.name.replace('no: ', '')}` : one.name} | ${count} | ${cells.join(' | ')} |`
  })
  return [
    `| Class | Texts | ${names.join(' | ')} |`,
    `|---|---|${names.map(() => '---').join('|')}|`,
    ...rows,
  ].join('\n')
}

async function answersOfPeers(
  folder: string,
  samples: readonly Sample[],
): Promise<readonly (readonly [string, Answers])[]> {
  const bin = await installPeers(folder)
  const texts = join(folder, 'texts')
  await writeTexts(texts, samples)
  const all: [string, Answers][] = []
  for (const peer of PEERS)
    all.push([`${peer.name} \`${peer.setting}\``, await peer.scan(bin, texts, samples)])
  return all
}

async function writeCorpus(folder: string): Promise<void> {
  const corpus = buildCorpus()
  await mkdir(folder, { recursive: true })
  await writeTexts(join(folder, 'texts'), corpus)
  const labels = corpus.map(({ text: _text, ...label }) => JSON.stringify(label))
  await writeFile(join(folder, 'labels.jsonl'), `${labels.join('\n')}\n`)
}

async function printSidecar(): Promise<void> {
  const { growth, p50, listMegabytes } = await measureSidecar()
  const beside = (side: 'values' | 'masked') =>
    `${p50[side].toFixed(2)} ms (${(p50[side] / p50.plain).toFixed(2)} times)`
  const mebibytes = (bytes: number) => (bytes / 1_024 / 1_024).toFixed(1)
  console.log(
    `a list of 10,000 pods (${listMegabytes.toFixed(0)} MB), own memory grows by: ${mebibytes(growth.plain)} MiB plain, ${mebibytes(growth.masked)} MiB more masked`,
  )
  console.log(
    `GET of a Secret, p50: ${p50.plain.toFixed(2)} ms plain, ${beside('values')} under secret-values, ${beside('masked')} under all`,
  )
  console.log(
    `load: ${loadavg()
      .map((one) => one.toFixed(1))
      .join(' ')}`,
  )
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      split: { type: 'string', default: 'test' },
      folder: { type: 'string', default: 'dist/masking-peers' },
      corpus: { type: 'string' },
      'without-peers': { type: 'boolean', default: false },
      sidecar: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  if (values.corpus !== undefined) return await writeCorpus(values.corpus)
  if (values.sidecar) {
    await printSidecar()
    // Connections of what stood in for the API server would stay for minutes.
    process.exit()
  }
  const samples = buildCorpus().filter(({ split }) => split === values.split)
  const positives = samples.filter(({ secrets }) => secrets.length > 0).length
  console.log(
    `Seed ${CORPUS_SEED}, split ${values.split}: ${positives} credentials, ${samples.length - positives} look-alikes\n`,
  )
  const mask = ['Lanyard', answersOfMask(samples)] as const
  const peers = values['without-peers'] ? [] : await answersOfPeers(values.folder, samples)
  const all = [mask, ...peers]
  console.log(`${tableOf(all.map(([name, answers]) => scoreOf(name, samples, answers)))}\n`)
  console.log(`${classTable(samples, all)}\n`)
  for (const { name, megabytes, masked, copied } of measureSpeed())
    console.log(
      `${name} (${megabytes.toFixed(0)} MB): ${masked.toFixed(0)} MB/s of one core; a bare copy: ${copied.toFixed(0)} MB/s`,
    )
}

await main()
