/**
 * @file
 * Cases about listen(): when a server may say that it is there.
 */
#include "check.h"

#include <errno.h>

const struct check_case cases_03[] = {

    {"touches no memory that is not its own", SERVER, 3, 3, WORKS, ASAN,
     run_alone, SCRIPT(.diagnosis = NULL)},
    {"sets its locals before it uses them", SERVER, 3, 3, WORKS, PATTERN,
     run_alone, SCRIPT(.diagnosis = "memory-uninitialised")},
    {"completes connections and stays until Enter", SERVER, 3, 3, WORKS, PLAIN,
     run_alone, NULL},
    {"reports a failing listen()", SERVER, 3, 8, TALK, PLAIN, run_start_failure,
     SCRIPT(.what = "let listen() fail", .fault = "listen:fail=98",
            .error = EADDRINUSE, .diagnosis = "listen-unchecked")},
    {"says that it listens only once it does", SERVER, 3, 8, TALK, PLAIN,
     run_slow_listen, NULL},
    {"has room for clients that wait", SERVER, 3, 8, TALK, PLAIN, run_backlog,
     NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};
