/**
 * @file
 * Cases about bind(): which address, which port, and whose.
 */
#include "check.h"

#include <errno.h>

const struct check_case cases_02[] = {

    {"touches no memory that is not its own", SERVER, 2, 2, WORKS, ASAN,
     run_alone, SCRIPT(.diagnosis = NULL)},
    {"sets its locals before it uses them", SERVER, 2, 2, WORKS, PATTERN,
     run_alone, SCRIPT(.diagnosis = "memory-uninitialised")},
    {"is bound to 127.0.0.1 and stays until Enter", SERVER, 2, 2, WORKS, PLAIN,
     run_alone, NULL},
    {"takes the port it is told to take", SERVER, 2, 8, TALK, PLAIN,
     run_fixed_port, NULL},
    {"is there for this machine only", SERVER, 2, 8, TALK, PLAIN,
     run_loopback_only, NULL},
    {"reports a port that is in use", SERVER, 2, 8, TALK, PLAIN,
     run_port_in_use, NULL},
    {"reports a failing bind()", SERVER, 2, 8, TALK, PLAIN, run_start_failure,
     SCRIPT(.what = "let bind() fail", .fault = "bind:fail=13", .error = EACCES,
            .diagnosis = "bind-unchecked")},
    {"reports a failing setsockopt()", SERVER, 2, 8, TALK, PLAIN,
     run_start_failure,
     SCRIPT(.what = "let setsockopt() fail", .fault = "setsockopt:fail=92@1",
            .error = ENOPROTOOPT, .optional = true,
            .diagnosis = "result-unchecked")},
    {"reports a failing getsockname()", SERVER, 2, 8, TALK, PLAIN,
     run_start_failure,
     SCRIPT(.what = "let getsockname() fail", .fault = "getsockname:fail=105",
            .error = ENOBUFS, .optional = true,
            .diagnosis = "result-unchecked")},
    {"can be restarted on its port at once", SERVER, 2, 8, TALK, PLAIN,
     run_restart, NULL},
    {"does not share its port with a second server", SERVER, 3, 8, TALK, PLAIN,
     run_second_server, NULL},
    {"sets SO_REUSEADDR and nothing like it", SERVER, 2, 2, TALK, PLAIN,
     run_options, NULL},
    {"takes port 8080 when none is given", SERVER, 2, 8, TALK, PLAIN,
     run_default, NULL},
    {"ends with its standard input", SERVER, 2, 3, TALK, PLAIN,
     run_end_of_input, SCRIPT(.diagnosis = "stdin-end-not-seen")},
    {"sleeps until Enter is pressed", SERVER, 2, 3, TALK, PLAIN, run_other_keys,
     NULL},
    {"takes every port from 1 to 65535", SERVER, 2, 8, TALK, PLAIN,
     run_port_range, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};
