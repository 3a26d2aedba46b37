#!/bin/sh
# The suite again and again on a machine that has too much to do: four of them
# at once beside four busy loops a core. Each works in a clone whose path, and in
# an environment whose size, is its own: these move a program's memory about.
# What is committed is judged; a round takes about five times as long as a quiet
# suite. Exit status 1: a program was not judged as it should be.
#   tools/under-load.sh ROUNDS [WORD...]   WORDs: as for "build/check suite"
set -u
if ! [ "${1:-0}" -gt 0 ] 2>/dev/null; then
  sed -n 's/^#   /usage: /p' "$0" >&2
  exit 2
fi
rounds=$1
shift
place=$(mktemp -d) || exit 2
ours=
# shellcheck disable=SC2086 # a list of processes
trap 'kill $ours 2>/dev/null; wait; rm -rf "$place"' EXIT
trap 'exit 2' HUP INT TERM

zeros() { printf "%0$1d" 0; }
clone() { echo "$place/$(zeros $(($1 * 29)))"; }

for k in 1 2 3 4; do
  git clone -q . "$(clone $k)" || exit 2
  make -s -C "$(clone $k)" >"$place/make" 2>&1 || { cat "$place/make" >&2; exit 2; }
done
for _ in $(seq $((4 * $(nproc)))); do
  while :; do :; done &
  ours="$ours $!"
done

status=0
for round in $(seq "$rounds"); do
  echo "$(date +%T) round $round of $rounds: four suites at once"
  suites=
  for k in 1 2 3 4; do
    (cd "$(clone $k)" &&
      PADDING=$(zeros $((round * 37 + k * 211))) exec build/check suite "$@") \
      >"$place/said-$k" 2>&1 &
    suites="$suites $!"
  done
  loops=$ours ours="$ours $suites"
  # shellcheck disable=SC2086
  wait $suites
  ours=$loops
  for k in 1 2 3 4; do
    echo "$(date +%T) run $round.$k, load $(cut -d' ' -f1 /proc/loadavg)"
    sed 1d "$place/said-$k"
    tail -n 1 "$place/said-$k" | grep -q '^[1-9].* 0 failed, 0 skipped$' || status=1
  done
done
exit $status
