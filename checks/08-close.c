/**
 * @file
 * Cases about close(): nothing lost, nothing left behind.
 */
#include "check.h"

#include <errno.h>

const struct check_case cases_08[] = {

    {"waits until the client has ended its side", SERVER, 8, 8, TALK, PLAIN,
     run_slow_ending, NULL},
    {"lets a late reader have its reply and a clean end", SERVER, 8, 8, TALK,
     PLAIN, run_server_script,
     SCRIPT(.what = "sent a line and more, ended our side, and read only when "
                    "the server was gone",
            .send = "Hello from client\nand more", .late = true,
            .diagnosis = "close-unread-data")},
    {"does not wait for a silent client for ever", SERVER, 8, 8, TALK, PLAIN,
     run_server_script,
     SCRIPT(.what = "sent a line, then nothing, and never closed",
            .side = SIDE_STAYS, .diagnosis = "close-waits-forever")},
    {"ends its side, so that a server can read to the end", CLIENT, 8, 8, TALK,
     PLAIN, run_client_script,
     SCRIPT(.to_end = true, .diagnosis = "close-no-half-close")},
    {"reads to the end of the stream", CLIENT, 8, 8, TALK, PLAIN,
     run_client_script,
     SCRIPT(.what = "answered, waited, sent more and then ended our side",
            .lingers = true, .diagnosis = "recv-stops-before-eof")},
    {"reports a failing shutdown()", SERVER, 8, 8, TALK, PLAIN,
     run_server_script,
     SCRIPT(.what = "sent a line while shutdown() failed",
            .fault = "shutdown:fail=105", .error = ENOBUFS, .optional = true,
            .diagnosis = "result-unchecked")},
    {"reports a failing shutdown()", CLIENT, 8, 8, TALK, PLAIN,
     run_client_script,
     SCRIPT(.what = "let shutdown() fail", .fault = "shutdown:fail=105",
            .error = ENOBUFS, .optional = true,
            .diagnosis = "result-unchecked")},
    {"goes on when a signal interrupts poll() or select()", SERVER, 4, 8, TALK,
     PLAIN, run_server_script,
     SCRIPT(.fault = "poll:eintr=1", .diagnosis = "poll-no-eintr")},
    {"goes on when a signal interrupts poll() or select()", CLIENT, 5, 8, TALK,
     PLAIN, run_client_script,
     SCRIPT(.fault = "poll:eintr=1", .diagnosis = "poll-no-eintr")},
    {"sleeps while it waits, however long", SERVER, 4, 8, TALK, PLAIN,
     run_patience, NULL},
    {"sleeps while it waits, however long", CLIENT, 7, 8, TALK, PLAIN,
     run_patient_client, NULL},
    {"reports a stdout that has no room", SERVER, 6, 8, TALK, PLAIN,
     run_output_full,
     SCRIPT(.what = "sent a line, with /dev/full as its stdout",
            .error = ENOSPC, .diagnosis = "output-unchecked")},
    {"reports a stdout that has no room", CLIENT, 6, 8, TALK, PLAIN,
     run_output_full,
     SCRIPT(.what = "answered, with /dev/full as its stdout", .error = ENOSPC,
            .diagnosis = "output-unchecked")},
    {"leaves nothing behind, says valgrind", SERVER, 1, 8, TALK, PLAIN,
     run_valgrind, NULL},
    {"leaves nothing behind, says valgrind", CLIENT, 5, 8, TALK, PLAIN,
     run_valgrind, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};
