/**
 * @file
 * From the calls of two programs to the rows of a drawing (trace.h): their
 * order, and what crossed: the segments that were captured, or what, by a
 * small model of TCP, must have been sent.
 */
#define _GNU_SOURCE
#include "trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BINDINGS = 4096, SOON_NS = 1000000 };

static const char CLOSED[] = "CLOSED", LISTEN[] = "LISTEN",
                  SYN_SENT[] = "SYN-SENT", ESTABLISHED[] = "ESTABLISHED",
                  FIN_WAIT_1[] = "FIN-WAIT-1", FIN_WAIT_2[] = "FIN-WAIT-2",
                  CLOSE_WAIT[] = "CLOSE-WAIT", LAST_ACK[] = "LAST-ACK",
                  TIME_WAIT[] = "TIME-WAIT";

/** A socket, or the kernel's end of a connection that nobody accepted yet. */
struct end {
    enum lane lane;
    const char *state;      /* one of those above; NULL: no TCP */
    struct end *peer;       /* the other end, once there is a connection */
    struct end *listener;   /* whose queue it is in, or NULL */
    unsigned port, goal;    /* its own; where it connects to; 0: unknown */
    int64_t sent, received; /* bytes; received: by the program */
    int64_t written;        /* bytes that calls have sent, as far as seen */
    uint32_t next;          /* the sequence number it goes on with */
    bool fin;               /* has been sent from here */
    bool closed;            /* no program has it any more */
    bool abort;             /* SO_LINGER of zero: close() resets */
    bool stdio;             /* fdopen(): its reads and writes are not seen */
    int holders;            /* descriptors for it */
};

/** A descriptor of a process. */
struct binding {
    enum lane lane;
    int32_t pid;
    int fd;
    struct end *end;
};

/** The model at a moment, and the rows so far. */
struct walk {
    struct history *h;
    enum lane lane; /* the moment: whose call … */
    const struct witness_record *call;
    uint64_t at;
    struct row *row;
    size_t rows, room;
    struct end *end;
    size_t ends, ends_room;
    struct binding binding[BINDINGS];
    size_t bindings;
    struct end *focus[LANES]; /* whose state is shown */
    int waiting[LANES];       /* calls under way */
    bool missed;              /* a segment is needed that was not captured */
};

static enum lane other(enum lane lane)
{
    return lane == ON_LEFT ? ON_RIGHT : ON_LEFT;
}

/* --- descriptors and ends ------------------------------------------------- */

static struct end *new_end(struct walk *w, enum lane lane, const char *state)
{
    struct end *e = &w->end[w->ends < w->ends_room - 1 ? w->ends++ : w->ends];
    memset(e, 0, sizeof *e);
    e->lane = lane;
    e->state = state;
    return e;
}

static struct binding *find_binding(struct walk *w)
{
    for (size_t i = 0; i < w->bindings; i++) {
        struct binding *b = &w->binding[i];
        if (b->lane == w->lane && b->fd == w->call->fd &&
            b->pid == w->call->pid)
            return b;
    }
    return NULL;
}

/* The end that the call is on, or NULL. */
static struct end *find(struct walk *w)
{
    struct binding *b = find_binding(w);
    return b != NULL ? b->end : NULL;
}

static void hold(struct walk *w, int32_t pid, int fd, struct end *end)
{
    if (w->bindings == BINDINGS)
        return;
    w->binding[w->bindings++] = (struct binding){w->lane, pid, fd, end};
    end->holders++;
}

/* The call has returned a descriptor for an end. */
static void attach(struct walk *w, struct end *end)
{
    hold(w, w->call->pid, (int)w->call->result, end);
    if (end->state != NULL)
        w->focus[w->lane] = end;
}

/* A child has all the descriptors of its parent. */
static void copy_bindings(struct walk *w)
{
    for (size_t i = 0, n = w->bindings; i < n && w->call->result > 0; i++) {
        struct binding b = w->binding[i];
        if (b.lane == w->lane && b.pid == w->call->pid)
            hold(w, (int32_t)w->call->result, b.fd, b.end);
    }
}

/* The listener at a port: rather on the other side, else the program's own. */
static struct end *listener_at(struct walk *w, enum lane from, unsigned port)
{
    struct end *found = NULL;
    for (size_t i = w->ends; i > 0; i--) {
        struct end *e = &w->end[i - 1];
        if (e->state == LISTEN && e->port == port &&
            (found == NULL || e->lane != from))
            found = e;
    }
    return found;
}

/* The oldest connection in a listener's queue, from that port (0: any). */
static struct end *queued(struct walk *w, const struct end *listener,
                          unsigned port)
{
    for (size_t i = 0; i < w->ends && listener != NULL; i++) {
        struct end *e = &w->end[i];
        if (e->listener == listener &&
            (port == 0 || e->peer->port == 0 || e->peer->port == port))
            return e;
    }
    return NULL;
}

/* --- rows ------------------------------------------------------------------
 */

static struct row *push(struct walk *w, enum row_kind kind, enum lane lane)
{
    static struct row nowhere;
    if (w->rows == w->room) {
        size_t room = w->room * 2 + 64;
        struct row *more = (struct row *)realloc(w->row, room * sizeof *more);
        if (more == NULL)
            return &nowhere;
        w->row = more;
        w->room = room;
    }
    struct row *row = &w->row[w->rows++];
    memset(row, 0, sizeof *row);
    row->kind = kind;
    row->lane = lane;
    row->call = w->call;
    row->at = w->at;
    for (int i = 0; i < LANES; i++) {
        row->waits[i] = w->waiting[i] > 0;
        row->state[i] = w->focus[i] != NULL ? w->focus[i]->state : NULL;
    }
    return row;
}

/* An arrow; data captured just after more of the same share one. What a
 * program sends to itself does not cross the drawing. */
static void push_arrow(struct walk *w, const struct end *from, unsigned flags,
                       int64_t bytes)
{
    struct row *row = w->rows > 0 ? &w->row[w->rows - 1] : NULL;
    if (from->peer != NULL && from->peer->lane == from->lane)
        return;
    if (row == NULL || row->call != NULL || w->call != NULL || bytes == 0 ||
        row->bytes == 0 || row->lane != from->lane || row->flags != flags ||
        w->at - row->at > SOON_NS)
        row = push(w, ROW_ARROW, from->lane);
    row->flags = flags;
    row->bytes += bytes;
    row->segments++;
}

/* --- what crosses ----------------------------------------------------------
 */

/* Makes the two ends a connection; the server's is in the listener's queue. */
static void join(struct walk *w, struct end *client, struct end *listener)
{
    enum lane there = listener != NULL ? listener->lane : other(client->lane);
    struct end *server = new_end(w, there, CLOSED);
    server->listener = listener;
    server->peer = client;
    client->peer = server;
}

/* A segment crosses: what it does to both ends, and its arrow. */
static void cross(struct walk *w, struct end *from, unsigned flags,
                  int64_t bytes)
{
    struct end *to = from->peer;
    from->sent += bytes;
    if (flags & TCP_RST)
        from->state = to->state = CLOSED;
    else if (flags == TCP_SYN)
        from->state = SYN_SENT;
    else if (flags & TCP_SYN)
        from->state = to->state = ESTABLISHED;
    else if (flags & TCP_FIN) {
        from->fin = true;
        from->state = to->fin ? CLOSED : FIN_WAIT_2;
        to->state = to->fin ? TIME_WAIT : CLOSE_WAIT;
    }
    bool held = from->holders > 0 || from->closed;
    if (bytes > 0 && from->sent > from->written && held)
        flags |= ARROW_UNSEEN;
    push_arrow(w, from, flags, bytes);
}

/* --- what was captured -----------------------------------------------------
 */

/* The newest end with these ports, or NULL. */
static struct end *end_between(struct walk *w, unsigned port, unsigned peer)
{
    for (size_t i = w->ends; i > 0; i--) {
        struct end *e = &w->end[i - 1];
        if (e->port == port && e->peer != NULL && e->peer->port == peer)
            return e;
    }
    return NULL;
}

/* Who calls: a program that connects to that port, or somebody who is not
 * seen and calls a listener that is. NULL: none of ours. */
static struct end *caller(struct walk *w, const struct segment *s)
{
    struct end *client = NULL;
    for (size_t i = 0; i < w->ends && client == NULL; i++)
        if (w->end[i].goal == s->to)
            client = &w->end[i];
    enum lane lane = client != NULL ? client->lane : ON_LEFT;
    struct end *listener = listener_at(w, lane, s->to);
    if (client == NULL && listener != NULL)
        client = new_end(w, other(listener->lane), CLOSED);
    if (client == NULL)
        return NULL;
    client->goal = 0;
    client->port = s->from;
    join(w, client, listener);
    client->peer->port = s->to;
    return client;
}

static void cross_captured(struct walk *w, const struct segment *s)
{
    struct end *from = end_between(w, s->from, s->to);
    if (s->flags == TCP_SYN && (from == NULL || from->state != SYN_SENT))
        from = caller(w, s);
    if (from == NULL)
        return;
    bool counts = (s->flags & (TCP_SYN | TCP_FIN)) != 0;
    uint32_t next = s->sequence + s->bytes + counts;
    uint32_t fresh = next - (from->next != 0 ? from->next : s->sequence);
    if ((counts || s->bytes > 0) && (fresh == 0 || fresh >> 31)) {
        push_arrow(w, from, s->flags | ARROW_AGAIN, s->bytes);
        return;
    }
    cross(w, from, s->flags, s->bytes < fresh ? s->bytes : fresh);
    from->next = next;
}

/* --- what is inferred ------------------------------------------------------
 */

static void infer(struct walk *w, struct end *from, unsigned flags,
                  int64_t bytes)
{
    if (!w->h->captured)
        cross(w, from, flags, bytes);
}

static void infer_data(struct walk *w, struct end *from, int64_t bytes)
{
    infer(w, from, 0, bytes);
    if (from->peer->closed && from->state != CLOSED)
        infer(w, from->peer, TCP_RST, 0);
}

/* How many bytes the program that has this end will still receive there. */
static int64_t yet_to_come(const struct walk *w, const struct end *e)
{
    int64_t bytes = 0;
    size_t i = 0;
    while (i < w->bindings && w->binding[i].end != e)
        i++;
    const struct binding *b = &w->binding[i];
    for (size_t k = 0; i < w->bindings && k < w->h->calls[b->lane]; k++) {
        const struct witness_record *r = &w->h->call[b->lane][k];
        if (r->leave > w->at && r->pid == b->pid && r->fd == b->fd &&
            r->call == WITNESS_RECV && r->result > 0 && !(r->b & MSG_PEEK))
            bytes += r->result;
    }
    return bytes;
}

/* The end of a stream; before it, what stdio has written out of sight. */
static void infer_fin(struct walk *w, struct end *from)
{
    int64_t hidden = from->peer->received - from->sent;
    if (from->stdio)
        hidden += yet_to_come(w, from->peer);
    if (hidden > 0)
        infer_data(w, from, hidden);
    infer(w, from, TCP_FIN, 0);
}

static void infer_handshake(struct walk *w, struct end *client,
                            struct end *listener)
{
    join(w, client, listener);
    infer(w, client, TCP_SYN, 0);
    infer(w, client->peer, TCP_SYN | TCP_ACK, 0);
    infer(w, client, TCP_ACK, 0);
}

/* What came of a connection that went on after connect(): SO_ERROR tells. */
static int later_error(const struct walk *w)
{
    const struct witness_record *r = w->call;
    const struct witness_record *end =
        w->h->call[w->lane] + w->h->calls[w->lane];
    for (const struct witness_record *l = r + 1; l < end; l++)
        if (l->fd == r->fd && l->pid == r->pid) {
            if (l->call == WITNESS_GETSOCKOPT && l->b == SO_ERROR)
                return (int)l->c;
            if (l->call == WITNESS_CLOSE)
                return 0;
        }
    return 0;
}

/* A connect() that goes on when it has returned. */
static bool goes_on(const struct witness_record *r)
{
    return r->error == EINTR || r->error == EINPROGRESS;
}

/* What a connect() sends, seen from its result. */
static void infer_connect(struct walk *w, struct end *e)
{
    const struct witness_record *r = w->call;
    int error = goes_on(r) ? later_error(w) : r->error;
    if (w->h->captured || e->peer != NULL || e->state == NULL ||
        (r->injected && !goes_on(r)))
        return;
    if (r->done && error == 0) {
        infer_handshake(w, e, listener_at(w, e->lane, record_port(r)));
    } else if (!r->done || error == ETIMEDOUT || error == ECONNREFUSED) {
        struct end nobody = {.lane = other(e->lane), .peer = e};
        e->peer = &nobody;
        infer(w, e, TCP_SYN, 0);
        if (error == ECONNREFUSED)
            infer(w, &nobody, TCP_RST, 0);
        e->peer = NULL;
    }
}

/* What must have arrived before this call could return what it did. */
static void infer_arrivals(struct walk *w)
{
    const struct witness_record *r = w->call;
    struct end *e = find(w);
    if (!r->done || e == NULL || e->peer == NULL || e->state == CLOSED)
        return;
    int64_t missing = e->received + r->result - e->peer->sent;
    if (r->error == ECONNRESET && !r->injected)
        infer(w, e->peer, TCP_RST, 0);
    if (r->error == EPIPE && r->injected && !e->fin)
        infer(w, e, TCP_FIN, 0); /* so the witness makes it */
    if (r->call != WITNESS_RECV || r->error != 0)
        return;
    if (r->result > 0 && missing > 0)
        infer_data(w, e->peer, missing);
    if (r->result == 0 && r->a > 0 && !e->peer->fin)
        infer(w, e->peer, TCP_FIN, 0);
}

/* --- what the calls change -------------------------------------------------
 */

static bool is_stream(const struct witness_record *r)
{
    return (r->b & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
           (r->a == AF_INET || r->a == AF_INET6);
}

/* A shutdown() that will send the end of a stream. */
static bool ends_stream(const struct witness_record *r, const struct end *e)
{
    return r->call == WITNESS_SHUTDOWN && r->result == 0 && r->a != SHUT_RD &&
           e->peer != NULL && !e->fin && e->state != CLOSED;
}

static void change_socket(struct walk *w, struct end *e)
{
    const struct witness_record *r = w->call;
    if ((r->call == WITNESS_BIND || r->call == WITNESS_GETSOCKNAME) &&
        r->result == 0 && record_port(r) != 0)
        e->port = record_port(r);
    if (r->call == WITNESS_FDOPEN)
        e->stdio = w->h->stdio[w->lane] = true;
    if (r->call == WITNESS_LISTEN && r->result == 0)
        e->state = LISTEN;
    if (r->call == WITNESS_CONNECT && e->peer == NULL) {
        e->state = r->injected ? e->state : SYN_SENT;
        e->goal = record_port(r);
    }
    if (ends_stream(r, e))
        e->state = e->peer->fin ? LAST_ACK : FIN_WAIT_1;
    if (r->call == WITNESS_SETSOCKOPT && r->a == SOL_SOCKET &&
        r->b == SO_LINGER && r->bytes_size == 8)
        e->abort = r->bytes[0] != 0 && r->bytes[4] == 0;
    if (e->state != LISTEN)
        w->focus[w->lane] = e;
}

/* What a call changes by itself, before anything crosses. */
static void change(struct walk *w)
{
    const struct witness_record *r = w->call;
    struct end *e = find(w);
    if (r->call == WITNESS_SOCKET && r->result != -1)
        attach(w, new_end(w, w->lane, is_stream(r) ? CLOSED : NULL));
    else if (r->call == WITNESS_DUP && r->result != -1 && e != NULL)
        attach(w, e);
    else if (r->call == WITNESS_FORK)
        copy_bindings(w);
    if (e != NULL && e->state != NULL)
        change_socket(w, e);
}

/* The end of a socket that no program holds any more. */
static void release(struct walk *w, struct end *e)
{
    e->closed = true;
    if (e->state == LISTEN) {
        e->state = CLOSED;
        for (struct end *q; (q = queued(w, e, 0)) != NULL; q->listener = NULL) {
            q->closed = true;
            if (q->state != CLOSED)
                infer(w, q, TCP_RST, 0);
        }
    }
    if (e->peer == NULL || e->state == CLOSED)
        return;
    if (e->abort || (e->peer->sent > e->received && !e->stdio))
        infer(w, e, TCP_RST, 0);
    else if (!e->fin)
        infer_fin(w, e);
}

static void drop(struct walk *w, struct binding *b)
{
    struct end *e = b->end;
    *b = w->binding[--w->bindings];
    if (--e->holders == 0)
        release(w, e);
}

/* The end of a process closes what it has left open. */
static void drop_all(struct walk *w)
{
    for (size_t i = w->bindings; i > 0; i--)
        if (i <= w->bindings && w->binding[i - 1].lane == w->lane)
            drop(w, &w->binding[i - 1]);
}

/* A connection came from somewhere, seen or not. */
static void take_connection(struct walk *w)
{
    const struct witness_record *r = w->call;
    struct end *listener = find(w);
    if (!r->done || r->result == -1 || listener == NULL)
        return;
    struct end *server = queued(w, listener, record_port(r));
    if (server == NULL) {
        struct end *client = new_end(w, other(w->lane), CLOSED);
        w->missed = true;
        infer_handshake(w, client, listener);
        server = client->peer;
    }
    server->listener = NULL;
    attach(w, server);
}

/* What the call sends, as soon as it is made. */
static void depart(struct walk *w)
{
    const struct witness_record *r = w->call;
    struct end *e = find(w);
    if (e == NULL ||
        (!r->done && r->call != WITNESS_CONNECT && r->call != WITNESS_SEND))
        return;
    if (r->call == WITNESS_SEND && r->error == 0)
        e->written += r->done ? r->result : r->a; /* perhaps all it has */
    if (r->call == WITNESS_CONNECT)
        infer_connect(w, e);
    else if ((r->call == WITNESS_CLOSE || r->call == WITNESS_FCLOSE) &&
             r->error != EBADF)
        drop(w, find_binding(w));
    else if (r->call == WITNESS_SEND && r->result > 0 && e->state == NULL)
        push_arrow(w, e, 0, r->result);
    else if (r->call == WITNESS_SEND && r->result > 0 && e->peer != NULL &&
             e->state != CLOSED)
        infer_data(w, e, r->result);
    else if (e->state != NULL && ends_stream(r, e))
        infer_fin(w, e);
}

/* What the call has taken; was the handshake of a connect() captured? */
static void arrive(struct walk *w)
{
    const struct witness_record *r = w->call;
    struct end *e = find(w);
    if (e != NULL && r->call == WITNESS_RECV && r->result > 0 &&
        (r->b & MSG_PEEK) == 0)
        e->received += r->result;
    if (e == NULL || r->call != WITNESS_CONNECT || goes_on(r))
        return;
    e->goal = 0;
    w->missed |= r->error == 0 && e->state != NULL && e->peer == NULL;
}

/* --- one moment: a call begins, ends, or both ------------------------------
 */

static bool is_exit(const struct witness_record *r)
{
    return r->call == WITNESS_NONE && r->a == 0;
}

/* Calls that take what came are placed where they return, others where they
 * begin: so cause stands above effect. */
static bool takes(const struct witness_record *r)
{
    return r->call == WITNESS_ACCEPT || r->call == WITNESS_RECV ||
           r->call == WITNESS_POLL;
}

static void happen(struct walk *w, enum lane lane,
                   const struct witness_record *r, enum row_kind kind)
{
    bool begins = kind != ROW_ENDS, ends = kind != ROW_BEGINS;
    w->lane = lane;
    w->call = r;
    w->at = !begins || (ends && takes(r)) ? r->leave : r->enter;
    if (ends)
        infer_arrivals(w);
    w->waiting[lane] += (int)begins - (int)ends;
    if (begins)
        change(w);
    if (ends && r->call == WITNESS_ACCEPT)
        take_connection(w);
    push(w, kind, lane);
    if (ends)
        arrive(w);
    if (begins)
        depart(w);
    if (is_exit(r))
        drop_all(w);
}

/* --- the order of time -----------------------------------------------------
 */

struct moment {
    uint64_t at;
    enum row_kind kind;
    enum lane lane;
    const struct witness_record *call; /* or … */
    const struct segment *segment;
};

static int by_time(const void *a, const void *b)
{
    const struct moment *x = (const struct moment *)a;
    const struct moment *y = (const struct moment *)b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->call != y->call)
        return x->call < y->call ? -1 : 1;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

/* A call that may wait, and so gets two rows if something comes between. */
static bool may_wait(const struct witness_record *r)
{
    return !r->done || takes(r) || r->call == WITNESS_CONNECT ||
           (r->call != WITNESS_NONE && r->leave - r->enter >= SOON_NS);
}

/* Lists all that happens; @return how much */
static size_t list_moments(const struct history *h, struct moment *m)
{
    size_t n = 0;
    for (int lane = 0; lane < LANES; lane++)
        for (size_t i = 0; i < h->calls[lane]; i++) {
            const struct witness_record *r = &h->call[lane][i];
            enum row_kind kind = may_wait(r) ? ROW_BEGINS : ROW_CALL;
            m[n++] = (struct moment){r->enter, kind, (enum lane)lane, r, NULL};
            if (kind == ROW_BEGINS && r->done)
                m[n++] = (struct moment){r->leave, ROW_ENDS, (enum lane)lane, r,
                                         NULL};
        }
    for (size_t i = 0; i < h->segments && h->captured; i++)
        m[n++] = (struct moment){h->segment[i].at, ROW_ARROW, ON_LEFT, NULL,
                                 &h->segment[i]};
    qsort(m, n, sizeof *m, by_time);
    return n;
}

static void order_by_time(struct walk *w)
{
    const struct history *h = w->h;
    size_t most = 2 * (h->calls[ON_LEFT] + h->calls[ON_RIGHT]) + h->segments;
    struct moment *m = (struct moment *)calloc(most + 1, sizeof *m);
    size_t n = m != NULL ? list_moments(h, m) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct witness_record *r = m[i].call;
        bool same = i + 1 < n && r != NULL && m[i + 1].call == r;
        if (m[i].kind == ROW_ARROW) {
            w->call = NULL;
            w->at = m[i].at;
            cross_captured(w, m[i].segment);
        } else if (same && r->call != WITNESS_CONNECT) {
            happen(w, m[i++].lane, r, ROW_CALL);
        } else {
            happen(w, m[i].lane, r, m[i].kind);
        }
    }
    free(m);
}

/* --- the normal order: each side's own, and cause before effect ------------
 */

struct plan {
    size_t next[LANES];
    bool begun[LANES]; /* its next call has begun, and waits */
};

static const struct witness_record *
upcoming(const struct walk *w, const struct plan *p, enum lane lane)
{
    bool any = p->next[lane] < w->h->calls[lane];
    return any ? &w->h->call[lane][p->next[lane]] : NULL;
}

/* Has what the call takes already arrived? */
static bool has_arrived(struct walk *w, const struct end *e)
{
    const struct witness_record *r = w->call;
    if (r->call == WITNESS_ACCEPT || e->peer == NULL)
        return queued(w, e, 0) != NULL;
    if (e->state == CLOSED || r->error == EAGAIN)
        return true;
    if (r->call == WITNESS_POLL)
        return e->peer->sent > e->received || e->peer->fin;
    return r->result > 0 ? e->peer->sent >= e->received + r->result
                         : e->peer->fin;
}

/* Could the next call of a side return by now? */
static bool can_return(struct walk *w, const struct plan *p, enum lane lane)
{
    const struct witness_record *r = upcoming(w, p, lane);
    if (!r->done)
        return false;
    if (upcoming(w, p, other(lane)) == NULL)
        return true;
    if (r->call == WITNESS_NONE)
        return is_exit(r) || p->begun[other(lane)];
    if (r->call == WITNESS_CONNECT)
        return r->error != 0 || listener_at(w, lane, record_port(r)) != NULL;
    w->lane = lane;
    w->call = r;
    struct end *e = find(w);
    bool freely = r->call == WITNESS_POLL ? r->result <= 0 : r->injected != 0;
    return !takes(r) || e == NULL || e->state == NULL || freely ||
           has_arrived(w, e);
}

/* How well the next call of a side would stand here; 0: there is none. */
static int fitness(struct walk *w, const struct plan *p, enum lane lane)
{
    const struct witness_record *r = upcoming(w, p, lane);
    if (r == NULL)
        return 0;
    bool can = can_return(w, p, lane);
    if (p->begun[lane] && can)
        return 4;
    if (!p->begun[lane] && (can || r->call != WITNESS_NONE))
        return 3;
    return r->done ? 2 : 1;
}

static void order_normally(struct walk *w)
{
    struct plan p = {{0, 0}, {false, false}};
    enum lane turn = ON_RIGHT; /* who listens has to be first */
    for (;;) {
        int same = fitness(w, &p, turn), change = fitness(w, &p, other(turn));
        if (same == 0 && change == 0)
            return;
        enum lane lane = change > same ? other(turn) : turn;
        const struct witness_record *r = upcoming(w, &p, lane);
        bool can = can_return(w, &p, lane);
        if (!p.begun[lane] && (!can || r->call == WITNESS_CONNECT) &&
            r->call != WITNESS_NONE) {
            happen(w, lane, r, ROW_BEGINS);
            p.begun[lane] = true;
            turn = can ? lane : other(lane);
            continue;
        }
        if (!p.begun[lane] || r->done)
            happen(w, lane, r, p.begun[lane] ? ROW_ENDS : ROW_CALL);
        p.begun[lane] = false;
        p.next[lane]++;
    }
}

/* Makes all ports 50000, but that of the server 8080. */
static void make_ports_normal(struct history *h)
{
    unsigned server = 0;
    for (int lane = LANES - 1; lane >= 0; lane--)
        for (size_t i = 0; i < h->calls[lane]; i++) {
            struct witness_record *r = &h->call[lane][i];
            struct sockaddr_in in; /* sockaddr_in6 has it at the same place */
            unsigned port = record_port(r);
            if (port == 0)
                continue;
            server = server == 0 ? port : server;
            memcpy(&in, r->address, sizeof in);
            in.sin_port = htons(port == server ? 8080 : 50000);
            memcpy(r->address, &in, sizeof in);
        }
}

/* --- the whole -------------------------------------------------------------
 */

/* Makes the rows in one way. @return NULL: no memory */
static struct row *make_rows(struct history *h, size_t *rows, bool *missed)
{
    struct walk *w = (struct walk *)calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->h = h;
    w->ends_room =
        2 * (h->calls[ON_LEFT] + h->calls[ON_RIGHT] + h->segments + 1);
    w->end = (struct end *)calloc(w->ends_room, sizeof *w->end);
    if (w->end != NULL)
        (h->normal ? order_normally : order_by_time)(w);
    struct row *row = w->row;
    *rows = w->rows;
    *missed = w->missed;
    free(w->end);
    free(w);
    return row;
}

struct row *history_rows(struct history *h, size_t *rows)
{
    bool missed;
    h->captured = h->segments > 0 && !h->normal;
    if (h->normal)
        make_ports_normal(h);
    struct row *row = make_rows(h, rows, &missed);
    if (row == NULL || !missed || !h->captured)
        return row;
    free(row);
    h->captured = false;
    return make_rows(h, rows, &missed);
}

bool two_sided(const struct history *h, const struct row *row, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        if (row[i].kind == ROW_ARROW)
            return true;
    return h->calls[ON_LEFT] > 0 && h->calls[ON_RIGHT] > 0;
}

size_t row_skip(const struct history *h, size_t i, size_t rows)
{
    bool many = rows > SHOWN_FIRST + SHOWN_LAST + 1 && !h->whole;
    return many && i == SHOWN_FIRST ? rows - SHOWN_LAST : i;
}
