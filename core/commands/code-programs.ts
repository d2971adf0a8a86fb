/** Programs that run code, a script or another program by almost any of their words. From the manual of each. */
const CODE_PROGRAMS: ReadonlySet<string> = new Set(
  `abduco anacron ant aptitude at batch bb bmake bpftrace bundle bundler busctl byobu c++ c89 c99 capsh
  cargo cc clang clisp clj clojure cmake cobc corepack cowsay cowthink cpp cqlsh crictl cron crontab
  crun crystal csc csi ctr cue dart dbus-send dc debugfs dhall dialog dmsetup dnf dosbox dotnet dtach
  e2fsck ecl ed elixir emacs emacsclient entr erl escript ex facter factor flatpak fsck ftp g++ gcc
  gdb gdbus gem gforth ghc ghci gimp ginsh gitk gmake gnuplot gprolog gradle groff groovy groovysh gsi
  gtester guile hping3 htop hyperfine iex iftop insmod io irb jed jjs joe jrunscript jshell julia just
  k9s kotlin kotlinc latex lazygit ldconfig lftp links lldb loginctl logrotate logsave lualatex luatex
  lxc lxc-attach lynx m4 machinectl mail mailx make man mariadb maxima mc modprobe mongo mongosh mono
  mosh most multitime mutt mvn mysql nano ncdu nerdctl nim ninja npx nroff nvim oc ocaml octave
  openvpn osascript pacman pdb pdflatex perf perl6 pg pico pipx pnpm podman poetry posh powershell_ise
  pry psftp psql puppet r racket rails rake raku ranger red restic ristretto rlogin rlwrap rpmbuild
  rscript rsh run-mailcap run-parts runc runghc runhaskell rustc rvim salt-call sbcl scala scheme
  screen service sftp sg slsh snap socat sqlite sqlite3 sqlplus ssh-agent ssh-copy-id ssh-keygen
  ssh-keyscan sshfs start-stop-daemon swipl task tcc telnet terraform tex tig timedatectl tmux torify
  troff tshark ul uv uvx v valgrind varnishncsa vi view vifm vim vimdiff vimtutor virsh w3m watchexec
  whiptail wine xelatex xmodmap xvfb-run yarn yum zathura zellij zsoelim zypper`.split(/\s+/),
)

/** Names of which there are many. */
const FAMILIES = /^(?:ansible(?:-.*)?|chef-.*|mkfs.*|qemu-.*|pipx[\d.]*)$/

/** Whether a program can run anything by its words, whatever they are. */
export function isCodeProgram(program: string): boolean {
  return CODE_PROGRAMS.has(program) || FAMILIES.test(program)
}
