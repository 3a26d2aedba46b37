/**
 * @file
 * Cases about socket(), and about what every program has from step 1 on.
 */
#include "check.h"

#include <errno.h>

const struct check_case cases_01[] = {

    {"refuses wrong arguments with a usage line and status 2", SERVER, 1, 8,
     ARGUMENTS, PLAIN, run_arguments, NULL},
    {"touches no memory that is not its own", SERVER, 1, 1, WORKS, ASAN,
     run_alone, SCRIPT(.diagnosis = NULL)},
    {"sets its locals before it uses them", SERVER, 1, 1, WORKS, PATTERN,
     run_alone, SCRIPT(.diagnosis = "memory-uninitialised")},
    {"makes its socket, says so and ends", SERVER, 1, 1, WORKS, PLAIN,
     run_alone, NULL},
    {"does the same whatever is in memory by chance", SERVER, 1, 3, TALK,
     PATTERN, run_alone, SCRIPT(.diagnosis = "memory-uninitialised")},
    {"does the same whatever is in memory by chance", SERVER, 4, 8, TALK,
     PATTERN, run_server_script, SCRIPT(.diagnosis = "memory-uninitialised")},
    {"does the same whatever is in memory by chance", CLIENT, 5, 8, TALK,
     PATTERN, run_client_script, SCRIPT(.diagnosis = "memory-uninitialised")},
    {"reports a failing socket()", SERVER, 1, 8, TALK, PLAIN, run_start_failure,
     SCRIPT(.what = "let socket() fail", .fault = "socket:fail=24",
            .error = EMFILE, .diagnosis = "socket-unchecked")},
    {"reports a second socket() that fails", SERVER, 1, 1, TALK, PLAIN,
     run_start_failure,
     SCRIPT(.what = "let the second socket() fail", .fault = "socket:fail=24@2",
            .error = EMFILE, .optional = true,
            .diagnosis = "socket-unchecked")},
    {"takes every port from 0 to 65535", SERVER, 1, 1, TALK, PLAIN,
     run_port_numbers, NULL},
    {"reports a failing getsockopt()", SERVER, 1, 2, TALK, PLAIN,
     run_start_failure,
     SCRIPT(.what = "let getsockopt() fail", .fault = "getsockopt:fail=92@1",
            .error = ENOPROTOOPT, .optional = true,
            .diagnosis = "result-unchecked")},
    {"reports a later getsockopt() that fails", SERVER, 1, 1, TALK, PLAIN,
     run_later_failures,
     SCRIPT(.what = "let one getsockopt() after the other fail",
            .fault = "getsockopt:fail=92", .error = ENOPROTOOPT,
            .optional = true, .diagnosis = "result-unchecked")},
    {"reports a failing socket()", CLIENT, 5, 8, TALK, PLAIN, run_start_failure,
     SCRIPT(.what = "let socket() fail", .fault = "socket:fail=24",
            .error = EMFILE, .diagnosis = "socket-unchecked")},
    {"runs with standard input closed, when its socket is descriptor 0", SERVER,
     1, 8, TALK, PLAIN, run_stdin_closed,
     SCRIPT(.diagnosis = "socket-zero-is-error")},
    {"runs with standard input closed, when its socket is descriptor 0", CLIENT,
     5, 8, TALK, PLAIN, run_stdin_closed,
     SCRIPT(.diagnosis = "socket-zero-is-error")},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};
