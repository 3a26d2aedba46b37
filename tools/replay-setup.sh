#!/usr/bin/env bash
# Makes a copy of the programs in which a transcript can be replayed, on a port
# of its own instead of 8080; for build/check replay.
#
#   tools/replay-setup.sh SCRATCH PORT DIRECTORY COMMANDS
#
# Every PATH/server and PATH/client in the commands is compiled, unless one of
# them does that. A run of make gets what it needs as it is. Exit status: 3 if a
# tool is missing; its name is printed.
exec 2>&1
set -eu
scratch=$1 port=$2 directory=$3 commands=$4

# need WORD NAME TEST: if a command holds the word (a regular expression), the
# test has to succeed.
need() {
  [[ " $commands " =~ [^a-z]($1)[^a-z] ]] || return 0
  eval "$3" >/dev/null 2>&1 && return 0
  echo "$2"
  exit 3
}

pattern=-ftrivial-auto-var-init=pattern
need 'gcc|server|client' gcc 'gcc --version'
need $pattern 'gcc 12 or newer' "gcc $pattern -x c -c /dev/null -o /dev/null"
need make make 'make --version'
need nc "OpenBSD's nc" 'nc -h 2>&1 | grep OpenBSD'
need ss ss 'ss -tan'
need strace strace 'strace true'
need timeout timeout 'timeout 1 true'
need od od 'od /dev/null'
need ::1 IPv6 'grep . /proc/net/if_inet6'
case $commands in
make*)
  mkdir "$scratch/build"
  cp -rp Makefile checks steps tools "$scratch"
  for part in check witness.so grader steps; do
    [ ! -e build/$part ] || cp -rp build/$part "$scratch/build"
  done
  exit
  ;;
esac

cp -r steps "$scratch"
cd "$scratch"
sed -i "s/8080/$port/g" steps/*/*.c
cd "./$directory"
grep -Eo '[^ ;|&()<>]*/(server|client)' <<<"$commands" | sort -u |
while read -r program; do
  directory=${program%/*}
  source=$program.c
  case $commands in *"-o ${program#./}"*) continue ;; esac
  [ -e "$source" ] || source=$scratch/steps/${directory##*/}/${program##*/}.c
  mkdir -p "$directory"
  gcc "$source" -o "$program"
done
