/**
 * @file
 * How the exercises of step 1 are judged. The calls of socket() and what the
 * kernel said to them, as the witness wrote them down, tell what the output
 * must be; so that it cannot be known beforehand, some of them are made to
 * fail, by chance.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A number below `limit`, by chance. */
static unsigned chance(unsigned limit)
{
    static uint64_t state;
    if (state == 0)
        state = now_ns() ^ (uint64_t)getpid() << 32;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % limit;
}

/* Waits for the end; false if there is nothing to judge. */
static bool ends(struct trial *t)
{
    char got[200];
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (!t->child.ended)
        fail(t, explain(t, ""), "a program that ends by itself", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    else if (t->log.map == NULL || t->log.map->attached == 0)
        skip(t, "the witness could not look into this program (is it static?)");
    return !over(t);
}

static size_t count_calls(const struct trial *t, enum witness_call call)
{
    size_t n = 0;
    for (size_t i = 0; i < log_count(&t->log); i++)
        n += log_at(&t->log, i)->call == call;
    return n;
}

/* Was the descriptor that record number i opened closed again? */
static bool was_closed(const struct trial *t, size_t i)
{
    int64_t fd = log_at(&t->log, i)->result;
    while (++i < log_count(&t->log))
        if (log_at(&t->log, i)->call == WITNESS_CLOSE &&
            log_at(&t->log, i)->fd == fd)
            return true;
    return false;
}

/* The first socket that was made and never closed, or NULL. */
static const struct witness_record *first_leak(const struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_SOCKET && r->error == 0 && !was_closed(t, i))
            return r;
    }
    return NULL;
}

static void check_leak(struct trial *t, const char *diagnosis)
{
    const struct witness_record *r = first_leak(t);
    if (over(t) || r == NULL)
        return;
    blame(t, r);
    fail(t, diagnosis, "every socket closed again",
         "descriptor %d was never closed", (int)r->result);
}

/* Compares stdout line by line, so that the message can be short. */
static void check_lines(struct trial *t, const char *want, const char *name)
{
    const char *have = t->child.out.bytes;
    char expected[300], got[300];
    while (!over(t) && (*want != '\0' || *have != '\0')) {
        size_t n = strcspn(want, "\n"), m = strcspn(have, "\n");
        if (n != m || memcmp(want, have, n) != 0) {
            snprintf(expected, sizeof expected, "on stdout: %.*s",
                     n > 0 ? (int)n : 20, n > 0 ? want : "nothing more");
            quote_bytes(have, m, got, sizeof got);
            fail(t, name, expected, "%s", m > 0 ? got : "no such line");
        }
        want += n + (want[n] == '\n');
        have += m + (have[m] == '\n');
    }
}

static void check_status(struct trial *t, int status, const char *diagnosis)
{
    char expected[80], got[200];
    if (over(t) || exited(&t->child, status))
        return;
    snprintf(expected, sizeof expected, "exit status %d", status);
    fail(t, explain(t, diagnosis), expected, "%s",
         ending_text(&t->child, got, sizeof got));
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

/* --- families ------------------------------------------------------------- */

enum { KINDS = 6 };

static const struct {
    const char *name;
    int domain, type;
} kinds[KINDS] = {{"AF_INET SOCK_STREAM", AF_INET, SOCK_STREAM},
                  {"AF_INET SOCK_DGRAM", AF_INET, SOCK_DGRAM},
                  {"AF_INET6 SOCK_STREAM", AF_INET6, SOCK_STREAM},
                  {"AF_INET6 SOCK_DGRAM", AF_INET6, SOCK_DGRAM},
                  {"AF_UNIX SOCK_STREAM", AF_UNIX, SOCK_STREAM},
                  {"AF_UNIX SOCK_DGRAM", AF_UNIX, SOCK_DGRAM}};

/* What the kernel says about such a socket when we ask it ourselves. */
static int protocol_here(int kind)
{
    int protocol = -1, fd = socket(kinds[kind].domain, kinds[kind].type, 0);
    socklen_t size = sizeof protocol;
    if (fd == -1)
        return -1;
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
    close(fd);
    return protocol;
}

static const struct witness_record *call_for(const struct trial *t, int kind)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_SOCKET && r->a == kinds[kind].domain &&
            (r->b & 0xf) == kinds[kind].type)
            return r;
    }
    return NULL;
}

/* Is every kind asked for, and was each still open when the last was made? */
static void check_calls(struct trial *t, const char *diagnosis)
{
    const struct witness_record *last = log_last(&t->log, WITNESS_SOCKET, -1);
    for (int k = 0; k < KINDS && !over(t); k++)
        if (call_for(t, k) == NULL) {
            const char *name = explain(
                t, diagnosis[0] != '\0' ? diagnosis : "socket-kind-missing");
            blame(t, last);
            fail(t, name, "one call of socket() for each kind", "none for %s",
                 kinds[k].name);
        }
    const struct witness_record *c = log_first(&t->log, WITNESS_CLOSE, -1);
    if (over(t) || c == NULL || last == NULL || c->enter > last->enter)
        return;
    blame(t, c);
    fail(t, "socket-closed-too-soon", "all kinds open at the same time",
         "close(%d) comes before the last call of socket()", c->fd);
}

/* The question for the protocol of a descriptor, or NULL. */
static const struct witness_record *question(const struct trial *t, int64_t fd)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_GETSOCKOPT && r->fd == fd &&
            r->a == SOL_SOCKET && r->b == SO_PROTOCOL)
            return r;
    }
    return NULL;
}

/* Why nobody asked for the protocol of a socket that was made. */
static void blame_silence(struct trial *t, int kind, const char *diagnosis)
{
    char made[60];
    snprintf(made, sizeof made, "%s: fd ", kinds[kind].name);
    const char *out = t->child.out.bytes;
    bool shown = strstr(out, made) != NULL;
    blame(t, call_for(t, kind));
    fail(t,
         shown                                   ? "socket-protocol-guessed"
         : strstr(out, kinds[kind].name) != NULL ? "socket-not-stored"
                                                 : diagnosis,
         "getsockopt() with SO_PROTOCOL for each socket",
         "the kernel was not asked about %s", kinds[kind].name);
}

/* Was the kernel asked about each socket, and given room for the answer? */
static void check_asked(struct trial *t, const char *diagnosis)
{
    for (int k = 0; k < KINDS && !over(t); k++) {
        const struct witness_record *s = call_for(t, k);
        const struct witness_record *q = question(t, s->result);
        if (s->error != 0)
            continue;
        if (q == NULL)
            blame_silence(t, k, diagnosis);
        else if (q->error == EINVAL ||
                 (q->error == 0 && q->bytes_size != sizeof(int))) {
            blame(t, q);
            fail(t, "socket-length-unset",
                 "getsockopt() with a length of 4, the size of an int",
                 q->error == 0 ? "there was room for %u bytes"
                               : "EINVAL: the length makes no sense",
                 q->bytes_size);
        }
    }
}

static void check_table(struct trial *t, const char *diagnosis)
{
    char want[1000];
    size_t n = 0;
    int made = 0;
    for (int k = 0; k < KINDS; k++) {
        const struct witness_record *r = call_for(t, k);
        made += r->error == 0;
        n += (size_t)(r->error != 0
                          ? snprintf(want + n, sizeof want - n, "%s: %s\n",
                                     kinds[k].name, strerror(r->error))
                          : snprintf(want + n, sizeof want - n,
                                     "%s: fd %d, protocol %d\n", kinds[k].name,
                                     (int)r->result, protocol_here(k)));
    }
    snprintf(want + n, sizeof want - n, "%d of %d kinds\n", made, KINDS);
    check_lines(t, want, diagnosis);
}

static void judge_families(struct trial *t, const char *diagnosis)
{
    if (!start(t, NULL, NULL) || !ends(t))
        return;
    check_calls(t, diagnosis);
    if (!over(t))
        check_asked(t, diagnosis);
    if (!over(t))
        check_table(t, diagnosis);
    check_status(t, 0, diagnosis);
    check_leak(t, "socket-leaked");
}

static void run_families(struct trial *t)
{
    judge_families(t, "");
}

static void run_families_refused(struct trial *t)
{
    static const int errors[] = {EAFNOSUPPORT, ESOCKTNOSUPPORT, EACCES,
                                 EPROTONOSUPPORT, ENOBUFS};
    static char fault[40];
    unsigned kind = chance(KINDS - 1);
    int error = errors[chance(sizeof errors / sizeof *errors)];
    snprintf(fault, sizeof fault, "socket:fail=%d@%u", error, kind + 1);
    t->fault = fault;
    did(t, "let call number %u of socket() fail with %s", kind + 1,
        errno_name(error));
    judge_families(t, "socket-refusal-fatal");
}

static void run_families_closed(struct trial *t)
{
    t->streams = INPUT_CLOSED;
    did(t, "closed standard input, so that 0 is free");
    judge_families(t, "socket-zero-is-error");
}

static void run_families_question(struct trial *t)
{
    static char fault[40];
    snprintf(fault, sizeof fault, "getsockopt:fail=%d@%u", ENOBUFS,
             1 + chance(KINDS - 2)); /* without those of IPv6 */
    t->fault = fault;
    did(t, "let a call of getsockopt() fail");
    if (!start(t, NULL, NULL) || !ends(t))
        return;
    expect_failure(t, ENOBUFS, "error-exit-zero");
    check_leak(t, "close-leak-on-error");
}

static const struct check_case cases_families[] = {
    {"shows six kinds of sockets, open at the same time", SERVER, 1, 1, WORKS,
     PLAIN, run_families, NULL},
    {"goes on after a kind that is refused", SERVER, 1, 1, TALK, PLAIN,
     run_families_refused, NULL},
    {"takes descriptor 0 for a socket", SERVER, 1, 1, TALK, PLAIN,
     run_families_closed, NULL},
    {"reports a failing getsockopt()", SERVER, 1, 1, TALK, PLAIN,
     run_families_question, NULL},
    {"does not depend on what is in memory by chance", SERVER, 1, 1, TALK,
     PATTERN, run_families, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- refused --------------------------------------------------------------
 */

enum { REFUSALS = 4 };

static const int refusals[REFUSALS] = {EAFNOSUPPORT, ESOCKTNOSUPPORT,
                                       EPROTONOSUPPORT, EINVAL};

/* The line about that error, or NULL after fail(); its arguments. */
static const char *refusal_line(struct trial *t, int error, int argument[3])
{
    char name[40], expected[100];
    int end = 0;
    snprintf(name, sizeof name, "%s: socket(", errno_name(error));
    const char *line = strstr(t->child.out.bytes, name);
    if (line != NULL &&
        sscanf(line + strlen(name), "%d, %d, %d%n", &argument[0], &argument[1],
               &argument[2], &end) == 3)
        return line + strlen(name) + end + 1;
    snprintf(expected, sizeof expected, "a line \"%s...): ...\" on stdout",
             name);
    fail(t, explain(t, "socket-row-missing"), expected, "no such line");
    return NULL;
}

static const struct witness_record *call_with(const struct trial *t,
                                              const int argument[3])
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_SOCKET && (int)r->a == argument[0] &&
            (int)r->b == argument[1] && (int)r->c == argument[2])
            return r;
    }
    return NULL;
}

static void check_refusal(struct trial *t, int error)
{
    int argument[3];
    char expected[120];
    const char *text = refusal_line(t, error, argument);
    if (text == NULL)
        return;
    const struct witness_record *r = call_with(t, argument);
    snprintf(expected, sizeof expected,
             "a call that the kernel refuses with %s", errno_name(error));
    blame(t, r);
    if (r == NULL)
        fail(t, "socket-call-missing", expected,
             "no call of socket() with %d, %d and %d", argument[0], argument[1],
             argument[2]);
    else if (r->error == 0)
        fail(t, "socket-not-refused", expected,
             "socket(%d, %d, %d) made a socket", argument[0], argument[1],
             argument[2]);
    else if (r->error != error)
        fail(t, "socket-other-refusal", expected,
             "socket(%d, %d, %d) was refused with %s", argument[0], argument[1],
             argument[2], errno_name(r->error));
    else if ((argument[0] != AF_INET) + (argument[1] != SOCK_STREAM) +
                 (argument[2] != 0) !=
             1)
        fail(t, "socket-two-changes",
             "one argument changed in socket(AF_INET, SOCK_STREAM, 0)",
             "in the row of %s more than one is different", errno_name(error));
    else if (strncmp(text, ": ", 2) != 0 ||
             strncmp(text + 2, strerror(error), strlen(strerror(error))) != 0)
        fail(t, "", expected, "the line does not say \"%s\"", strerror(error));
}

static void run_refusals(struct trial *t)
{
    if (!start(t, NULL, NULL) || !ends(t))
        return;
    for (int i = 0; i < REFUSALS && !over(t); i++)
        check_refusal(t, refusals[i]);
    check_status(t, 0, "");
    check_leak(t, "socket-leaked");
}

/* One of the calls fails for a reason that no row names. */
static void run_other_refusal(struct trial *t)
{
    static char fault[40];
    unsigned row = chance(REFUSALS);
    int argument[3];
    snprintf(fault, sizeof fault, "socket:fail=%d@%u", ENOBUFS, row + 1);
    t->fault = fault;
    did(t, "let call number %u fail with ENOBUFS in place of %s", row + 1,
        errno_name(refusals[row]));
    if (!start(t, NULL, NULL) || !ends(t))
        return;
    const char *text = refusal_line(t, refusals[row], argument);
    if (text != NULL && strncmp(text + 2, strerror(ENOBUFS), 9) != 0)
        fail(t, "error-errno-overwritten", "that error in the row", "\"%.*s\"",
             (int)strcspn(text, "\n"), text);
    check_status(t, 1, "error-exit-zero");
    check_leak(t, "close-leak-on-error");
}

static const struct check_case cases_refused[] = {
    {"is refused in four ways", SERVER, 1, 1, WORKS, PLAIN, run_refusals, NULL},
    {"says so when the refusal is another one", SERVER, 1, 1, TALK, PLAIN,
     run_other_refusal, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- leak -----------------------------------------------------------------
 */

enum { ROOM = 8 }; /* descriptors, standard input and outputs included */

static int buffer_here(void)
{
    int bytes = -1, fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof bytes;
    if (fd == -1)
        return -1;
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &size);
    close(fd);
    return bytes;
}

static bool start_counting(struct trial *t, unsigned count)
{
    char text[16];
    snprintf(text, sizeof text, "%u", count);
    return start(t, text, NULL) && ends(t);
}

static void run_leak(struct trial *t)
{
    char want[100];
    unsigned count = 20 + chance(80);
    t->open_files = ROOM;
    did(t, "allowed it %d descriptors", ROOM);
    if (!start_counting(t, count))
        return;
    if (says_error(&t->child, EMFILE))
        check_leak(t, "socket-leaked");
    size_t made = count_calls(t, WITNESS_SOCKET);
    snprintf(want, sizeof want, "%u calls of socket()", count);
    if (!over(t) && made != count) {
        blame(t, log_last(&t->log, WITNESS_SOCKET, -1));
        fail(t, explain(t, made < count ? "socket-made-once" : ""), want, "%zu",
             made);
    }
    snprintf(want, sizeof want, "socket 1: room for %d bytes\n%u sockets\n",
             buffer_here(), count);
    check_lines(t, want, "");
    check_status(t, 0, "");
    check_leak(t, "socket-leaked");
}

static void run_leak_failure(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    static char fault[40];
    unsigned count = 20 + chance(20);
    snprintf(fault, sizeof fault, "%s=%d@%u", s->fault, s->error,
             2 + chance(count - 2));
    t->fault = fault;
    did(t, "%s", s->what);
    if (!start_counting(t, count))
        return;
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->injected)
            blame(t, log_at(&t->log, i));
    expect_failure(t, s->error, s->diagnosis);
    check_leak(t, "close-leak-on-error");
}

static const struct check_case cases_leak[] = {
    {"makes any number of sockets with few descriptors", SERVER, 1, 1, WORKS,
     PLAIN, run_leak, NULL},
    {"closes the socket when getsockopt() fails", SERVER, 1, 1, TALK, PLAIN,
     run_leak_failure,
     SCRIPT(.what = "let one call of getsockopt() fail",
            .fault = "getsockopt:fail", .error = ENOBUFS,
            .diagnosis = "error-exit-zero")},
    {"reports a failing socket()", SERVER, 1, 1, TALK, PLAIN, run_leak_failure,
     SCRIPT(.what = "let one call of socket() fail", .fault = "socket:fail",
            .error = EMFILE, .diagnosis = "socket-failure-hidden")},
    {"reports a failing close()", SERVER, 1, 1, TALK, PLAIN, run_leak_failure,
     SCRIPT(.what = "let one call of close() fail", .fault = "close:fail",
            .error = EIO, .diagnosis = "close-failure-hidden")},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_01[] = {
    {"01-socket/families", SERVER, cases_families},
    {"01-socket/leak", SERVER, cases_leak},
    {"01-socket/refused", SERVER, cases_refused},
    {NULL, SERVER, NULL}};
