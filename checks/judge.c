/**
 * @file
 * What judging a server and judging a client have in common.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char *otherwise(const struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    return s != NULL && s->diagnosis != NULL ? s->diagnosis : "";
}

int open_listener(struct trial *t)
{
    t->port = 0;
    int listener = peer_listen(AF_INET, &t->port);
    if (listener == -1)
        skip(t, "no listener: %s", strerror(errno));
    return listener;
}

char *script_message(const struct script *s, const char *usual, size_t *size)
{
    const char *text = s->send != NULL ? s->send : usual;
    size_t length = s->send_size > 0 ? s->send_size : strlen(text);
    char *message = (char *)malloc(s->fill + length + s->tail + 1);
    if (message == NULL)
        abort();
    memset(message, 'x', s->fill);
    memcpy(message + s->fill, text, length);
    memset(message + s->fill + length, 'y', s->tail);
    *size = s->fill + length + s->tail;
    return message;
}

void check_bytes(struct trial *t, const char *what, const char *want,
                 size_t want_size, const char *have, size_t have_size)
{
    char expected[CAPTION], got[200], end[200];
    size_t kept = have_size < sizeof t->heard ? have_size : sizeof t->heard;
    if (over(t) || (have_size == want_size && memcmp(want, have, kept) == 0))
        return;
    quote_bytes(want, want_size, got, 150);
    snprintf(expected, sizeof expected, "%s: %s, %zu bytes", what, got,
             want_size);
    quote_bytes(have, kept, got, sizeof got);
    outcome_text(t, t->outcome, end, sizeof end);
    fail(t, explain(t, otherwise(t)), expected, "%s, %zu bytes; %s",
         have_size > 0 ? got : "nothing", have_size, end);
}

void check_output(struct trial *t, const char *want, size_t size)
{
    check_bytes(t, "on stdout", want, size, t->child.out.bytes,
                t->child.out.total);
}

void check_success(struct trial *t)
{
    char got[200];
    if (over(t))
        return;
    if (t->child.ended && exited(&t->child, 0))
        return;
    fail(t, explain(t, otherwise(t)), "exit status 0", "%s",
         outcome_text(t, t->outcome, got, sizeof got));
}

/* True if stderr holds the text of some errno at all. */
static bool says_any_error(const struct child *child)
{
    for (int e = 0; e < 134; e++) /* 0: "Success" */
        if (says_error(child, e))
            return true;
    return false;
}

/*
 * Is the text of a failure reported under a name that fits what was called?
 * `name` is what stands before its colon: "bind", "accept4".
 */
static bool names_call(const struct trial *t, int error, const char *text)
{
    static const char *const families[][9] = {
        {"accept", "accept4", NULL},
        {"send", "sendto", "sendmsg", "write", "writev", "sendfile", "splice",
         "fwrite", NULL},
        {"recv", "recvfrom", "recvmsg", "read", "readv", NULL}};
    const struct witness_record *r = NULL;
    char call[24];
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->injected && log_at(&t->log, i)->error != 0)
            r = log_at(&t->log, i);
    if (r == NULL && error == ECONNREFUSED)
        return strcmp(text, "connect") == 0;
    if (r == NULL && error == EADDRINUSE)
        return strcmp(text, "bind") == 0 || strcmp(text, "listen") == 0;
    if (r == NULL && error == EMSGSIZE)
        return strstr(text, "recv") != NULL || strstr(text, "read") != NULL;
    if (r == NULL || r->call == WITNESS_POLL) /* it waits for another call */
        return true;
    snprintf(call, sizeof call, "%.16s", r->function);
    if (strcmp(text, call) == 0)
        return true;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        bool ours = false, named = false;
        for (size_t i = 0; families[f][i] != NULL; i++) {
            ours = ours || strcmp(call, families[f][i]) == 0;
            named = named || strcmp(text, families[f][i]) == 0;
        }
        if (ours)
            return named;
    }
    return false;
}

/* How a failure is told is wrong; some attempts to connect explain why. */
static const char *or_connect(struct trial *t, const char *otherwise)
{
    const char *name = explain(t, NULL);
    return strcmp(name, "connect-any-type") == 0 ||
                   strcmp(name, "connect-so-error-ignored") == 0
               ? name
               : otherwise;
}

/* In place of the text of errno: what has become of it? */
static const char *text_name(const struct child *child, int error)
{
    if (strstr(child->out.bytes, strerror(error)) != NULL)
        return "error-on-stdout";
    if (says_error(child, EPERM) || /* strerror(1), strerror(-1) */
        strstr(child->err.bytes, "Unknown error") != NULL)
        return "error-without-text";
    return says_any_error(child) ? "error-errno-overwritten"
                                 : "error-without-text";
}

/* The word before ": text" that begins at `at`; "()" does not count. */
static const char *word_before(const char *begin, const char *at, char *word,
                               size_t size)
{
    while (at > begin && strchr(": ()", at[-1]) != NULL)
        at--;
    const char *end = at;
    while (at > begin && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
        at--;
    snprintf(word, size, "%.*s", (int)(end - at), at);
    return word;
}

/* The line with the text must name the call that really failed. */
static void check_call_named(struct trial *t, int error, const char *expected)
{
    const char *err = t->child.err.bytes, *last = NULL;
    char name[40];
    for (const char *at = err; (at = strstr(at, strerror(error))) != NULL;
         at++) {
        last = at;
        if (names_call(t, error, word_before(err, at, name, sizeof name)))
            return;
    }
    while (last != NULL && last > err && last[-1] != '\n')
        last--;
    if (last != NULL)
        fail(t, or_connect(t, "error-names-wrong-call"), expected,
             "stderr says \"%.*s\"", (int)strcspn(last, "\n"), last);
}

/* It has failed as it should, but what did it do between? */
static void check_stopped(struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log) && !over(t); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->fd != -1 || r->error != EBADF || r->call == WITNESS_CLOSE)
            continue;
        blame(t, r);
        fail(t, explain(t, otherwise(t)), "an end after the failure",
             "it went on, and called %.16s() with -1 as the descriptor",
             r->function);
    }
}

/* A server's beginning has failed with this errno, and then it only closed. */
static bool gave_up(const struct trial *t, int error)
{
    bool failed = false;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        bool begins = r->call == WITNESS_SOCKET || r->call == WITNESS_BIND ||
                      r->call == WITNESS_LISTEN;
        if (failed && (r->call != WITNESS_CLOSE || r->fd == -1))
            return false;
        failed = failed || (begins && r->error == error);
    }
    return failed && t->asked->role == SERVER;
}

void check_failure(struct trial *t, int error)
{
    char expected[300], got[300];
    if (over(t))
        return;
    snprintf(expected, sizeof expected,
             "exit status 1, and \"%s\" (%s) on stderr behind the name of the "
             "call",
             strerror(error), errno_name(error));
    outcome_text(t, t->outcome, got, sizeof got);
    if (t->fault != NULL && strncmp(t->fault, "send:", 5) == 0 &&
        strstr(t->child.out.bytes, "message sent") != NULL)
        fail(t,
             says_error(&t->child, error) && !exited(&t->child, 0)
                 ? "send-said-before-sent"
                 : otherwise(t),
             "\"Hello message sent\" only when all of it was accepted",
             "send() failed, and stdout says \"Hello message sent\"");
    else if (!t->child.ended)
        fail(t, explain(t, otherwise(t)), expected, "%s", got);
    else if (exited(&t->child, 0) &&
             (says_error(&t->child, error) || gave_up(t, error)))
        fail(t,
             or_connect(t,
                        t->child.left ? "main-ends-first" : "error-exit-zero"),
             expected, "%s", got);
    else if (WIFEXITED(t->child.status) && !exited(&t->child, 0) &&
             !exited(&t->child, 1) && says_error(&t->child, error))
        fail(t, "error-exit-status", expected, "%s", got);
    else if (!exited(&t->child, 1))
        fail(t, explain(t, otherwise(t)), expected, "%s", got);
    else if (!says_error(&t->child, error))
        fail(t, explain(t, text_name(&t->child, error)), expected,
             "%s, without that text on stderr", got);
    else
        check_call_named(t, error, expected);
    check_stopped(t);
}

/* Sending has failed, and the program has no word for that. */
static bool unheeded(const struct trial *t)
{
    bool told =
        says_error(&t->child, EPIPE) || says_error(&t->child, ECONNRESET);
    return !told && (log_failed(&t->log, WITNESS_SEND, 0) != NULL ||
                     log_first(&t->log, WITNESS_FDOPEN, -1) != NULL);
}

void check_nothing_said(struct trial *t)
{
    if (t->child.ended && strstr(t->child.out.bytes, "message sent") != NULL)
        fail(t,
             explain(t,
                     unheeded(t) ? "send-unchecked" : "send-said-before-sent"),
             "no word of a message sent: the connection was gone",
             "stdout says \"Hello message sent\"");
}

bool fault_met(const struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->injected)
            return true;
    return false;
}

bool fault_happened(struct trial *t)
{
    if (t->fault == NULL || over(t) || fault_met(t))
        return true;
    if (log_saw_calls(&t->log) && strncmp(t->fault, "poll:", 5) == 0)
        return true; /* it never waits in poll(): nothing to interrupt */
    if (!log_saw_calls(&t->log))
        skip(t, "the witness saw no socket call of this program (is it static, "
                "or does it use syscall()?)");
    else
        skip(t, "this program makes no call that the fault could meet (%s)",
             t->fault);
    return false;
}

/*
 * A wait failed, or the question for the peer's name, and yet the plain
 * conversation was held, and well: the program may have had another way.
 */
static bool did_without(const struct trial *t)
{
    size_t lines = t->subject->step >= 7 ? 37 : t->subject->step == 6 ? 19 : 0;
    char status[60];
    snprintf(status, sizeof status, "%s127.0.0.1:%u",
             t->asked->role == SERVER ? "connection from " : "connected to ",
             t->asked->role == SERVER ? t->peer_port : t->port);
    return t->fault != NULL &&
           (strncmp(t->fault, "poll:", 5) == 0 ||
            strncmp(t->fault, "getpeername:", 12) == 0) &&
           exited(&t->child, 0) && t->child.out.total == lines &&
           t->heard_size == (lines > 0 ? 18 : 0) &&
           strstr(t->child.err.bytes, status) != NULL;
}

void check_end(struct trial *t, const struct script *s)
{
    char got[200];
    if (s->either && !over(t) && !exited(&t->child, 0) && !exited(&t->child, 1))
        fail(t, explain(t, otherwise(t)), "an end with status 0 or 1", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    else if (s->error != 0 && (s->optional ? fault_met(t) : fault_happened(t)))
        check_failure(t, s->error);
    else if (!s->either && s->error == 0)
        check_success(t);
    bool long_end = s->lingers || s->side == SIDE_STAYS; /* asks more */
    if (t->result->verdict == FAILED && !long_end && did_without(t))
        t->result->verdict = ADVICE; /* no harm was done */
    if (s->error == 0 && !s->optional)
        fault_happened(t);
    left_clean(t);
}
