/**
 * @file
 * Judging a server: we play the client, by a script.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char reply[] = "Hello from server\n";

/* The port announced must be the one that getsockname() told, if asked. */
static void check_announced_port(struct trial *t)
{
    const struct witness_record *r = log_last(&t->log, WITNESS_GETSOCKNAME, -1);
    unsigned real = r != NULL && r->error == 0 ? record_port(r) : 0;
    const struct witness_record *b = log_first(&t->log, WITNESS_BIND, -1);
    if (t->port == 0 || (real != 0 && t->port != real))
        fail(t, explain(t, "bind-announce-wanted"),
             "the port that the kernel chose", "it says port %u", t->port);
    else if (t->argument != NULL && strcmp(t->argument, "0") == 0 &&
             b != NULL && record_port(b) != 0)
        fail(t, "bind-port-hard-coded",
             "port 0 in bind(), so that the kernel chooses one",
             "bind() with port %u", record_port(b));
}

bool await_ready(struct trial *t)
{
    bool listens = t->subject->step >= 3;
    const char *line = listens ? "listening on 127.0.0.1:" : "127.0.0.1:";
    t->outcome = child_await(&t->child, -1, 0, &t->child.err, line, QUIET_MS);
    if (t->outcome == GOT_IT) {
        const char *port = strstr(t->child.err.bytes, line) + strlen(line);
        t->port = (unsigned)strtoul(port, NULL, 10);
        check_announced_port(t);
        return !over(t);
    }
    char got[300];
    outcome_text(t, t->outcome, got, sizeof got);
    fail(t, explain(t, t->child.ended ? "" : "status-missing"),
         listens ? "the line \"listening on 127.0.0.1:PORT\" on stderr"
                 : "the line \"bound to 127.0.0.1:PORT\" on stderr",
         "no such line; %s", got);
    return false;
}

int connect_to_server(struct trial *t)
{
    int fd = peer_connect(t->port);
    if (fd != -1) {
        t->peer_port = own_port(fd);
        return fd;
    }
    int error = errno;
    char expected[100];
    t->peer_port = 0;
    t->refused = now_ns();
    t->outcome = child_await_end(&t->child, 100); /* what does it do next? */
    snprintf(expected, sizeof expected,
             "a connection to the announced address, 127.0.0.1:%u", t->port);
    fail(t, explain(t, ""), expected, "connect(): %s", strerror(error));
    return -1;
}

/* Steps 4 and later say who connected: it must be our address. */
static void check_peer_line(struct trial *t)
{
    char line[80], expected[120], got[300];
    if (t->subject->step < 4 || over(t))
        return;
    snprintf(line, sizeof line, "connection from 127.0.0.1:%u\n", t->peer_port);
    if (strstr(t->child.err.bytes, line) != NULL)
        return;
    snprintf(expected, sizeof expected,
             "\"connection from 127.0.0.1:%u\" on stderr", t->peer_port);
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    fail(t, explain(t, "status-missing"), expected, "stderr is %s", got);
}

void check_server_output(struct trial *t, const char *message, size_t size)
{
    static const char sent[] = "Hello message sent\n";
    char want[2048];
    size_t n = 0;
    if (t->subject->step >= 7) {
        const char *end = (const char *)memchr(message, '\n', size);
        n = end != NULL ? (size_t)(end - message) : size;
        memcpy(want, message, n);
        want[n++] = '\n';
    }
    if (t->subject->step >= 6) {
        memcpy(want + n, sent, sizeof sent - 1);
        n += sizeof sent - 1;
    }
    check_output(t, want, n);
}

/* While we stay connected, the server must have shown all its lines. */
static void check_flushed(struct trial *t)
{
    if (child_await(&t->child, -1, 0, &t->child.out, "Hello message sent",
                    300) != GOT_IT)
        fail(t, "output-not-flushed",
             "its lines on stdout while it still waits for us",
             "%zu bytes so far", t->child.out.total);
}

/* Our side is open, and yet the server must have ended its own by now. */
static void check_half_close(struct trial *t, int fd)
{
    if (child_await(&t->child, fd, POLLIN, NULL, NULL, 300) != GOT_IT)
        fail(t, explain(t, "close-no-half-close"),
             "the end of the stream right behind the reply",
             "the reply, and then nothing");
}

/* How long it waited for us to send or to end, by its own clock; 0: unknown. */
static unsigned waited_ms(const struct trial *t)
{
    const struct witness_record *heard = NULL, *closed = NULL;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_RECV && r->result > 0)
            heard = r;
        if (r->call == WITNESS_RECV || r->call == WITNESS_POLL)
            closed = NULL; /* it had another descriptor for the same */
        else if (r->call == WITNESS_CLOSE && heard != NULL &&
                 r->fd == heard->fd && r->pid == heard->pid)
            closed = r;
    }
    return closed == NULL
               ? 0
               : (unsigned)((closed->enter - heard->leave) / 1000000) + 1;
}

unsigned left_early(const struct trial *t)
{
    enum { SECOND_MS = 800 }; /* whole seconds of time() are not that long */
    unsigned ms = waited_ms(t);
    return ms < SECOND_MS ? ms : 0;
}

/* We did not end our side: it ends cleanly, the finished one after a second. */
static void check_patience(struct trial *t, const struct script *s, int fd)
{
    unsigned early = t->subject->step >= 8 ? left_early(t) : 0;
    bool reset = pending_error(fd) != 0; /* EPIPE, says Linux */
    if (!reset && early == 0)
        return;
    const char *name = t->fault != NULL ? s->diagnosis : explain_ending(t);
    if (early > 0) {
        t->late = t->late && over(t); /* its clock tells, not ours */
        fail(t, name,
             "a server that reads on until we have been silent for a second",
             "it closed the connection after %u ms", early);
    } else {
        fail(t, name, "the end of the stream and no more",
             "a reset in the end");
    }
}

/* We do not end our side: what must have happened when its reply is here? */
static void stay_connected(struct trial *t, const struct script *s, int fd,
                           unsigned quiet)
{
    enum { LATE_MS = 900 };
    if (peer_read(t, fd, true, quiet) != STREAM_OPEN || t->outcome != GOT_IT)
        return;
    check_half_close(t, fd);
    check_flushed(t);
    static const char more[20000];
    if (s->more)
        peer_send(t, fd, more, sizeof more, 0);
    t->late = !over(t) && now_ns() - t->began > LATE_MS * 1000000ull;
}

/* What came of the conversation, seen from our end. */
static void check_conversation(struct trial *t, const struct script *s,
                               const char *message, size_t size,
                               enum stream_end end)
{
    const char *newline = (const char *)memchr(message, '\n', size);
    bool nothing_unread = newline == NULL || newline == message + size - 1;
    check_peer_line(t);
    if (t->subject->step >= 7 && t->child.out.total == 0)
        check_server_output(t, message, size);
    bool unread_is_fine = nothing_unread || t->subject->step >= 8;
    if (t->subject->step >= 6 && unread_is_fine)
        check_bytes(t, "over the connection", reply, sizeof reply - 1, t->heard,
                    t->heard_size);
    check_server_output(t, message, size);
    int clean_from = !nothing_unread || s->piece > 0 ? 8 : s->late ? 6 : 7;
    if (end == STREAM_RESET && t->subject->step >= clean_from)
        fail(t, explain(t, "close-unread-data"),
             "the end of the stream after the reply",
             "the reply, then a reset (ECONNRESET)");
}

/* Our part of the conversation. Returns our descriptor, or -1. */
static int talk(struct trial *t, const struct script *s, const char *message,
                size_t size)
{
    enum stream_end end = STREAM_OPEN;
    unsigned quiet = s->side == SIDE_STAYS ? QUIET_LONG_MS : QUIET_MS;
    bool may_fail = s->error != 0 || s->either;
    if (s->side == SIDE_FADES) /* it finds all of it at once */
        kill(-t->child.pid, SIGSTOP);
    int fd = may_fail ? peer_connect(t->port) : connect_to_server(t);
    if (fd == -1) {
        t->outcome = child_await_end(&t->child, quiet);
        return -1;
    }
    t->peer_port = own_port(fd);
    if (s->side == SIDE_RESETS || s->side == SIDE_CLOSES) /* learn who we are */
        child_await(&t->child, -1, 0, &t->child.err, "connection from", quiet);
    did(t, "connected to port %u", t->port);
    if (t->subject->step >= 7) {
        did(t, "%s",
            s->what != NULL ? s->what : "sent \"Hello from client\\n\"");
        peer_send(t, fd, message, size, s->piece);
    }
    peer_end_side(&fd, s->side);
    if (s->side == SIDE_FADES)
        kill(-t->child.pid, SIGCONT);
    if (s->late)
        t->outcome = child_await_end(&t->child, quiet);
    if (s->side == SIDE_STAYS && !may_fail && t->subject->step >= 8)
        stay_connected(t, s, fd, quiet);
    if (fd != -1)
        end = peer_read(t, fd, false, quiet);
    if (end != STREAM_OPEN || fd == -1)
        t->outcome = child_await_end(&t->child, quiet);
    if (!may_fail)
        check_conversation(t, s, message, size, end);
    if (s->side == SIDE_STAYS && !may_fail)
        check_patience(t, s, fd);
    if (s->side == SIDE_FADES)
        check_nothing_said(t);
    return fd;
}

/* One conversation, from the start of the server to its end. */
static void play_client(struct trial *t, const struct script *s)
{
    size_t size;
    char *message = script_message(s, "Hello from client\n", &size);
    t->fault = s->fault;
    if (start(t, "0", NULL) && await_ready(t)) {
        t->began = now_ns(); /* its second begins later than this */
        int fd = talk(t, s, message, size);
        check_end(t, s);
        if (fd != -1)
            close(fd); /* only now: it would wake a server that hangs */
    }
    free(message);
}

void run_server_script(struct trial *t)
{
    static const struct script plain = {.what = NULL};
    enum { TRIES = 8 };
    const struct script *s = (const struct script *)t->asked->script;
    play_client(t, s != NULL ? s : &plain);
    for (int tries = 1; tries < TRIES && t->late; tries++) {
        memset(t->result, 0, sizeof *t->result);
        t->late = false;
        play_client(t, s);
    }
    if (t->late && t->result->verdict == FAILED) {
        memset(t->result, 0, sizeof *t->result);
        skip(t, "this machine is too busy to measure a second");
    }
}
