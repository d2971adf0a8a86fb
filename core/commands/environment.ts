/** Variables that say what runs, or what a program loads, by name or by the beginning of it. */
const DECIDES =
  /^(?:LD_.*|DYLD_.*|GCONV_PATH|MALLOC_.*|GLIBC_TUNABLES|PATH|IFS|ENV|BASH_.*|BASHOPTS|SHELLOPTS|SHELL|PROMPT_COMMAND|PS[0-4]|FPATH|ZDOTDIR|HOME|XDG_.*|CDPATH|GLOBIGNORE|HISTFILE|INPUTRC|PYTHON.*|NODE_.*|NPM_.*|npm_.*|PERL.*|RUBY.*|GEM_.*|BUNDLE_.*|PHP.*|LUA_.*|JAVA_.*|_JAVA_OPTIONS|JDK_.*|CLASSPATH|MAVEN_OPTS|GRADLE_OPTS|DOTNET_.*|COMPLUS_.*|CORECLR_.*|GIT_.*|PAGER|MANPAGER|LESS.*|EDITOR|VISUAL|FCEDIT|BROWSER|VIMINIT|EXINIT|SSH_ASKPASS|SUDO_ASKPASS|TAR_OPTIONS|GZIP|RSYNC_.*|CVS_RSH|SVN_SSH|OPENSSL_.*|SSLKEYLOGFILE|TERMINFO.*|TERMCAP|GTK_.*|QT_.*|R_.*|JULIA_.*|GOFLAGS|GO.*|CC|CXX|CARGO.*|RUST.*|MAKEFLAGS|MAKEFILES|KUBECONFIG|DOCKER_.*|PSQLRC|PGSYSCONFDIR|MYSQL_HOME|AWKPATH|AWKLIBPATH|FINDUTILS.*|POSIXLY_CORRECT|TMPDIR|EXECIGNORE|path|fpath|cdpath)$/i

/** Variables that change what is shown, and nothing else. */
const HARMLESS =
  /^(?:LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLUMNS|LINES|NO_COLOR|CLICOLOR|COLORTERM|DEBIAN_FRONTEND|PGCONNECT_TIMEOUT)$/

/** What setting a variable can change: what runs, what cannot be told, or nothing. */
export function effectOfVariable(name: string): 'decides' | 'unknown' | 'none' {
  if (HARMLESS.test(name)) return 'none'
  return DECIDES.test(name) ? 'decides' : 'unknown'
}

/** Whether a variable whose name begins so may be one that decides what runs. */
export function mayDecide(prefix: string): boolean {
  const names = DECIDES.source.replace(/^\^\(\?:|\)\$$/g, '').split('|')
  return names.some((name) => {
    const [stem = ''] = name.split(/[.[]/)
    const [short, long] = [prefix.toLowerCase(), stem.toLowerCase()]
    return long.startsWith(short) || (name !== stem && short.startsWith(long))
  })
}
