#!/bin/sh
# Checks again whenever a file is saved: tools/watch.sh FILES... -- COMMAND...
# Waits with inotifywait where it is installed, else looks twice a second.
set -u
files=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  files="$files $1"
  shift
done
shift

# shellcheck disable=SC2086 # a list of names without blanks
state() { cksum $files 2>&1; }

wait_for_change() {
  if command -v inotifywait >/dev/null 2>&1; then
    # Editors replace files, so the directories are watched.
    # shellcheck disable=SC2046,SC2086
    inotifywait -qq -t 2 -e close_write,moved_to,create \
      $(for file in $files; do dirname "$file"; done | sort -u)
  else
    sleep 0.5
  fi
}

trap 'echo; exit 0' INT
while :; do
  seen=$(state)
  [ -t 1 ] && printf '\033[H\033[2J'
  "$@"
  echo "watching$files; Ctrl-C ends"
  while [ "$(state)" = "$seen" ]; do wait_for_change; done
done
