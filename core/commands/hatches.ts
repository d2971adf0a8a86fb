import { splitList } from './word.ts'

/** What has a program that is plain otherwise run another one, load code, or obey a file. */
interface Hatch {
  /** Long options without their dashes: each also by its beginnings, and with `=` and a value. */
  readonly long?: readonly string[]
  /** Letters of options, alone or behind others. */
  readonly letters?: string
  /** Letters of options with a value: what stands behind such a letter is that value. */
  readonly valued?: string
  /** Other words that do, wherever they stand. */
  readonly words?: RegExp
  /** The first word of calls that do not. */
  readonly first?: RegExp
  /** Subcommands that do not, whatever follows, beside `long`, `letters` and `words`. */
  readonly subcommands?: readonly string[]
  /** Options that may stand before the subcommand, and those of them whose value is the next word. */
  readonly flags?: readonly string[]
  readonly values?: readonly string[]
}

const DPKG_ASKS = [
  ...splitList('list listfiles status search print-avail audit verify get-selections'),
  ...splitList('print-architecture version'),
]

const NETCAT: Hatch = { long: splitList('exec sh-exec lua-exec'), letters: 'ec' }
const FD: Hatch = { long: splitList('exec exec-batch'), letters: 'xX', valued: 'dteESjc' }
const BAT: Hatch = { long: ['pager'] }
const DIFF_PROGRAM: Hatch = { long: ['diff-program'] }
const APT: Hatch = {
  long: splitList('option config-file'),
  letters: 'oc',
  subcommands: splitList('list show search policy depends rdepends showsrc check indextargets'),
  flags: splitList('-q -qq --quiet'),
}
const PIP: Hatch = {
  long: ['python'],
  subcommands: splitList('list freeze show check search inspect help debug index hash cache'),
  flags: splitList('--disable-pip-version-check --no-color -q --quiet -v --no-input --isolated'),
}
const REDIS_FLAGS = splitList('--raw --no-raw --csv --json -c --tls --no-auth-warning -2 -3')

const GIT: Hatch = {
  long: [
    ...splitList('upload-pack receive-pack exec ext-diff open-files-in-pager template config'),
    ...splitList('sendmail-cmd extcmd tool textconv'),
  ],
  // `grep -O` opens a pager, `rebase -x` and `difftool -x` run a command. `git clone -u` and `-c` are below.
  letters: 'Ox',
  valued: 'mFCcSGLUabe',
  // A helper of the transport `x::`, which is a program.
  words: /(?:^|=)[a-z][\w+.-]*::/i,
  subcommands: [
    ...splitList('add annotate apply archive blame branch bundle cat-file check-attr check-ignore'),
    ...splitList(
      'check-ref-format checkout cherry cherry-pick clean commit count-objects describe',
    ),
    ...splitList('diff diff-files diff-index diff-tree fetch for-each-ref format-patch fsck gc'),
    ...splitList(
      'grep hash-object init log ls-files ls-remote ls-tree merge merge-base mv name-rev',
    ),
    ...splitList('notes prune pull push range-diff reflog remote reset restore rev-list rev-parse'),
    ...splitList(
      'revert rm shortlog show show-branch show-ref sparse-checkout stash status switch',
    ),
    ...splitList(
      'symbolic-ref tag verify-commit verify-tag version whatchanged worktree write-tree',
    ),
    'clone',
  ],
  flags: splitList('--no-pager --no-optional-locks --no-replace-objects --literal-pathspecs'),
}

/** From the manual of each. A word that could be an option of these kinds counts, whatever comes before it. */
const HATCHES: Readonly<Record<string, Hatch>> = {
  ack: { long: splitList('pager ackrc') },
  ag: { long: ['pager'] },
  apk: {
    long: ['root'],
    letters: 'p',
    subcommands: splitList('info list ls search policy dot stats version verify manifest'),
    flags: splitList('-q --quiet -v --verbose'),
  },
  apt: APT,
  'apt-get': APT,
  'apt-cache': { long: splitList('option config-file'), letters: 'oc' },
  bat: BAT,
  batcat: BAT,
  bc: {},
  bsdtar: { long: splitList('use-compress-program options') },
  consul: { words: /^(?:exec|lock|watch|connect|agent)$/ },
  cpio: { long: ['rsh-command'] },
  csplit: {},
  curl: {
    long: splitList('output config remote-name engine'),
    letters: 'oOK',
    valued: 'AbcCdDeEFhHmPQrtTuUwxXYyz',
  },
  diff3: DIFF_PROGRAM,
  docker: {
    long: splitList('host config'),
    subcommands: splitList('ps images logs inspect version info stats top port history events'),
  },
  dpkg: {
    long: splitList('pre-invoke post-invoke root'),
    first: new RegExp(`^(?:-[lLsSpCV]|--(?:${DPKG_ASKS.join('|')}))$`),
  },
  etcdctl: { words: /^(?:lock|watch|elect)$/ },
  fd: FD,
  fdfind: FD,
  fzf: { long: splitList('preview bind listen') },
  gh: {
    words: /^--$/,
    subcommands: splitList('api auth gist issue label pr release repo run search status workflow'),
  },
  git: GIT,
  go: { words: /^-/, subcommands: splitList('version env list doc help') },
  gpg: {
    long: [
      ...splitList('photo-viewer exec-path agent-program dirmngr-program keyboxd-program options'),
      'pinentry-program',
    ],
  },
  helm: {
    long: splitList('post-renderer kubeconfig'),
    subcommands: [
      ...splitList('list ls status history get show search version env lint repo dependency pull'),
      ...splitList('verify test rollback uninstall completion help'),
    ],
    flags: ['--debug'],
    values: splitList('-n --namespace --kube-context'),
  },
  ifup: { words: /^/ },
  install: { long: ['strip-program'] },
  // iproute2 takes every beginning of a word.
  ip: { words: /^(?:net|netn|netns|v|vr|vrf|--?(?:b|ba|bat|batch|force))$/ },
  java: { words: /^(?!--?version$)/ },
  journalctl: {},
  jq: { long: ['from-file'], letters: 'fL' },
  kubectl: {
    long: ['kubeconfig'],
    subcommands: [
      ...splitList('annotate api-resources api-versions auth autoscale certificate cluster-info'),
      ...splitList('config cordon describe diff drain events explain expose get help label logs'),
      ...splitList('options port-forward rollout scale set taint top uncordon version wait'),
      'completion',
    ],
    values: splitList('-n --namespace --context --cluster --user --as --request-timeout -v'),
  },
  ldd: { words: /^(?:\.|~|\/(?:(?:var\/)?tmp|dev|proc|run)\/)/ },
  less: {
    long: splitList('lesskey-file lesskey-src lesskey-content log-file LOG-FILE'),
    letters: 'kKoO',
    words: /^\+/,
  },
  more: { words: /^\+/ },
  nc: NETCAT,
  ncat: NETCAT,
  netcat: NETCAT,
  // Its long options may have one dash.
  nmap: { words: /^--?(?:scr|int|dat|res|serv)/ },
  npm: {
    words: /^fix$/,
    subcommands: [
      ...splitList('ls list ll la view v info show ping whoami outdated search find root'),
      ...splitList('prefix bin help fund audit'),
    ],
  },
  openssl: { words: /engine|^-provider|^-config$/ },
  pip: PIP,
  pip3: PIP,
  'redis-cli': {
    long: splitList('eval pipe'),
    letters: 'xX',
    words:
      /^(?:eval|evalsha|eval_ro|evalsha_ro|fcall|fcall_ro|function|module|config|script|debug|slaveof|replicaof|migrate|monitor)$/i,
    flags: REDIS_FLAGS,
  },
  rg: { long: splitList('pre hostname-bin') },
  rpm: {
    long: splitList('define predefine undefine eval load macros rcfile pipe'),
    letters: 'DE',
    first: /^(?:-q[a-zA-Z]*|--query|--version)$/,
  },
  rsync: { long: splitList('rsh rsync-path'), letters: 'e', valued: 'BfTM' },
  scp: { letters: 'SoFD', valued: 'ciJlP' },
  sdiff: DIFF_PROGRAM,
  sort: { long: ['compress-program'] },
  split: { long: ['filter'] },
  sysctl: { words: /^-[a-zA-Z]*[wpf]|^--(?:w|l|s)|=/ },
  systemctl: {
    long: splitList('host machine'),
    letters: 'HM',
    valued: 'tpPno',
    subcommands: [
      ...splitList('status show cat is-active is-enabled is-failed list-units list-unit-files'),
      ...splitList('list-timers list-sockets list-dependencies list-jobs get-default'),
      ...splitList('is-system-running show-environment'),
    ],
    flags: splitList(
      '--no-pager -l --full -q --quiet -a --all --user --system --plain --no-legend',
    ),
  },
  tar: {
    long: [
      ...splitList('checkpoint-action to-command use-compress-program info-script'),
      ...splitList('new-volume-script rsh-command rmt-command'),
    ],
    letters: 'IF',
    valued: 'bCfgHKLNTVX',
    // The letters without a dash, as in `tar xf`.
    first: /^(?:-.*|[A-EGHJ-Za-z]+|.*[^A-Za-z].*)$/,
  },
  tcpdump: { letters: 'z' },
  tee: {},
  top: {},
  vault: { words: /^(?:ssh|agent|proxy|server|debug)$/ },
  wget: {
    long: splitList('use-askpass config execute output-document'),
    letters: 'eO',
    valued: 'oaiBtTwQPUlADIRX',
  },
  yq: { words: /env|load|exec|^-[A-Za-z]*i/ },
  zip: { long: ['unzip-command'], letters: 'T@' },
}

/** Whether a program runs something only with some of its words, which `hasOpenHatch` finds. */
export function isHatched(program: string): boolean {
  return Object.hasOwn(HATCHES, program)
}

/** Whether the words behind a program of the list have it run something, or could. */
export function hasOpenHatch(program: string, words: readonly string[]): boolean {
  const hatch = HATCHES[program]
  if (hatch === undefined) return false
  const [first] = words
  if (first !== undefined && hatch.first?.test(first) === false) return true
  if (hatch.subcommands !== undefined && !hasPlainSubcommand(hatch, words)) return true
  if (program === 'git' && opensClone(words)) return true
  return words.some((word) => isOpening(hatch, word))
}

function isOpening({ long = [], letters = '', valued = '', words }: Hatch, word: string): boolean {
  if (words?.test(word) === true) return true
  if (!/^-./.test(word)) return false
  if (word.startsWith('--')) {
    const [name = ''] = word.slice(2).split('=')
    // getopt takes every beginning of a long option that no other has.
    return name !== '' && long.some((option) => option.startsWith(name))
  }
  for (const letter of word.slice(1)) {
    if (letters.includes(letter)) return true
    if (valued.includes(letter)) return false
  }
  return false
}

/** Whether all options before the subcommand are known, and the subcommand is. */
function hasPlainSubcommand(hatch: Hatch, words: readonly string[]): boolean {
  const { subcommands = [], flags = [], values = [] } = hatch
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (!word.startsWith('-')) return subcommands.includes(word)
    const [name = ''] = word.split('=')
    if (values.includes(name)) at += word === name ? 1 : 0
    else if (!flags.includes(word) && !/^--?(?:help|version)$/.test(word)) return false
  }
  return true
}

/** `git clone -u PROGRAM` and `-c NAME=VALUE`; elsewhere these letters are harmless. */
function opensClone(words: readonly string[]): boolean {
  const command = words.find((word) => !word.startsWith('-'))
  return command === 'clone' && words.some((word) => /^-[a-zA-Z]*[uc]/.test(word))
}
