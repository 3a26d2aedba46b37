#!/bin/sh
# What a step adds to the one before: tools/diff-step.sh N
set -eu
n=$1
here=$(echo steps/0"$n"-*)
before=$(echo steps/0$((n - 1))-*)
if [ "$n" = 1 ]; then
  echo "Step 1 is the beginning: there is nothing before it. See $here/server.c"
  exit 0
fi
colour=never
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] &&
  diff --color=never /dev/null /dev/null 2>/dev/null; then
  colour=always
fi
for program in server.c client.c; do
  new=$here/$program old=$before/$program
  [ -f "$new" ] || continue
  if [ ! -f "$old" ]; then
    echo "$new is new in this step: $(wc -l <"$new") lines"
  elif cmp -s "$old" "$new"; then
    echo "$new is the same as $old"
  elif [ $colour = always ]; then
    diff -u --color=always "$old" "$new" || true
  else
    diff -u "$old" "$new" || true
  fi
done
