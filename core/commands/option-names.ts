/** Options of programs that have more than one name, so that a denied one is known by each of them. */
export const OPTION_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  rm: { '--recursive': '-r', '-R': '-r', '--force': '-f', '--dir': '-d', '--verbose': '-v' },
  chmod: { '--recursive': '-R', '--changes': '-c', '--verbose': '-v' },
  chown: { '--recursive': '-R', '--changes': '-c', '--verbose': '-v' },
  chgrp: { '--recursive': '-R', '--changes': '-c', '--verbose': '-v' },
  cp: { '--recursive': '-r', '-R': '-r', '--force': '-f', '--archive': '-a' },
  mv: { '--force': '-f', '--no-clobber': '-n' },
  ln: { '--symbolic': '-s', '--force': '-f' },
  git: { '--force': '-f', '--delete': '-d', '-D': '-d' },
  curl: { '--output': '-o', '--request': '-X', '--data': '-d', '--upload-file': '-T' },
  wget: { '--output-document': '-O' },
  shred: { '--remove': '-u', '--force': '-f' },
  tar: { '--extract': '-x', '--get': '-x', '--create': '-c', '--file': '-f' },
  truncate: { '--size': '-s' },
  pkill: { '--full': '-f', '--signal': '-s' },
  nc: { '--listen': '-l', '--exec': '-e', '--sh-exec': '-c' },
  ncat: { '--listen': '-l', '--exec': '-e', '--sh-exec': '-c' },
}
