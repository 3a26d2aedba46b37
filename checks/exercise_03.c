/**
 * @file
 * How the exercises of step 3 are judged: by connecting, and by what the
 * kernel says about its listeners in /proc/net/tcp.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef const struct witness_record *call;

/* A number below `limit`, by chance. */
static unsigned chance(unsigned limit)
{
    static uint64_t state;
    if (state == 0)
        state = now_ns() ^ (uint64_t)getpid() << 32;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % limit;
}

/* The port behind the n-th "listening on HOST:" on stderr; 0: not there. */
static unsigned announced(const struct trial *t, const char *line, int n)
{
    const char *at = t->child.err.bytes;
    for (; at != NULL && n >= 0; n--) {
        at = strstr(at, line);
        at = at != NULL ? at + strlen(line) : NULL;
    }
    return at != NULL ? (unsigned)strtoul(at, NULL, 10) : 0;
}

/* The usage line of another program: that of the step, in place of ours. */
static bool is_other_program(const struct trial *t)
{
    char own[80];
    snprintf(own, sizeof own, "usage: %s",
             program_name(t->subject, t->asked->role));
    return exited(&t->child, 2) && strstr(t->child.err.bytes, own) == NULL;
}

/* Waits for the first such line, and for the n-th. */
static bool await_line(struct trial *t, const char *line, int n)
{
    char expected[100], got[300];
    t->outcome = child_await(&t->child, -1, 0, &t->child.err, line, QUIET_MS);
    if (t->outcome == GOT_IT && announced(t, line, n) == 0)
        t->outcome = child_await(&t->child, -1, 0, NULL, NULL, 200);
    if (announced(t, line, n) != 0)
        return true;
    snprintf(expected, sizeof expected, "the line \"%sPORT\" on stderr", line);
    outcome_text(t, t->outcome, got, sizeof got);
    fail(t, is_other_program(t) ? "exercise-other-program" : explain(t, ""),
         expected, "no such line; %s", got);
    return false;
}

/* Enter, and the end. */
static void press_enter_to_end(struct trial *t)
{
    if (over(t))
        return;
    did(t, "pressed Enter");
    child_type(&t->child, "\n");
    t->outcome = child_await_end(&t->child, QUIET_MS);
    check_success(t);
}

/* It must fail with that errno, and say so. `name`: what if it goes on. */
static void expect_failure(struct trial *t, int error, const char *name)
{
    char expected[200], got[200];
    snprintf(expected, sizeof expected,
             "\"%s\" (%s) on stderr, behind the name of the call, and exit "
             "status 1",
             strerror(error), errno_name(error));
    if (over(t))
        return;
    outcome_text(t, t->outcome, got, sizeof got);
    if (!t->child.ended || exited(&t->child, 0))
        fail(t, name, expected, "%s, as if nothing had happened", got);
    else if (!exited(&t->child, 1))
        fail(t, "", expected, "%s", got);
    else if (!says_error(&t->child, error))
        fail(t,
             strstr(t->child.out.bytes, strerror(error)) != NULL
                 ? "error-on-stdout"
                 : "error-without-text",
             expected, "%s, without that text on stderr", got);
    else
        check_failure(t, error); /* the name of the call */
}

/* --- backlog -------------------------------------------------------------- */

enum { OURS_MAX = 8 };

static size_t count_calls(const struct trial *t, enum witness_call kind)
{
    size_t n = 0;
    for (size_t i = 0; i < log_count(&t->log); i++)
        n += log_at(&t->log, i)->call == kind;
    return n;
}

/* How many connections wait in the queue of a listener; -1: nobody knows. */
static int queue_length(unsigned port)
{
    char line[300];
    int length = -1;
    FILE *f = fopen("/proc/net/tcp", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        unsigned host, local, state, waiting;
        if (sscanf(line, "%*d: %x:%x %*x:%*x %x %*x:%x", &host, &local, &state,
                   &waiting) == 4 &&
            host == htonl(INADDR_LOOPBACK) && local == port && state == 0x0a)
            length = (int)waiting;
    }
    if (f != NULL)
        fclose(f);
    return length;
}

/* Does one more client get in? */
static bool one_gets_in(unsigned port)
{
    struct sockaddr_in to;
    struct pollfd p = {socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), POLLOUT,
                       0};
    int error = EINPROGRESS;
    socklen_t size = sizeof error;
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(p.fd, (struct sockaddr *)&to, sizeof to) == 0)
        error = 0;
    else if (poll(&p, 1, 50) == 1)
        getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    close(p.fd);
    return error == 0;
}

/* Takes places in the queue ourselves. False if there are too few. */
static bool take_places(struct trial *t, int ours[OURS_MAX], int places)
{
    for (int i = 0; i < places; i++) {
        ours[i] = peer_connect(t->port);
        if (ours[i] == -1) {
            bool refused = errno == ECONNREFUSED;
            blame(t, log_first(&t->log, WITNESS_LISTEN, -1));
            fail(t, refused ? "listen-missing" : "listen-backlog-ignored",
                 "a queue as long as was asked for",
                 refused ? "connection refused: nobody listens"
                         : "it was full after %d",
                 i);
            return false;
        }
    }
    for (int i = 0; i < 10 && queue_length(t->port) != places; i++)
        child_await(&t->child, -1, 0, NULL, NULL, 20);
    if (queue_length(t->port) == places)
        return true;
    skip(t, "the length of the queue is not to be had from /proc/net/tcp");
    return false;
}

static void check_filled(struct trial *t, int backlog, int places)
{
    char expected[200];
    int wrote = -1, said = -1, length = queue_length(t->port);
    call l = log_first(&t->log, WITNESS_LISTEN, -1);
    const char *line = strstr(t->child.out.bytes, "backlog ");
    if (line != NULL)
        sscanf(line, "backlog %d: let in %d", &wrote, &said);
    blame(t, l);
    if (l != NULL && l->a != backlog) {
        snprintf(expected, sizeof expected, "listen() with %d", backlog);
        fail(t, "listen-backlog-ignored", expected, "%d", (int)l->a);
    }
    if (!over(t) && one_gets_in(t->port)) {
        blame(t, log_last(&t->log, WITNESS_CONNECT, -1));
        fail(t, "listen-queue-not-full", "a full queue",
             "%d wait in it, and one more client of ours gets in", length);
    }
    snprintf(expected, sizeof expected,
             "\"backlog %d: let in %d\", for %d wait now, and %d of them are "
             "ours",
             backlog, length - places, length, places);
    if (!over(t) && (wrote != backlog || said != length - places))
        fail(t, "listen-queue-miscounted", expected, "%.*s",
             line != NULL ? (int)strcspn(line, "\n") : 0,
             line != NULL ? line : "");
}

/* Clients that the program made and did not close. */
static void check_clients(struct trial *t)
{
    int fd;
    if (over(t) || !log_left_socket(&t->log, &fd) ||
        log_first(&t->log, WITNESS_CONNECT, fd) == NULL)
        return;
    blame(t, log_last(&t->log, WITNESS_CONNECT, fd));
    fail(t, "listen-client-leaked", "the sockets of all clients in client[]",
         "descriptor %d is not there, and was never closed", fd);
}

/* Why the number of clients was not printed; `fit`: how many get in. */
static const char *explain_filling(struct trial *t, int fit)
{
    call failed = log_failed(&t->log, WITNESS_CONNECT, EISCONN);
    const char *name = explain(t, "");
    if (failed != NULL) {
        blame(t, failed);
        return "listen-one-client";
    }
    if (count_calls(t, WITNESS_CONNECT) > (size_t)fit + 1) {
        blame(t, log_last(&t->log, WITNESS_CONNECT, -1));
        return "listen-filling-endless";
    }
    return name;
}

static void fill(struct trial *t, int backlog, int places)
{
    char text[8], got[200];
    int ours[OURS_MAX];
    snprintf(text, sizeof text, "%d", backlog);
    if (!start(t, text, NULL) || !await_line(t, "listening on 127.0.0.1:", 0))
        return;
    t->port = announced(t, "listening on 127.0.0.1:", 0);
    if (places > 0)
        did(t, "took %d of the places in the queue ourselves", places);
    if (!take_places(t, ours, places))
        return;
    did(t, "pressed Enter");
    child_type(&t->child, "\n");
    t->outcome =
        child_await(&t->child, -1, 0, &t->child.out, "let in", QUIET_MS);
    if (t->outcome == GOT_IT)
        check_filled(t, backlog, places);
    else
        fail(t, explain_filling(t, backlog + 1 - places),
             "a line \"backlog ...: let in ...\" on stdout", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    press_enter_to_end(t);
    check_clients(t);
    for (int i = 0; i < places; i++)
        close(ours[i]);
}

static void run_fill(struct trial *t)
{
    int backlog = 2 + (int)chance(6);
    fill(t, backlog, 1 + (int)chance((unsigned)backlog - 1));
}

static void run_fill_none(struct trial *t)
{
    fill(t, 0, 0);
}

/* A client that is refused is no sign of a full queue. */
static void run_fill_failure(struct trial *t)
{
    t->fault = "connect:fail=111@2";
    did(t, "let the second connect() fail with ECONNREFUSED");
    if (!start(t, "3", NULL) || !await_line(t, "listening on 127.0.0.1:", 0))
        return;
    child_type(&t->child, "\n");
    child_type(&t->child, NULL);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    expect_failure(t, ECONNREFUSED, "listen-failure-counted");
    check_clients(t);
}

static const struct check_case cases_backlog[] = {
    {"fills the queue and counts who gets in", SERVER, 3, 3, WORKS, PLAIN,
     run_fill, NULL},
    {"fills the shortest queue, that of backlog 0", SERVER, 3, 3, TALK, PLAIN,
     run_fill_none, NULL},
    {"reports a failing listen()", SERVER, 3, 3, TALK, PLAIN, run_start_failure,
     SCRIPT(.what = "let listen() fail", .fault = "listen:fail=98",
            .error = EADDRINUSE, .diagnosis = "listen-unchecked")},
    {"reports a client that fails", SERVER, 3, 3, TALK, PLAIN, run_fill_failure,
     NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- both ----------------------------------------------------------------- */

static bool has_ipv6(void)
{
    unsigned port = 0;
    int fd = peer_listen(AF_INET6, &port);
    if (fd != -1)
        close(fd);
    return fd != -1;
}

/* Can a client connect there over IPv6? */
static bool reach_ipv6(unsigned port)
{
    struct sockaddr_in6 to;
    memset(&to, 0, sizeof to);
    to.sin6_family = AF_INET6;
    to.sin6_port = htons((uint16_t)port);
    to.sin6_addr = in6addr_loopback;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd != -1 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (fd != -1)
        close(fd);
    return ok;
}

static void check_ipv6_bind(struct trial *t, call r)
{
    struct sockaddr_in6 a;
    if (over(t) || record_family(r) == AF_INET)
        return;
    blame(t, r);
    if (r->a != (int64_t)sizeof a)
        fail(t, "bind-ipv6-unfinished", "bind() with 28 bytes of address",
             "bind() with %d", (int)r->a);
    memset(&a, 0, sizeof a);
    memcpy(&a, r->address,
           r->address_size < sizeof a ? r->address_size : sizeof a);
    if (a.sin6_family != AF_INET6)
        fail(t, "bind-ipv6-unfinished", "AF_INET6 in sin6_family",
             a.sin6_family == AF_INET ? "AF_INET" : "%d", a.sin6_family);
    if (memcmp(&a.sin6_addr, &in6addr_loopback, sizeof a.sin6_addr) == 0)
        return;
    bool any = memcmp(&a.sin6_addr, &in6addr_any, sizeof a.sin6_addr) == 0;
    fail(t, any ? "bind-ipv6-any" : "bind-ipv6-unfinished",
         "bind() with the address ::1", "%s",
         any ? "it was called with ::, which is every address"
             : "it was called with another one");
}

/* Is there an IPv6 socket, and is it bound to ::1 and nothing else? */
static void check_ipv6(struct trial *t)
{
    bool made = false;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        made = made || (r->call == WITNESS_SOCKET && r->a == AF_INET6);
        if (r->call == WITNESS_BIND)
            check_ipv6_bind(t, r);
    }
    if (!made && log_saw_calls(&t->log))
        fail(t, "listen-one-family", "a socket of AF_INET6, too",
             "no such call of socket()");
}

static void check_pair(struct trial *t)
{
    unsigned ipv4 = announced(t, "listening on 127.0.0.1:", 0);
    unsigned ipv6 = announced(t, "listening on [::1]:", 0);
    unsigned swapped = (ipv4 & 0xff) << 8 | ipv4 >> 8;
    check_ipv6(t);
    if (over(t))
        return;
    blame(t, log_last(&t->log, WITNESS_BIND, -1));
    if (ipv4 != ipv6)
        fail(t, ipv6 == swapped ? "bind-no-htons" : "listen-two-ports",
             "the same port for both", "%u for IPv4, %u for IPv6", ipv4, ipv6);
    did(t, "connected to both");
    int fd = peer_connect(ipv4);
    if (fd == -1)
        fail(t, explain(t, ""), "a connection to 127.0.0.1", "connect(): %s",
             strerror(errno));
    else
        close(fd);
    if (!reach_ipv6(ipv6))
        fail(t, explain(t, ""), "a connection to [::1]", "connect(): %s",
             strerror(errno));
}

/* Waits for both lines. Why is one missing? */
static bool await_pair(struct trial *t, const char *diagnosis)
{
    char got[200];
    const char *line = "listening on [::1]:";
    t->outcome = child_await(&t->child, -1, 0, &t->child.err, line, QUIET_MS);
    if (t->outcome == GOT_IT)
        return await_line(t, "listening on 127.0.0.1:", 0);
    check_ipv6(t);
    if (over(t))
        return false;
    const char *name = explain(t, diagnosis);
    blame(t, log_last(&t->log, WITNESS_BIND, -1));
    fail(t, name, "the lines \"listening on ...\" of both listeners",
         "no line of the one on [::1]; %s",
         outcome_text(t, t->outcome, got, sizeof got));
    return false;
}

/* Both lines, both connections, Enter; with the fault of the script, if any. */
static void run_both(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    if (!has_ipv6()) {
        skip(t, "this machine has no address ::1: %s", strerror(errno));
        return;
    }
    if (s != NULL) {
        t->fault = s->fault;
        did(t, "%s", s->what);
    }
    if (!start(t, NULL, NULL))
        return;
    if (await_pair(t, s != NULL ? s->diagnosis : ""))
        check_pair(t);
    press_enter_to_end(t);
}

/* It must fail, at once or after the eighth try. */
static void run_no_pair(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    if (!has_ipv6()) {
        skip(t, "this machine has no address ::1: %s", strerror(errno));
        return;
    }
    t->fault = s->fault;
    did(t, "%s", s->what);
    if (!start(t, NULL, NULL))
        return;
    t->outcome =
        child_await(&t->child, -1, 0, &t->child.err, "listening on", QUIET_MS);
    expect_failure(t, s->error, s->diagnosis);
    size_t pairs = count_calls(t, WITNESS_BIND) / 2;
    if (over(t) || s->error != EADDRINUSE || pairs == 8)
        return;
    blame(t, log_last(&t->log, WITNESS_BIND, -1));
    fail(t, "listen-pair-gives-up", "eight pairs, one after the other",
         "it gave up after %zu", pairs);
}

static const struct check_case cases_both[] = {
    {"listens on 127.0.0.1 and on [::1], on one port", SERVER, 3, 3, WORKS,
     PLAIN, run_both, NULL},
    {"takes another pair when the port is in use for IPv6", SERVER, 3, 3, TALK,
     PLAIN, run_both,
     SCRIPT(.what = "let the second bind() fail with EADDRINUSE",
            .fault = "bind:fail=98@2", .diagnosis = "listen-pair-gives-up")},
    {"ends at any other failure", SERVER, 3, 3, TALK, PLAIN, run_no_pair,
     SCRIPT(.what = "let the second bind() fail with EADDRNOTAVAIL",
            .fault = "bind:fail=99@2", .error = EADDRNOTAVAIL,
            .diagnosis = "bind-errors-confused")},
    {"ends after eight pairs", SERVER, 3, 3, TALK, PLAIN, run_no_pair,
     SCRIPT(.what = "let each second bind() fail with EADDRINUSE",
            .fault = "bind:fail=98@2,bind:fail=98@4,bind:fail=98@6,"
                     "bind:fail=98@8,bind:fail=98@10,bind:fail=98@12,"
                     "bind:fail=98@14,bind:fail=98@16",
            .error = EADDRINUSE, .diagnosis = "listen-pair-endless")},
    {"does not depend on what is in memory by chance", SERVER, 3, 3, TALK,
     PATTERN, run_both, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- shared --------------------------------------------------------------- */

static void run_two_ports(struct trial *t)
{
    const char *line = "listening on 127.0.0.1:";
    if (!start(t, "0", "0") || !await_line(t, line, 1))
        return;
    for (int i = 0; i < 2 && !over(t); i++) {
        t->port = announced(t, line, i);
        did(t, "connected to port %u", t->port);
        int fd = connect_to_server(t);
        if (fd != -1)
            close(fd);
    }
    press_enter_to_end(t);
}

/* The option that lets several sockets listen on one port, or NULL. */
static call reuseport(const struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        if (r->call == WITNESS_SETSOCKOPT && r->a == SOL_SOCKET &&
            r->b == SO_REUSEPORT && r->c != 0)
            return r;
    }
    return NULL;
}

static void run_same_port(struct trial *t)
{
    const char *line = "listening on 127.0.0.1:";
    for (int tries = 0; tries < 5; tries++) { /* somebody may be faster */
        char port[8];
        snprintf(port, sizeof port, "%u", free_port());
        t->result->did[0] = '\0';
        if (!start(t, port, port))
            return;
        t->outcome = child_await_end(&t->child, 300);
        if (!says_error(&t->child, EADDRINUSE) || announced(t, line, 0) != 0)
            break;
    }
    if (!t->child.ended) {
        blame(t, reuseport(t));
        fail(t, reuseport(t) != NULL ? "bind-options-ored" : "bind-unchecked",
             "\"bind: Address already in use\" and exit status 1",
             "it listens on that port twice");
    }
    expect_failure(t, EADDRINUSE, "bind-unchecked");
}

static const struct check_case cases_shared[] = {
    {"listens on two ports", SERVER, 3, 3, WORKS, PLAIN, run_two_ports, NULL},
    {"does not listen twice on one port", SERVER, 3, 3, TALK, PLAIN,
     run_same_port, NULL},
    {"does not share its port with a second server", SERVER, 3, 3, TALK, PLAIN,
     run_second_server, NULL},
    {"can be restarted on its port at once", SERVER, 3, 3, TALK, PLAIN,
     run_restart, NULL},
    {"does not depend on what is in memory by chance", SERVER, 3, 3, TALK,
     PATTERN, run_two_ports, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_03[] = {
    {"03-listen/both", SERVER, cases_both},
    {"03-listen/shared", SERVER, cases_shared},
    {"03-listen/backlog", SERVER, cases_backlog},
    {NULL, SERVER, NULL}};
