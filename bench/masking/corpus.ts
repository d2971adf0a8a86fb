import { createHash } from 'node:crypto'
import { Chance } from './chance.ts'
import { KINDS, password } from './credentials-of-services.ts'
import { LOOK_ALIKES } from './look-alikes.ts'
import { BARE_PLACES, PLACES, type Place } from './surroundings.ts'
import {
  basicCredential,
  connectionString,
  keyInText,
  kubernetesText,
  urlWithPassword,
  type WholeText,
} from './whole-texts.ts'

/** A text of the corpus, and what in it is a credential. */
export interface Sample extends WholeText {
  readonly id: string
  readonly class: string
  /** Rules may be changed after looking at `dev`, never after looking at `test`. */
  readonly split: 'dev' | 'test'
}

/** Fixed before any rule was changed for what the corpus shows. */
export const CORPUS_SEED = 'lanyard-credentials-2026-11-28'
/** Of each kind of credential, and of each kind of look-alike. */
const EACH = 100
const WHOLE = { url: 400, connection: 300, basic: 300, key: 300, kubernetes: 400, password: 500 }
const LOOK_ALIKES_EACH = 480
/** Tokens that anybody who knows their form recognises without a name. */
const NEEDS_A_NAME = [
  'AWS secret key',
  'Twilio',
  'Datadog',
  'Random secret',
  'Mailgun',
  'Discord',
  'New Relic',
]

/** All texts of the corpus, the same for the same seed. */
export function buildCorpus(seed = CORPUS_SEED): readonly Sample[] {
  return [...tokens(seed), ...passwords(seed), ...wholeTexts(seed), ...lookAlikes(seed)]
}

function sample(seed: string, className: string, number: number, text: WholeText): Sample {
  const id = `${className.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${number}`
  const byte = createHash('sha256').update(`${seed} split ${id}`).digest()[0] ?? 0
  return { ...text, id, class: className, split: byte < 90 ? 'dev' : 'test' }
}

function times(
  seed: string,
  className: string,
  count: number,
  make: (chance: Chance) => WholeText,
): readonly Sample[] {
  return Array.from({ length: count }, (_, number) =>
    sample(seed, className, number, make(new Chance(`${seed} ${className} ${number}`))),
  )
}

function tokens(seed: string): readonly Sample[] {
  return KINDS.flatMap((kind) =>
    times(seed, kind.name, kind.name === 'Random secret' ? 5 * EACH : EACH, (chance) => {
      const value = kind.make(chance)
      const isBare = chance.isLikely(0.3) && !NEEDS_A_NAME.includes(kind.name)
      const place = chance.of(isBare ? BARE_PLACES : PLACES)
      return placed(place, value, chance.of(kind.names), chance)
    }),
  )
}

function placed(place: Place, value: string, key: string, chance: Chance): WholeText {
  return { text: place.write(value, key, chance), extension: place.extension, secrets: [value] }
}

function passwords(seed: string): readonly Sample[] {
  const names = [
    'DB_PASSWORD',
    'password',
    'POSTGRES_PASSWORD',
    'smtpPassword',
    'adminPassword',
    'passwd',
    'ROOT_PASSWORD',
    'keystorePassword',
    'redis_pass',
  ]
  return times(seed, 'Password', WHOLE.password, (chance) => {
    const place = chance.of(PLACES)
    return placed(place, password(chance, place.isPlain === true), chance.of(names), chance)
  })
}

function wholeTexts(seed: string): readonly Sample[] {
  return [
    ...times(seed, 'URL with password', WHOLE.url, urlWithPassword),
    ...times(seed, 'Connection string', WHOLE.connection, connectionString),
    ...times(seed, 'Basic credential', WHOLE.basic, basicCredential),
    ...times(seed, 'Private key', WHOLE.key, keyInText),
    ...times(seed, 'Kubernetes', WHOLE.kubernetes, kubernetesText),
  ]
}

function lookAlikes(seed: string): readonly Sample[] {
  return LOOK_ALIKES.flatMap(({ name, make }) =>
    times(seed, `no: ${name}`, LOOK_ALIKES_EACH, (chance) => ({ ...make(chance), secrets: [] })),
  )
}
