import { splitList } from './word.ts'

/** How a program that runs another one is called. Options that are not listed make the command unclear. */
export interface Wrapper {
  readonly names: readonly string[]
  /** Letters of options with a value, which may be the next word. */
  readonly valued: string
  /** Letters of options without one. */
  readonly flags: string
  /** Long options with a value, which is the next word or follows `=`. */
  readonly longValued: readonly string[]
  readonly longFlags: readonly string[]
  /** Words before the command: the seconds of timeout, the folder of chroot. */
  readonly operands: number
  /** `NAME=VALUE` may stand before the command. */
  readonly assigns: boolean
  /** Whether it runs the command as somebody else, in another place, or with an output of its own. */
  readonly elsewhere: boolean
  /** Options whose value is a script for a shell. */
  readonly scripts: readonly string[]
  /** Whether the words of the command are joined and given to a shell. */
  readonly joins: boolean
  /** Whether words are added to the command that are read when it runs. */
  readonly appends: boolean
  /** Options that make it start something that cannot be told. */
  readonly unclear: readonly string[]
}

function wrapper(
  names: string,
  {
    long = '',
    longFlags = '',
    scripts = '',
    unclear = '',
    ...rest
  }: Partial<Omit<Wrapper, 'names' | 'longValued' | 'longFlags' | 'scripts' | 'unclear'>> & {
    readonly long?: string
    readonly longFlags?: string
    readonly scripts?: string
    readonly unclear?: string
  } = {},
): Wrapper {
  return {
    ...{ valued: '', flags: '', operands: 0, assigns: false, elsewhere: false },
    ...{ joins: false, appends: false, ...rest },
    ...{ names: splitList(names), longValued: splitList(long), longFlags: splitList(longFlags) },
    ...{ scripts: splitList(scripts), unclear: splitList(unclear) },
  }
}

/** Programs and builtins that run the command that follows them, from their manuals (GNU, util-linux, busybox). */
export const WRAPPERS: readonly Wrapper[] = [
  wrapper('env', {
    ...{ valued: 'uCaS', flags: 'i0v', assigns: true, scripts: '-S --split-string' },
    long: '--unset --chdir --argv0 --split-string',
    longFlags:
      '--ignore-environment --null --debug --block-signal --default-signal --ignore-signal',
  }),
  wrapper('nohup'),
  wrapper('setsid', { flags: 'cfw', longFlags: '--ctty --fork --wait' }),
  wrapper('timeout gtimeout', {
    ...{ valued: 'kst', flags: 'vfp', operands: 1 },
    ...{ long: '--kill-after --signal', longFlags: '--preserve-status --foreground --verbose' },
  }),
  wrapper('nice', { valued: 'n', flags: '0123456789', long: '--adjustment' }),
  wrapper('ionice', {
    valued: 'cn',
    flags: 't',
    long: '--class --classdata',
    longFlags: '--ignore',
  }),
  wrapper('chrt', {
    flags: 'abdfiorv0123456789',
    valued: 'TPD',
    operands: 1,
    longFlags: '--batch --fifo --idle --other --rr',
  }),
  wrapper('taskset', { flags: 'ac', operands: 1, longFlags: '--cpu-list --all-tasks' }),
  wrapper('numactl', {
    flags: 'al',
    valued: 'imNCpP',
    long: '--interleave --membind --cpunodebind --physcpubind --preferred',
    longFlags: '--localalloc --all',
  }),
  wrapper('stdbuf', { valued: 'ioe', long: '--input --output --error' }),
  wrapper('time', {
    flags: 'pvaq',
    valued: 'fo',
    // It writes over any file.
    unclear: '-o --output',
    long: '--format --output',
    longFlags: '--portability --verbose --append --quiet',
  }),
  wrapper('command', { flags: 'p' }),
  wrapper('setarch linux32 linux64 i386 x86_64 uname26', { flags: 'RFZLXBIST3v' }),
  wrapper('builtin noglob nocorrect'),
  wrapper('exec', { valued: 'a', flags: 'cl' }),
  wrapper('xargs', {
    ...{ valued: 'adEILnPs', flags: '0oprtx', appends: true },
    long: '--arg-file --delimiter --max-args --max-procs --max-lines --max-chars --replace',
    longFlags: '--null --open-tty --interactive --no-run-if-empty --verbose --exit --show-limits',
  }),
  wrapper('tini tini-static', { flags: 'svgw', valued: 'pe' }),
  wrapper('dumb-init', {
    flags: 'cv',
    valued: 'r',
    longFlags: '--single-child --verbose',
    long: '--rewrite',
  }),
  wrapper('catatonit', { flags: 'g' }),
  wrapper('busybox busybox.static toybox coreutils'),
  wrapper('prlimit', {
    flags: 'v',
    valued: 'p',
    long: '--nofile --nproc --core --cpu --data --fsize --rss --stack --as',
  }),
  wrapper('catchsegv choom', { valued: 'n' }),
  wrapper('ld.so', {
    elsewhere: true,
    unclear: '--preload --audit --library-path',
    long: '--library-path --preload --audit --argv0 --inhibit-rpath --glibc-hwcaps-prepend',
    longFlags: '--inhibit-cache --list-diagnostics',
  }),
  wrapper('sudo', {
    ...{
      valued: 'ugCDhpRrtTU',
      flags: 'AbEeHknPSv',
      elsewhere: true,
      assigns: true,
      unclear: '-s -i -e --shell --login --edit',
    },
    long: '--user --group --close-from --chdir --host --prompt --chroot --role --type --command-timeout --other-user',
    longFlags:
      '--askpass --background --preserve-env --set-home --non-interactive --preserve-groups --stdin --validate',
  }),
  wrapper('doas', { valued: 'uC', flags: 'nL', elsewhere: true, unclear: '-s' }),
  wrapper('gosu su-exec', { operands: 1, elsewhere: true }),
  wrapper('setpriv', {
    elsewhere: true,
    long: '--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits --pdeathsig --ptracer --selinux-label --apparmor-profile',
    longFlags: '--nnp --no-new-privs --clear-groups --keep-groups --init-groups --reset-env',
  }),
  wrapper('capsh pkexec fakeroot unbuffer', { elsewhere: true, long: '--user', unclear: '--' }),
  wrapper('runuser su', {
    ...{
      valued: 'cgGswT',
      flags: 'lmpPf',
      operands: 1,
      elsewhere: true,
      scripts: '-c --command --session-command',
    },
    long: '--command --session-command --group --supp-group --whitelist-environment',
    longFlags: '--login --preserve-environment --pty',
    unclear: '-s --shell',
  }),
  wrapper('chroot', {
    operands: 1,
    elsewhere: true,
    long: '--groups --userspec',
    longFlags: '--skip-chdir',
  }),
  wrapper('unshare', {
    ...{ flags: 'mUuinpCTfrc', valued: 'RwSG', elsewhere: true },
    long: '--root --wd --setuid --setgid --propagation --setgroups --map-user --map-group --map-users --map-groups --mount-proc --kill-child',
    longFlags:
      '--mount --uts --ipc --net --pid --user --cgroup --time --fork --map-root-user --map-current-user --map-auto --keep-caps',
  }),
  wrapper('nsenter', {
    ...{ flags: 'amuinpUCTFZ', valued: 'tSGrwWN', elsewhere: true },
    long: '--target --setuid --setgid --root --wd --wdns --net-socket',
    longFlags:
      '--all --mount --uts --ipc --net --pid --user --cgroup --time --preserve-credentials --no-fork --follow-context --join-cgroup',
  }),
  wrapper('flock', {
    ...{ flags: 'sxnuoeF', valued: 'wEc', operands: 1, elsewhere: true, scripts: '-c --command' },
    ...{
      long: '--wait --timeout --conflict-exit-code --command',
      longFlags: '--shared --exclusive --nonblock --unlock --close --no-fork --verbose',
    },
  }),
  wrapper('script', {
    ...{ flags: 'aefq', valued: 'cEIOBTmot', elsewhere: true, scripts: '-c --command' },
    ...{
      long: '--command --echo --log-in --log-out --log-io --log-timing --output-limit',
      longFlags: '--append --return --flush --force --quiet',
    },
  }),
  wrapper('strace ltrace', {
    flags: 'cCdDfFhikqrtTvVwxyYzZn',
    valued: 'abeEIoOpPsSuX',
    elsewhere: true,
  }),
  wrapper('watch', {
    ...{ flags: 'bcdegprtvwC', valued: 'nqs', elsewhere: true, joins: true },
    ...{
      long: '--interval --equexit',
      longFlags:
        '--beep --color --differences --errexit --chgexit --precise --no-title --no-wrap --exec',
    },
  }),
  wrapper('ssh', {
    flags: '46AaCfGgKkMNnqsTtVvXxYy',
    valued: 'BbcDEeFIiJLlmOoPpQRSWw',
    operands: 1,
    elsewhere: true,
    joins: true,
    unclear: '-o -F -J',
  }),
  wrapper('sshpass', { valued: 'pfdP', flags: 'e', elsewhere: true }),
  wrapper(
    'start-stop-daemon systemd-run daemonize supervise runit s6-setuidgid chpst cgexec firejail bwrap proot',
    { elsewhere: true, unclear: '--' },
  ),
  wrapper('faketime proxychains proxychains4 torsocks ts-node', { elsewhere: true }),
  wrapper('aa-exec runcon', { valued: 'pturl', flags: 'di', elsewhere: true }),
  wrapper('vmtouch cpulimit', { valued: 'lpe', flags: 'zivkb', elsewhere: true }),
  wrapper('entr', { flags: 'acdnprsxz', elsewhere: true }),
  wrapper('parallel rush', {
    ...{ flags: '0kqrtuvX', valued: 'jaINnSL', elsewhere: true, joins: true, appends: true },
    ...{
      long: '--jobs --arg-file --colsep --delay --timeout --retries',
      longFlags: '--keep-order --no-notice --will-cite --null --dry-run --verbose --bar --pipe',
    },
  }),
]
