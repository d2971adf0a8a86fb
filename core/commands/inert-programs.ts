/** Programs that never run what their words name: a denied word among them is a text or a file. */
export const INERT_PROGRAMS: ReadonlySet<string> = new Set(
  `[ [[ apk apropos apt apt-cache apt-get arch b2sum base32 base64 basename bc brew cal cat cd chgrp chmod chown
  cksum cmp column comm cp curl cut date dd df diff dig dirname dmesg dpkg dpkg-query du echo egrep exit export
  expand expr factor false fgrep file find fmt fold free getconf getent git grep groups gunzip gzip head hexdump host
  hostid hostname id ifconfig install ip jq join kill killall link ln locale logger logname ls lsblk lscpu lsof md5sum
  mkdir mkfifo mknod mktemp mount mv netstat nl nproc nslookup numfmt od paste pathchk pgrep pidof ping pkill pr
  printenv printf ps pwd readlink realpath return rev rm rmdir rpm seq set sha1sum sha224sum sha256sum sha384sum
  sha512sum shift shred shuf sleep ss stat strings sum sync tac tail tee test tftp touch tr tracepath traceroute
  true truncate tsort tty type ulimit umask uname unexpand uniq unlink unset unxz unzip uptime users vdir vmstat wc
  wget whatis whereis which who whoami xz yes zcat zgrep man local declare read wait`.split(/\s+/),
)
