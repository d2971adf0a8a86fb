/** Shells that the program can be completed in; kubectl asks a program of its own. */
export const SHELLS = ['bash', 'zsh', 'fish', 'kubectl'] as const
export type Shell = (typeof SHELLS)[number]

/** What is to be run by each shell, or, for kubectl, to be put on PATH as `kubectl_complete-lanyard`. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: String.raw`_lanyard() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == :* ]] || COMPREPLY+=("${'$'}{line%%$'\t'*}")
  done < <("${'$'}{COMP_WORDS[0]}" __complete "${'$'}{COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _lanyard kubectl-lanyard lanyard
`,
  zsh: String.raw`#compdef kubectl-lanyard lanyard
_lanyard() {
  local line tab=$'\t'
  local -a choices
  for line in "${'$'}{(@f)$("${'$'}{words[1]}" __complete "${'$'}{(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ $line == :* || -z $line ]] || choices+=("${'$'}{line/$tab/:}")
  done
  _describe lanyard choices
}
compdef _lanyard kubectl-lanyard lanyard
`,
  fish: `function __lanyard_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c kubectl-lanyard -f -a '(__lanyard_complete)'
complete -c lanyard -f -a '(__lanyard_complete)'
`,
  kubectl: `#!/bin/sh
exec kubectl-lanyard __complete "$@"
`,
}
