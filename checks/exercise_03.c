/**
 * @file
 * How the exercises of step 3 are judged: by connecting, and by what the
 * kernel says about its listeners in /proc/net/tcp.
 */
#define _GNU_SOURCE
#include "exercise.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Waits for the first such line, and for the n-th. */
static bool await_line(struct trial *t, const char *line, int n)
{
    if (appears(t, &t->child.err, line, QUIET_MS) && announced(t, line, n) == 0)
        t->outcome = child_await(&t->child, -1, 0, NULL, NULL, 200);
    if (announced(t, line, n) == 0)
        fail(t, explained(t, ""), phrase("the line \"%sPORT\" on stderr", line),
             "no such line; %s", its_state(t));
    return !over(t);
}

/* --- backlog -------------------------------------------------------------- */

enum { OURS_MAX = 8 };

/* Does one more client get in? */
static bool one_gets_in(unsigned port)
{
    struct pollfd p = {socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), POLLOUT,
                       0};
    struct sockaddr_in to = ipv4_address(INADDR_LOOPBACK, port);
    int error = EINPROGRESS;
    socklen_t size = sizeof error;
    if (peer_reach(p.fd, &to, sizeof to) == 0)
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
            fail_at(t, first_call(t, WITNESS_LISTEN),
                    refused ? "listen-missing" : "listen-backlog-ignored",
                    "a queue as long as was asked for",
                    refused ? "connection refused: nobody listens"
                            : "it was full after %d",
                    i);
            return false;
        }
    }
    for (int i = 0; i < 10 && queue_length(t->port) != places; i++)
        child_await(&t->child, -1, 0, NULL, NULL, 20);
    if (queue_length(t->port) != places)
        skip(t, "the length of the queue is not to be had from /proc/net/tcp");
    return !over(t);
}

static void check_filled(struct trial *t, int backlog, int places)
{
    int wrote = -1, said = -1, length = queue_length(t->port);
    call l = first_call(t, WITNESS_LISTEN);
    const char *line = strstr(t->child.out.bytes, "backlog ");
    if (line != NULL)
        sscanf(line, "backlog %d: let in %d", &wrote, &said);
    if (l != NULL && l->a != backlog)
        fail_at(t, l, "listen-backlog-ignored",
                phrase("listen() with %d", backlog), "%d", (int)l->a);
    if (!over(t) && one_gets_in(t->port))
        fail_at(t, last_call(t, WITNESS_CONNECT), "listen-queue-not-full",
                "a full queue",
                "%d wait in it, and one more client of ours gets in", length);
    if (wrote != backlog || said != length - places)
        fail_at(t, l, "listen-queue-miscounted",
                phrase("\"backlog %d: let in %d\", for %d wait now, and %d of "
                       "them are ours",
                       backlog, length - places, length, places),
                "%.*s", line != NULL ? (int)strcspn(line, "\n") : 0,
                line != NULL ? line : "");
}

/* Clients that the program made and did not close. */
static void check_clients(struct trial *t)
{
    int fd;
    if (log_left_socket(&t->log, &fd) &&
        log_first(&t->log, WITNESS_CONNECT, fd) != NULL)
        fail_at(t, log_last(&t->log, WITNESS_CONNECT, fd),
                "listen-client-leaked",
                "the sockets of all clients in client[]",
                "descriptor %d is not there, and was never closed", fd);
}

/* Why the number of clients was not printed; `fit`: how many get in. */
static const char *explain_filling(struct trial *t, int fit)
{
    call failed = log_failed(&t->log, WITNESS_CONNECT, EISCONN);
    const char *name = explain(t, "");
    if (failed != NULL)
        return shown_by(t, failed, "listen-one-client");
    if (count_calls(t, WITNESS_CONNECT) > (size_t)fit + 1)
        return shown_by(t, last_call(t, WITNESS_CONNECT),
                        "listen-filling-endless");
    return name;
}

/* Starts the program with this backlog, and finds its port. */
static bool start_with(struct trial *t, int backlog)
{
    const char *line = "listening on 127.0.0.1:";
    bool listens =
        start(t, phrase("%d", backlog), NULL) && await_line(t, line, 0);
    t->port = listens ? announced(t, line, 0) : 0;
    return listens;
}

static void fill(struct trial *t, int backlog, int places)
{
    int ours[OURS_MAX];
    if (!start_with(t, backlog))
        return;
    if (places > 0)
        did(t, "took %d of the places in the queue ourselves", places);
    if (!take_places(t, ours, places))
        return;
    press_enter(t);
    if (appears(t, &t->child.out, "let in", QUIET_MS))
        check_filled(t, backlog, places);
    else
        fail(t, explain_filling(t, backlog + 1 - places),
             "a line \"backlog ...: let in ...\" on stdout", "%s",
             its_state(t));
    end_by_enter(t);
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
    if (!start_with(t, 3))
        return;
    child_type(&t->child, "\n");
    child_type(&t->child, NULL);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    expect_failure(t, ECONNREFUSED, "listen-failure-counted");
    check_clients(t);
}

static const struct check_case cases_backlog[] = {
    {"fills the queue and counts who gets in", SERVER_WORKS, PLAIN, run_fill,
     NULL},
    {"fills the shortest queue, that of backlog 0", SERVER_TALK, PLAIN,
     run_fill_none, NULL},
    {"reports a failing listen()", SERVER_TALK, PLAIN, run_start_failure,
     SCRIPT(.what = "let listen() fail", .fault = "listen:fail=98",
            .error = EADDRINUSE, .diagnosis = "listen-unchecked")},
    {"reports a client that fails", SERVER_TALK, PLAIN, run_fill_failure, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- both ----------------------------------------------------------------- */

/* Can a client connect there over IPv6? */
static bool reach_ipv6(unsigned port)
{
    struct sockaddr_in6 to = ipv6_address(in6addr_loopback, port);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd != -1 && peer_reach(fd, &to, sizeof to) == 0;
    close_if_open(fd);
    return ok;
}

static void check_ipv6_bind(struct trial *t, call r)
{
    if (record_family(r) == AF_INET || !is_whole_ipv6(t, r) ||
        bound_to_ipv6(r, in6addr_loopback))
        return;
    bool any = bound_to_ipv6(r, in6addr_any);
    fail_at(t, r, any ? "bind-ipv6-any" : "bind-ipv6-unfinished",
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
    check_ipv6(t);
    if (over(t))
        return;
    if (ipv4 != ipv6)
        fail_at(t, last_call(t, WITNESS_BIND),
                ipv6 == swapped(ipv4) ? "bind-no-htons" : "listen-two-ports",
                "the same port for both", "%u for IPv4, %u for IPv6", ipv4,
                ipv6);
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
    if (appears(t, &t->child.err, "listening on [::1]:", QUIET_MS))
        return await_line(t, "listening on 127.0.0.1:", 0);
    check_ipv6(t);
    if (!over(t))
        fail_at(t, last_call(t, WITNESS_BIND), explain(t, diagnosis),
                "the lines \"listening on ...\" of both listeners",
                "no line of the one on [::1]; %s", its_state(t));
    return false;
}

/* Both lines, both connections, Enter; with the fault of the script, if any. */
static void run_both(struct trial *t)
{
    if (!needs_ipv6(t, in6addr_loopback))
        return;
    const struct script *s = set_fault(t);
    if (!start(t, NULL, NULL))
        return;
    if (await_pair(t, s != NULL ? s->diagnosis : ""))
        check_pair(t);
    end_by_enter(t);
}

/* It must fail, at once or after the eighth try. */
static void run_no_pair(struct trial *t)
{
    if (!needs_ipv6(t, in6addr_loopback))
        return;
    const struct script *s = set_fault(t);
    if (!start(t, NULL, NULL))
        return;
    appears(t, &t->child.err, "listening on", QUIET_MS);
    expect_failure(t, s->error, s->diagnosis);
    size_t pairs = count_calls(t, WITNESS_BIND) / 2;
    if (s->error == EADDRINUSE && pairs != 8)
        fail_at(t, last_call(t, WITNESS_BIND), "listen-pair-gives-up",
                "eight pairs, one after the other", "it gave up after %zu",
                pairs);
}

static const struct check_case cases_both[] = {
    {"listens on 127.0.0.1 and on [::1], on one port", SERVER_WORKS, PLAIN,
     run_both, NULL},
    {"takes another pair when the port is in use for IPv6", SERVER_TALK, PLAIN,
     run_both,
     SCRIPT(.what = "let the second bind() fail with EADDRINUSE",
            .fault = "bind:fail=98@2", .diagnosis = "listen-pair-gives-up")},
    {"ends at any other failure", SERVER_TALK, PLAIN, run_no_pair,
     SCRIPT(.what = "let the second bind() fail with EADDRNOTAVAIL",
            .fault = "bind:fail=99@2", .error = EADDRNOTAVAIL,
            .diagnosis = "bind-errors-confused")},
    {"ends after eight pairs", SERVER_TALK, PLAIN, run_no_pair,
     SCRIPT(.what = "let each second bind() fail with EADDRINUSE",
            .fault = "bind:fail=98@2,bind:fail=98@4,bind:fail=98@6,"
                     "bind:fail=98@8,bind:fail=98@10,bind:fail=98@12,"
                     "bind:fail=98@14,bind:fail=98@16",
            .error = EADDRINUSE, .diagnosis = "listen-pair-endless")},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_both, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

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
        close_if_open(fd);
    }
    end_by_enter(t);
}

/* The option that lets several sockets listen on one port, or NULL. */
static call reuseport(const struct trial *t)
{
    call r = first_call(t, WITNESS_SETSOCKOPT);
    while (r != NULL &&
           (r->a != SOL_SOCKET || r->b != SO_REUSEPORT || r->c == 0))
        r = next_call(t, r);
    return r;
}

static void run_same_port(struct trial *t)
{
    const char *line = "listening on 127.0.0.1:";
    for (int tries = 0; tries < 5; tries++) { /* somebody may be faster */
        const char *port = phrase("%u", free_port());
        t->result->did[0] = '\0';
        if (!start(t, port, port))
            return;
        t->outcome = child_await_end(&t->child, 300);
        if (!says_error(&t->child, EADDRINUSE) || announced(t, line, 0) != 0)
            break;
    }
    call shared = reuseport(t);
    if (!t->child.ended)
        fail_at(t, shared,
                shared != NULL ? "bind-options-ored" : "bind-unchecked",
                "\"bind: Address already in use\" and exit status 1",
                "it listens on that port twice");
    expect_failure(t, EADDRINUSE, "bind-unchecked");
}

static const struct check_case cases_shared[] = {
    {"listens on two ports", SERVER_WORKS, PLAIN, run_two_ports, NULL},
    {"does not listen twice on one port", SERVER_TALK, PLAIN, run_same_port,
     NULL},
    {"does not share its port with a second server", SERVER_TALK, PLAIN,
     run_second_server, NULL},
    {"can be restarted on its port at once", SERVER_TALK, PLAIN, run_restart,
     NULL},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_two_ports, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_03[] = {
    {"03-listen/both", SERVER, cases_both},
    {"03-listen/shared", SERVER, cases_shared},
    {"03-listen/backlog", SERVER, cases_backlog},
    {NULL, SERVER, NULL}};
