/**
 * @file
 * How the exercises of step 2 are judged. Ports are taken from others by us,
 * at random, so that only a program that really asks the kernel can know.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
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

static unsigned swapped(unsigned port)
{
    return (port & 0xff) << 8 | port >> 8;
}

static bool can_bind(unsigned port)
{
    int fd = peer_listen(AF_INET, &port);
    if (fd != -1)
        close(fd);
    return fd != -1;
}

/* The next call of a kind from record *i on, or NULL; moves *i behind it. */
static call next_call(const struct trial *t, enum witness_call kind, size_t *i)
{
    while (*i < log_count(&t->log)) {
        call r = log_at(&t->log, (*i)++);
        if (r->call == kind)
            return r;
    }
    return NULL;
}

static size_t count_calls(const struct trial *t, enum witness_call kind)
{
    size_t n = 0, i = 0;
    while (next_call(t, kind, &i) != NULL)
        n++;
    return n;
}

static bool ends(struct trial *t)
{
    char got[200];
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (!t->child.ended)
        fail(t, "", "a program that ends by itself", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    return !over(t);
}

/* Without the witness some cases can prove nothing. */
static bool witnessed(struct trial *t)
{
    if (!over(t) && (t->log.map == NULL || t->log.map->attached == 0))
        skip(t, "the witness could not look into this program (is it static?)");
    return !over(t);
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

static void expect_success(struct trial *t)
{
    char got[200];
    if (!over(t) && !exited(&t->child, 0))
        fail(t, "", "exit status 0", "%s",
             ending_text(&t->child, got, sizeof got));
}

/* Binds a socket to a port and does no more; whoever asks to share the port
 * may share it. Returns a descriptor, or -1. */
static int hold_shared(unsigned *port)
{
    static const int options[] = {SO_REUSEADDR, SO_REUSEPORT};
    struct sockaddr_in a;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        setsockopt(fd, SOL_SOCKET, options[i], &yes, sizeof yes);
    if (*port == 0)
        *port = free_port();
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons((uint16_t)*port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Has the program asked to share its port, before this bind()? */
static bool may_share(const struct trial *t, call bound)
{
    for (call r = log_at(&t->log, 0); r != bound; r++)
        if (r->call == WITNESS_SETSOCKOPT && r->a == SOL_SOCKET && r->c != 0 &&
            (r->b == SO_REUSEADDR || r->b == SO_REUSEPORT))
            return true;
    return false;
}

/* The usage line of another program: that of the step, in place of ours. */
static bool is_other_program(const struct trial *t)
{
    char own[80];
    snprintf(own, sizeof own, "usage: %s",
             program_name(t->subject, t->asked->role));
    return exited(&t->child, 2) && strstr(t->child.err.bytes, own) == NULL;
}

/* --- range ---------------------------------------------------------------- */

enum { PORTS = 5 };

/* Takes PORTS ports in a row; the first one is not listened on. Returns it, or
 * 0. */
static unsigned hold_row(int holder[PORTS])
{
    for (int tries = 0; tries < 50; tries++) {
        unsigned base = free_port(), n = 0;
        for (; base != 0 && n < PORTS; n++) {
            unsigned port = base + n;
            holder[n] =
                n == 0 ? hold_shared(&port) : peer_listen(AF_INET, &port);
            if (holder[n] == -1)
                break;
        }
        if (n == PORTS)
            return base;
        while (n-- > 0)
            close(holder[n]);
    }
    return 0;
}

/* Did the program try this port, and somebody had it? */
static bool was_refused(const struct trial *t, unsigned port)
{
    size_t i = 0;
    call b;
    while ((b = next_call(t, WITNESS_BIND, &i)) != NULL)
        if (b->error == EADDRINUSE && record_port(b) == port)
            return true;
    return false;
}

static bool start_range(struct trial *t, unsigned from, unsigned to)
{
    char a[8], b[8];
    snprintf(a, sizeof a, "%u", from);
    snprintf(b, sizeof b, "%u", to);
    return start(t, a, b);
}

/* Why it did not get the port that it should have got. */
static void blame_range(struct trial *t, unsigned base, unsigned want)
{
    char expected[100], got[300];
    call b = log_first(&t->log, WITNESS_BIND, -1);
    call last = log_last(&t->log, WITNESS_BIND, -1);
    const char *name = explain(t, "");
    unsigned first = b != NULL ? record_port(b) : 0;
    blame(t, last);
    snprintf(expected, sizeof expected, "\"bound to 127.0.0.1:%u\" on stderr",
             want);
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    if (b != NULL && first == swapped(base) && first != base)
        fail(t, "bind-no-htons", expected,
             "bind() for port %u, which is %u with its two bytes swapped",
             first, base);
    else if (b != NULL && b == last && b->error == EADDRINUSE)
        fail(t, "bind-range-gives-up", expected,
             "bind() was called once, for port %u, and not again", first);
    else if (last != NULL && last->error == 0 && record_port(last) == base)
        fail(t, may_share(t, last) ? "bind-port-shared" : name, expected,
             "it has taken port %u, which is ours", base);
    else if (last != NULL && last->error == 0 && record_port(last) != want)
        fail(t, record_port(last) == 0 ? "bind-port-zero" : "bind-range-order",
             expected, "it has taken port %u", record_port(last));
    else if (last != NULL && last->error == EADDRINUSE && t->child.ended)
        fail(t, "bind-range-order", expected,
             "it has ended without a try for that port");
    else
        fail(t, is_other_program(t) ? "exercise-other-program" : name, expected,
             "stderr is %s", got);
}

/* Enter, and the end. */
static void finish_range(struct trial *t)
{
    did(t, "pressed Enter");
    child_type(&t->child, "\n");
    t->outcome = child_await_end(&t->child, QUIET_MS);
    check_success(t);
}

/* One try, with the first free port at `place` and the last one free as well;
 * false if somebody else has got the port that was to be free. */
static bool try_range(struct trial *t, int holder[PORTS], unsigned base,
                      unsigned place)
{
    unsigned last = PORTS - 1, want = base + place;
    char line[60];
    close(holder[place]);
    holder[place] = -1;
    if (place != last)
        close(holder[last]);
    holder[last] = -1;
    did(t, "took the ports from %u to %u, and left %u free", base, base + last,
        want);
    if (place != last)
        did(t, "also %u", base + last);
    if (!start_range(t, base, base + last))
        return true;
    snprintf(line, sizeof line, "bound to 127.0.0.1:%u", want);
    t->outcome = child_await(&t->child, -1, 0, &t->child.err, line, QUIET_MS);
    if (t->outcome == GOT_IT && can_bind(want))
        fail(t, explain(t, "bind-missing"), "the announced port to be taken",
             "127.0.0.1:%u can still be bound", want);
    else if (t->outcome == GOT_IT)
        finish_range(t);
    else if (was_refused(t, want) || (t->child.ended && !can_bind(want)))
        return false;
    else
        blame_range(t, base, want);
    return true;
}

static void find_in_range(struct trial *t, unsigned place)
{
    for (int tries = 0; tries < 5; tries++) {
        int holder[PORTS];
        unsigned base = hold_row(holder);
        if (base == 0)
            break;
        t->result->did[0] = '\0';
        bool judged = try_range(t, holder, base, place);
        for (int i = 0; i < PORTS; i++)
            if (holder[i] != -1)
                close(holder[i]);
        if (judged)
            return;
    }
    skip(t, "there are not enough free ports in a row");
}

static void run_range(struct trial *t)
{
    find_in_range(t, 1 + chance(PORTS - 2));
}

/* Both ends belong to the range. */
static void run_range_ends(struct trial *t)
{
    find_in_range(t, 0);
    if (left_clean(t))
        find_in_range(t, PORTS - 1);
}

static void run_range_full(struct trial *t)
{
    int holder[PORTS];
    unsigned base = hold_row(holder);
    if (base == 0) {
        skip(t, "there are not enough free ports in a row");
        return;
    }
    did(t, "took the ports from %u to %u", base, base + PORTS - 1);
    if (start_range(t, base, base + PORTS - 1)) {
        t->outcome = child_await_end(&t->child, QUIET_MS);
        expect_failure(t, EADDRINUSE, "bind-unchecked");
    }
    for (int i = 0; i < PORTS; i++)
        close(holder[i]);
}

/* bind() fails as the script says; how often may it be called? */
static void run_range_failure(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    unsigned from = s->either ? 65532 : free_port();
    size_t allowed = s->either ? 4 : 2;
    t->fault = s->fault;
    if (!start_range(t, from, from + 3))
        return;
    did(t, "%s", s->what);
    t->outcome =
        child_await(&t->child, -1, 0, &t->child.err, "bound to", QUIET_MS);
    size_t calls = count_calls(t, WITNESS_BIND);
    if (!witnessed(t))
        return;
    if (calls > allowed || t->outcome == GOT_IT) {
        blame(t, log_last(&t->log, WITNESS_BIND, -1));
        fail(t, s->diagnosis, "exit status 1, with the text of that error",
             calls > allowed ? "it went on: %zu calls of bind(), where %zu "
                               "are enough"
                             : "it says that it is bound",
             calls, allowed);
    }
    expect_failure(t, s->error, s->diagnosis);
}

static const struct check_case cases_range[] = {
    {"takes the first port that is free", SERVER, 2, 2, WORKS, PLAIN, run_range,
     NULL},
    {"takes FROM and TO as well", SERVER, 2, 2, TALK, PLAIN, run_range_ends,
     NULL},
    {"fails when no port is free", SERVER, 2, 2, TALK, PLAIN, run_range_full,
     NULL},
    {"ends at any failure but \"in use\"", SERVER, 2, 2, TALK, PLAIN,
     run_range_failure,
     SCRIPT(.what = "let the first bind() fail with EADDRINUSE, the second "
                    "with EACCES",
            .fault = "bind:fail=98@1,bind:fail=13@2", .error = EACCES,
            .diagnosis = "bind-errors-confused")},
    {"comes to an end at port 65535", SERVER, 2, 2, TALK, PLAIN,
     run_range_failure,
     SCRIPT(.what = "let every bind() fail with EADDRINUSE",
            .fault = "bind:fail=98", .error = EADDRINUSE, .either = true,
            .diagnosis = "bind-range-wraps")},
    {"does not depend on what is in memory by chance", SERVER, 2, 2, TALK,
     PATTERN, run_range, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- taken ---------------------------------------------------------------- */

/* A port that the program is asked about; ours, or nobody's. */
struct asked {
    unsigned port;
    int holder; /* our listener, or -1 */
};

static bool choose_port(struct asked *a, bool ours, bool listens)
{
    a->port = ours ? 0 : free_port();
    a->holder = !ours     ? -1
                : listens ? peer_listen(AF_INET, &a->port)
                          : hold_shared(&a->port);
    unsigned own = swapped(a->port); /* that one must be another port */
    if (own != a->port && a->port != 0 && ours == (a->holder != -1))
        return true;
    if (a->holder != -1)
        close(a->holder);
    return false;
}

/* Why an answer is wrong. */
static void blame_answer(struct trial *t, const struct asked *a,
                         const char *expected, const char *have)
{
    size_t i = 0;
    call b;
    while ((b = next_call(t, WITNESS_BIND, &i)) != NULL) {
        unsigned port = record_port(b);
        if (port == swapped(a->port) || (port == 0 && b->error == 0)) {
            blame(t, b);
            fail(t, port == 0 ? "bind-port-zero" : "bind-no-htons", expected,
                 "bind() for port %u%s", port,
                 port == 0 ? ", which means any port"
                           : ", which is this one with its two bytes swapped");
        }
        if (port == a->port && b->error == 0 && may_share(t, b)) {
            blame(t, b);
            fail(t, "bind-port-shared", expected, "bind() has succeeded");
        }
    }
    const char *name = explain(
        t, says_error(&t->child, EADDRINUSE) ? "bind-in-use-fatal" : "");
    if (is_other_program(t))
        name = "exercise-other-program";
    if (!over(t))
        fail(t, name, expected, "%s", have);
}

static void check_answer(struct trial *t, const struct asked *a)
{
    char line[40], expected[100], got[300];
    snprintf(line, sizeof line, "%u is %s\n", a->port,
             a->holder != -1 ? "taken" : "free");
    if (over(t) || strstr(t->child.out.bytes, line) != NULL)
        return;
    snprintf(expected, sizeof expected, "\"%.*s\" on stdout",
             (int)strcspn(line, "\n"), line);
    size_t n = t->child.out.length, m = t->child.err.length;
    quote_bytes(n > 0 || m == 0 ? t->child.out.bytes : t->child.err.bytes,
                n > 0 || m == 0 ? n : m, got, sizeof got);
    blame_answer(t, a, expected, got);
}

/* Asks about two ports. False if somebody else took one that was to be free. */
static bool ask(struct trial *t, const struct asked a[2])
{
    char text[2][8];
    for (int i = 0; i < 2; i++)
        snprintf(text[i], sizeof text[i], "%u", a[i].port);
    t->result->did[0] = '\0';
    did(t, "%s",
        a[0].holder == -1   ? "bound a socket to the second port"
        : a[1].holder == -1 ? "listened on the first port"
                            : "took both ports");
    if (!start(t, text[0], text[1]) || !ends(t))
        return true;
    check_answer(t, &a[0]);
    check_answer(t, &a[1]);
    expect_success(t);
    left_clean(t);
    for (int i = 0; i < 2; i++)
        if (a[i].holder == -1 && !can_bind(a[i].port))
            return false;
    return true;
}

/* One pair of ports; false if it could not be judged. */
static bool ask_about_pair(struct trial *t, bool first_ours, bool second_ours)
{
    struct asked a[2];
    if (!choose_port(&a[0], first_ours, true))
        return false;
    bool both = choose_port(&a[1], second_ours, false);
    bool judged = both && ask(t, a);
    if (a[0].holder != -1)
        close(a[0].holder);
    if (both && a[1].holder != -1)
        close(a[1].holder);
    if (!judged)
        memset(t->result, 0, sizeof *t->result);
    return judged;
}

/* Both orders, and both taken: one kind of answer could be a guess. */
static void run_taken(struct trial *t)
{
    for (unsigned round = 1; round <= 3 && !over(t); round++) {
        int tries = 0;
        while (tries < 5 && !ask_about_pair(t, round & 1, round >> 1))
            tries++;
        if (tries == 5)
            skip(t, "no port stays free long enough");
    }
}

static void run_taken_failure(struct trial *t)
{
    char text[8];
    snprintf(text, sizeof text, "%u", free_port());
    t->fault = "bind:fail=13@2";
    did(t, "let the second bind() fail with EACCES");
    if (!start(t, text, text) || !ends(t))
        return;
    expect_failure(t, EACCES, "bind-errors-confused");
}

static const struct check_case cases_taken[] = {
    {"tells the ports that are taken from those that are free", SERVER, 2, 2,
     WORKS, PLAIN, run_taken, NULL},
    {"takes no other failure for \"in use\"", SERVER, 2, 2, TALK, PLAIN,
     run_taken_failure, NULL},
    {"does not depend on what is in memory by chance", SERVER, 2, 2, TALK,
     PATTERN, run_taken, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- v6only --------------------------------------------------------------- */

/* The bind() of one half: IPv6, then IPv4, with IPV6_V6ONLY off, then on. */
struct half {
    call option, ipv6, ipv4;
};

/* Can an IPv6 socket be bound here at all? */
static bool has_ipv6(void)
{
    struct sockaddr_in6 any;
    memset(&any, 0, sizeof any);
    any.sin6_family = AF_INET6;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd != -1 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
    if (fd != -1)
        close(fd);
    return ok;
}

/* The family of the socket that bind() is called on, or -1. */
static int family_of(const struct trial *t, call bound)
{
    int family = -1;
    for (call r = log_at(&t->log, 0); r != bound; r++)
        if (r->call == WITNESS_SOCKET && r->result == bound->fd)
            family = (int)r->a;
    return family;
}

/* The number that setsockopt() was given, whatever its length; -1: none. */
static int value_of(call option)
{
    int value = -1;
    if (option->bytes_size >= sizeof value)
        memcpy(&value, option->bytes, sizeof value);
    return value;
}

/* Finds the calls of a half; i is where to go on. */
static struct half find_half(const struct trial *t, size_t *i)
{
    struct half h = {NULL, NULL, NULL};
    while (*i < log_count(&t->log) && h.ipv4 == NULL) {
        call r = log_at(&t->log, (*i)++);
        if (r->call == WITNESS_SETSOCKOPT && r->a == IPPROTO_IPV6 &&
            r->b == IPV6_V6ONLY)
            h.option = r;
        if (r->call == WITNESS_BIND && family_of(t, r) == AF_INET)
            h.ipv4 = r;
        else if (r->call == WITNESS_BIND)
            h.ipv6 = r;
    }
    return h;
}

static bool is_any(call bound)
{
    struct sockaddr_in6 a;
    memset(&a, 0xff, sizeof a);
    memcpy(&a, bound->address,
           bound->address_size < sizeof a ? bound->address_size : sizeof a);
    return a.sin6_family == AF_INET6 &&
           memcmp(&a.sin6_addr, &in6addr_any, sizeof a.sin6_addr) == 0;
}

/* The IPv6 address that was passed to bind(), as text. */
static const char *address_text(call bound, char *text, socklen_t size)
{
    struct sockaddr_in6 a;
    memset(&a, 0, sizeof a);
    memcpy(&a, bound->address, sizeof a);
    const char *host = inet_ntop(AF_INET6, &a.sin6_addr, text, size);
    return host != NULL ? host : "another address";
}

/* Does the program do what its line says that it has done? */
static void check_half(struct trial *t, const struct half *h, int value)
{
    char expected[120], got[INET6_ADDRSTRLEN];
    snprintf(expected, sizeof expected,
             "setsockopt(IPPROTO_IPV6, IPV6_V6ONLY) with %d before bind()",
             value);
    call b = h->ipv6;
    blame(t, b);
    if (b == NULL)
        fail(t, "bind-missing", "bind() of an IPv6 socket", "there was none");
    else if (h->option == NULL || h->option->enter > b->enter)
        fail(t,
             h->option == NULL ? "bind-v6only-unset" : "bind-v6only-too-late",
             expected, "%s",
             h->option == NULL ? "no such call" : "it comes after bind()");
    else if (value_of(h->option) != value)
        fail(t, "bind-v6only-unset", expected, "it was set to %d",
             value_of(h->option));
    else if (b->a != (int64_t)sizeof(struct sockaddr_in6))
        fail(t, "bind-ipv6-unfinished", "bind() with 28 bytes of address",
             "bind() with %d", (int)b->a);
    else if (record_family(b) != AF_INET6)
        fail(t, "bind-ipv6-unfinished", "AF_INET6 in sin6_family",
             record_family(b) == AF_INET ? "AF_INET" : "%d", record_family(b));
    else if (!is_any(b))
        fail(t, "bind-v6only-other-address", "a socket bound to [::]", "%s",
             address_text(b, got, sizeof got));
    else if (record_port(b) != 0)
        fail(t, "bind-ipv6-unfinished",
             "bind() with port 0: the kernel chooses", "bind() with port %u",
             record_port(b));
}

/* What a call of bind() tells about a port. */
static const char *word(call bound)
{
    return bound->error == EADDRINUSE ? "taken" : "free";
}

static void check_v6only_line(struct trial *t, const struct half *h, int value)
{
    char want[120], expected[160], got[300];
    unsigned port = record_port(h->ipv4);
    snprintf(want, sizeof want,
             "IPV6_V6ONLY %d: [::]:%u is bound, 127.0.0.1:%u is %s\n", value,
             port, port, word(h->ipv4));
    if (over(t) || strstr(t->child.out.bytes, want) != NULL)
        return;
    snprintf(expected, sizeof expected, "on stdout: %.*s",
             (int)strcspn(want, "\n"), want);
    quote_bytes(t->child.out.bytes, t->child.out.length, got, sizeof got);
    fail(t, "", expected, "%s", got);
}

/* A setsockopt() that the kernel has refused. */
static void check_option_errors(struct trial *t)
{
    call r = log_failed(&t->log, WITNESS_SETSOCKOPT, 0);
    if (over(t) || r == NULL)
        return;
    blame(t, r);
    fail(t, r->a != IPPROTO_IPV6 ? "bind-v6only-level" : "bind-v6only-too-late",
         "setsockopt() at the level IPPROTO_IPV6, before bind()", "%s",
         errno_name(r->error));
}

/* Both halves: what was done, and what the line says about it. (Whether
 * 127.0.0.1 is free in the second depends on the rest of the machine, too.) */
static void run_v6only(struct trial *t)
{
    size_t i = 0;
    if (!has_ipv6()) {
        skip(t, "this machine has no IPv6: %s", strerror(errno));
        return;
    }
    if (!start(t, NULL, NULL) || !ends(t) || !witnessed(t))
        return;
    check_option_errors(t);
    for (int value = 0; value < 2 && !over(t); value++) {
        struct half h = find_half(t, &i);
        check_half(t, &h, value);
        if (!over(t) && h.ipv4 == NULL)
            fail(t, "", "then bind() of an IPv4 socket", "there was none");
        if (!over(t))
            check_v6only_line(t, &h, value);
    }
    expect_success(t);
}

/* As if somebody had taken the port in the meantime. */
static void run_v6only_taken(struct trial *t)
{
    t->fault = "bind:fail=98@4";
    did(t, "let the last bind() fail with EADDRINUSE");
    run_v6only(t);
}

static void run_v6only_failure(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    if (!has_ipv6()) {
        skip(t, "this machine has no IPv6: %s", strerror(errno));
        return;
    }
    t->fault = s->fault;
    did(t, "%s", s->what);
    if (!start(t, NULL, NULL) || !ends(t))
        return;
    expect_failure(t, s->error, s->diagnosis);
}

static const struct check_case cases_v6only[] = {
    {"shows IPv4 with IPV6_V6ONLY off and on", SERVER, 2, 2, WORKS, PLAIN,
     run_v6only, NULL},
    {"prints what the kernel says, not what is usual", SERVER, 2, 2, TALK,
     PLAIN, run_v6only_taken, NULL},
    {"reports a failing setsockopt()", SERVER, 2, 2, TALK, PLAIN,
     run_v6only_failure,
     SCRIPT(.what = "let the second setsockopt() fail",
            .fault = "setsockopt:fail=105@2", .error = ENOBUFS,
            .diagnosis = "bind-v6only-unchecked")},
    {"reports a failing bind()", SERVER, 2, 2, TALK, PLAIN, run_v6only_failure,
     SCRIPT(.what = "let the first bind() fail", .fault = "bind:fail=99@1",
            .error = EADDRNOTAVAIL, .diagnosis = "bind-unchecked")},
    {"does not depend on what is in memory by chance", SERVER, 2, 2, TALK,
     PATTERN, run_v6only, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_02[] = {
    {"02-bind/range", SERVER, cases_range},
    {"02-bind/taken", SERVER, cases_taken},
    {"02-bind/v6only", SERVER, cases_v6only},
    {NULL, SERVER, NULL}};
