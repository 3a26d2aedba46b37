#!/bin/sh
# Everything that must hold, in one run; the last line counts it.
set -u
passed=0 failed=0 skipped=0

# Adds the last "N passed, N failed, N skipped" of a part to the sum.
add() {
  counts=$(sed -n 's/.*\([^0-9]\|^\)\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped.*/\2 \3 \4/p' \
    "$log" | tail -n 1)
  if [ -z "$counts" ]; then
    echo "  FAIL  $1 broke off"
    failed=$((failed + 1))
    return
  fi
  # shellcheck disable=SC2086 # three numbers
  set -- $counts
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

part() {
  "$@" >"$log" 2>&1
  cat "$log"
  add "$*"
}

# A test that speaks TAP.
tap() {
  "$@" >"$log" 2>&1
  grep -v '^ok [^#]*$' "$log"
  good=$(grep -c '^ok [^#]*$' "$log")
  not_tried=$(grep -c '^ok .*# SKIP' "$log")
  wrong=$(grep -c '^not ok' "$log")
  plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$log")
  [ "${plan:-0}" = $((good + not_tried + wrong)) ] || wrong=$((wrong + 1))
  echo "$1: $good passed, $wrong failed, $not_tried skipped"
  passed=$((passed + good)) failed=$((failed + wrong))
  skipped=$((skipped + not_tried))
}

# All that the parts made in the temporary directory must be gone again.
nothing_left() {
  left=$(find "$TMPDIR" -mindepth 1)
  if [ -z "$left" ]; then
    passed=$((passed + 1))
    return
  fi
  echo "  FAIL  the checks left in the temporary directory:"
  echo "$left"
  failed=$((failed + 1))
}

place=$(mktemp -d) || exit 2
trap 'rm -rf "$place"' EXIT
log=$place/log
export TMPDIR="$place/tmp"
mkdir "$TMPDIR" || exit 2
unset N E V
part tools/check-tree.sh
tap build/test_child
tap build/test_peer
tap build/test_witness build/witness.so
tap build/test_trace build/witness.so
for step in steps/[0-9][0-9]-*; do
  n=${step#steps/}
  n=${n%%-*}
  part build/check step "${n#0}"
done
part build/check suite
part tools/gallery.sh --check
part tools/traces.sh --check
part build/check replay README.md steps/*/README.md docs/*.md
part tools/check-docs.sh
nothing_left
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
