#!/bin/sh
# The verbs of the Makefile.
cat <<'END'
make                       builds every step and says what to do next
make demo                  the finished server and client, talking
make check-step 3          checks step 3 (also N=3, check-step-3, 3 4)
make check                 everything: steps, solutions, mistakes, docs
make leaks-step 3          valgrind's whole report on step 3
make diff-step 3           what step 3 adds to step 2
make doctor                which tools are here, and what each is for
make clean                 removes build/

V=1 lists every check; NO_COLOR=1 prints no colour;
CHECK_TIMEOUT_SCALE=5 gives slow machines five times the time.
Exit status: 0 nothing failed, 1 something failed, 2 it could not run.
END
