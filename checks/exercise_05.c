/**
 * @file
 * How the exercises of step 5 are judged.
 */
#define _GNU_SOURCE
#include "exercise.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 400, GREETING_DELAY_MS = 60 };

/* --- every-address ------------------------------------------------------- */

/* Holds a port of 127.0.0.1 or ::1; with `answers` it is listened on. */
static int hold(bool ipv6, uint32_t host, unsigned port, bool answers)
{
    int fd = ipv6 ? hold_ipv6(in6addr_loopback, port)
                  : hold_ipv4(SOCK_STREAM, host, port);
    if (fd == -1 || !answers || listen(fd, 16) == 0)
        return fd;
    close(fd);
    return -1;
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
    p->ipv6 = has_ipv6(in6addr_loopback);
    for (int tries = 0; tries < 20; tries++) {
        p->second = hold(false, INADDR_LOOPBACK, 0, p->second_error == 0);
        p->port = p->second != -1 ? own_port(p->second) : 0;
        p->first =
            hold(p->ipv6, INADDR_LOOPBACK + 1, p->port, p->first_error == 0);
        if (p->first != -1 && p->second != -1)
            return true;
        close_if_open(p->first);
        close_if_open(p->second);
    }
    return false;
}

/* The connection that waits in a listener's queue; -1: there is none. */
static int accept_next(struct trial *t, int listener)
{
    struct pollfd p = {listener, POLLIN, 0};
    return poll(&p, 1, 0) == 1 ? peer_accept(t, listener) : -1;
}

/* Was there exactly one connection, without a byte, to where we listen? */
static void check_visit(struct trial *t, int listener, const char *address)
{
    char byte;
    const char *expected = phrase(
        "one connection to %s:%u, closed without a byte", address, t->port);
    int fd = accept_next(t, listener), second = accept_next(t, listener);
    ssize_t n = fd != -1 ? recv(fd, &byte, 1, MSG_DONTWAIT) : -1;
    if (fd == -1)
        fail(t, "", expected, "no connection ever came");
    else if (n != 0)
        fail(t, "", expected, "%s",
             n > 0 ? "it has sent something" : strerror(errno));
    else if (second != -1)
        fail(t, "", expected, "there were two");
    close_if_open(fd);
    close_if_open(second);
}

/* The line of an address that answers (error 0), or fails. */
static const char *line_of(const char *address, unsigned port, int error)
{
    return phrase("%s:%u %s\n", address, port,
                  error == 0 ? "connected" : strerror(error));
}

static void check_lines(struct trial *t, const char *want, const char *name)
{
    if (!over(t) && !printed(t, want, strlen(want)))
        check_stdout(t, want, explained(t, name));
}

/* Without a type in the hints getaddrinfo() gives each address for them all. */
static bool any_datagrams(const struct trial *t)
{
    call s = first_call(t, WITNESS_SOCKET);
    while (s != NULL && (s->b & 0xf) != SOCK_DGRAM)
        s = next_call(t, s);
    return s != NULL;
}

/* One address: 127.0.0.1, or ::1. The script's family says which. */
static void run_one_address(struct trial *t)
{
    bool ipv6 = take_script(t) != NULL;
    const char *address = ipv6 ? "[::1]" : "127.0.0.1";
    int listener = hold(ipv6, INADDR_LOOPBACK, 0, true);
    if (listener == -1) {
        skip(t, "there is no %s here: %s", ipv6 ? "IPv6" : "loopback",
             strerror(errno));
        return;
    }
    t->port = own_port(listener);
    if (start(t, ipv6 ? "::1" : "127.0.0.1", phrase("%u", t->port))) {
        did(t, "listened there ourselves");
        if (ends(t))
            check_lines(t, line_of(address, t->port, 0),
                        any_datagrams(t) ? "connect-any-type"
                        : ipv6           ? "connect-ipv4-only"
                                         : "");
        check_visit(t, listener, address);
        check_ending(t, 0, "connect-answer-not-counted");
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
    call r = first_call(t, WITNESS_CONNECT);
    while (r != NULL && record_ipv4(r) != INADDR_LOOPBACK + 1)
        r = next_call(t, r);
    if (p->ipv6 && r != NULL)
        fail_at(t, r, "connect-ipv4-only", "an attempt at [::1]",
                "none; it asked for IPv4 only, so that the second address was "
                "127.0.0.2");
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
    const char *first = line_of(address, p->port, p->first_error);
    const char *second = line_of("127.0.0.1", p->port, p->second_error);
    bool any_answers = p->first_error == 0 || p->second_error == 0;
    did(t, "gave the host a second address, %s before it: %s", address,
        pair_text(p));
    if (!ends(t) || !makes_calls(t))
        return;
    check_families(t, p);
    check_lines(t, phrase("%s%s", first, second), name_missing(t, p, first));
    if (p->first_error == 0)
        check_visit(t, p->first, address);
    if (p->second_error == 0)
        check_visit(t, p->second, "127.0.0.1");
    check_ending(t, any_answers ? 0 : 1,
                 any_answers ? "connect-answer-not-counted"
                             : "error-exit-zero");
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
    if (!hold_pair(&p)) {
        skip(t, "no port is free on both addresses: %s", strerror(errno));
        return;
    }
    t->port = p.port;
    t->fault = a->first == EAFNOSUPPORT ? "getaddrinfo:two,socket:fail=97@1"
                                        : "getaddrinfo:two";
    if (start(t, "127.0.0.1", phrase("%u", p.port)))
        judge_pair(t, &p);
    close(p.first);
    close(p.second);
}

#define ANSWERS(first, second) (&(const struct answers){first, second})

static const struct check_case cases_every_address[] = {
    {"says of one address that it answers", CLIENT_WORKS, PLAIN,
     run_one_address, NULL},
    {"goes on after an address that refuses", CLIENT_TALK, PLAIN, run_pair,
     ANSWERS(ECONNREFUSED, 0)},
    {"goes on after an address that answers", CLIENT_TALK, PLAIN, run_pair,
     ANSWERS(0, ECONNREFUSED)},
    {"tries both when both answer", CLIENT_TALK, PLAIN, run_pair,
     ANSWERS(0, 0)},
    {"exits with 1 when no address answers", CLIENT_TALK, PLAIN, run_pair,
     ANSWERS(ECONNREFUSED, ECONNREFUSED)},
    {"reports a host that does not exist", CLIENT_TALK, PLAIN, run_bad_host,
     NULL},
    {"goes on after an address for which there is no socket", CLIENT_TALK,
     PLAIN, run_pair, ANSWERS(EAFNOSUPPORT, 0)},
    {MEMORY_BY_CHANCE, CLIENT_TALK, PATTERN, run_one_address, NULL},
    {FOREIGN_MEMORY, CLIENT_TALK, ASAN, run_pair, ANSWERS(ECONNREFUSED, 0)},
    {"reaches a server on IPv6", CLIENT_TALK, PLAIN, run_one_address, "::1"},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- deadline ------------------------------------------------------------ */

/* As ends(), with what is expected and the name of the mistake if not. */
static bool ends_as(struct trial *t, const char *expected,
                    const char *diagnosis)
{
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (!t->child.ended)
        fail(t, diagnosis, expected, "%s", its_state(t));
    return !over(t);
}

/* Starts the program with the address that one of our sockets has. */
static bool start_at(struct trial *t, int peer)
{
    t->port = own_port(peer);
    return start(t, "127.0.0.1", phrase("%u", t->port));
}

/* Waits for the status line of a client that has been accepted. */
static void check_connected(struct trial *t)
{
    const char *line = phrase("connected to 127.0.0.1:%u", t->port);
    if (!appears(t, &t->child.err, line, QUIET_MS))
        fail(t,
             says_error(&t->child, EINPROGRESS) ? "connect-progress-is-failure"
                                                : explained(t, ""),
             phrase("\"%s\" on stderr", line), "no such line; %s",
             its_state(t));
}

/* The greeting comes a moment after the connection. */
static void greet(struct trial *t, int fd)
{
    const char *greeting = phrase("greeting number %u\n", chance(1000000));
    child_await(&t->child, -1, 0, NULL, NULL, GREETING_DELAY_MS);
    if (t->child.ended)
        fail(t,
             says_error(&t->child, EAGAIN) ? "connect-left-non-blocking" : "",
             "a client that waits for the greeting",
             "it ended before there was one");
    send(fd, greeting, strlen(greeting), MSG_NOSIGNAL);
    did(t, "greeted it %d ms later, and ended our side", GREETING_DELAY_MS);
    close(fd);
    if (ends_as(t, "a client that ends with the stream", ""))
        check_lines(t, greeting, "");
    check_ending(t, 0, "");
}

static void run_greeting(struct trial *t)
{
    int fd = let_visit(t, open_listener(t), NULL);
    if (fd == -1)
        return;
    did(t, "accepted its connection");
    check_connected(t);
    greet(t, fd);
}

/* Was SO_ERROR asked for, and did it tell of a failure? */
static bool got_socket_error(const struct trial *t)
{
    call r = first_call(t, WITNESS_GETSOCKOPT);
    while (r != NULL && (r->b != SO_ERROR || r->c == 0))
        r = next_call(t, r);
    return r != NULL;
}

/* It must not say that it is connected; then, status 1 and the errno. */
static void check_refusal(struct trial *t, int error, const char *diagnosis)
{
    if (prints(&t->child.err, "connected to"))
        fail(t, diagnosis,
             phrase("\"connect: %s\" and exit status 1", strerror(error)),
             "it says that it is connected: stderr %s", its_errors(t));
    check_error(t, "connect", error,
                got_socket_error(t) ? "connect-so-error-unused" : diagnosis);
}

static void run_refusing_port(struct trial *t)
{
    int holder = hold(false, INADDR_LOOPBACK, 0, false);
    if (holder == -1) {
        skip(t, "no port to be refused on: %s", strerror(errno));
        return;
    }
    if (start_at(t, holder)) {
        did(t, "with nobody listening there");
        if (ends_as(t, "\"connect: Connection refused\" and exit status 1",
                    "connect-so-error-ignored"))
            check_refusal(t, ECONNREFUSED, "connect-so-error-ignored");
    }
    close(holder);
}

/* A listener that answers no more: its queue is full. */
static int full_listener(int *filler)
{
    struct pollfd queue = {hold(false, INADDR_LOOPBACK, 0, false), POLLIN, 0};
    *filler = -1;
    if (queue.fd == -1)
        return -1;
    if (listen(queue.fd, 0) == 0)
        *filler = peer_connect(own_port(queue.fd));
    if (*filler != -1 && poll(&queue, 1, 1000) == 1)
        return queue.fd;
    close(queue.fd);
    close_if_open(*filler);
    return -1;
}

/* Milliseconds from its first call to its last, without a witness: in all. */
static unsigned tried_ms(const struct trial *t, uint64_t started)
{
    uint64_t ended = now_ns();
    if (log_count(&t->log) > 0) {
        call last = log_at(&t->log, log_count(&t->log) - 1);
        started = log_at(&t->log, 0)->enter;
        ended = last->done ? last->leave : last->enter;
    }
    return (unsigned)((ended - started) / 1000000);
}

/* One client that finds a full queue. @return how long it tried */
static unsigned find_full_queue(struct trial *t, int listener)
{
    static const char expected[] =
        "after 400 ms \"connect: Connection timed out\" and exit status 1";
    uint64_t started = now_ns();
    if (!start_at(t, listener))
        return 0;
    did(t, "with a listener there whose queue is full");
    bool ended = ends_as(t, expected, "connect-no-deadline");
    unsigned ms = tried_ms(t, started);
    /* It may have looked at its clock a little before. */
    if (ended && ms + 5 < DEADLINE_MS)
        fail(t, "connect-deadline-missed", expected, "it gave up after %u ms",
             ms);
    check_refusal(t, ETIMEDOUT, "connect-deadline-missed");
    return ms;
}

/* On a busy machine giving up at once may take long: hence several tries. */
static void run_silent_port(struct trial *t)
{
    int filler, listener = full_listener(&filler);
    if (listener == -1) {
        skip(t, "no listener with a full queue: %s", strerror(errno));
        return;
    }
    unsigned ms = 2 * DEADLINE_MS;
    for (int tries = 0; tries < 4 && ms > DEADLINE_MS * 3 / 2 && !over(t);
         tries++) {
        memset(t->result, 0, sizeof *t->result);
        ms = find_full_queue(t, listener);
    }
    close(listener);
    close(filler);
}

static const struct check_case cases_deadline[] = {
    {"connects, and waits for the greeting", CLIENT_WORKS, PLAIN, run_greeting,
     NULL},
    {"reports that nobody listens", CLIENT_TALK, PLAIN, run_refusing_port,
     NULL},
    {"gives up when nobody answers within 400 ms", CLIENT_TALK, PLAIN,
     run_silent_port, NULL},
    {MEMORY_BY_CHANCE, CLIENT_TALK, PATTERN, run_greeting, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- three-failures ------------------------------------------------------ */

/* A line of the program, and the call that it is about. */
struct attempt {
    char host[40];
    unsigned port;
    call call; /* NULL: there was none */
};

/* Is this the call of connect() that a line speaks of? */
static bool is_attempt(call c, const struct attempt *a, const char *text)
{
    char host[INET_ADDRSTRLEN];
    uint32_t address = htonl(record_ipv4(c));
    inet_ntop(AF_INET, &address, host, sizeof host);
    return record_port(c) == a->port && strcmp(host, a->host) == 0 &&
           strcmp(text, c->error != 0 ? strerror(c->error) : "connected") == 0;
}

/* Reads "WHAT: HOST:PORT: TEXT" from stdout, and finds the call. */
static bool find_attempt(struct trial *t, const char *what, struct attempt *a)
{
    char text[100] = "";
    const char *format = phrase("%s: %%39[0-9.]:%%u: %%99[^\n]", what);
    const char *line = strstr(t->child.out.bytes, what);
    memset(a, 0, sizeof *a);
    if (line == NULL || sscanf(line, format, a->host, &a->port, text) != 3) {
        fail(t, "",
             phrase("the line \"%s: ADDRESS:PORT: ...\" on stdout", what),
             "no such line");
        return false;
    }
    for (call c = first_call(t, WITNESS_CONNECT); c != NULL;
         c = next_call(t, c))
        if (is_attempt(c, a, text))
            a->call = c;
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
    if (a->call->error != error)
        fail_at(t, a->call, name, expected, "connect() to %s:%u: %s", a->host,
                a->port,
                a->call->error != 0 ? strerror(a->call->error) : "connected");
}

/* Did the program listen at this port? */
static bool listened_at(const struct trial *t, unsigned port)
{
    call r = first_call(t, WITNESS_GETSOCKNAME);
    while (r != NULL && (r->error != 0 || record_port(r) != port ||
                         log_first(&t->log, WITNESS_LISTEN, r->fd) == NULL))
        r = next_call(t, r);
    return r != NULL;
}

/* Did the program have the port for itself at the time of that attempt? */
static void check_held(struct trial *t, const struct attempt *a)
{
    int holder = -1;
    for (size_t i = 0; !over(t) && log_at(&t->log, i) != a->call; i++) {
        call r = log_at(&t->log, i);
        bool names = r->call == WITNESS_GETSOCKNAME || r->call == WITNESS_BIND;
        if (names && r->error == 0 && record_port(r) == a->port)
            holder = r->fd;
        if (r->call == WITNESS_CLOSE && r->fd == holder)
            holder = -1;
    }
    if (holder == -1 && a->port != 0) /* nobody listens at port 0 */
        fail_at(t, a->call, "connect-refused-by-chance",
                "a port of 'refused' at which nobody can begin to listen",
                "no socket of your program had port %u when it was tried",
                a->port);
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
             "a listener of this program that is silent",
             "it does not listen on port %u", a.port);
    if (!over(t) && strncmp(a.host, "127.", 4) != 0)
        fail(t, "connect-not-silent", "an address of this machine, 127.0.0.1",
             "connect() to %s", a.host);
}

/* Does this kernel show what the exercise is about? */
static bool kernel_shows(struct trial *t)
{
    struct sockaddr_in a = ipv4_address(0x7fffffff, 9);
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
    if (!kernel_shows(t) || !start(t, NULL, NULL) || !ends(t))
        return;
    if (t->child.out.total == 0)
        fail(t, explained(t, ""), "three lines on stdout", "nothing");
    if (makes_calls(t))
        judge_failures(t);
    check_three_lines(t);
    check_ending(t, 0, "");
}

static const struct check_case cases_three_failures[] = {
    {"shows three failures of connect()", CLIENT_WORKS, PLAIN, run_failures,
     NULL},
    {MEMORY_BY_CHANCE, CLIENT_TALK, PATTERN, run_failures, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_05[] = {
    {"05-connect/every-address", CLIENT, cases_every_address},
    {"05-connect/deadline", CLIENT, cases_deadline},
    {"05-connect/three-failures", CLIENT, cases_three_failures},
    {NULL, SERVER, NULL}};
