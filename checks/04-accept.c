/**
 * @file
 * Cases about accept(): who is there, and what if nobody is.
 */
#include "check.h"

#include <errno.h>

const struct check_case cases_04[] = {

    {"touches no memory that is not its own", SERVER, 4, 8, WORKS, ASAN,
     run_server_script, SCRIPT(.diagnosis = NULL)},
    {"sets its locals before it uses them", SERVER, 4, 8, WORKS, PATTERN,
     run_server_script, SCRIPT(.diagnosis = "memory-uninitialised")},
    {"holds one plain conversation", SERVER, 4, 8, WORKS, PLAIN,
     run_server_script, NULL},
    {"names the address of its peer", SERVER, 4, 8, TALK, PLAIN,
     run_other_address, NULL},
    {"reports a failing accept()", SERVER, 4, 8, TALK, ASAN, run_server_script,
     SCRIPT(.what = "sent a line while accept() failed",
            .fault = "accept:fail=24", .error = EMFILE,
            .diagnosis = "accept-unchecked")},
    {"goes on when a signal interrupts accept()", SERVER, 4, 8, TALK, PLAIN,
     run_server_script,
     SCRIPT(.fault = "accept:eintr=2", .diagnosis = "accept-no-eintr")},
    {"reports a failing getpeername()", SERVER, 4, 8, TALK, PLAIN,
     run_server_script,
     SCRIPT(.what = "sent a line while getpeername() failed",
            .fault = "getpeername:fail=105", .error = ENOBUFS, .optional = true,
            .diagnosis = "result-unchecked")},
    {"reports a failing poll() or select()", SERVER, 4, 8, TALK, PLAIN,
     run_server_script,
     SCRIPT(.what = "sent a line while each wait failed",
            .fault = "poll:fail=12", .error = ENOMEM, .optional = true,
            .diagnosis = "result-unchecked")},
    {"waits as long as it takes", SERVER, 4, 8, TALK, PLAIN, run_hurry,
     SCRIPT(.diagnosis = "wait-time-limit")},
    {"is not disturbed by a second client", SERVER, 4, 8, TALK, PLAIN,
     run_second_client, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};
