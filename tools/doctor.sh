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

# look NAME WORKS WHAT-FOR WITHOUT HOW-TO-GET-IT
look() {
  if [ "$2" = no ]; then
    missing=$((missing + 1))
    printf '  missing  %-10s %s\n' "$1" "$3"
    printf '           %-10s without it: %s\n' '' "$4"
    printf '           %-10s get it: %s\n' '' "$5"
  else
    printf '  ok       %-10s %s%s\n' "$1" "$3" "${2:+ ($2)}"
  fi
}

# Version of a tool in few words; "no" if it is not there.
have() {
  command -v "$1" >/dev/null 2>&1 || { echo no && return; }
  "$@" 2>&1 </dev/null | sed -n 's/^[^0-9]*\([0-9][0-9.]*[0-9]\).*/\1/p' | head -n 1
}

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cc=${CC:-gcc}
echo 'int main(void) { return 0; }' >"$dir/a.c"

works() { if "$@" >/dev/null 2>&1; then echo; else echo no; fi; }
compiles() { works "$cc" "$@" "$dir/a.c" -o "$dir/a"; }

# A version only counts if the tool really runs.
valgrind_runs() {
  "$cc" "$dir/a.c" -o "$dir/plain" 2>/dev/null
  if valgrind -q "$dir/plain" >/dev/null 2>&1; then
    have valgrind --version
  else
    echo no
  fi
}
preloads() {
  printf '#include <unistd.h>\n__attribute__((constructor)) static void f(void) { _exit(7); }\n' >"$dir/p.c"
  "$cc" -shared -fPIC "$dir/p.c" -o "$dir/p.so" 2>/dev/null
  "$cc" "$dir/a.c" -o "$dir/plain" 2>/dev/null
  LD_PRELOAD=$dir/p.so "$dir/plain" 2>/dev/null
  if [ $? = 7 ]; then echo; else echo no; fi
}
traces() { works strace -o /dev/null true; }
captures() { works timeout 5 tcpdump -i lo -c 0 -w /dev/null; }

if ! command -v "$cc" >/dev/null 2>&1; then
  compiler=no
else
  compiler=$($cc -dumpfullversion 2>/dev/null || $cc -dumpversion)
fi
look "$cc" "$compiler" 'compiles your programs' 'nothing works' "$(install_line gcc)"
look make "$(have make --version)" 'runs everything here' 'nothing works' \
  "$(install_line make)"
look patterns "$(compiles -ftrivial-auto-var-init=pattern)" \
  'shows locals that were never set' 'those checks are skipped' 'gcc 12 or newer'
look sanitizer "$(compiles -fsanitize=address,undefined)" \
  'shows accesses outside of objects' 'those checks are skipped' \
  'libasan and libubsan of your gcc'
look preload "$(preloads)" 'lets the witness see the calls of a program' \
  'faults and traces are skipped' 'a system with glibc'
look valgrind "$(valgrind_runs)" 'shows leaks of memory and descriptors' \
  'those checks are skipped, by name' "$(install_line valgrind)"
look addr2line "$(works command -v addr2line)" 'finds the line of a mistake' \
  'reports name no line' "$(install_line binutils)"
look ipv6 "$(works grep -q ' lo$' /proc/net/if_inet6)" \
  'the address ::1 of this machine' 'checks of IPv6 are skipped, by name' \
  'whoever runs this machine can switch it on'
look doxygen "$(have doxygen --version)" 'makes the site of the lessons (make docs)' \
  'read the lessons as they are, in steps/' "$(install_line doxygen)"
look dot "$(have dot -V)" 'draws the call graphs of that site' \
  'the site has no call graphs' "$(install_line graphviz)"
look nc "$(works command -v nc)" 'a client and a server for every purpose' \
  'make peer takes its place' "$(install_line netcat-openbsd)"
look strace "$(traces)" 'shows the calls of a program' \
  'make trace-step takes its place' "$(install_line strace)"
look ss "$(works command -v ss)" 'shows the sockets of this machine' \
  'read /proc/net/tcp in its place' "$(install_line iproute2)"
look capture "$(captures)" 'shows the segments themselves (tcpdump, as root)' \
  'the lessons show recorded ones' "sudo, and $(install_line tcpdump)"
if [ $missing = 0 ]; then
  echo 'Everything is here. next: make demo'
else
  echo "$missing missing; what does not need them works. next: make demo"
fi
