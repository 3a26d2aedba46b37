#!/bin/sh
# The gallery of mistakes: docs/gallery.md from checks/mistakes/ and from what
# the grader says of each (build/gallery/, left there by "build/check suite").
#   tools/gallery.sh          writes it
#   tools/gallery.sh --check  says if it is stale; exit status 1
set -u
target=docs/gallery.md
fresh=$(mktemp) && words=$(mktemp) && changes=$(mktemp) || exit 2
trap 'rm -f "$fresh" "$words" "$changes"' EXIT
build/check diagnoses >"$words"

# Ports, times and bytes that come by chance look the same each time.
steady() {
  sed -E -e 's/(127\.0\.0\.[0-9]+|\[::1\]|localhost):[0-9]+/\1:PORT/g' \
    -e 's/([Pp]ort|server|which is|127\.0\.0\.1|::1|localhost|not-an-address) 0?[0-9]{4,}/\1 PORT/g' \
    -e 's/[0-9]+ ms of/N ms of/g' -e 's/connection after [0-9]+ ms/connection after N ms/' \
    -e 's/0x[0-9a-f]{4,}/ADDRESS/g' \
    -e 's/(\\x[0-9a-f][0-9a-f]).*"(\.\.\.)?, [0-9]+ bytes/\1...", many bytes/' \
    -e 's/==[0-9]+==/==PID==/g' -e 's/ pc .*//'
}

# What does not depend on a single run: which of several cases meets a mistake
# first may change, its name may not.
lasting() { grep -vE '^- (failed|noted|what the check did|expected|got): ' "$1"; }

# One mistake: its sentence, its diff, what the check says.
entry() {
  patch=$1 step=$2
  name=$(basename "$patch" .patch)
  said=build/gallery/$step.$name.patch
  diagnosis=${name%%.*}
  [ -f "$said" ] || return 0
  printf '\n### %s\n\n' "$name"
  sed '/^--- /,$d; /^$/d' "$patch"
  printf '\n```diff\n'
  sed -n '/^@@/,$p' "$patch"
  printf '```\n\n'
  steady <"$said" | awk '
    NR == 1 { print "- " $0 }
    NR == 2 { print "- what the check did: `" $0 "`" }
    NR == 3 { print "- expected: `" $0 "`" }
    NR == 4 { print "- got: `" $0 "`" }'
  awk -F '\t' -v name="$diagnosis" '$1 == name {
    print "- likely cause: " $3
    print "- what to do: " $4
    print "- read: [" $2 "](../" $2 ")"
  }' "$words"
}

{
  cat <<'END'
# The gallery of mistakes

[Contents](../README.md) · [How the grader works](grader.md)

Each of these was made in a program of the steps, and each is caught and named
by the check: `make check` makes them all again. The diff is what was changed
in a right program. Below it stands what `make check-step` said when this page
was made; ports, times and bytes that come by chance are written `PORT`, `N` and
`...`. Where it says *noted*, the check passes with a note: harmless here.
END
  for directory in checks/mistakes/[0-9][0-9]-*; do
    step=$(basename "$directory")
    printf '\n## Mistakes in step %s\n\n' "$step"
    printf 'The lesson: [%s](../steps/%s/README.md)\n' "$step" "$step"
    for patch in "$directory"/*.patch; do entry "$patch" "$step"; done
  done
} >"$fresh"
if [ "${1-}" != --check ]; then
  cat "$fresh" >$target
elif lasting $target >"$words" && lasting "$fresh" | diff "$words" - >"$changes"; then
  echo "gallery: 1 passed, 0 failed, 0 skipped"
else
  head -n 20 "$changes"
  echo "$target is stale; try: build/check suite && tools/gallery.sh"
  echo "gallery: 0 passed, 1 failed, 0 skipped"
  exit 1
fi
