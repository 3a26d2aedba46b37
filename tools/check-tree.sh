#!/bin/sh
# Is the tree as the design wants it? Copies of helpers are identical, each
# step is a small change of the one before, every lesson has its headings.
set -u
passed=0 failed=0
most_added=60 most_removed=20

ok() { passed=$((passed + 1)); }

bad() {
  failed=$((failed + 1))
  printf '  FAIL  %s\n' "$*"
}

# Prints "NAME<TAB>checksum" of each function of a C file, its comment included.
functions() {
  awk '
    function flush() { if (name != "") print name "\t" text; name = text = "" }
    /^\/\*\*/ && !inside { comment = ""; collecting = 1 }
    collecting || inside { comment = comment $0 "\\n" }
    /\*\/$/ && collecting { collecting = 0 }
    /^(static )?[a-z].*\($|^(static )?[a-z][^;=]*\(/ && !inside && !/;$/ {
      line = $0
      sub(/\(.*/, "", line)
      n = split(line, word, /[ *]+/)
      name = word[n]
      if (comment !~ /[^ ]/) comment = ""
      if (comment !~ /\(/) comment = comment $0 "\\n"
      inside = 1
      if (!index(comment, $0)) comment = comment $0 "\\n"
    }
    /^}/ && inside { text = comment; flush(); inside = 0; comment = "" }
  ' "$1"
}

# The functions that tell the story grow; all others are copied unchanged.
grows='^(main|serve|converse)$'

same_helpers() {
  functions "$1" >"$tmp/old"
  functions "$2" >"$tmp/new"
  awk -F '\t' -v grows="$grows" '
    NR == FNR { old[$1] = $2; next }
    ($1 in old) && $1 !~ grows && old[$1] != $2 { print $1 }
  ' "$tmp/old" "$tmp/new"
}

compare_steps() {
  for name in $(same_helpers "$1" "$2"); do
    bad "$name() differs between $1 and $2"
  done
  diff "$1" "$2" >"$tmp/diff"
  added=$(grep -c '^>' "$tmp/diff")
  removed=$(grep -c '^<' "$tmp/diff")
  if [ "$added" -le $most_added ] && [ "$removed" -le $most_removed ]; then
    ok
  else
    bad "$1 -> $2: $added lines added, $removed removed;" \
      "at most $most_added and $most_removed"
  fi
}

headings='Goal
Run it
What is new
What happens
How it can fail
Look from outside
Check yourself
Exercises'

check_lesson() {
  if [ ! -f "$1" ]; then
    bad "$1 is missing"
  elif [ "$(sed -n 's/^## //p' "$1")" = "$headings" ]; then
    ok
  else
    bad "$1: its headings are not those of a lesson"
  fi
}

# What stands outside of the marked regions: the same in starter and solution.
frame() {
  awk '/(TODO|SOLUTION) end/ { inside = 0; next }
       /TODO|SOLUTION/ { inside = 1 }
       !inside' "$1"
}

check_exercise() {
  name=${1#exercises/}
  name=${name%.c}
  text=exercises/${name%/*}/README.md
  if [ ! -f "solutions/$name.c" ]; then
    bad "solutions/$name.c is missing"
  elif [ "$(frame "$1")" != "$(frame "solutions/$name.c")" ]; then
    bad "$1 and its solution differ outside of the TODO regions"
  elif ! grep -q "^## ${name#*/} " "$text"; then
    bad "$text does not set the task ${name#*/}"
  elif [ "$(grep -c '^---$' "checks/hints/$name.txt" 2>/dev/null)" != 2 ]; then
    bad "checks/hints/$name.txt does not hold three hints"
  elif [ "$(find "checks/mistakes/exercises/$name" -name '*.patch' 2>/dev/null |
    wc -l)" -lt 2 ]; then
    bad "checks/mistakes/exercises/$name holds fewer than two wrong attempts"
  else
    ok
  fi
}

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
before=
for step in steps/[0-9][0-9]-*; do
  check_lesson "$step/README.md"
  if [ -n "$before" ]; then
    for program in server.c client.c; do
      [ -f "$before/$program" ] && compare_steps "$before/$program" "$step/$program"
    done
  fi
  before=$step
done
for exercise in exercises/*/*.c; do
  if [ -f "$exercise" ] && grep -q TODO "$exercise"; then
    check_exercise "$exercise"
  fi
done
for script in tools/*.sh .ci/run; do
  if [ -x "$script" ]; then ok; else bad "$script is not executable"; fi
done
echo "tree: $passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
