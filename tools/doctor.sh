#!/bin/sh
# Which tools are here, what each is for, what works without it, how to get it.
set -u

install_line() {
  for manager in apt-get dnf pacman apk brew; do
    if command -v $manager >/dev/null 2>&1; then
      case $manager in
        apt-get) echo "sudo apt-get install $1" ;;
        dnf) echo "sudo dnf install $1" ;;
        pacman) echo "sudo pacman -S $1" ;;
        apk) echo "sudo apk add $1" ;;
        brew) echo "brew install $1" ;;
      esac
      return
    fi
  done
  echo "install $1 with your package manager"
}

missing=0

# look NAME WORKS WHAT-FOR WITHOUT PACKAGE
look() {
  if [ "$2" = yes ]; then
    printf '  ok       %-10s %s\n' "$1" "$3"
  else
    missing=$((missing + 1))
    printf '  missing  %-10s %s\n' "$1" "$3"
    printf '           %-10s without it: %s\n' '' "$4"
    printf '           %-10s get it: %s\n' '' "$(install_line "$5")"
  fi
}

have() { command -v "$1" >/dev/null 2>&1 && echo yes || echo no; }

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cc=${CC:-gcc}
echo 'int main(void) { return 0; }' >"$dir/a.c"

compiles() { $cc "$@" "$dir/a.c" -o "$dir/a" 2>/dev/null && echo yes || echo no; }
runs_valgrind() { valgrind -q "$dir/a" >/dev/null 2>&1 && echo yes || echo no; }
has_ipv6() { [ -s /proc/net/if_inet6 ] && echo yes || echo no; }

look "$cc" "$(compiles)" 'compiles your programs' 'nothing works' gcc
look make "$(have make)" 'runs everything here' 'nothing works' make
look patterns "$(compiles -ftrivial-auto-var-init=pattern)" \
  'shows locals that were never set' 'those checks are skipped' 'gcc (12 or newer)'
look sanitizer "$(compiles -fsanitize=address,undefined)" \
  'shows accesses outside of objects' 'those checks use the plain program' gcc
look valgrind "$(runs_valgrind)" 'shows leaks of memory and descriptors' \
  'those checks are skipped, by name' valgrind
look addr2line "$(have addr2line)" 'finds the line of a mistake' \
  'reports name no line' binutils
look doxygen "$(have doxygen)" 'makes the site of the lessons (make docs)' \
  'read the lessons as they are, in steps/' doxygen
look dot "$(have dot)" 'draws the graphs of that site' \
  'the site has no call graphs' graphviz
look nc "$(have nc)" 'a client and a server for every purpose' \
  'make peer takes its place' netcat-openbsd
look strace "$(have strace)" 'shows the calls of a program' \
  'the traces of the lessons cannot be repeated' strace
look ss "$(have ss)" 'shows the sockets of this machine' \
  'read /proc/net/tcp in its place' iproute2
look ipv6 "$(has_ipv6)" 'the address ::1 of this machine' \
  'checks of IPv6 are skipped, by name' 'nothing: ask whoever runs this machine'
if [ $missing = 0 ]; then
  echo 'Everything is here. next: make demo'
else
  echo "$missing of these are missing; what does not need them works. next: make demo"
fi
