/**
 * @file
 * How the exercises of step 5 are judged.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 400, GREETING_DELAY_MS = 60 };

/* A number below `limit`, by chance. */
static unsigned chance(unsigned limit)
{
    static uint64_t state;
    if (state == 0)
        state = now_ns() ^ (uint64_t)getpid() << 32;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % limit;
}

/*
 * The script of a case, which has a form of its own here. It is taken off the
 * case, for explain() would read it as a struct script.
 */
static const void *take_script(struct trial *t)
{
    static struct check_case asked;
    asked = *t->asked;
    const void *script = asked.script;
    asked.script = NULL;
    t->asked = &asked;
    return script;
}

/* A program that gives up at once, without a word, is still the starter. */
static const char *unwritten(const struct trial *t)
{
    bool silent = t->child.out.total == 0 && t->child.err.total == 0;
    return silent && exited(&t->child, 1) ? "exercise-unwritten" : "";
}

/* A program that ends well, and has not made one of the calls it is about. */
static bool made_no_calls(const struct trial *t)
{
    return exited(&t->child, 0) && t->log.map != NULL &&
           t->log.map->attached > 0 && !log_saw_calls(&t->log);
}

/* What explains what happened, also where that can be in exercises only. */
static const char *explained(struct trial *t, const char *otherwise)
{
    if (made_no_calls(t))
        return "exercise-no-calls";
    const char *name = explain(t, otherwise);
    if (strcmp(name, "arguments-refused") == 0)
        return "exercise-other-program";
    return name[0] != '\0' ? name : unwritten(t);
}

/* The program must end; says what was expected of it if it does not. */
static bool ends(struct trial *t, const char *expected, const char *diagnosis)
{
    char got[200];
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (!t->child.ended)
        fail(t, diagnosis, expected, "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    return !over(t);
}

/* Without the witness a case can prove nothing; without a call, it can. */
static bool seen_by_witness(struct trial *t)
{
    if (over(t) || log_saw_calls(&t->log))
        return !over(t);
    if (made_no_calls(t))
        fail(t, "exercise-no-calls", "the socket calls of the task",
             "your program made none");
    else
        skip(t, "the witness saw no socket call of this program (is it static, "
                "or does it use syscall()?)");
    return !over(t);
}

/* --- every-address ------------------------------------------------------- */

/* A socket of our own on an address, listening or merely holding the port. */
static int hold(int family, uint32_t host, unsigned port, bool answers)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_port = htons((uint16_t)port);
    in.sin_addr.s_addr = htonl(host);
    memset(&in6, 0, sizeof in6);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons((uint16_t)port);
    in6.sin6_addr = in6addr_loopback;
    bool ipv6 = family == AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd != -1 &&
        bind(fd, ipv6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
             ipv6 ? sizeof in6 : sizeof in) == 0 &&
        (!answers || listen(fd, 16) == 0))
        return fd;
    if (fd != -1)
        close(fd);
    return -1;
}

static bool has_ipv6(void)
{
    int fd = hold(AF_INET6, 0, 0, false);
    if (fd != -1)
        close(fd);
    return fd != -1;
}

/* The two addresses that the witness makes of 127.0.0.1, and who answers. */
struct pair {
    int first, second;             /* ours: ::1 or 127.0.0.2, and 127.0.0.1 */
    int first_error, second_error; /* 0: it answers */
    bool ipv6;
    unsigned port;
};

/* Holds one port on both addresses: somebody may be faster, so it tries. */
static bool hold_pair(struct pair *p)
{
    p->ipv6 = has_ipv6();
    for (int tries = 0; tries < 20; tries++) {
        p->second = hold(AF_INET, INADDR_LOOPBACK, 0, p->second_error == 0);
        p->port = p->second != -1 ? own_port(p->second) : 0;
        p->first = p->ipv6 ? hold(AF_INET6, 0, p->port, p->first_error == 0)
                           : hold(AF_INET, INADDR_LOOPBACK + 1, p->port,
                                  p->first_error == 0);
        if (p->first != -1 && p->second != -1)
            return true;
        if (p->first != -1)
            close(p->first);
        if (p->second != -1)
            close(p->second);
    }
    return false;
}

/* Was there exactly one connection, without a byte, to where we listen? */
static void check_visit(struct trial *t, int listener, const char *address)
{
    char byte, expected[160];
    if (over(t))
        return;
    snprintf(expected, sizeof expected,
             "one connection to %s:%u, closed without a byte", address,
             t->port);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    ssize_t n = fd != -1 ? recv(fd, &byte, 1, 0) : -1;
    if (fd == -1)
        fail(t, "", expected, "no connection ever came");
    else if (n != 0)
        fail(t, "", expected, "%s",
             n > 0 ? "it has sent something" : strerror(errno));
    if (fd != -1)
        close(fd);
    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd != -1) {
        fail(t, "", expected, "there were two");
        close(fd);
    }
}

/* The line of an address that answers (error 0), or fails. */
static size_t add_line(char *text, size_t size, const char *address,
                       unsigned port, int error)
{
    int n = snprintf(text, size, "%s:%u %s\n", address, port,
                     error == 0 ? "connected" : strerror(error));
    return n > 0 ? (size_t)n : 0;
}

static void check_lines(struct trial *t, const char *want, const char *name)
{
    char expected[300], got[280];
    if (over(t) || strcmp(t->child.out.bytes, want) == 0)
        return;
    quote_bytes(want, strlen(want), got, sizeof got);
    snprintf(expected, sizeof expected, "on stdout: %s", got);
    quote_bytes(t->child.out.bytes, t->child.out.length, got, sizeof got);
    fail(t, explained(t, name), expected, "%s",
         t->child.out.length > 0 ? got : "nothing");
}

static void check_status(struct trial *t, int status, const char *name)
{
    char expected[80], got[200];
    if (over(t) || exited(&t->child, status))
        return;
    snprintf(expected, sizeof expected, "exit status %d", status);
    fail(t, explained(t, status == 1 ? "error-exit-zero" : name), expected,
         "%s", ending_text(&t->child, got, sizeof got));
}

/* Without a type in the hints getaddrinfo() gives each address for them all. */
static bool any_datagrams(const struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->call == WITNESS_SOCKET &&
            (log_at(&t->log, i)->b & 0xf) == SOCK_DGRAM)
            return true;
    return false;
}

/* One address: 127.0.0.1, or ::1. The script's family says which. */
static void run_one_address(struct trial *t)
{
    bool ipv6 = take_script(t) != NULL;
    const char *address = ipv6 ? "[::1]" : "127.0.0.1";
    char port[8], want[100];
    int listener = hold(ipv6 ? AF_INET6 : AF_INET, INADDR_LOOPBACK, 0, true);
    if (listener == -1) {
        skip(t, "there is no %s here: %s", ipv6 ? "IPv6" : "loopback",
             strerror(errno));
        return;
    }
    t->port = own_port(listener);
    snprintf(port, sizeof port, "%u", t->port);
    add_line(want, sizeof want, address, t->port, 0);
    if (start(t, ipv6 ? "::1" : "127.0.0.1", port)) {
        did(t, "listened there ourselves");
        if (ends(t, "a program that ends by itself", explained(t, "")))
            check_lines(t, want,
                        any_datagrams(t) ? "connect-any-type"
                        : ipv6           ? "connect-ipv4-only"
                                         : "");
        check_visit(t, listener, address);
        check_status(t, 0, "connect-answer-not-counted");
    }
    close(listener);
}

/* What is missing when one of two lines is. */
static const char *name_missing(const struct trial *t, const struct pair *p,
                                const char *first)
{
    if (strcmp(t->child.out.bytes, first) == 0)
        return p->first_error == 0 ? "connect-stops-at-success"
                                   : "connect-first-address-only";
    int error = p->first_error != 0 ? p->first_error : p->second_error;
    return error != 0 && says_error(&t->child, error)
               ? "connect-outcome-on-stderr"
               : "";
}

/* 127.0.0.2 is given in place of ::1 to a program that wants IPv4 only. */
static void check_families(struct trial *t, const struct pair *p)
{
    for (size_t i = 0; p->ipv6 && i < log_count(&t->log) && !over(t); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call != WITNESS_CONNECT || record_ipv4(r) != INADDR_LOOPBACK + 1)
            continue;
        blame(t, r);
        fail(t, "connect-ipv4-only", "an attempt at [::1]",
             "none; it asked for IPv4 only, so that the second address was "
             "127.0.0.2");
    }
}

static const char *pair_text(const struct pair *p)
{
    if (p->first_error == EAFNOSUPPORT)
        return "socket() fails for that one, as without IPv6";
    if (p->first_error == 0)
        return p->second_error == 0 ? "both answer" : "that one answers";
    return p->second_error == 0 ? "that one refuses" : "both refuse";
}

static void judge_pair(struct trial *t, const struct pair *p)
{
    const char *address = p->ipv6 ? "[::1]" : "127.0.0.2";
    char want[200], first[100];
    size_t n = add_line(want, sizeof want, address, p->port, p->first_error);
    memcpy(first, want, n + 1);
    add_line(want + n, sizeof want - n, "127.0.0.1", p->port, p->second_error);
    did(t, "gave the host a second address, %s before it: %s", address,
        pair_text(p));
    if (!ends(t, "a program that ends by itself", "") || !seen_by_witness(t))
        return;
    check_families(t, p);
    check_lines(t, want, name_missing(t, p, first));
    if (p->first_error == 0)
        check_visit(t, p->first, address);
    if (p->second_error == 0)
        check_visit(t, p->second, "127.0.0.1");
    check_status(t, p->first_error == 0 || p->second_error == 0 ? 0 : 1,
                 "connect-answer-not-counted");
    fault_happened(t);
}

/* What becomes of the two: 0, or an errno. */
struct answers {
    int first, second;
};

static void run_pair(struct trial *t)
{
    const struct answers *a = (const struct answers *)take_script(t);
    struct pair p = {-1, -1, a->first, a->second, false, 0};
    char port[8];
    if (!hold_pair(&p)) {
        skip(t, "no port is free on both addresses: %s", strerror(errno));
        return;
    }
    t->port = p.port;
    t->fault = a->first == EAFNOSUPPORT ? "getaddrinfo:two,socket:fail=97@1"
                                        : "getaddrinfo:two";
    snprintf(port, sizeof port, "%u", p.port);
    if (start(t, "127.0.0.1", port))
        judge_pair(t, &p);
    close(p.first);
    close(p.second);
}

#define ANSWERS(first, second) (&(const struct answers){first, second})

static const struct check_case cases_every_address[] = {
    {"says of one address that it answers", CLIENT, 5, 5, WORKS, PLAIN,
     run_one_address, NULL},
    {"goes on after an address that refuses", CLIENT, 5, 5, TALK, PLAIN,
     run_pair, ANSWERS(ECONNREFUSED, 0)},
    {"goes on after an address that answers", CLIENT, 5, 5, TALK, PLAIN,
     run_pair, ANSWERS(0, ECONNREFUSED)},
    {"tries both when both answer", CLIENT, 5, 5, TALK, PLAIN, run_pair,
     ANSWERS(0, 0)},
    {"exits with 1 when no address answers", CLIENT, 5, 5, TALK, PLAIN,
     run_pair, ANSWERS(ECONNREFUSED, ECONNREFUSED)},
    {"reports a host that does not exist", CLIENT, 5, 5, TALK, PLAIN,
     run_bad_host, NULL},
    {"goes on after an address for which there is no socket", CLIENT, 5, 5,
     TALK, PLAIN, run_pair, ANSWERS(EAFNOSUPPORT, 0)},
    {"does not depend on what is in memory by chance", CLIENT, 5, 5, TALK,
     PATTERN, run_one_address, NULL},
    {"does not touch memory that is not its own", CLIENT, 5, 5, TALK, ASAN,
     run_pair, ANSWERS(ECONNREFUSED, 0)},
    {"reaches a server on IPv6", CLIENT, 5, 5, TALK, PLAIN, run_one_address,
     "::1"},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- deadline ------------------------------------------------------------ */

static bool start_at(struct trial *t, int peer)
{
    char port[8];
    t->port = own_port(peer);
    snprintf(port, sizeof port, "%u", t->port);
    return start(t, "127.0.0.1", port);
}

/* Waits for the status line of a client that has been accepted. */
static void check_connected(struct trial *t)
{
    char line[60], expected[100], got[300];
    snprintf(line, sizeof line, "connected to 127.0.0.1:%u", t->port);
    snprintf(expected, sizeof expected, "\"%s\" on stderr", line);
    t->outcome = child_await(&t->child, -1, 0, &t->child.err, line, QUIET_MS);
    if (t->outcome != GOT_IT)
        fail(t,
             says_error(&t->child, EINPROGRESS) ? "connect-progress-is-failure"
                                                : explained(t, ""),
             expected, "no such line; %s",
             outcome_text(t, t->outcome, got, sizeof got));
}

/* The greeting comes a moment after the connection. */
static void greet(struct trial *t, int fd)
{
    char greeting[60];
    int n = snprintf(greeting, sizeof greeting, "greeting number %u\n",
                     chance(1000000));
    child_await(&t->child, -1, 0, NULL, NULL, GREETING_DELAY_MS);
    if (t->child.ended)
        fail(t,
             says_error(&t->child, EAGAIN) ? "connect-left-non-blocking" : "",
             "a client that waits for the greeting",
             "it ended before there was one");
    send(fd, greeting, (size_t)n, MSG_NOSIGNAL);
    did(t, "greeted it %d ms later, and ended our side", GREETING_DELAY_MS);
    close(fd);
    if (ends(t, "a client that ends with the stream", ""))
        check_lines(t, greeting, "");
    check_status(t, 0, "");
}

static void run_greeting(struct trial *t)
{
    char got[200];
    int listener = hold(AF_INET, INADDR_LOOPBACK, 0, true);
    if (listener == -1) {
        skip(t, "no listener: %s", strerror(errno));
        return;
    }
    if (start_at(t, listener)) {
        t->outcome =
            child_await(&t->child, listener, POLLIN, NULL, NULL, QUIET_MS);
        int fd = t->outcome == GOT_IT ? accept(listener, NULL, NULL) : -1;
        if (fd == -1) {
            fail(t, explained(t, ""), "a connection", "none; %s",
                 outcome_text(t, t->outcome, got, sizeof got));
        } else {
            did(t, "accepted its connection");
            check_connected(t);
            greet(t, fd);
        }
    }
    close(listener);
}

/* Was SO_ERROR asked for, and did it tell of a failure? */
static bool got_socket_error(const struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_GETSOCKOPT && r->b == SO_ERROR && r->c != 0)
            return true;
    }
    return false;
}

/* It must not say that it is connected; then, status 1 and the errno. */
static void check_refusal(struct trial *t, int error, const char *diagnosis)
{
    char text[100], expected[160], got[300];
    snprintf(text, sizeof text, "connect: %s\n", strerror(error));
    snprintf(expected, sizeof expected, "\"connect: %s\" and exit status 1",
             strerror(error));
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    if (over(t))
        return;
    if (strstr(t->child.err.bytes, "connected to") != NULL)
        fail(t, diagnosis, expected, "it says that it is connected: stderr %s",
             got);
    else if (strstr(t->child.err.bytes, text) == NULL)
        fail(t,
             t->child.err.length == 0 ? "error-without-text"
             : got_socket_error(t)    ? "connect-so-error-unused"
                                      : diagnosis,
             expected, "stderr is %s", got);
    check_status(t, 1, "");
}

static void run_refusing_port(struct trial *t)
{
    int holder = hold(AF_INET, INADDR_LOOPBACK, 0, false);
    if (holder == -1) {
        skip(t, "no port to be refused on: %s", strerror(errno));
        return;
    }
    if (start_at(t, holder)) {
        did(t, "with nobody listening there");
        if (ends(t, "\"connect: Connection refused\" and exit status 1",
                 "connect-so-error-ignored"))
            check_refusal(t, ECONNREFUSED, "connect-so-error-ignored");
    }
    close(holder);
}

/* A listener that answers no more: its queue is full. */
static int full_listener(int *filler)
{
    struct pollfd queue = {hold(AF_INET, INADDR_LOOPBACK, 0, false), POLLIN, 0};
    *filler = -1;
    if (queue.fd == -1)
        return -1;
    if (listen(queue.fd, 0) == 0)
        *filler = peer_connect(own_port(queue.fd));
    if (*filler != -1 && poll(&queue, 1, 1000) == 1)
        return queue.fd;
    close(queue.fd);
    if (*filler != -1)
        close(*filler);
    return -1;
}

static void run_silent_port(struct trial *t)
{
    static const char expected[] =
        "after 400 ms \"connect: Connection timed out\" and exit status 1";
    int filler, listener = full_listener(&filler);
    if (listener == -1) {
        skip(t, "no listener with a full queue: %s", strerror(errno));
        return;
    }
    uint64_t started = now_ns();
    if (start_at(t, listener)) {
        did(t, "with a listener there whose queue is full");
        bool ended = ends(t, expected, "connect-no-deadline");
        unsigned ms = (unsigned)((now_ns() - started) / 1000000);
        if (ended && ms < DEADLINE_MS)
            fail(t, "connect-deadline-missed", expected,
                 "it gave up after %u "
                 "ms",
                 ms);
        check_refusal(t, ETIMEDOUT, "connect-deadline-missed");
    }
    close(listener);
    close(filler);
}

static const struct check_case cases_deadline[] = {
    {"connects, and waits for the greeting", CLIENT, 5, 5, WORKS, PLAIN,
     run_greeting, NULL},
    {"reports that nobody listens", CLIENT, 5, 5, TALK, PLAIN,
     run_refusing_port, NULL},
    {"gives up when nobody answers within 400 ms", CLIENT, 5, 5, TALK, PLAIN,
     run_silent_port, NULL},
    {"does not depend on what is in memory by chance", CLIENT, 5, 5, TALK,
     PATTERN, run_greeting, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- three-failures ------------------------------------------------------ */

/* A line of the program, and the call that it is about. */
struct attempt {
    char host[40];
    unsigned port;
    const struct witness_record *call; /* NULL: there was none */
};

/* Reads "WHAT: HOST:PORT: TEXT" from the program's output, and finds the call.
 */
static bool find_attempt(struct trial *t, const char *what, struct attempt *a)
{
    char format[60], expected[120];
    char text[100] = "";
    snprintf(format, sizeof format, "%s: %%39[0-9.]:%%u: %%99[^\n]", what);
    const char *line = strstr(t->child.out.bytes, what);
    memset(a, 0, sizeof *a);
    snprintf(expected, sizeof expected,
             "the line \"%s: ADDRESS:PORT: ...\" on stdout", what);
    if (line == NULL || sscanf(line, format, a->host, &a->port, text) != 3) {
        fail(t, "", expected, "no such line");
        return false;
    }
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        char host[INET_ADDRSTRLEN];
        uint32_t address = htonl(record_ipv4(r));
        inet_ntop(AF_INET, &address, host, sizeof host);
        if (r->call == WITNESS_CONNECT && record_port(r) == a->port &&
            strcmp(host, a->host) == 0 &&
            strcmp(text, r->error != 0 ? strerror(r->error) : "connected") == 0)
            a->call = r;
    }
    if (a->call == NULL)
        fail(t, "", "a line that says what connect() returned",
             "no call of connect() to %s:%u ended with \"%s\"", a->host,
             a->port, text);
    return !over(t);
}

/* The kernel must have said what the line was to show. */
static void check_attempt(struct trial *t, const struct attempt *a,
                          const char *expected, int error, const char *name)
{
    if (over(t) || a->call->error == error)
        return;
    blame(t, a->call);
    fail(t, name, expected, "connect() to %s:%u: %s", a->host, a->port,
         a->call->error != 0 ? strerror(a->call->error) : "connected");
}

/* Was there a call of that kind on a socket bound to the attempt's port? */
static bool listened_at(const struct trial *t, unsigned port)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_GETSOCKNAME && r->error == 0 &&
            record_port(r) == port &&
            log_first(&t->log, WITNESS_LISTEN, r->fd) != NULL)
            return true;
    }
    return false;
}

/* Did the program have the port for itself at the time of that attempt? */
static void check_held(struct trial *t, const struct attempt *a)
{
    int holder = -1;
    for (size_t i = 0; !over(t) && log_at(&t->log, i) != a->call; i++) {
        const struct witness_record *r = log_at(&t->log, i);
        bool names = r->call == WITNESS_GETSOCKNAME || r->call == WITNESS_BIND;
        if (names && r->error == 0 && record_port(r) == a->port)
            holder = r->fd;
        if (r->call == WITNESS_CLOSE && r->fd == holder)
            holder = -1;
    }
    if (over(t) || holder != -1 || a->port == 0) /* nobody listens at port 0 */
        return;
    blame(t, a->call);
    fail(t, "connect-refused-by-chance",
         "a port of 'refused' at which nobody can begin to listen",
         "no socket of your program had port %u when it was tried", a->port);
}

/* The three lines, and no others. */
static void check_three_lines(struct trial *t)
{
    unsigned lines = 0;
    for (const char *c = t->child.out.bytes; !over(t) && *c != '\0'; c++)
        lines += *c == '\n';
    if (!over(t) && lines != 3)
        fail(t, "connect-filler-shown", "three lines on stdout", "%u", lines);
}

static void judge_failures(struct trial *t)
{
    struct attempt a;
    if (find_attempt(t, "refused", &a)) {
        check_attempt(t, &a, "\"Connection refused\" for the port of 'refused'",
                      ECONNREFUSED, "connect-not-refused");
        check_held(t, &a);
    }
    if (!over(t) && find_attempt(t, "unreachable", &a))
        check_attempt(t, &a,
                      "\"Network is unreachable\" for the address of "
                      "'unreachable'",
                      ENETUNREACH, "connect-not-unreachable");
    if (over(t) || !find_attempt(t, "silent", &a))
        return;
    check_attempt(t, &a,
                  "no answer (\"Operation now in progress\" after 300 ms) for "
                  "the port of 'silent'",
                  EINPROGRESS, "connect-not-silent");
    if (!over(t) && strncmp(a.host, "127.", 4) == 0 && !listened_at(t, a.port))
        fail(t, "connect-not-silent",
             "a listener of this program that is "
             "silent",
             "it does not listen on port %u", a.port);
    if (!over(t) && strncmp(a.host, "127.", 4) != 0)
        fail(t, "connect-not-silent", "an address of this machine, 127.0.0.1",
             "connect() to %s", a.host);
}

/* Does this kernel show what the exercise is about? */
static bool kernel_shows(struct trial *t)
{
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(9);
    a.sin_addr.s_addr = htonl(0x7fffffff);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool shows = connect(fd, (struct sockaddr *)&a, sizeof a) == -1 &&
                 errno == ENETUNREACH;
    close(fd);
    if (!shows)
        skip(t, "this kernel does not find 127.255.255.255 unreachable");
    return shows;
}

static void run_failures(struct trial *t)
{
    if (!kernel_shows(t) || !start(t, NULL, NULL))
        return;
    if (!ends(t, "a program that ends by itself", ""))
        return;
    if (t->child.out.total == 0)
        fail(t, explained(t, ""), "three lines on stdout", "nothing");
    if (seen_by_witness(t))
        judge_failures(t);
    check_three_lines(t);
    check_status(t, 0, "");
}

static const struct check_case cases_three_failures[] = {
    {"shows three failures of connect()", CLIENT, 5, 5, WORKS, PLAIN,
     run_failures, NULL},
    {"does not depend on what is in memory by chance", CLIENT, 5, 5, TALK,
     PATTERN, run_failures, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_05[] = {
    {"05-connect/every-address", CLIENT, cases_every_address},
    {"05-connect/deadline", CLIENT, cases_deadline},
    {"05-connect/three-failures", CLIENT, cases_three_failures},
    {NULL, SERVER, NULL}};
