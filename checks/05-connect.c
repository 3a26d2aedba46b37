/**
 * @file
 * Cases about connect(): every address, and every way to fail.
 */
#include "check.h"

#include <errno.h>

const struct check_case cases_05[] = {

    {"refuses wrong arguments with a usage line and status 2", CLIENT, 5, 8,
     ARGUMENTS, PLAIN, run_arguments, NULL},
    {"touches no memory that is not its own", CLIENT, 5, 8, WORKS, ASAN,
     run_client_script, SCRIPT(.diagnosis = NULL)},
    {"sets its locals before it uses them", CLIENT, 5, 8, WORKS, PATTERN,
     run_client_script, SCRIPT(.diagnosis = "memory-uninitialised")},
    {"holds one plain conversation", CLIENT, 5, 8, WORKS, PLAIN,
     run_client_script, NULL},
    {"reports that nobody listens", CLIENT, 5, 8, TALK, PLAIN, run_refused,
     SCRIPT(.diagnosis = "connect-unchecked")},
    {"reports a host that does not exist", CLIENT, 5, 8, TALK, PLAIN,
     run_bad_host, NULL},
    {"reaches a server on IPv6", CLIENT, 5, 8, TALK, PLAIN, run_ipv6, NULL},
    {"tries the next address when one refuses", CLIENT, 5, 8, TALK, PLAIN,
     run_two_addresses,
     SCRIPT(.what = "gave the host two addresses, of which the first refuses",
            .fault = "getaddrinfo:two",
            .diagnosis = "connect-first-address-only")},
    {"stops at the first address that answers", CLIENT, 5, 8, TALK, PLAIN,
     run_two_addresses,
     SCRIPT(.what = "gave the host two addresses, of which the second refuses",
            .fault = "getaddrinfo:two=1", .diagnosis = "connect-goes-on")},
    {"finds a server by the name localhost", CLIENT, 5, 8, TALK, PLAIN,
     run_localhost, NULL},
    {"reports a failing connect()", CLIENT, 5, 8, TALK, ASAN, run_start_failure,
     SCRIPT(.what = "let connect() time out", .fault = "connect:fail=110",
            .error = ETIMEDOUT, .diagnosis = "connect-unchecked")},
    {"reports a failing getpeername()", CLIENT, 5, 8, TALK, PLAIN,
     run_client_script,
     SCRIPT(.what = "let getpeername() fail", .fault = "getpeername:fail=105",
            .error = ENOBUFS, .optional = true,
            .diagnosis = "result-unchecked")},
    {"reports a failing poll() or select()", CLIENT, 5, 8, TALK, PLAIN,
     run_client_script,
     SCRIPT(.what = "let each wait fail", .fault = "poll:fail=12",
            .error = ENOMEM, .optional = true,
            .diagnosis = "result-unchecked")},
    {"waits for the connection when a signal interrupts connect()", CLIENT, 5,
     8, TALK, PLAIN, run_client_script,
     SCRIPT(.fault = "connect:eintr=1", .diagnosis = "connect-eintr-fatal")},
    {"sees a refusal although a signal interrupts connect()", CLIENT, 5, 8,
     TALK, PLAIN, run_refused,
     SCRIPT(.fault = "connect:eintr=1",
            .diagnosis = "connect-so-error-ignored")},
    {"takes 127.0.0.1 and port 8080 when nothing is given", CLIENT, 5, 8, TALK,
     PLAIN, run_default, NULL},
    {"takes every port from 1 to 65535", CLIENT, 5, 8, TALK, PLAIN,
     run_port_range, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};
