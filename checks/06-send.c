/**
 * @file
 * Cases about send(): short counts, signals, and a peer that is gone.
 */
#include "check.h"

#include <errno.h>

const struct check_case cases_06[] = {
    {"sends the rest when send() takes only a part", SERVER, 6, 8, TALK, PLAIN,
     run_server_script,
     SCRIPT(.fault = "send:short=5", .diagnosis = "send-short-count-ignored")},
    {"sends the rest when send() takes only a part", CLIENT, 6, 8, TALK, PLAIN,
     run_client_script,
     SCRIPT(.fault = "send:short=5", .diagnosis = "send-short-count-ignored")},
    {"sends again when a signal interrupts send()", SERVER, 6, 8, TALK, PLAIN,
     run_server_script,
     SCRIPT(.fault = "send:eintr=1", .diagnosis = "send-no-eintr")},
    {"sends again when a signal interrupts send()", CLIENT, 6, 8, TALK, PLAIN,
     run_client_script,
     SCRIPT(.fault = "send:eintr=1", .diagnosis = "send-no-eintr")},
    {"survives a peer that is gone, and reports it", SERVER, 6, 8, TALK, PLAIN,
     run_server_script,
     SCRIPT(.what = "let the connection be gone when it sends",
            .fault = "send:gone", .error = EPIPE,
            .diagnosis = "send-unchecked")},
    {"survives a peer that is gone, and reports it", CLIENT, 6, 8, TALK, PLAIN,
     run_client_script,
     SCRIPT(.what = "let the connection be gone when it sends",
            .fault = "send:gone", .error = EPIPE,
            .diagnosis = "send-unchecked")},
    {"survives a peer that has ended and reset its side", SERVER, 6, 8, TALK,
     PLAIN, run_server_script,
     SCRIPT(.what = "connected, sent the line, ended our side and reset the "
                    "connection, before it had time to accept it",
            .side = SIDE_FADES, .either = true, .diagnosis = "send-sigpipe")},
    {"reports a failing send()", SERVER, 6, 8, TALK, ASAN, run_server_script,
     SCRIPT(.what = "let send() fail", .fault = "send:fail=104",
            .error = ECONNRESET, .diagnosis = "send-unchecked")},
    {"reports a failing send()", CLIENT, 6, 8, TALK, ASAN, run_client_script,
     SCRIPT(.what = "let send() fail", .fault = "send:fail=104",
            .error = ECONNRESET, .diagnosis = "send-unchecked")},
    {"sends only memory that is its own", SERVER, 6, 8, TALK, ASAN,
     run_server_script,
     SCRIPT(.fault = "send:short=5", .diagnosis = "send-full-length-again")},
    {"sends only memory that is its own", CLIENT, 6, 8, TALK, ASAN,
     run_client_script,
     SCRIPT(.fault = "send:short=5", .diagnosis = "send-full-length-again")},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};
