/**
 * @file
 * How the exercises of step 4 are judged: clients of ours come from addresses
 * and ports chosen by chance, wait, leave or reset, and the program must know.
 */
#define _GNU_SOURCE
#include "exercise.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- clients -------------------------------------------------------------- */

/* A client of ours: its socket, and its address as people write it. */
struct client {
    int fd; /* -1: it could not connect */
    char name[60];
};

/* Notes the name of a client that is connected. */
static void name_client(struct client *c)
{
    struct sockaddr_in6 a;
    struct sockaddr_in in;
    socklen_t size = sizeof a;
    char host[INET6_ADDRSTRLEN] = "?";
    memset(&a, 0, sizeof a);
    getsockname(c->fd, (struct sockaddr *)&a, &size);
    memcpy(&in, &a, sizeof in);
    bool ipv6 = a.sin6_family == AF_INET6;
    inet_ntop(a.sin6_family, ipv6 ? (void *)&a.sin6_addr : (void *)&in.sin_addr,
              host, sizeof host);
    snprintf(c->name, sizeof c->name, "%s%s%s:%u", ipv6 ? "[" : "", host,
             ipv6 ? "]" : "", own_port(c->fd));
}

/* Connects a socket of ours (-1: there is none). */
static struct client connect_to(int fd, const void *to, socklen_t size)
{
    struct client c = {fd, ""};
    if (fd != -1 && peer_reach(fd, to, size) == 0) {
        name_client(&c);
        return c;
    }
    close_if_open(fd);
    c.fd = -1;
    return c;
}

/* From an address of 127.0.0.0/8 to 127.0.0.1. */
static struct client connect_ipv4(uint32_t host, unsigned port)
{
    struct sockaddr_in to = ipv4_address(INADDR_LOOPBACK, port);
    return connect_to(hold_ipv4(SOCK_STREAM, host, 0), &to, sizeof to);
}

static struct client connect_ipv6(unsigned port)
{
    struct sockaddr_in6 to = ipv6_address(in6addr_loopback, port);
    return connect_to(hold_ipv6(in6addr_loopback, 0), &to, sizeof to);
}

/* An address of 127.0.0.0/8; only 127.0.0.1 where there are no others. */
static uint32_t some_loopback(void)
{
    uint32_t host = INADDR_LOOPBACK + 1 + chance(0xfffff0);
    int fd = hold_ipv4(SOCK_STREAM, host, 0);
    close_if_open(fd);
    return fd != -1 ? host : INADDR_LOOPBACK;
}

/* --- lengths -------------------------------------------------------------- */

/* The lengths that were passed to accept(). (NULL is one's own affair.) */
static void check_lengths(struct trial *t)
{
    int64_t room = sizeof(struct sockaddr_in);
    int64_t most = sizeof(struct sockaddr_storage);
    call r = first_call(t, WITNESS_ACCEPT);
    while (r != NULL && (r->a == -1 || (r->a >= room && r->a <= most)))
        r = next_call(t, r);
    if (r == NULL)
        return;
    const char *name = r->a == 0 ? "accept-addrlen-zero"
                       : r->a == sizeof(char *)
                           ? "accept-addrlen-of-pointer"
                           : "accept-addrlen-uninitialised";
    fail_at(t, r, name,
            "accept() with the length 16, the size of a struct sockaddr_in",
            "the length %lld%s%s", (long long)r->a,
            r->error != 0 ? ", and " : "",
            r->error != 0 ? errno_name(r->error) : "");
}

static bool never_accepts(const struct trial *t)
{
    return log_saw_calls(&t->log) && first_call(t, WITNESS_ACCEPT) == NULL;
}

/* The line of a client on stderr; which mistake makes it another one? */
static void check_client_line(struct trial *t, const char *what,
                              const struct client *c, const char *diagnosis)
{
    const char *line = phrase("%s %s", what, c->name);
    if (over(t) || prints(&t->child.err, phrase("%s\n", line)))
        return;
    child_await_end(&t->child, 100);
    fail(t, never_accepts(t) ? "accept-missing" : explain(t, diagnosis),
         phrase("\"%s\" on stderr", line), "stderr is %s", its_errors(t));
}

static void expect_end(struct trial *t)
{
    if (over(t))
        return;
    t->outcome = child_await_end(&t->child, QUIET_MS);
    check_success(t);
}

/* --- who ------------------------------------------------------------------ */

static bool start_who(struct trial *t)
{
    const char *line = "listening on [::]:";
    if (!needs_ipv6(t, in6addr_any) || !start(t, "0", NULL))
        return false;
    if (!appears(t, &t->child.err, line, QUIET_MS))
        fail(t, "", "the line \"listening on [::]:PORT\" on stderr",
             "no such line; %s", its_state(t));
    t->port = announced(t, line, 0);
    return !over(t);
}

/* What is wrong with the name it printed, if that can be told. */
static const char *explain_name(const struct trial *t, const struct client *c)
{
    const char *err = t->child.err.bytes, *port = strrchr(c->name, ':');
    bool ipv6 = c->name[0] == '[';
    const char *bare = phrase("connection from %.*s",
                              (int)strcspn(c->name + 1, "]"), c->name + 1);
    const char *bracket =
        phrase("[%.*s]%s", (int)(port - c->name), c->name, port);
    if (strstr(err, "::ffff:") != NULL && !ipv6)
        return "accept-mapped-shown";
    if (strstr(err, phrase("sent away %s", c->name)) != NULL)
        return "accept-loopback-missed";
    if (ipv6 && strstr(err, bare) != NULL)
        return "accept-no-brackets";
    if (strstr(err, bracket) != NULL)
        return "accept-ipv4-brackets";
    if (!ipv6 && strstr(err, phrase("0.0.0.0%s", port)) != NULL)
        return "accept-mapped-wrong-bytes";
    if (says_error(&t->child, ENOSPC))
        return "accept-name-no-room";
    return strstr(err, c->name) == NULL && exited(&t->child, 1)
               ? "accept-client-unnamed"
               : "";
}

/* A client says nothing, and waits for its end of the stream. */
static bool wait_for_end(struct trial *t, const struct client *c,
                         const char *diagnosis)
{
    if (c->fd == -1) {
        fail(t, diagnosis, "a connection to the announced port",
             "connect(): %s", strerror(errno));
        return false;
    }
    did(t, "connected from %s", c->name);
    peer_read(t, c->fd, false, QUIET_MS);
    if (!prints(&t->child.err, c->name))
        child_await_end(&t->child, 100);
    return true;
}

/* Was this client served, or sent away? */
static void visit(struct trial *t, struct client c, const char *what)
{
    if (!wait_for_end(t, &c, ""))
        return;
    bool let_in = prints(&t->child.err, phrase("connection from %s", c.name));
    check_client_line(t, what, &c,
                      let_in ? "accept-elsewhere-let-in" : explain_name(t, &c));
    close(c.fd);
}

/* Connects from an address of this machine that is not loopback, to the same
 * address: nothing leaves the machine. fd -1: there is no such address. */
static struct client connect_from_elsewhere(int family, unsigned port)
{
    struct client c = {-1, ""};
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) == -1)
        return c;
    for (struct ifaddrs *i = list; i != NULL && c.fd == -1; i = i->ifa_next) {
        struct sockaddr_in6 to;
        struct sockaddr_in in;
        if (i->ifa_addr == NULL || i->ifa_addr->sa_family != family ||
            (i->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        socklen_t size = family == AF_INET6 ? sizeof to : sizeof in;
        memset(&to, 0, sizeof to);
        memcpy(&to, i->ifa_addr, size);
        /* sockaddr_in has its port at the same place */
        to.sin6_port = htons((uint16_t)port);
        if (family != AF_INET6 || !IN6_IS_ADDR_LINKLOCAL(&to.sin6_addr))
            c = connect_to(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), &to,
                           size);
    }
    freeifaddrs(list);
    return c;
}

/* Those who do not come from loopback first: they do not count. */
static void run_who_elsewhere(struct trial *t)
{
    static const int families[] = {AF_INET, AF_INET6};
    bool any = false;
    if (!start_who(t))
        return;
    for (int i = 0; i < 2 && !over(t); i++) {
        struct client c = connect_from_elsewhere(families[i], t->port);
        any = any || c.fd != -1;
        if (c.fd != -1)
            visit(t, c, "sent away");
    }
    if (!any)
        skip(t, "this machine has no address but those of loopback");
    for (int i = 0; i < 2 && !over(t); i++)
        visit(t, connect_ipv4(some_loopback(), t->port), "connection from");
    expect_end(t);
}

static void run_who(struct trial *t)
{
    unsigned ipv6_first = chance(2);
    if (!needs_ipv6(t, in6addr_loopback) || !start_who(t))
        return;
    for (unsigned i = 0; i < 2 && !over(t); i++)
        visit(t,
              i == ipv6_first ? connect_ipv4(some_loopback(), t->port)
                              : connect_ipv6(t->port),
              "connection from");
    expect_end(t);
}

static void run_who_ipv4(struct trial *t)
{
    if (!start_who(t))
        return;
    for (int i = 0; i < 2 && !over(t); i++)
        visit(t, connect_ipv4(some_loopback(), t->port), "connection from");
    expect_end(t);
}

static const struct check_case cases_who[] = {
    {"names an IPv4 and an IPv6 client", SERVER_WORKS, PLAIN, run_who, NULL},
    {"knows that all of 127.0.0.0/8 is this machine", SERVER_TALK, PLAIN,
     run_who_ipv4, NULL},
    {"sends away who does not come from loopback", SERVER_TALK, PLAIN,
     run_who_elsewhere, NULL},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_who, NULL},
    {FOREIGN_MEMORY, SERVER_TALK, ASAN, run_who, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- length --------------------------------------------------------------- */

/* The mistake that the script is about, if it is to be seen. */
static const char *script_name(const struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    return s != NULL && s->diagnosis != NULL ? s->diagnosis : "";
}

/* accept() has taken a client that came from this port, and the line about it
 * shows another address. */
static bool address_lost(const struct trial *t, unsigned port)
{
    call a = first_call(t, WITNESS_ACCEPT);
    if (!prints(&t->child.err, "connection from"))
        return false;
    while (a != NULL && (!a->done || a->error != 0 ||
                         (a->a != -1 && record_port(a) != port)))
        a = next_call(t, a);
    return a != NULL;
}

/* One client: its line on stderr, and the length behind it. */
static void greet(struct trial *t, uint32_t host)
{
    struct client c = connect_ipv4(host, t->port);
    if (!wait_for_end(t, &c, script_name(t)))
        return;
    check_lengths(t);
    check_client_line(t, "connection from", &c,
                      script_name(t)[0] != '\0'         ? script_name(t)
                      : address_lost(t, own_port(c.fd)) ? "accept-peer-lost"
                                                        : "");
    close(c.fd);
}

static void run_length(struct trial *t)
{
    uint32_t first = some_loopback();
    uint32_t second = chance(2) == 0 ? first : some_loopback();
    const char *answer =
        first == second ? "the same address\n" : "two addresses\n";
    set_fault(t);
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    greet(t, first);
    if (!over(t))
        greet(t, second);
    expect_end(t);
    check_output(t, answer, strlen(answer));
}

/* Where no build can fill variables with a pattern, valgrind sees it. */
static void run_length_valgrind(struct trial *t)
{
    static char log[65536];
    if (t->subject->valgrind[0] == '\0') {
        skip(t, "valgrind is not installed");
        return;
    }
    t->valgrind = true;
    run_length(t);
    FILE *f = fopen(phrase("%s/valgrind.log", t->directory), "r");
    size_t n = f != NULL ? fread(log, 1, sizeof log - 1, f) : 0;
    log[n] = '\0';
    if (f != NULL)
        fclose(f);
    if (strstr(log, "ERROR SUMMARY") == NULL)
        fail(t, "", "a complete report of valgrind", "its log ends too early");
    else if (strstr(log, "accept(addrlen_in)") != NULL)
        fail(t, "accept-addrlen-uninitialised", "no error in valgrind's log",
             "accept(addrlen_in) points to uninitialised bytes");
    else if (strstr(log, "ERROR SUMMARY: 0 errors") == NULL)
        fail(t, "memory-uninitialised", "no error in valgrind's log", "%.60s",
             strstr(log, "ERROR SUMMARY"));
}

static const struct check_case cases_length[] = {
    {MEMORY_BY_CHANCE, SERVER_WORKS, PATTERN, run_length, NULL},
    {"knows two clients and compares them", SERVER_WORKS, PLAIN, run_length,
     NULL},
    {"goes on when a signal interrupts accept()", SERVER_TALK, PLAIN,
     run_length,
     SCRIPT(.what = "let a signal interrupt accept()",
            .fault = "accept:eintr=1", .diagnosis = "accept-no-eintr")},
    {"goes on when a client has given up in the queue", SERVER_TALK, PLAIN,
     run_length,
     SCRIPT(.what = "let the second accept() fail with ECONNABORTED",
            .fault = "accept:fail=103@2", .diagnosis = "accept-aborted-fatal")},
    {"passes no length that was never set", SERVER_TALK, PLAIN,
     run_length_valgrind, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- gone ----------------------------------------------------------------- */

enum { CLIENTS_MAX = 6, ROOM = 6 };

/* Waits until the kernel has queued `count` clients and has noticed that one
 * of them, which came from the port `reset`, has reset its connection. */
static bool await_queue(struct trial *t, int count, unsigned reset)
{
    for (int i = 0; i < 25; i++) {
        if (queue_length(t->port) == count &&
            socket_states(t->port, reset) == 0)
            return true;
        child_await(&t->child, -1, 0, NULL, NULL, 20);
    }
    skip(t, "the queue is not to be seen in /proc/net/tcp as it should be");
    return false;
}

/* Lets clients come, and some of them go; @return what is to be printed */
static const char *gather(struct trial *t, struct client c[], int count)
{
    int reset = (int)chance((unsigned)count), closed = (reset + 1) % count;
    const char *want = "";
    for (int i = 0; i < count; i++)
        c[i] = connect_ipv4(INADDR_LOOPBACK, t->port);
    for (int i = 0; i < count; i++) {
        if (c[i].fd == -1)
            fail(t, explain(t, ""), "a connection", "%s", strerror(errno));
        want = phrase("%s%s: %s\n", want, c[i].name,
                      i == reset ? strerror(ECONNRESET) : "no error");
    }
    if (over(t))
        return NULL;
    unsigned gone = own_port(c[reset].fd);
    peer_end_side(&c[reset].fd, SIDE_RESETS);
    peer_end_side(&c[closed].fd, SIDE_CLOSES);
    did(t,
        "connected %d clients; number %d reset its connection, number %d "
        "closed it",
        count, reset + 1, closed + 1);
    return await_queue(t, count, gone) ? want : NULL;
}

/* The last question for a pending error, or NULL. */
static call last_question(const struct trial *t)
{
    call last = NULL;
    for (call r = first_call(t, WITNESS_GETSOCKOPT); r != NULL;
         r = next_call(t, r))
        if (r->a == SOL_SOCKET && r->b == SO_ERROR)
            last = r;
    return last;
}

/* Is this the descriptor of a connection that was accepted? */
static bool was_accepted(const struct trial *t, int fd)
{
    call a = first_call(t, WITNESS_ACCEPT);
    while (a != NULL && a->result != fd)
        a = next_call(t, a);
    return a != NULL;
}

/* Why the line about a client is another one, or is not there. */
static const char *explain_state(struct trial *t, const char *want,
                                 const char *have)
{
    call q = last_question(t);
    size_t name = (size_t)(strstr(want, ": ") - want);
    if (never_accepts(t))
        return "accept-missing";
    if (q != NULL && !was_accepted(t, q->fd))
        return shown_by(t, q, "accept-other-asked");
    if (*have != '\0' && strncmp(want, have, name + 1) != 0)
        return "accept-peer-lost";
    if (*have != '\0')
        return q == NULL ? "accept-error-not-asked"
                         : shown_by(t, q, "accept-error-not-used");
    call last = last_call(t, WITNESS_ACCEPT);
    if (q == NULL || q->c == 0 || q->error != 0 || q->enter < last->enter)
        return explain(t, script_name(t));
    return shown_by(t, q, "accept-error-fatal");
}

/* Compares the output line by line. */
static void check_states(struct trial *t, const char *want)
{
    const char *have = t->child.out.bytes;
    if (!over(t) && lines_differ(&want, &have) && *want != '\0')
        fail_line(t, want, have, explain_state(t, want, have));
}

/* Closes those that are still open. */
static void close_all(const struct client c[], int count)
{
    for (int i = 0; i < count; i++)
        close_if_open(c[i].fd);
}

static void run_gone(struct trial *t)
{
    struct client c[CLIENTS_MAX];
    int count = 3 + (int)chance(CLIENTS_MAX - 2);
    set_fault(t);
    t->open_files = ROOM;
    if (!start(t, phrase("%d", count), NULL) || !await_ready(t))
        return;
    const char *want = gather(t, c, count);
    if (want != NULL) {
        press_enter(t);
        t->outcome = child_await_end(&t->child, QUIET_MS);
        check_lengths(t);
        if (says_error(&t->child, EMFILE))
            fail_at(t, first_call(t, WITNESS_ACCEPT), "close-connection-leaked",
                    "every connection closed before the next is taken",
                    "accept() found no descriptor free: %d was the limit",
                    ROOM);
        check_states(t, want);
        check_success(t);
    }
    close_all(c, count);
}

/* A failure that is no reason to go on. */
static void run_gone_failure(struct trial *t)
{
    const struct script *s = set_fault(t);
    if (!start(t, "3", NULL) || !await_ready(t))
        return;
    struct client c[3];
    for (int i = 0; i < 3; i++)
        c[i] = connect_ipv4(INADDR_LOOPBACK, t->port);
    child_type(&t->child, "\n");
    t->outcome = child_await_end(&t->child, QUIET_MS);
    expect_failure(t, s->error, s->diagnosis);
    close_all(c, 3);
}

static const struct check_case cases_gone[] = {
    {"gives accept() no length that was never set", SERVER_WORKS, PATTERN,
     run_gone, NULL},
    {"says what became of each client in the queue", SERVER_WORKS, PLAIN,
     run_gone, NULL},
    {"goes on when a signal interrupts accept()", SERVER_TALK, PLAIN, run_gone,
     SCRIPT(.what = "let a signal interrupt accept(), twice",
            .fault = "accept:eintr=2", .diagnosis = "accept-no-eintr")},
    {"goes on when a client has given up in the queue", SERVER_TALK, PLAIN,
     run_gone,
     SCRIPT(.what = "let the second accept() fail with ECONNABORTED",
            .fault = "accept:fail=103@2", .diagnosis = "accept-aborted-fatal")},
    {"reports any other failure of accept()", SERVER_TALK, PLAIN,
     run_gone_failure,
     SCRIPT(.what = "let the second accept() fail with EMFILE",
            .fault = "accept:fail=24@2", .error = EMFILE,
            .diagnosis = "accept-errors-ignored")},
    {"reports a failing getsockopt()", SERVER_TALK, PLAIN, run_gone_failure,
     SCRIPT(.what = "let the second getsockopt() fail",
            .fault = "getsockopt:fail=105@2", .error = ENOBUFS,
            .diagnosis = "error-exit-zero")},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_gone, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_04[] = {
    {"04-accept/who", SERVER, cases_who},
    {"04-accept/length", SERVER, cases_length},
    {"04-accept/gone", SERVER, cases_gone},
    {NULL, SERVER, NULL}};
