#!/bin/sh
# The verbs of the Makefile.
cat <<'END'
make                       builds every step and says what to do next
make demo                  the finished server and client, talking
make check-step 3          checks step 3, then its exercises
                           (also N=3, check-step-3, check-step 3 4)
make check-exercise E=03-listen/backlog
                           checks one exercise
make hint E=03-listen/backlog
                           the next of its three hints
make reset E=03-listen/backlog
                           puts its starter back, and keeps your file
make progress              what is done, and what is next
make watch 3               checks step 3 each time a file is saved
                           (also E=03-listen/backlog)
make leaks-step 3          valgrind's whole report on step 3
make diff-step 3           what step 3 adds to step 2
make trace-step 8          what step 8 said to the kernel, drawn
                           (FAULT=list and LIKE=list name faults and
                           peers; ALL=1 draws all rows of a long one)
make trace E=03-listen/backlog
                           the same for an exercise, or for any program
                           of yours: PROGRAM="./server 8080"
make peer AS=client PORT=8080 LIKE=silent
                           a difficult peer, by hand; LIKE=list names them
make check                 everything that must hold here
make docs                  the site, in build/docs/html
make doctor                which tools are here, and what each is for
make clean                 removes build/

V=1 lists every check; STRICT=1 counts exercises that are to do as failed;
NO_COLOR=1 prints no colour; CHECK_TIMEOUT_SCALE=5 gives five times the time.
Exit status: 0 nothing failed, 1 something failed, 2 it could not run.
END
