/** A program that runs code in a language of its own. */
interface Interpreter {
  readonly names: RegExp
  /** Letters of the options that bring code, alone or behind others: `-c`, `-ne`. */
  readonly code: string
  /** Letters and long names of other options with a value in the next word. */
  readonly valued: readonly string[]
  /** Whether its first operand is code, as in awk. */
  readonly firstIsCode: boolean
}

const of = (names: RegExp, code: string, valued: string, firstIsCode = false): Interpreter => ({
  ...{ names, code, firstIsCode },
  valued: valued.split(' ').filter((word) => word !== ''),
})

/** From the manuals of each. */
const INTERPRETERS: readonly Interpreter[] = [
  of(
    /^(?:python|pypy|micropython|jython|ipython)[\d.]*$/,
    'cm',
    '-W -X -Q --check-hash-based-pycs',
  ),
  of(/^perl[\d.]*$/, 'eE', '-I'),
  of(/^j?ruby[\d.]*$/, 'e', '-I -r -C -E'),
  of(
    /^(?:node|nodejs|bun|tsx|ts-node|iojs)[\d.]*$/,
    'ep',
    '-r --require --import --loader --env-file -C --conditions',
  ),
  of(/^deno$/, '', ''),
  of(/^php(?:-cgi)?[\d.]*$/, 'rBRE', '-d -c -z -t -S'),
  of(/^(?:lua|luajit|texlua|lua-?)[\d.]*$/, 'el', ''),
  of(
    /^(?:awk|gawk|mawk|nawk|original-awk|bwk)$/,
    'feE',
    '-F -v -i -l --field-separator --assign',
    true,
  ),
  of(/^(?:sed|gsed|ssed)$/, 'ef', '-l --line-length', true),
  of(/^(?:tclsh|wish|expect|jimsh)[\d.]*$/, 'c', ''),
  of(
    /^(?:r|rscript|julia|octave|guile|scheme|sbcl|clisp|ecl|racket|gsi|csi|ghci?|runghc|runhaskell|ocaml|swipl|gprolog|erl|escript|elixir|iex|scala|kotlin|kotlinc|groovy|groovysh|clojure|clj|bb|jshell|jrunscript|jjs|dart|crystal|raku|perl6|nim|v|io|gforth|factor|maxima|gnuplot|bc|dc|m4|cpp|gdb|lldb|jq|yq|dhall|cue|osascript|powershell_ise|emacs|emacsclient|vim?|nvim|view|rvim|vimdiff|ex|ed|red|sqlite3?|psql|mysql|mariadb|mongo|mongosh|redis-cli|cqlsh|sqlplus|irb|pry|rails|rake|make|gmake|bmake|ninja|just|task|ant|gradle|mvn|cmake|npm|npx|pnpm|yarn|corepack|pipx?[\d.]*|pip[\d.]*|uvx?|poetry|gem|bundler?|cargo|rustc|go|gcc|g\+\+|cc|c\+\+|clang|tcc|java|dotnet|csc|mono|ansible(?:-.*)?|salt-call|puppet|chef-.*|terraform|at|batch|crontab|screen|tmux|byobu|dtach|abduco|zellij|docker|podman|nerdctl|ctr|crictl|kubectl|oc|helm|runc|crun|lxc|lxc-attach|machinectl|virsh|qemu-.*|socat|nc|ncat|netcat|telnet|ftp|sftp|lftp|rsh|rlogin|mosh|ssh-agent|ssh-keygen|ssh-keyscan|man|less|more|most|pg|lynx|w3m|links|mutt|mail|mailx|nano|pico|joe|jed|mc|ranger|vifm|top|htop|iftop|ncdu|dialog|whiptail|openvpn|tcpdump|nmap|zip|rpm|rpmbuild|dpkg|apt|apt-get|aptitude|yum|dnf|apk|pacman|zypper|snap|flatpak|systemctl|service|journalctl|loginctl|busctl|dbus-send|gdbus|insmod|modprobe|ldconfig|logrotate|run-parts|run-mailcap|cron|anacron|logsave|multitime|perf|valgrind|rlwrap|rsync|scp|wine|xvfb-run|dosbox|pdb|facter|hping3|cowsay|cowthink|capsh|c89|c99|cobc|csplit|debugfs|dmsetup|e2fsck|fsck|mkfs.*|gimp|ginsh|gtester|latex|pdflatex|tex|xelatex|lualatex|luatex|nawk|posh|pry|psftp|restic|ristretto|sg|slsh|split|ssh-copy-id|sshfs|start-stop-daemon|timedatectl|torify|tshark|varnishncsa|vimtutor|xmodmap|zathura|zsoelim|troff|nroff|groff|ul|sort|tee|git|tar|bsdtar|wget|curl|openssl|ip|ifup|sysctl)$/,
    '',
    '',
  ),
]

/** Programs of the list that are only dangerous with these words: without them they are plain. */
const ONLY_WITH: Readonly<Record<string, RegExp>> = {
  sort: /^--compress-p/,
  split: /^--filter/,
  tee: /^$/,
  csplit: /^$/,
  zip: /^-[A-Za-z]*T|^--unzip-command|^-[A-Za-z]*@/,
  rsync: /^-[A-Za-z]*e|^--rsh|^--rsync-path/,
  tcpdump: /^-[A-Za-z]*z/,
  nc: /^-[A-Za-z]*[ec]|^--(?:sh-)?exec|^--lua/,
  ncat: /^-[A-Za-z]*[ec]|^--(?:sh-)?exec|^--lua/,
  netcat: /^-[A-Za-z]*[ec]|^--(?:sh-)?exec/,
  nmap: /^--script|^--interactive/,
  journalctl: /^$/,
  jq: /^-[A-Za-z]*[fL]|^--from-file/,
  yq: /env|load|exec|^-[A-Za-z]*i/,
  less: /^\+|^-[A-Za-z]*[kKoO]/,
  more: /^\+/,
  scp: /^-[A-Za-z]*[SoFD]/,
  pip: /^install|^download|^wheel|^config/,
  pip3: /^install|^download|^wheel|^config/,
  npm: /^(?:exec|x|run|run-script|start|test|t|install|i|ci|explore|config|set|init|create|rebuild)/,
  kubectl:
    /^(?:exec|run|debug|attach|cp|edit|apply|create|replace|delete|patch|plugin|--kubeconfig|proxy|alpha|kustomize)/,
  helm: /^(?:install|upgrade|plugin|template|--post-renderer|--kubeconfig)/,
  docker: /^(?:exec|run|build|compose|create|buildx|plugin|start|cp|-H|--host|--config)/,
  apk: /^(?:add|fix|upgrade|--root|-p)/,
  apt: /^(?:install|-o|--option|changelog|upgrade|full-upgrade|remove|reinstall|update|-c)/,
  'apt-get':
    /^(?:install|-o|--option|changelog|upgrade|dist-upgrade|remove|update|build-dep|source|-c)/,
  dpkg: /^(?:-i|--install|--pre-invoke|--post-invoke|--unpack|--configure|--root|-r|-P)/,
  rpm: /^(?:-i|-U|-F|-e|--eval|-E|--pipe|--install|--upgrade|--erase|-[a-z]*[iUFeE])/,
  systemctl:
    /^(?:start|restart|edit|link|enable|set-environment|daemon-reload|-H|--host|reload|isolate|import-environment)/,
  java: /^(?!-version$|--version$)/,
  go: /^(?:run|test|generate|build|install|tool|vet|get|-.*)/,
  redis: /^$/,
  'redis-cli': /^(?:-x|--eval|eval|EVAL|module|MODULE|config|CONFIG|script|SCRIPT|--pipe)/,
  bc: /^$/,
  top: /^$/,
  git: /^(?:-c|-p|--paginate|--exec-path|--config-env|--git-dir|--work-tree|-C|--upload-pack|--receive-pack|--exec|-x|--ext-diff|--open-files-in-pager|-O|bisect|rebase|filter-branch|submodule|hook|difftool|mergetool|config|alias)/,
  tar: /^(?:--(?:check|to-c|use-c|info-s|new-v|rsh|rmt)|-?[A-Za-z]*[IF])/,
  bsdtar: /^--use-compress|^--options/,
  wget: /^--use-askpass|^--config|^-[A-Za-z]*[eO]|^--output-document|^--execute/,
  curl: /^-[A-Za-z]*[oOK]|^--(?:output|config|remote-name|engine)/,
  openssl: /engine|^-provider/,
  ip: /^(?:netns|vrf|-b|-batch|-force)/,
  ifup: /.*/,
  sysctl: /^-w|=/,
}

/** How an interpreter was called. */
export interface InterpreterCall {
  /** CommandPlace of the word that is code, or names what runs; the number of words where it reads its input. */
  readonly at: number
  readonly readsInput: boolean
  /** Whether the program runs something only with some of its words, of which one is there. */
  readonly onlyWith?: true
}

/** Whether a program can run code, whatever its words are now. */
export function isInterpreter(program: string): boolean {
  return INTERPRETERS.some(({ names }) => names.test(program))
}

/** Reads a call of an interpreter; undefined for another program, and for a call that runs no code. */
export function parseInterpreterCall(
  program: string,
  words: readonly string[],
): InterpreterCall | undefined {
  const interpreter = INTERPRETERS.find(({ names }) => names.test(program))
  if (interpreter === undefined) return undefined
  const rest = words.slice(1)
  if (rest.length === 1 && /^(?:--?version|--?help|-V)$/.test(rest[0] ?? '')) return undefined
  const only = ONLY_WITH[program]
  if (only !== undefined) {
    const hit = rest.findIndex((word) => only.test(word))
    return hit === -1 ? undefined : { at: words.length - 1, readsInput: false, onlyWith: true }
  }
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '--') return { at: at + 1, readsInput: at + 1 >= words.length }
    if (word === '-' || !word.startsWith('-')) {
      return { at, readsInput: word === '-' }
    }
    if (/^--(?:eval|print|exec|expression|command|file|source|run|code)\b/.test(word)) {
      return { at: word.includes('=') ? at : at + 1, readsInput: false }
    }
    if (interpreter.valued.includes(word)) at += 1
    else if (!word.startsWith('--')) {
      const place = [...word].findIndex(
        (letter, index) => index > 0 && interpreter.code.includes(letter),
      )
      if (place !== -1) return { at: place === word.length - 1 ? at + 1 : at, readsInput: false }
    }
  }
  return { at: words.length, readsInput: true }
}

const HARMLESS_AWK = /^[^|@<>]*$/
const HARMLESS_SED =
  /^(?:\d+|\$|\/[^/\\]*\/)?(?:,(?:\d+|\$|\/[^/\\]*\/))?(?:[pdq=]|s([/|,#:])(?:(?!\1)[^\\\n]|\\[^\n])*\1(?:(?!\1)[^\\\n]|\\[^\n])*\1[gpiI\d]*)$/

/** Whether code of awk or sed can be seen to start nothing and to write no file. */
export function isHarmlessCode(program: string, words: readonly string[]): boolean {
  const options = words.slice(1).filter((word) => word.startsWith('-') && word.length > 1)
  if (/awk$/.test(program)) {
    const [code = ''] = words.slice(1).filter((word) => !word.startsWith('-'))
    const plain =
      HARMLESS_AWK.test(code) &&
      !/system|getline|printf?\s*>|close|extension|include|load/.test(code)
    return plain && options.every((option) => /^-F.+$/.test(option))
  }
  if (!/sed$/.test(program)) return false
  const [code = ''] = words.slice(1).filter((word) => !word.startsWith('-'))
  return HARMLESS_SED.test(code) && options.every((option) => /^-[nErz]+$/.test(option))
}
