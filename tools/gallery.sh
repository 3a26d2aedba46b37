#!/bin/sh
# The gallery of mistakes, from checks/mistakes/ and from what the grader says
# of each (build/gallery/, left there by "build/check suite"): docs/gallery.md
# lists the names, docs/gallery/NN-name.md shows the mistakes of a step.
#   tools/gallery.sh          writes it
#   tools/gallery.sh --check  says if it is stale; exit status 1
set -u
fresh=$(mktemp -d) || exit 2
trap 'rm -rf "$fresh"' EXIT
mkdir "$fresh/docs" "$fresh/docs/gallery"
build/check diagnoses >"$fresh/words"

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
lasting() {
  grep -vE '^- (failed|noted|what the check did|expected|got): ' \
    "$1/docs/gallery.md" "$1"/docs/gallery/*.md | sed "s|^$1/||"
}

# One mistake: its sentence, its diff, what the check says.
entry() {
  printf '\n'
  sed '/^--- /,$d; /^$/d' "$1"
  printf '\n```diff\n'
  sed -n '/^@@/,$p' "$1"
  printf '```\n\n'
  steady <"$2" | awk '
    NR == 1 { print "- " $0 }
    NR == 2 { print "- what the check did: `" $0 "`" }
    NR == 3 { print "- expected: `" $0 "`" }
    NR == 4 { print "- got: `" $0 "`" }'
}

# The mistakes of a step, one name after the other.
page() {
  step=$(basename "$1") above=
  printf '# Mistakes in step %s\n\n' "$step"
  printf '[The gallery of mistakes](../gallery.md) · [The lesson](../../steps/%s/README.md)\n' "$step"
  for patch in $(printf '%s\n' "$1"/*.patch | LC_ALL=C sort); do
    said=build/gallery/$step.$(basename "$patch")
    [ -f "$said" ] || continue
    name=$(basename "$patch") && name=${name%%.*}
    [ "$name" = "$above" ] || awk -F '\t' -v name="$name" '$1 == name {
      printf "\n## %s\n\n%s %s\n", name, $3, $4
      section = $2
      sub(/.*#/, "", section)
      gsub(/-/, " ", section)
      printf "Read [%s, %s](../../%s).\n", substr($2, 1, index($2, "#") - 1), section, $2
    }' "$fresh/words"
    above=$name
    entry "$patch" "$said"
  done
}

# The names, each with its cause and the steps in which it was made.
index() {
  cat <<'END'
# The gallery of mistakes

[Contents](../README.md) · [How the grader works](grader.md)

Each of these was made in a program of the steps, and each is caught and named
by the check: `make check` makes them all again. The names are those that the
check gives; the numbers lead to the programs, step by step. There a diff shows
what was changed in a right program, and below it stands what `make check-step`
said when the page was made; ports, times and bytes that come by chance are
written `PORT`, `N` and `...`. Where it says *noted*, the check passes with a
note: harmless here.
END
  grep -n '^## ' "$fresh"/docs/gallery/*.md | awk -F '\t' '
    FNR == NR { cause[$1] = $3; next }
    {
      step = name = $0
      sub(/.*## /, "", name)
      sub(/\.md:.*/, "", step)
      sub(/.*\//, "", step)
      steps[name] = steps[name] sprintf("%s [%d](gallery/%s.md#%s)",
        steps[name] == "" ? "" : ",", step, step, name)
    }
    END { for (name in steps) print name "\t" steps[name] "\t" cause[name] }
  ' "$fresh/words" - | LC_ALL=C sort | awk -F '\t' '
    { group = $1; sub(/-.*/, "", group) }
    group != above { above = group; print "\n## " group "\n" }
    { print "- `" $1 "` in step" $2 ": " $3 }'
}

for directory in checks/mistakes/[0-9][0-9]-*; do
  page "$directory" >"$fresh/docs/gallery/$(basename "$directory").md"
done
index >"$fresh/docs/gallery.md"
if [ "${1-}" != --check ]; then
  rm -rf docs/gallery
  cp -R "$fresh/docs/gallery" "$fresh/docs/gallery.md" docs
elif lasting . >"$fresh/old" && lasting "$fresh" >"$fresh/new" &&
  diff "$fresh/old" "$fresh/new" >"$fresh/changes"; then
  echo "gallery: 1 passed, 0 failed, 0 skipped"
else
  head -n 20 "$fresh/changes"
  echo "the gallery is stale; try: build/check suite && tools/gallery.sh"
  echo "gallery: 0 passed, 1 failed, 0 skipped"
  exit 1
fi
