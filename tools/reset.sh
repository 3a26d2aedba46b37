#!/bin/sh
# Puts the starter of an exercise back: tools/reset.sh NN-name/exercise
# The student's file is kept beside it. The starter is the version in git's
# history with the most TODO lines, the newest of these.
set -u
name=${1-}
file=exercises/$name.c
if [ -z "$name" ] || [ ! -f "$file" ]; then
  echo "There is no exercise \"$name\"; make progress lists them." >&2
  exit 2
fi
starter=$(git rev-list HEAD -- "$file" 2>/dev/null | while read -r commit; do
  echo "$(git show "$commit:$file" 2>/dev/null | grep -c TODO) $commit"
done | sort -s -k1,1nr | head -n 1 | cut -d ' ' -f 2)
if [ -z "$starter" ]; then
  echo "The starter comes from git's history, and there is none here." >&2
  exit 2
fi
n=1
while [ -e "$file.mine-$n" ]; do n=$((n + 1)); done
cp "$file" "$file.mine-$n" && git show "$starter:$file" >"$file" || exit 2
rm -f ".progress/$(echo "$name" | tr / .)" ".progress/$(echo "$name" | tr / .).hint"
echo "Yours is kept as $file.mine-$n"
echo "next: solve $file, then: make check-exercise E=$name"
