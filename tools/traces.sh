#!/bin/sh
# The ladders in the lessons are what "make trace-step N" really draws.
#   tools/traces.sh          draws them anew
#   tools/traces.sh --check  says which are stale; exit status 1
# Below a line <!-- trace: N --> stands a fence with the drawing.
set -u
passed=0 failed=0
fresh=$(mktemp) && drawing=$(mktemp) || exit 2
trap 'rm -f "$fresh" "$drawing"' EXIT

for lesson in steps/*/README.md; do
  n=$(sed -n 's/^<!-- trace: \([1-8]\) -->$/\1/p' "$lesson")
  [ -n "$n" ] || continue
  build/check trace step "$n" --normal --ascii >"$drawing" || exit 2
  awk -v drawing="$drawing" '
    skipping && /^```$/ { skipping = 0 }
    skipping { next }
    { print }
    /^<!-- trace: / { next_fence = 1 }
    next_fence && /^```text$/ {
      while ((getline line <drawing) > 0) print line
      next_fence = 0
      skipping = 1
    }' "$lesson" >"$fresh"
  if cmp -s "$fresh" "$lesson"; then
    passed=$((passed + 1))
  elif [ "${1-}" = --check ]; then
    failed=$((failed + 1))
    echo "  FAIL  the drawing in $lesson is stale; try: tools/traces.sh"
    diff "$lesson" "$fresh" | head -n 20
  else
    cat "$fresh" >"$lesson"
    passed=$((passed + 1))
  fi
done
echo "traces: $passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
