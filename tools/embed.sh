#!/bin/sh
# Keeps the listings in the Markdown files equal to the sources.
#
#   tools/embed.sh [FILE.md ...]           refills them
#   tools/embed.sh --check [FILE.md ...]   says which are stale; exit status 1
#
# Above a fence stands what it holds; paths are relative to the Markdown file:
#
#   <!-- embed: FILE -->           the file
#   <!-- embed: FILE NAME ... -->  functions, structs, enums, macros of it, each
#                                  with the comment right above it
#   <!-- diff: OLD NEW -->         what `diff -U1 OLD NEW` says
cd "$(dirname "$0")/.." || exit 2
check=
if [ "$1" = --check ]; then
  check=1
  shift
fi
if [ $# -eq 0 ]; then
  # shellcheck disable=SC2046 # no path here has a blank
  set -- $(find . -name .git -prune -o -name build -prune -o \
    -name node_modules -prune -o -name '*.md' -print | sed 's,^\./,,' | sort)
fi

fresh=$(mktemp) || exit 2
trap 'rm -f "$fresh"' EXIT
failed=0
for file in "$@"; do
  grep -Eq '^ *<!-- (embed|diff): ' "$file" || continue
  if [ -n "$check" ]; then
    LC_ALL=C awk -f tools/embed.awk "$file" >"$fresh" || failed=1
  else
    LC_ALL=C awk -f tools/embed.awk "$file" >"$fresh" 2>/dev/null
    case $? in
    0) ;;
    1) cat "$fresh" >"$file" && echo "refreshed $file" ;;
    *) LC_ALL=C awk -f tools/embed.awk "$file" >/dev/null; failed=1 ;;
    esac
  fi
done
if [ $failed -eq 1 ] && [ -n "$check" ]; then
  echo "to refresh the listings: tools/embed.sh" >&2
fi
exit $failed
