/**
 * @file
 * Judging a client: we play the server, by a script.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char greeting[] = "Hello from client\n";

bool start_client(struct trial *t)
{
    char port[8];
    snprintf(port, sizeof port, "%u", t->port);
    return start(t, "127.0.0.1", port);
}

int accept_client(struct trial *t, int listener)
{
    int fd = accept_program(t, listener, QUIET_MS);
    if (t->outcome == GOT_IT)
        return fd;
    char expected[100], got[300];
    snprintf(expected, sizeof expected, "a connection to 127.0.0.1:%u",
             t->port);
    fail(t, explain(t, ""), expected, "none; %s",
         outcome_text(t, t->outcome, got, sizeof got));
    return -1;
}

static void check_connected_line(struct trial *t, const char *address)
{
    char line[100], expected[160], got[300];
    if (over(t))
        return;
    snprintf(line, sizeof line, "connected to %s:%u\n", address, t->port);
    if (strstr(t->child.err.bytes, line) != NULL)
        return;
    snprintf(expected, sizeof expected, "\"connected to %s:%u\" on stderr",
             address, t->port);
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    bool any = strstr(t->child.err.bytes, "connected to") != NULL;
    fail(t, explain(t, any ? "connect-status-wrong" : "status-missing"),
         expected, "stderr is %s", got);
}

static void check_client_output(struct trial *t, const char *answer,
                                size_t size)
{
    char want[2048] = "Hello message sent\n";
    size_t n = t->subject->step >= 6 ? strlen(want) : 0;
    if (t->subject->step >= 7) {
        const char *end = (const char *)memchr(answer, '\n', size);
        size_t line = end != NULL ? (size_t)(end - answer) : size;
        memcpy(want + n, answer, line);
        n += line;
        want[n++] = '\n';
    }
    check_output(t, want, n);
}

/* A moment in which a client that does not read to the end would leave. */
static void linger(struct trial *t, const struct script *s, int fd)
{
    const char *name = s->optional ? s->diagnosis : "close-unread-data";
    static const char rest[20000];
    for (int more = 0; more < 2; more++) {
        if (child_await(&t->child, -1, 0, NULL, NULL, 200) == ENDED)
            fail(t, explain(t, name),
                 "a client that stays until we have ended our side",
                 "it ended %s",
                 more == 0 && t->child.out.total > 19
                     ? "as soon as it had the reply"
                     : "before the end of the stream");
        if (send(fd, rest, sizeof rest, MSG_NOSIGNAL) == -1)
            fail(t, explain(t, name), "a client that still reads", "send(): %s",
                 strerror(errno));
    }
}

/* While it waits for our answer, the client must have shown its line. */
static void check_flushed(struct trial *t, int fd, const char *answer,
                          size_t size)
{
    if (child_await(&t->child, -1, 0, &t->child.out, "Hello message sent",
                    300) != BLOCKED)
        return;
    size_t shown = t->child.out.total;
    peer_send(t, fd, answer, size, 0); /* what does it print in the end? */
    peer_end_side(&fd, SIDE_ENDS);
    child_await_end(&t->child, QUIET_MS);
    bool later = strncmp(t->child.out.bytes, answer, size) == 0;
    bool whole = t->child.out.total == shown ||
                 strstr(t->child.out.bytes, "message sent\n") != NULL;
    fail(t,
         later    ? "output-order"
         : !whole ? "output-no-newline"
                  : "output-not-flushed",
         "\"Hello message sent\" on stdout while it waits for the answer",
         "%zu bytes until the answer came", shown);
}

/* The newline ends the message; the connection may stay open for long. */
static void check_line_shown(struct trial *t)
{
    t->outcome = child_await(&t->child, -1, 0, &t->child.out,
                             "\nHello from server", QUIET_MS);
    if (t->outcome == BLOCKED)
        fail(t, explain(t, "recv-waits-for-eof"),
             "the line of the reply on stdout, while we are silent",
             "%zu bytes, and it still waits", t->child.out.total);
    if (t->result->verdict == FAILED && t->subject->step >= 8)
        t->result->verdict = ADVICE; /* it reads to the end anyway */
}

/* Answers a client that has sent its line, and sees it out. */
static enum stream_end answer_client(struct trial *t, const struct script *s,
                                     int *fd, const char *answer, size_t size)
{
    if (t->subject->step >= 7 && t->asked->track == WORKS)
        check_flushed(t, *fd, answer, size);
    if (t->subject->step >= 7) {
        did(t, "%s",
            s->what != NULL ? s->what : "answered \"Hello from server\\n\"");
        if (!s->early)
            peer_send(t, *fd, answer, size, s->piece);
    }
    if (s->lingers && t->subject->step >= 8 && !over(t))
        linger(t, s, *fd);
    if (s->side == SIDE_STAYS && s->error == 0) {
        check_line_shown(t);
        peer_end_side(fd, SIDE_ENDS);
    } else if (s->side != SIDE_STAYS) {
        peer_end_side(fd, s->side);
    }
    return *fd == -1 ? STREAM_RESET : peer_read(t, *fd, false, QUIET_MS);
}

/* A server may be silent: the client of step 5 is connected all the same. */
static void await_connected(struct trial *t)
{
    t->outcome =
        child_await(&t->child, -1, 0, &t->child.err, "connected to", QUIET_MS);
    if (t->outcome == BLOCKED)
        fail(t, explain(t, "connect-poll-events"),
             "\"connected to 127.0.0.1:PORT\" while we are silent",
             "no such line, and it still waits");
    t->outcome = GOT_IT;
}

/* An interrupted connect() goes on: it is waited for, not begun anew. */
static void check_one_connection(struct trial *t)
{
    const struct witness_record *c = log_first(&t->log, WITNESS_CONNECT, -1);
    const struct witness_record *last = log_last(&t->log, WITNESS_CONNECT, -1);
    if (c == NULL || !c->injected || c->error != EINTR || last == c)
        return;
    blame(t, last);
    fail(t, "connect-retried-after-eintr",
         "the connection that was begun, and no other",
         "connect() was called again, for another one");
}

/* It has reset the connection: on purpose, or by what it left unread. */
static void blame_reset(struct trial *t)
{
    const char *name = t->sent == log_received(&t->log) ? "close-linger-zero"
                       : t->subject->step >= 8          ? "close-unread-data"
                                               : "recv-stops-before-eof";
    fail(t, explain(t, name), "the end of its stream", "a reset (ECONNRESET)");
}

/* Our part of the conversation. Returns our descriptor, or -1. */
static int talk(struct trial *t, const struct script *s, int listener,
                const char *answer, size_t size)
{
    int fd = accept_client(t, listener);
    if (fd == -1)
        return -1;
    did(t, "accepted its connection");
    enum stream_end end = STREAM_OPEN;
    if (s->early && peer_send(t, fd, answer, size, 0))
        shutdown(fd, SHUT_WR);
    bool stop = t->subject->step == 7 || (t->subject->step == 8 && !s->to_end);
    if (s->to_end)
        did(t, "read to the end of its stream");
    if (t->subject->step >= 6)
        end = peer_read(t, fd, stop, QUIET_MS);
    else
        await_connected(t);
    bool reset = end == STREAM_RESET;
    if (t->outcome != GOT_IT && s->error == 0 && !s->either) {
        char got[300];
        fail(t, explain(t, s->to_end ? "close-no-half-close" : ""),
             s->to_end ? "the line of the client, and the end of its stream"
                       : "the line \"Hello from client\\n\"",
             "%zu bytes; %s", t->heard_size,
             outcome_text(t, t->outcome, got, sizeof got));
    } else if (s->error == 0 || t->subject->step >= 7) {
        end = answer_client(t, s, &fd, answer, size);
    }
    if (fd == -1 || end != STREAM_OPEN || t->outcome == GOT_IT)
        t->outcome = child_await_end(&t->child, QUIET_MS);
    if (s->either || s->error != 0)
        return fd;
    if (t->subject->step >= 6)
        check_bytes(t, "over the connection", greeting, sizeof greeting - 1,
                    t->heard, t->heard_size);
    check_connected_line(t, "127.0.0.1");
    check_client_output(t, answer, size);
    check_one_connection(t);
    if (reset || (end == STREAM_RESET && t->asked->track == WORKS))
        blame_reset(t);
    return fd;
}

void run_client_script(struct trial *t)
{
    static const struct script plain = {.what = NULL};
    const struct script *s = (const struct script *)t->asked->script;
    size_t size;
    if (s == NULL)
        s = &plain;
    char *answer = script_message(s, "Hello from server\n", &size);
    int listener = open_listener(t);
    t->fault = s->fault;
    if (listener != -1 && start_client(t)) {
        int fd = talk(t, s, listener, answer, size);
        check_end(t, s);
        if (fd != -1)
            close(fd); /* only now: it would wake a client that hangs */
    }
    close_if_open(listener);
    free(answer);
}

/*
 * Could its threads have met the reply before the message was sent? On a busy
 * machine the one that receives may be late.
 */
static bool met_early_reply(const struct trial *t)
{
    enum { MARGIN_NS = 20000000 };
    const struct witness_record *s = log_first(&t->log, WITNESS_SEND, -1);
    const struct witness_record *r = log_first(&t->log, WITNESS_RECV, -1);
    return log_first(&t->log, WITNESS_FORK, -1) == NULL || s == NULL ||
           r == NULL || r->leave + MARGIN_NS < s->leave;
}

void run_early_reply(struct trial *t)
{
    enum { TRIES = 4 };
    for (int tries = 0; tries < TRIES && !over(t); tries++) {
        t->result->did[0] = '\0';
        run_client_script(t);
        if (met_early_reply(t))
            return;
    }
}

/*
 * Its stderr is full, so it waits at the word that it is connected. Then we are
 * gone, and it goes on: whatever it sends with, it meets a real EPIPE.
 */
static void vanish(struct trial *t, int listener)
{
    char got[200];
    t->outcome = child_await(&t->child, listener, POLLIN, NULL, NULL, 100);
    if (t->outcome == BLOCKED) {
        skip(t, "it has more to say on stderr, before it connects");
        return;
    }
    int fd = accept_client(t, listener);
    if (fd == -1)
        return;
    bool waits = child_await(&t->child, fd, POLLIN, NULL, NULL, 100) == BLOCKED;
    peer_end_side(&fd, SIDE_FADES);
    did(t, "left its stderr no room, so that it waits where it says that it is "
           "connected, ended our side and reset the connection");
    child_release(&t->child);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (waits) /* else it sends before it says so, and has sent by now */
        check_nothing_said(t);
    if (!exited(&t->child, 1) && (waits || !exited(&t->child, 0)))
        fail(t, explain(t, "send-unchecked"), "exit status 1", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
}

void run_vanished_server(struct trial *t)
{
    int listener = open_listener(t);
    t->streams = ERRORS_HELD;
    if (listener != -1 && start_client(t))
        vanish(t, listener);
    close_if_open(listener);
}
