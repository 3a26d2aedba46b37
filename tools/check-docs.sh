#!/bin/sh
# Checks that the text is fresh: listings and diagrams equal their sources, the
# site builds without a warning, links hold on GitHub and in the site. (What the
# site does in a browser is tested by docs/browser-test.)
cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT

# run WHAT COMMAND ...
run() {
  what=$1
  shift
  if ! "$@" >"$log" 2>&1; then
    echo "  FAIL  $what"
    sed 's/^/        /' "$log"
    failed=$((failed + 1))
  elif grep -q '^skipped' "$log"; then
    echo "  skip  $what"
    sed 's/^skipped: /        /' "$log"
    skipped=$((skipped + 1))
  else
    echo "  ok    $what"
    passed=$((passed + 1))
  fi
}

run "listings and diffs equal the sources" tools/embed.sh --check
run "diagrams equal their sources" tools/diagrams.sh --check
run "links, anchors and images hold on GitHub" tools/links.sh github
if command -v doxygen >/dev/null; then
  run "the site builds without a warning" tools/docs.sh
  run "links, anchors and images hold in the site" tools/links.sh site
else
  echo "  skip  the site (needs doxygen)"
  skipped=$((skipped + 2))
fi
echo "docs: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
