/**
 * @file
 * How the exercises of step 2 are judged. Ports are taken from others by us,
 * at random, so that only a program that really asks the kernel can know.
 */
#define _GNU_SOURCE
#include "exercise.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool can_bind(unsigned port)
{
    int fd = peer_listen(AF_INET, &port);
    close_if_open(fd);
    return fd != -1;
}

/* Binds a socket to a port (0: a free one) and does no more; whoever asks to
 * share the port may share it. Returns a descriptor, or -1. */
static int hold_shared(unsigned *port)
{
    static const int options[] = {SO_REUSEADDR, SO_REUSEPORT};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        setsockopt(fd, SOL_SOCKET, options[i], &yes, sizeof yes);
    if (*port == 0)
        *port = free_port();
    struct sockaddr_in a = ipv4_address(INADDR_LOOPBACK, *port);
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
    call b = first_call(t, WITNESS_BIND);
    while (b != NULL && (b->error != EADDRINUSE || record_port(b) != port))
        b = next_call(t, b);
    return b != NULL;
}

static bool start_range(struct trial *t, unsigned from, unsigned to)
{
    return start(t, phrase("%u", from), phrase("%u", to));
}

/* Why it did not get the port that it should have got. */
static void blame_range(struct trial *t, unsigned base, unsigned want)
{
    const char *expected = phrase("\"bound to 127.0.0.1:%u\" on stderr", want);
    call b = first_call(t, WITNESS_BIND);
    call last = last_call(t, WITNESS_BIND);
    const char *name = explained(t, "");
    unsigned first = b != NULL ? record_port(b) : 0;
    unsigned taken =
        last != NULL && last->error == 0 ? record_port(last) : want;
    if (b != NULL && first == swapped(base) && first != base)
        fail_at(t, last, "bind-no-htons", expected,
                "bind() for port %u, which is %u with its two bytes swapped",
                first, base);
    else if (b != NULL && b == last && b->error == EADDRINUSE)
        fail_at(t, last, "bind-range-gives-up", expected,
                "bind() was called once, for port %u, and not again", first);
    else if (taken == base && base != want)
        fail_at(t, last, may_share(t, last) ? "bind-port-shared" : name,
                expected, "it has taken port %u, which is ours", base);
    else if (taken != want)
        fail_at(t, last, taken == 0 ? "bind-port-zero" : "bind-range-order",
                expected, "it has taken port %u", taken);
    else if (last != NULL && last->error == EADDRINUSE && t->child.ended)
        fail_at(t, last, "bind-range-order", expected,
                "it has ended without a try for that port");
    else
        fail_at(t, last, name, expected, "stderr is %s", its_errors(t));
}

/* One try, with the first free port at `place` and the last one free as well;
 * false if somebody else has got the port that was to be free. */
static bool try_range(struct trial *t, int holder[PORTS], unsigned base,
                      unsigned place)
{
    unsigned last = PORTS - 1, want = base + place;
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
    const char *line = phrase("bound to 127.0.0.1:%u", want);
    bool bound = appears(t, &t->child.err, line, QUIET_MS);
    if (bound && can_bind(want))
        fail(t, explain(t, "bind-missing"), "the announced port to be taken",
             "127.0.0.1:%u can still be bound", want);
    else if (bound)
        end_by_enter(t);
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
            close_if_open(holder[i]);
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
    const struct script *s = set_fault(t);
    unsigned from = s->either ? 65532 : free_port();
    size_t allowed = s->either ? 4 : 2;
    if (!start_range(t, from, from + 3))
        return;
    bool bound = appears(t, &t->child.err, "bound to", QUIET_MS);
    size_t calls = count_calls(t, WITNESS_BIND);
    if (!witnessed(t))
        return;
    if (calls > allowed || bound)
        fail_at(t, last_call(t, WITNESS_BIND), s->diagnosis,
                "exit status 1, with the text of that error",
                calls > allowed ? "it went on: %zu calls of bind(), where %zu "
                                  "are enough"
                                : "it says that it is bound",
                calls, allowed);
    expect_failure(t, s->error, s->diagnosis);
}

static const struct check_case cases_range[] = {
    {"takes the first port that is free", SERVER_WORKS, PLAIN, run_range, NULL},
    {"takes FROM and TO as well", SERVER_TALK, PLAIN, run_range_ends, NULL},
    {"fails when no port is free", SERVER_TALK, PLAIN, run_range_full, NULL},
    {"ends at any failure but \"in use\"", SERVER_TALK, PLAIN,
     run_range_failure,
     SCRIPT(.what = "let the first bind() fail with EADDRINUSE, the second "
                    "with EACCES",
            .fault = "bind:fail=98@1,bind:fail=13@2", .error = EACCES,
            .diagnosis = "bind-errors-confused")},
    {"comes to an end at port 65535", SERVER_TALK, PLAIN, run_range_failure,
     SCRIPT(.what = "let every bind() fail with EADDRINUSE",
            .fault = "bind:fail=98", .error = EADDRINUSE, .either = true,
            .diagnosis = "bind-range-wraps")},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_range, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

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
    close_if_open(a->holder);
    return false;
}

/* Why an answer is wrong. */
static void blame_answer(struct trial *t, const struct asked *a,
                         const char *expected)
{
    for (call b = first_call(t, WITNESS_BIND); b != NULL; b = next_call(t, b)) {
        unsigned port = record_port(b);
        if (port == 0 && b->error == 0)
            fail_at(t, b, "bind-port-zero", expected,
                    "bind() for port 0, which means any port");
        else if (port == swapped(a->port))
            fail_at(t, b, "bind-no-htons", expected,
                    "bind() for port %u, which is this one with its two bytes "
                    "swapped",
                    port);
        else if (port == a->port && b->error == 0 && may_share(t, b))
            fail_at(t, b, "bind-port-shared", expected, "bind() has succeeded");
    }
    if (over(t))
        return;
    const char *name =
        says_error(&t->child, EADDRINUSE) ? "bind-in-use-fatal" : "";
    fail(t, explained(t, name), expected, "%s",
         t->child.out.length > 0 ? its_output(t) : its_errors(t));
}

static void check_answer(struct trial *t, const struct asked *a)
{
    const char *line =
        phrase("%u is %s", a->port, a->holder != -1 ? "taken" : "free");
    if (!prints(&t->child.out, phrase("%s\n", line)))
        blame_answer(t, a, phrase("\"%s\" on stdout", line));
}

/* Asks about two ports. False if somebody else took one that was to be free. */
static bool ask(struct trial *t, const struct asked a[2])
{
    t->result->did[0] = '\0';
    did(t, "%s",
        a[0].holder == -1   ? "bound a socket to the second port"
        : a[1].holder == -1 ? "listened on the first port"
                            : "took both ports");
    if (!start(t, phrase("%u", a[0].port), phrase("%u", a[1].port)) || !ends(t))
        return true;
    check_answer(t, &a[0]);
    check_answer(t, &a[1]);
    check_ending(t, 0, "");
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
    close_if_open(a[0].holder);
    if (both)
        close_if_open(a[1].holder);
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
    const char *port = phrase("%u", free_port());
    t->fault = "bind:fail=13@2";
    did(t, "let the second bind() fail with EACCES");
    if (start(t, port, port) && ends(t))
        expect_failure(t, EACCES, "bind-errors-confused");
}

static const struct check_case cases_taken[] = {
    {"tells the ports that are taken from those that are free", SERVER_WORKS,
     PLAIN, run_taken, NULL},
    {"takes no other failure for \"in use\"", SERVER_TALK, PLAIN,
     run_taken_failure, NULL},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_taken, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- v6only --------------------------------------------------------------- */

/* The bind() of one half: IPv6, then IPv4, with IPV6_V6ONLY off, then on. */
struct half {
    call option, ipv6, ipv4;
};

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

/* The IPv6 address that was passed to bind(), as text. */
static const char *address_text(call bound)
{
    struct sockaddr_in6 a;
    char text[INET6_ADDRSTRLEN];
    memcpy(&a, bound->address, sizeof a);
    const char *host = inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text);
    return phrase("%s", host != NULL ? host : "another address");
}

/* Does the program do what its line says that it has done? */
static void check_half(struct trial *t, const struct half *h, int value)
{
    const char *expected = phrase(
        "setsockopt(IPPROTO_IPV6, IPV6_V6ONLY) with %d before bind()", value);
    call b = h->ipv6;
    if (b == NULL)
        fail(t, "bind-missing", "bind() of an IPv6 socket", "there was none");
    else if (h->option == NULL)
        fail_at(t, b, "bind-v6only-unset", expected, "no such call");
    else if (h->option->enter > b->enter)
        fail_at(t, b, "bind-v6only-too-late", expected,
                "it comes after bind()");
    else if (value_of(h->option) != value)
        fail_at(t, b, "bind-v6only-unset", expected, "it was set to %d",
                value_of(h->option));
    else if (is_whole_ipv6(t, b) && !bound_to_ipv6(b, in6addr_any))
        fail_at(t, b, "bind-v6only-other-address", "a socket bound to [::]",
                "%s", address_text(b));
    else if (record_port(b) != 0)
        fail_at(t, b, "bind-ipv6-unfinished",
                "bind() with port 0: the kernel chooses", "bind() with port %u",
                record_port(b));
}

/* What bind() has said about 127.0.0.1 must stand in the line. */
static void check_v6only_line(struct trial *t, const struct half *h, int value)
{
    unsigned port = record_port(h->ipv4);
    const char *line =
        phrase("IPV6_V6ONLY %d: [::]:%u is bound, 127.0.0.1:%u is %s", value,
               port, port, h->ipv4->error == EADDRINUSE ? "taken" : "free");
    if (!prints(&t->child.out, phrase("%s\n", line)))
        fail(t, "", phrase("on stdout: %s", line), "%s", its_output(t));
}

/* A setsockopt() that the kernel has refused. */
static void check_option_errors(struct trial *t)
{
    call r = log_failed(&t->log, WITNESS_SETSOCKOPT, 0);
    if (r != NULL)
        fail_at(t, r,
                r->a != IPPROTO_IPV6 ? "bind-v6only-level"
                                     : "bind-v6only-too-late",
                "setsockopt() at the level IPPROTO_IPV6, before bind()", "%s",
                errno_name(r->error));
}

/* Both halves: what was done, and what the line says about it. (Whether
 * 127.0.0.1 is free in the second depends on the rest of the machine, too.) */
static void run_v6only(struct trial *t)
{
    size_t i = 0;
    if (!needs_ipv6(t, in6addr_any) || !start(t, NULL, NULL) || !ends(t) ||
        !witnessed(t))
        return;
    check_option_errors(t);
    for (int value = 0; value < 2 && !over(t); value++) {
        struct half h = find_half(t, &i);
        check_half(t, &h, value);
        if (h.ipv4 == NULL)
            fail(t, "", "then bind() of an IPv4 socket", "there was none");
        else
            check_v6only_line(t, &h, value);
    }
    check_ending(t, 0, "");
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
    if (!needs_ipv6(t, in6addr_any))
        return;
    const struct script *s = set_fault(t);
    if (start(t, NULL, NULL) && ends(t))
        expect_failure(t, s->error, s->diagnosis);
}

static const struct check_case cases_v6only[] = {
    {"shows IPv4 with IPV6_V6ONLY off and on", SERVER_WORKS, PLAIN, run_v6only,
     NULL},
    {"prints what the kernel says, not what is usual", SERVER_TALK, PLAIN,
     run_v6only_taken, NULL},
    {"reports a failing setsockopt()", SERVER_TALK, PLAIN, run_v6only_failure,
     SCRIPT(.what = "let the second setsockopt() fail",
            .fault = "setsockopt:fail=105@2", .error = ENOBUFS,
            .diagnosis = "bind-v6only-unchecked")},
    {"reports a failing bind()", SERVER_TALK, PLAIN, run_v6only_failure,
     SCRIPT(.what = "let the first bind() fail", .fault = "bind:fail=99@1",
            .error = EADDRNOTAVAIL, .diagnosis = "bind-unchecked")},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_v6only, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_02[] = {
    {"02-bind/range", SERVER, cases_range},
    {"02-bind/taken", SERVER, cases_taken},
    {"02-bind/v6only", SERVER, cases_v6only},
    {NULL, SERVER, NULL}};
