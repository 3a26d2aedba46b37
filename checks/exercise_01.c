/**
 * @file
 * How the exercises of step 1 are judged. The calls of socket() and what the
 * kernel said to them, as the witness wrote them down, tell what the output
 * must be; so that it cannot be known beforehand, some of them are made to
 * fail, by chance.
 */
#define _GNU_SOURCE
#include "exercise.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Starts it with this argument, or none, and lets it run to its end. */
static bool run_through(struct trial *t, const char *argument)
{
    return start(t, argument, NULL) && ends(t) && witnessed(t);
}

/* Was the socket that this call made closed again? */
static bool was_closed(const struct trial *t, call made)
{
    call last = log_last(&t->log, WITNESS_CLOSE, (int)made->result);
    return last != NULL && last > made;
}

/* Each socket that was made must have been closed. */
static void check_leak(struct trial *t, const char *diagnosis)
{
    call r = first_call(t, WITNESS_SOCKET);
    while (r != NULL && (r->error != 0 || was_closed(t, r)))
        r = next_call(t, r);
    if (r != NULL)
        fail_at(t, r, diagnosis, "every socket closed again",
                "descriptor %d was never closed", (int)r->result);
}

/* Compares stdout line by line, so that the message can be short. */
static void check_lines(struct trial *t, const char *want, const char *name)
{
    const char *have = t->child.out.bytes;
    if (lines_differ(&want, &have))
        fail_line(t, want, have, name);
}

/* An option of level SOL_SOCKET, as the kernel sets it; -1: unknown. */
static int option_here(int domain, int type, int option)
{
    int value = -1, fd = socket(domain, type, 0);
    socklen_t size = sizeof value;
    if (fd == -1)
        return -1;
    getsockopt(fd, SOL_SOCKET, option, &value, &size);
    close(fd);
    return value;
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

static call call_for(const struct trial *t, int kind)
{
    call r = first_call(t, WITNESS_SOCKET);
    while (r != NULL &&
           (r->a != kinds[kind].domain || (r->b & 0xf) != kinds[kind].type))
        r = next_call(t, r);
    return r;
}

/* Is every kind asked for, and was each still open when the last was made? */
static void check_calls(struct trial *t, const char *diagnosis)
{
    call last = last_call(t, WITNESS_SOCKET);
    for (int k = 0; k < KINDS && !over(t); k++)
        if (call_for(t, k) == NULL)
            fail_at(t, last,
                    explain(t, diagnosis[0] != '\0' ? diagnosis
                                                    : "socket-kind-missing"),
                    "one call of socket() for each kind", "none for %s",
                    kinds[k].name);
    call c = first_call(t, WITNESS_CLOSE);
    if (c != NULL && last != NULL && c->enter <= last->enter)
        fail_at(t, c, "socket-closed-too-soon",
                "all kinds open at the same time",
                "close(%d) comes before the last call of socket()", c->fd);
}

/* The question for the protocol of a descriptor, or NULL. */
static call question(const struct trial *t, int64_t fd)
{
    call r = log_first(&t->log, WITNESS_GETSOCKOPT, (int)fd);
    while (r != NULL &&
           (r->fd != fd || r->a != SOL_SOCKET || r->b != SO_PROTOCOL))
        r = next_call(t, r);
    return r;
}

/* Nobody asked for the protocol of a socket that was made: why? */
static void fail_unasked(struct trial *t, int kind, const char *diagnosis)
{
    const char *out = t->child.out.bytes, *name = kinds[kind].name;
    fail_at(t, call_for(t, kind),
            strstr(out, phrase("%s: fd ", name)) != NULL
                ? "socket-protocol-guessed"
            : strstr(out, name) != NULL ? "socket-not-stored"
                                        : diagnosis,
            "getsockopt() with SO_PROTOCOL for each socket",
            "the kernel was not asked about %s", name);
}

/* Was the kernel asked about each socket, and given room for the answer? */
static void check_asked(struct trial *t, const char *diagnosis)
{
    for (int k = 0; k < KINDS && !over(t); k++) {
        call s = call_for(t, k);
        call q = question(t, s->result);
        if (s->error != 0)
            continue;
        if (q == NULL)
            fail_unasked(t, k, diagnosis);
        else if (q->error == EINVAL ||
                 (q->error == 0 && q->bytes_size != sizeof(int)))
            fail_at(t, q, "socket-length-unset",
                    "getsockopt() with a length of 4, the size of an int",
                    q->error == 0 ? "there was room for %u bytes"
                                  : "EINVAL: the length makes no sense",
                    q->bytes_size);
    }
}

static void check_table(struct trial *t, const char *diagnosis)
{
    const char *want = "";
    int made = 0;
    for (int k = 0; k < KINDS; k++) {
        call r = call_for(t, k);
        made += r->error == 0;
        want = r->error != 0 ? phrase("%s%s: %s\n", want, kinds[k].name,
                                      strerror(r->error))
                             : phrase("%s%s: fd %d, protocol %d\n", want,
                                      kinds[k].name, (int)r->result,
                                      option_here(kinds[k].domain,
                                                  kinds[k].type, SO_PROTOCOL));
    }
    check_lines(t, phrase("%s%d of %d kinds\n", want, made, KINDS), diagnosis);
}

static void judge_families(struct trial *t, const char *diagnosis)
{
    if (!run_through(t, NULL))
        return;
    check_calls(t, diagnosis);
    if (!over(t))
        check_asked(t, diagnosis);
    if (!over(t))
        check_table(t, diagnosis);
    check_ending(t, 0, diagnosis);
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
    unsigned kind = chance(KINDS - 1);
    int error = errors[chance(sizeof errors / sizeof *errors)];
    t->fault = phrase("socket:fail=%d@%u", error, kind + 1);
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
    /* not those of the last two kinds: IPv6 may be missing */
    t->fault = phrase("getsockopt:fail=%d@%u", ENOBUFS, 1 + chance(KINDS - 2));
    did(t, "let a call of getsockopt() fail");
    if (!run_through(t, NULL))
        return;
    expect_failure(t, ENOBUFS, "error-exit-zero");
    check_leak(t, "close-leak-on-error");
}

static const struct check_case cases_families[] = {
    {"shows six kinds of sockets, open at the same time", SERVER_WORKS, PLAIN,
     run_families, NULL},
    {"goes on after a kind that is refused", SERVER_TALK, PLAIN,
     run_families_refused, NULL},
    {"takes descriptor 0 for a socket", SERVER_TALK, PLAIN, run_families_closed,
     NULL},
    {"reports a failing getsockopt()", SERVER_TALK, PLAIN,
     run_families_question, NULL},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_families, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- refused -------------------------------------------------------------- */

enum { REFUSALS = 4 };

static const int refusals[REFUSALS] = {EAFNOSUPPORT, ESOCKTNOSUPPORT,
                                       EPROTONOSUPPORT, EINVAL};

/* A line of the program: the arguments of a call, and the text behind it. */
struct refusal {
    int domain, type, protocol;
    const char *text; /* ": Invalid argument" */
};

/* Finds the line about that error; fails the trial if it is not there. */
static bool find_refusal(struct trial *t, int error, struct refusal *f)
{
    const char *name = phrase("%s: socket(", errno_name(error));
    const char *line = strstr(t->child.out.bytes, name);
    int end = 0;
    if (line != NULL && sscanf(line + strlen(name), "%d, %d, %d%n", &f->domain,
                               &f->type, &f->protocol, &end) == 3) {
        f->text = line + strlen(name) + end + 1;
        return true;
    }
    fail(t, explain(t, "socket-row-missing"),
         phrase("a line \"%s...): ...\" on stdout", name), "no such line");
    return false;
}

static call call_with(const struct trial *t, const struct refusal *f)
{
    call r = first_call(t, WITNESS_SOCKET);
    while (r != NULL &&
           (r->a != f->domain || r->b != f->type || r->c != f->protocol))
        r = next_call(t, r);
    return r;
}

static void check_refusal(struct trial *t, int error)
{
    struct refusal f;
    const char *text = strerror(error);
    const char *expected =
        phrase("a call that the kernel refuses with %s", errno_name(error));
    if (!find_refusal(t, error, &f))
        return;
    call r = call_with(t, &f);
    int changes =
        (f.domain != AF_INET) + (f.type != SOCK_STREAM) + (f.protocol != 0);
    const char *made =
        phrase("socket(%d, %d, %d)", f.domain, f.type, f.protocol);
    if (r == NULL)
        fail(t, "socket-call-missing", expected,
             "no call of socket() with %d, %d and %d", f.domain, f.type,
             f.protocol);
    else if (r->error == 0)
        fail_at(t, r, "socket-not-refused", expected, "%s made a socket", made);
    else if (r->error != error)
        fail_at(t, r, "socket-other-refusal", expected,
                "%s was refused with %s", made, errno_name(r->error));
    else if (changes != 1)
        fail_at(t, r, "socket-two-changes",
                "one argument changed in socket(AF_INET, SOCK_STREAM, 0)",
                "in the row of %s more than one is different",
                errno_name(error));
    else if (strncmp(f.text, ": ", 2) != 0 ||
             strncmp(f.text + 2, text, strlen(text)) != 0)
        fail_at(t, r, "", expected, "the line does not say \"%s\"", text);
}

static void run_refusals(struct trial *t)
{
    if (!run_through(t, NULL))
        return;
    for (int i = 0; i < REFUSALS && !over(t); i++)
        check_refusal(t, refusals[i]);
    check_ending(t, 0, "");
    check_leak(t, "socket-leaked");
}

/* One of the calls fails for a reason that no row names. */
static void run_other_refusal(struct trial *t)
{
    unsigned row = chance(REFUSALS);
    struct refusal f;
    t->fault = phrase("socket:fail=%d@%u", ENOBUFS, row + 1);
    did(t, "let call number %u fail with ENOBUFS in place of %s", row + 1,
        errno_name(refusals[row]));
    if (!run_through(t, NULL))
        return;
    if (find_refusal(t, refusals[row], &f) &&
        strncmp(f.text + 2, strerror(ENOBUFS), 9) != 0)
        fail(t, "error-errno-overwritten", "that error in the row", "\"%.*s\"",
             (int)strcspn(f.text, "\n"), f.text);
    check_ending(t, 1, "error-exit-zero");
    check_leak(t, "close-leak-on-error");
}

static const struct check_case cases_refused[] = {
    {"is refused in four ways", SERVER_WORKS, PLAIN, run_refusals, NULL},
    {"says so when the refusal is another one", SERVER_TALK, PLAIN,
     run_other_refusal, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- leak ----------------------------------------------------------------- */

enum { ROOM = 8 }; /* descriptors, standard input and outputs included */

static void run_leak(struct trial *t)
{
    unsigned count = 20 + chance(80);
    t->open_files = ROOM;
    did(t, "allowed it %d descriptors", ROOM);
    if (!run_through(t, phrase("%u", count)))
        return;
    if (says_error(&t->child, EMFILE))
        check_leak(t, "socket-leaked");
    size_t made = count_calls(t, WITNESS_SOCKET);
    if (!over(t) && made != count)
        fail_at(t, last_call(t, WITNESS_SOCKET),
                explain(t, made < count ? "socket-made-once" : ""),
                phrase("%u calls of socket()", count), "%zu", made);
    check_lines(t,
                phrase("socket 1: room for %d bytes\n%u sockets\n",
                       option_here(AF_INET, SOCK_STREAM, SO_RCVBUF), count),
                "");
    check_ending(t, 0, "");
    check_leak(t, "socket-leaked");
}

static void run_leak_failure(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    unsigned count = 20 + chance(20);
    t->fault = phrase("%s=%d@%u", s->fault, s->error, 2 + chance(count - 2));
    did(t, "%s", s->what);
    if (!run_through(t, phrase("%u", count)))
        return;
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->injected)
            blame(t, log_at(&t->log, i));
    expect_failure(t, s->error, s->diagnosis);
    check_leak(t, "close-leak-on-error");
}

static const struct check_case cases_leak[] = {
    {"makes any number of sockets with few descriptors", SERVER_WORKS, PLAIN,
     run_leak, NULL},
    {"closes the socket when getsockopt() fails", SERVER_TALK, PLAIN,
     run_leak_failure,
     SCRIPT(.what = "let one call of getsockopt() fail",
            .fault = "getsockopt:fail", .error = ENOBUFS,
            .diagnosis = "error-exit-zero")},
    {"reports a failing socket()", SERVER_TALK, PLAIN, run_leak_failure,
     SCRIPT(.what = "let one call of socket() fail", .fault = "socket:fail",
            .error = EMFILE, .diagnosis = "socket-failure-hidden")},
    {"reports a failing close()", SERVER_TALK, PLAIN, run_leak_failure,
     SCRIPT(.what = "let one call of close() fail", .fault = "close:fail",
            .error = EIO, .diagnosis = "close-failure-hidden")},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_01[] = {
    {"01-socket/families", SERVER, cases_families},
    {"01-socket/leak", SERVER, cases_leak},
    {"01-socket/refused", SERVER, cases_refused},
    {NULL, SERVER, NULL}};
