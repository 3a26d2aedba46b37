#!/bin/sh
# The next hint for an exercise: tools/hint.sh NN-name/exercise
# Three levels: a question, where to look, almost the answer. What has been
# shown is remembered in .progress/; after the last they begin again.
set -u
name=${1-}
hints=checks/hints/$name.txt
if [ -z "$name" ] || [ ! -f "$hints" ]; then
  echo "There are no hints for \"$name\". For example: make hint E=03-listen/$(
    basename "$(find checks/hints/03-listen -name '*.txt' | sort | head -n 1)" .txt)" >&2
  echo 'make progress lists the exercises.' >&2
  exit 2
fi
memory=.progress/$(echo "$name" | tr / .).hint
level=$(cat "$memory" 2>/dev/null)
case $level in
  1 | 2) level=$((level + 1)) ;;
  *) level=1 ;;
esac
mkdir -p .progress && echo $level >"$memory"
echo "hint $level of 3 for $name"
awk -v level=$level '/^---$/ { n++; next } n == level - 1' "$hints"
if [ $level -lt 3 ]; then
  echo "next: try it, then: make check-exercise E=$name (another hint: make hint E=$name)"
else
  echo "next: make check-exercise E=$name"
fi
