/**
 * @file
 * How the exercises of step 4 are judged: clients of ours come from addresses
 * and ports chosen by chance, wait, leave or reset, and the program must know.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
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

/* Connects from one address to another; a port of 0 in `from`: any. */
static struct client connect_from(const struct sockaddr *from,
                                  const struct sockaddr *to, socklen_t size)
{
    struct client c = {socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0),
                       ""};
    if (c.fd == -1)
        return c;
    if ((from == NULL || bind(c.fd, from, size) == 0) &&
        connect(c.fd, to, size) == 0) {
        name_client(&c);
        return c;
    }
    int error = errno;
    close(c.fd);
    errno = error;
    c.fd = -1;
    return c;
}

/* From an address of 127.0.0.0/8 to 127.0.0.1. */
static struct client connect_ipv4(uint32_t host, unsigned port)
{
    struct sockaddr_in from, to;
    memset(&from, 0, sizeof from);
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(host);
    to = from;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)port);
    return connect_from((struct sockaddr *)&from, (struct sockaddr *)&to,
                        sizeof to);
}

static struct client connect_ipv6(unsigned port)
{
    struct sockaddr_in6 to;
    memset(&to, 0, sizeof to);
    to.sin6_family = AF_INET6;
    to.sin6_addr = in6addr_loopback;
    to.sin6_port = htons((uint16_t)port);
    return connect_from(NULL, (struct sockaddr *)&to, sizeof to);
}

/* An address of 127.0.0.0/8; only 127.0.0.1 where there are no others. */
static uint32_t some_loopback(void)
{
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    uint32_t host = INADDR_LOOPBACK + 1 + chance(0xfffff0);
    a.sin_addr.s_addr = htonl(host);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd != -1 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd != -1)
        close(fd);
    return ok ? host : INADDR_LOOPBACK;
}

/* --- lengths -------------------------------------------------------------- */

/* The lengths that were passed to accept(). (NULL is one's own affair.) */
static void check_lengths(struct trial *t)
{
    int64_t room = (int64_t)sizeof(struct sockaddr_in);
    for (size_t i = 0; i < log_count(&t->log) && !over(t); i++) {
        call r = log_at(&t->log, i);
        if (r->call != WITNESS_ACCEPT || r->a == -1 ||
            (r->a >= room && r->a <= (int64_t)sizeof(struct sockaddr_storage)))
            continue;
        blame(t, r);
        fail(t,
             r->a == 0                         ? "accept-addrlen-zero"
             : r->a == (int64_t)sizeof(char *) ? "accept-addrlen-of-pointer"
                                               : "accept-addrlen-uninitialised",
             "accept() with the length 16, the size of a struct sockaddr_in",
             "the length %lld%s%s", (long long)r->a,
             r->error != 0 ? ", and " : "",
             r->error != 0 ? errno_name(r->error) : "");
    }
}

static bool never_accepts(const struct trial *t)
{
    return log_saw_calls(&t->log) &&
           log_first(&t->log, WITNESS_ACCEPT, -1) == NULL;
}

/* The line of a client on stderr; which mistake makes it another one? */
static void check_client_line(struct trial *t, const char *what,
                              const struct client *c, const char *diagnosis)
{
    char line[100], expected[120], got[300];
    snprintf(line, sizeof line, "%s %s\n", what, c->name);
    if (over(t) || strstr(t->child.err.bytes, line) != NULL)
        return;
    child_await_end(&t->child, 100);
    snprintf(expected, sizeof expected, "\"%s %s\" on stderr", what, c->name);
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    fail(t, never_accepts(t) ? "accept-missing" : explain(t, diagnosis),
         expected, "stderr is %s", got);
}

static void expect_end(struct trial *t)
{
    if (over(t))
        return;
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

/* --- who ------------------------------------------------------------------ */

/* Can one socket here serve both families? */
static bool has_dual_stack(void)
{
    struct sockaddr_in6 any;
    int no = 0, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&any, 0, sizeof any);
    any.sin6_family = AF_INET6;
    bool ok = fd != -1 &&
              setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0 &&
              bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
    if (fd != -1)
        close(fd);
    return ok;
}

static bool start_who(struct trial *t)
{
    const char *line = "listening on [::]:";
    char got[200];
    if (!has_dual_stack()) {
        skip(t, "no socket of this machine can serve IPv6 and IPv4: %s",
             strerror(errno));
        return false;
    }
    if (!start(t, "0", NULL))
        return false;
    t->outcome = child_await(&t->child, -1, 0, &t->child.err, line, QUIET_MS);
    if (t->outcome != GOT_IT) {
        fail(t, "", "the line \"listening on [::]:PORT\" on stderr",
             "no such line; %s", outcome_text(t, t->outcome, got, sizeof got));
        return false;
    }
    const char *port = strstr(t->child.err.bytes, line) + strlen(line);
    t->port = (unsigned)strtoul(port, NULL, 10);
    return true;
}

/* What is wrong with the name it printed, if that can be told. */
static const char *explain_name(const struct trial *t, const struct client *c)
{
    char away[80], bare[80], zero[40], bracket[80];
    const char *err = t->child.err.bytes, *port = strrchr(c->name, ':');
    snprintf(zero, sizeof zero, "0.0.0.0%s", port);
    snprintf(bracket, sizeof bracket, "[%.*s]%s", (int)(port - c->name),
             c->name, port);
    snprintf(away, sizeof away, "sent away %s", c->name);
    snprintf(bare, sizeof bare, "connection from %.*s",
             (int)strcspn(c->name + 1, "]"), c->name + 1);
    if (strstr(err, "::ffff:") != NULL && c->name[0] != '[')
        return "accept-mapped-shown";
    if (strstr(err, away) != NULL)
        return "accept-loopback-missed";
    if (c->name[0] == '[' && strstr(err, bare) != NULL)
        return "accept-no-brackets";
    if (strstr(err, bracket) != NULL)
        return "accept-ipv4-brackets";
    if (c->name[0] != '[' && strstr(err, zero) != NULL)
        return "accept-mapped-wrong-bytes";
    if (says_error(&t->child, ENOSPC))
        return "accept-name-no-room";
    return strstr(err, c->name) == NULL && exited(&t->child, 1)
               ? "accept-client-unnamed"
               : "";
}

/* A client waits for its end of the stream; was it served, or sent away? */
static void visit(struct trial *t, struct client c, const char *what)
{
    char let_in[80];
    if (c.fd == -1) {
        fail(t, "", "a connection to the announced port", "connect(): %s",
             strerror(errno));
        return;
    }
    did(t, "connected from %s", c.name);
    peer_read(t, c.fd, false, QUIET_MS);
    if (strstr(t->child.err.bytes, c.name) == NULL)
        child_await_end(&t->child, 100);
    snprintf(let_in, sizeof let_in, "connection from %s", c.name);
    check_client_line(t, what, &c,
                      strstr(t->child.err.bytes, let_in) != NULL
                          ? "accept-elsewhere-let-in"
                          : explain_name(t, &c));
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
        memset(&to, 0, sizeof to);
        memcpy(&to, i->ifa_addr, family == AF_INET6 ? sizeof to : sizeof in);
        to.sin6_port =
            htons((uint16_t)port); /* sockaddr_in has it there, too */
        if (family != AF_INET6 || !IN6_IS_ADDR_LINKLOCAL(&to.sin6_addr))
            c = connect_from(NULL, (struct sockaddr *)&to,
                             family == AF_INET6 ? sizeof to : sizeof in);
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
    unsigned unused = 0, ipv6_first = chance(2);
    int probe = peer_listen(AF_INET6, &unused);
    if (probe == -1) {
        skip(t, "this machine has no address ::1: %s", strerror(errno));
        return;
    }
    close(probe);
    if (!start_who(t))
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
    {"names an IPv4 and an IPv6 client", SERVER, 4, 4, WORKS, PLAIN, run_who,
     NULL},
    {"knows that all of 127.0.0.0/8 is this machine", SERVER, 4, 4, TALK, PLAIN,
     run_who_ipv4, NULL},
    {"sends away who does not come from loopback", SERVER, 4, 4, TALK, PLAIN,
     run_who_elsewhere, NULL},
    {"does not depend on what is in memory by chance", SERVER, 4, 4, TALK,
     PATTERN, run_who, NULL},
    {"does not touch memory that is not its own", SERVER, 4, 4, TALK, ASAN,
     run_who, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- length --------------------------------------------------------------- */

/* The mistake that the script is about, if it is to be seen. */
static const char *script_name(const struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    return s != NULL && s->diagnosis != NULL ? s->diagnosis : "";
}

static void set_fault(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    if (s == NULL)
        return;
    t->fault = s->fault;
    if (s->what != NULL)
        did(t, "%s", s->what);
}

/* accept() has taken a client that came from this port, and the line about it
 * shows another address. */
static bool address_lost(const struct trial *t, unsigned port)
{
    if (strstr(t->child.err.bytes, "connection from") == NULL)
        return false;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call a = log_at(&t->log, i);
        if (a->call == WITNESS_ACCEPT && a->done && a->error == 0 &&
            (a->a == -1 || record_port(a) == port))
            return true;
    }
    return false;
}

/* One client: its line on stderr, and the length behind it. */
static void greet(struct trial *t, uint32_t host)
{
    struct client c = connect_ipv4(host, t->port);
    if (over(t) || c.fd == -1) {
        fail(t, script_name(t), "a connection to the announced port",
             "connect(): %s", strerror(errno));
        return;
    }
    did(t, "connected from %s", c.name);
    peer_read(t, c.fd, false, QUIET_MS);
    if (strstr(t->child.err.bytes, c.name) == NULL)
        child_await_end(&t->child, 100);
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
    char path[PATH_SIZE + 40];
    if (t->subject->valgrind[0] == '\0') {
        skip(t, "valgrind is not installed");
        return;
    }
    t->valgrind = true;
    run_length(t);
    snprintf(path, sizeof path, "%s/valgrind.log", t->directory);
    FILE *f = fopen(path, "r");
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
    {"does not depend on what is in memory by chance", SERVER, 4, 4, WORKS,
     PATTERN, run_length, NULL},
    {"knows two clients and compares them", SERVER, 4, 4, WORKS, PLAIN,
     run_length, NULL},
    {"goes on when a signal interrupts accept()", SERVER, 4, 4, TALK, PLAIN,
     run_length,
     SCRIPT(.what = "let a signal interrupt accept()",
            .fault = "accept:eintr=1", .diagnosis = "accept-no-eintr")},
    {"goes on when a client has given up in the queue", SERVER, 4, 4, TALK,
     PLAIN, run_length,
     SCRIPT(.what = "let the second accept() fail with ECONNABORTED",
            .fault = "accept:fail=103@2", .diagnosis = "accept-aborted-fatal")},
    {"passes no length that was never set", SERVER, 4, 4, TALK, PLAIN,
     run_length_valgrind, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- gone ----------------------------------------------------------------- */

enum { CLIENTS_MAX = 6, ROOM = 6 };

/* Looks into /proc/net/tcp: how many wait in the listener's queue (-1: nobody
 * knows), and whether the server's end of a client is still there. */
static int look(unsigned port, unsigned client, bool *there)
{
    char line[300];
    int length = -1;
    FILE *f = fopen("/proc/net/tcp", "r");
    *there = false;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        unsigned host, local, remote, state, waiting;
        if (sscanf(line, "%*d: %x:%x %*x:%x %x %*x:%x", &host, &local, &remote,
                   &state, &waiting) != 5 ||
            host != htonl(INADDR_LOOPBACK) || local != port)
            continue;
        if (state == 0x0a)
            length = (int)waiting;
        else if (remote == client)
            *there = true;
    }
    if (f != NULL)
        fclose(f);
    return length;
}

/* Waits until the kernel has queued `count` clients and, if one has reset its
 * connection, has noticed that. */
static bool await_queue(struct trial *t, int count, unsigned reset)
{
    for (int i = 0; i < 25; i++) {
        bool there;
        if (look(t->port, reset, &there) == count && !there)
            return true;
        child_await(&t->child, -1, 0, NULL, NULL, 20);
    }
    skip(t, "the queue is not to be seen in /proc/net/tcp as it should be");
    return false;
}

/* Lets clients come, and some of them go; writes down what is to be printed. */
static bool gather(struct trial *t, struct client c[], int count, char *want,
                   size_t size)
{
    int reset = (int)chance((unsigned)count), closed = (reset + 1) % count;
    unsigned gone = 0;
    size_t n = 0;
    for (int i = 0; i < count; i++)
        c[i] = connect_ipv4(INADDR_LOOPBACK, t->port);
    for (int i = 0; i < count; i++) {
        if (c[i].fd == -1) {
            fail(t, explain(t, ""), "a connection", "%s", strerror(errno));
            return false;
        }
        n += (size_t)snprintf(want + n, size - n, "%s: %s\n", c[i].name,
                              i == reset ? strerror(ECONNRESET) : "no error");
    }
    gone = own_port(c[reset].fd);
    peer_end_side(&c[reset].fd, SIDE_RESETS);
    peer_end_side(&c[closed].fd, SIDE_CLOSES);
    did(t,
        "connected %d clients; number %d reset its connection, number %d "
        "closed it",
        count, reset + 1, closed + 1);
    return await_queue(t, count, gone);
}

/* The last question for a pending error, or NULL. */
static call last_question(const struct trial *t)
{
    call last = NULL;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        if (r->call == WITNESS_GETSOCKOPT && r->a == SOL_SOCKET &&
            r->b == SO_ERROR)
            last = r;
    }
    return last;
}

/* Is this the descriptor of a connection that was accepted? */
static bool was_accepted(const struct trial *t, int fd)
{
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->call == WITNESS_ACCEPT &&
            log_at(&t->log, i)->result == fd)
            return true;
    return false;
}

/* Why the line about a client is another one, or is not there. */
static const char *explain_state(struct trial *t, const char *want,
                                 const char *have)
{
    call q = last_question(t);
    bool there = *have != '\0';
    size_t name = (size_t)(strstr(want, ": ") - want);
    if (never_accepts(t))
        return "accept-missing";
    if (q != NULL && !was_accepted(t, q->fd)) {
        blame(t, q);
        return "accept-other-asked";
    }
    if (there && strncmp(want, have, name + 1) != 0)
        return "accept-peer-lost";
    if (there && q != NULL)
        blame(t, q);
    if (there)
        return q == NULL ? "accept-error-not-asked" : "accept-error-not-used";
    call last = log_last(&t->log, WITNESS_ACCEPT, -1);
    if (q == NULL || q->c == 0 || q->error != 0 || q->enter < last->enter)
        return explain(t, script_name(t));
    blame(t, q);
    return "accept-error-fatal";
}

/* Compares the output line by line. */
static void check_states(struct trial *t, const char *want, int count)
{
    const char *have = t->child.out.bytes;
    char expected[200], got[200];
    for (int i = 0; i < count && !over(t); i++) {
        size_t n = strcspn(want, "\n"), m = strcspn(have, "\n");
        if (n != m || memcmp(want, have, n) != 0) {
            snprintf(expected, sizeof expected, "on stdout: %.*s", (int)n,
                     want);
            quote_bytes(have, m, got, sizeof got);
            fail(t, explain_state(t, want, have), expected, "%s",
                 m > 0 ? got : "no such line");
        }
        want += n + 1;
        have += m + (have[m] == '\n');
    }
}

static void run_gone(struct trial *t)
{
    struct client c[CLIENTS_MAX];
    char text[16], want[CLIENTS_MAX * 80];
    int count = 3 + (int)chance(CLIENTS_MAX - 2);
    snprintf(text, sizeof text, "%d", count);
    set_fault(t);
    t->open_files = ROOM;
    if (!start(t, text, NULL) || !await_ready(t))
        return;
    if (gather(t, c, count, want, sizeof want)) {
        did(t, "pressed Enter");
        child_type(&t->child, "\n");
        t->outcome = child_await_end(&t->child, QUIET_MS);
        check_lengths(t);
        if (says_error(&t->child, EMFILE)) {
            blame(t, log_first(&t->log, WITNESS_ACCEPT, -1));
            fail(t, "close-connection-leaked",
                 "every connection closed before the next is taken",
                 "accept() found no descriptor free: %d was the limit", ROOM);
        }
        if (!over(t))
            check_states(t, want, count);
        check_success(t);
    }
    for (int i = 0; i < count; i++)
        if (c[i].fd != -1)
            close(c[i].fd);
}

/* A failure that is no reason to go on. */
static void run_gone_failure(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    set_fault(t);
    if (!start(t, "3", NULL) || !await_ready(t))
        return;
    struct client c[3];
    for (int i = 0; i < 3; i++)
        c[i] = connect_ipv4(INADDR_LOOPBACK, t->port);
    child_type(&t->child, "\n");
    t->outcome = child_await_end(&t->child, QUIET_MS);
    expect_failure(t, s->error, s->diagnosis);
    for (int i = 0; i < 3; i++)
        if (c[i].fd != -1)
            close(c[i].fd);
}

static const struct check_case cases_gone[] = {
    {"gives accept() no length that was never set", SERVER, 4, 4, WORKS,
     PATTERN, run_gone, NULL},
    {"says what became of each client in the queue", SERVER, 4, 4, WORKS, PLAIN,
     run_gone, NULL},
    {"goes on when a signal interrupts accept()", SERVER, 4, 4, TALK, PLAIN,
     run_gone,
     SCRIPT(.what = "let a signal interrupt accept(), twice",
            .fault = "accept:eintr=2", .diagnosis = "accept-no-eintr")},
    {"goes on when a client has given up in the queue", SERVER, 4, 4, TALK,
     PLAIN, run_gone,
     SCRIPT(.what = "let the second accept() fail with ECONNABORTED",
            .fault = "accept:fail=103@2", .diagnosis = "accept-aborted-fatal")},
    {"reports any other failure of accept()", SERVER, 4, 4, TALK, PLAIN,
     run_gone_failure,
     SCRIPT(.what = "let the second accept() fail with EMFILE",
            .fault = "accept:fail=24@2", .error = EMFILE,
            .diagnosis = "accept-errors-ignored")},
    {"reports a failing getsockopt()", SERVER, 4, 4, TALK, PLAIN,
     run_gone_failure,
     SCRIPT(.what = "let the second getsockopt() fail",
            .fault = "getsockopt:fail=105@2", .error = ENOBUFS,
            .diagnosis = "error-exit-zero")},
    {"does not depend on what is in memory by chance", SERVER, 4, 4, TALK,
     PATTERN, run_gone, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_04[] = {
    {"04-accept/who", SERVER, cases_who},
    {"04-accept/length", SERVER, cases_length},
    {"04-accept/gone", SERVER, cases_gone},
    {NULL, SERVER, NULL}};
