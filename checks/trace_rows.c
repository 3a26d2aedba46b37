/**
 * @file
 * From the calls of two programs to the rows of a drawing (trace.h): their
 * order, and, by a small model of TCP, what they must have sent each other.
 */
#define _GNU_SOURCE
#include "trace.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BINDINGS = 4096, PORTS = 64, BLOCKED_NS = 1000000 };

/** A socket, or the kernel's end of a connection that nobody accepted yet. */
struct end {
    enum lane lane;
    const char *state;    /* NULL: no TCP */
    struct end *peer;     /* the other end, once there is a connection */
    struct end *listener; /* whose queue it is in, or NULL */
    int64_t sent, received;
    bool fin;      /* has been sent from here */
    bool closed;   /* no program has it any more */
    bool abort;    /* SO_LINGER of zero: close() resets */
    bool stdio;    /* fdopen(): what is read and written there is not seen */
    int holders;   /* descriptors for it */
    unsigned port; /* it is bound to, as far as a call has told; 0: unknown */
};

/** A descriptor of a process. */
struct binding {
    enum lane lane;
    int32_t pid;
    int fd;
    struct end *end;
};

/** The model, and the rows as far as they are known. */
struct walk {
    const struct history *h;
    struct row *row;
    size_t rows, room;
    struct end *end;
    size_t ends, ends_room;
    struct binding binding[BINDINGS];
    size_t bindings;
    struct end *focus[LANES]; /* whose state is shown */
    int waiting[LANES];       /* calls under way */
};

static enum lane other(enum lane lane)
{
    return lane == ON_LEFT ? ON_RIGHT : ON_LEFT;
}

/* --- the model: descriptors ----------------------------------------------- */

static struct end *new_end(struct walk *w, enum lane lane, const char *state)
{
    struct end *e = &w->end[w->ends < w->ends_room - 1 ? w->ends++ : w->ends];
    memset(e, 0, sizeof *e);
    e->lane = lane;
    e->state = state;
    return e;
}

static struct binding *find_binding(struct walk *w, enum lane lane,
                                    const struct witness_record *r, int fd)
{
    for (size_t i = 0; i < w->bindings; i++) {
        struct binding *b = &w->binding[i];
        if (b->lane == lane && b->fd == fd && b->pid == r->pid)
            return b;
    }
    return NULL;
}

static struct end *find(struct walk *w, enum lane lane,
                        const struct witness_record *r)
{
    struct binding *b = find_binding(w, lane, r, r->fd);
    return b != NULL ? b->end : NULL;
}

static void bind_fd(struct walk *w, const struct binding *b)
{
    if (w->bindings == BINDINGS)
        return;
    w->binding[w->bindings++] = *b;
    b->end->holders++;
}

/* A child has all the descriptors of its parent. */
static void copy_bindings(struct walk *w, enum lane lane,
                          const struct witness_record *r)
{
    for (size_t i = 0, n = w->bindings; i < n && r->result > 0; i++)
        if (w->binding[i].lane == lane && w->binding[i].pid == r->pid) {
            struct binding child = w->binding[i];
            child.pid = (int32_t)r->result;
            bind_fd(w, &child);
        }
}

/* --- the model: what crosses ---------------------------------------------- */

static struct row *push(struct walk *w, enum row_kind kind, enum lane lane,
                        const struct witness_record *r, uint64_t at)
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
    row->call = r;
    row->at = at;
    for (int i = 0; i < LANES; i++) {
        row->waits[i] = w->waiting[i] > 0;
        row->state[i] = w->focus[i] != NULL ? w->focus[i]->state : NULL;
    }
    return row;
}

/* An arrow from an end; what it does to both is done before. What a program
 * sends to itself does not cross. */
static void arrow(struct walk *w, const struct end *from,
                  const struct witness_record *r, uint64_t at, const char *flag,
                  int64_t bytes)
{
    if (from->peer != NULL && from->peer->lane == from->lane)
        return;
    struct row *row = push(w, ROW_ARROW, from->lane, r, at);
    row->flag = flag;
    row->bytes = bytes;
}

static void cross_reset(struct walk *w, struct end *from,
                        const struct witness_record *r, uint64_t at)
{
    from->state = from->peer->state = "CLOSED";
    arrow(w, from, r, at, "RST", 0);
}

static void cross_fin(struct walk *w, struct end *from,
                      const struct witness_record *r, uint64_t at)
{
    struct end *to = from->peer;
    from->fin = true;
    from->state = to->fin ? "CLOSED" : "FIN-WAIT-2";
    to->state = to->fin ? "TIME-WAIT" : "CLOSE-WAIT";
    arrow(w, from, r, at, "FIN", 0);
}

static bool is_dead(const struct end *e)
{
    return strcmp(e->state, "CLOSED") == 0;
}

static bool is_listener(const struct end *e)
{
    return e->state != NULL && strcmp(e->state, "LISTEN") == 0;
}

static void cross_data(struct walk *w, struct end *from,
                       const struct witness_record *r, uint64_t at, int64_t n)
{
    from->sent += n;
    arrow(w, from, r, at, NULL, n);
    if (from->peer->closed && !is_dead(from))
        cross_reset(w, from->peer, r, at);
}

/* The listener at a port: rather on the other side, else the program's own. */
static struct end *listener_at(struct walk *w, enum lane from, unsigned port)
{
    struct end *found = NULL;
    for (size_t i = w->ends; i > 0; i--) {
        struct end *e = &w->end[i - 1];
        if (is_listener(e) && e->port == port &&
            (found == NULL || e->lane != from))
            found = e;
    }
    return found;
}

static void cross_handshake(struct walk *w, struct end *client,
                            struct end *listener,
                            const struct witness_record *r, uint64_t at)
{
    enum lane there = listener != NULL ? listener->lane : other(client->lane);
    struct end *server = new_end(w, there, "ESTABLISHED");
    server->listener = listener;
    server->peer = client;
    client->peer = server;
    client->state = "SYN-SENT";
    arrow(w, client, r, at, "SYN", 0);
    client->state = "ESTABLISHED";
    arrow(w, server, r, at, "SYN+ACK", 0);
    arrow(w, client, r, at, "ACK", 0);
}

/* The oldest connection in a listener's queue, or NULL. */
static struct end *queued(struct walk *w, const struct end *listener)
{
    for (size_t i = 0; i < w->ends; i++)
        if (w->end[i].listener == listener && listener != NULL)
            return &w->end[i];
    return NULL;
}

/* --- the model: calls -------------------------------------------------------
 */

static void attach(struct walk *w, enum lane lane,
                   const struct witness_record *r, struct end *end)
{
    struct binding b = {lane, r->pid, (int)r->result, end};
    bind_fd(w, &b);
    if (end->state != NULL)
        w->focus[lane] = end;
}

static bool is_stream(const struct witness_record *r)
{
    return (r->b & 0xf) == SOCK_STREAM && (r->a == AF_INET || r->a == AF_INET6);
}

/* What a call has changed by itself, before anything crosses. */
static void change_own_state(struct walk *w, enum lane lane,
                             const struct witness_record *r)
{
    struct end *e = find(w, lane, r);
    if (r->call == WITNESS_SOCKET && r->result != -1)
        attach(w, lane, r, new_end(w, lane, is_stream(r) ? "CLOSED" : NULL));
    else if (r->call == WITNESS_DUP && r->result != -1 && e != NULL)
        attach(w, lane, r, e);
    else if (r->call == WITNESS_FORK)
        copy_bindings(w, lane, r);
    if (e == NULL || e->state == NULL)
        return;
    if ((r->call == WITNESS_BIND || r->call == WITNESS_GETSOCKNAME) &&
        r->result == 0 && record_port(r) != 0)
        e->port = record_port(r);
    e->stdio = e->stdio || r->call == WITNESS_FDOPEN;
    if (r->call == WITNESS_LISTEN && r->result == 0)
        e->state = "LISTEN";
    if (r->call == WITNESS_CONNECT && !r->injected && e->peer == NULL)
        e->state = "SYN-SENT";
    if (r->call == WITNESS_SHUTDOWN && r->result == 0 && r->a != SHUT_RD &&
        e->peer != NULL && !e->fin && !is_dead(e))
        e->state = e->peer->fin ? "LAST-ACK" : "FIN-WAIT-1";
    if (r->call == WITNESS_SETSOCKOPT && r->a == SOL_SOCKET &&
        r->b == SO_LINGER && r->bytes_size == 8)
        e->abort = r->bytes[0] != 0 && r->bytes[4] == 0;
    if (!is_listener(e))
        w->focus[lane] = e;
}

/* What came of a connection that went on after connect(): SO_ERROR tells. */
static int later_error(const struct walk *w, enum lane lane,
                       const struct witness_record *r)
{
    const struct witness_record *end = w->h->call[lane] + w->h->calls[lane];
    for (const struct witness_record *l = r + 1; l < end; l++)
        if (l->fd == r->fd && l->pid == r->pid) {
            if (l->call == WITNESS_GETSOCKOPT && l->b == SO_ERROR)
                return (int)l->c;
            if (l->call == WITNESS_CLOSE)
                return 0;
        }
    return 0;
}

/* What a connect() sends, seen from its result. */
static void model_connect(struct walk *w, struct end *e,
                          const struct witness_record *r, uint64_t at)
{
    bool begun = r->error == EINTR || r->error == EINPROGRESS;
    int error = begun ? later_error(w, e->lane, r) : r->error;
    if (e->peer != NULL || e->state == NULL || (r->injected && !begun))
        return;
    if (r->done && error == 0) {
        struct end *listener = listener_at(w, e->lane, record_port(r));
        cross_handshake(w, e, listener, r, at);
    } else if (error == ECONNREFUSED) {
        struct end nobody = {.lane = other(e->lane)};
        arrow(w, e, r, at, "SYN", 0);
        e->state = "CLOSED";
        arrow(w, &nobody, r, at, "RST", 0);
    } else if (!r->done || error == ETIMEDOUT) {
        arrow(w, e, r, at, "SYN", 0);
    }
}

/* The end of a socket that no program holds any more. */
static void model_release(struct walk *w, struct end *e,
                          const struct witness_record *r, uint64_t at)
{
    e->closed = true;
    if (is_listener(e)) {
        e->state = "CLOSED";
        for (struct end *q; (q = queued(w, e)) != NULL; q->listener = NULL) {
            q->closed = true;
            if (!is_dead(q))
                cross_reset(w, q, r, at);
        }
    }
    if (e->peer == NULL || is_dead(e))
        return;
    if (e->abort || (e->peer->sent > e->received && !e->stdio))
        cross_reset(w, e, r, at);
    else if (!e->fin)
        cross_fin(w, e, r, at);
}

static void model_close(struct walk *w, enum lane lane,
                        const struct witness_record *r, uint64_t at)
{
    struct binding *b = find_binding(w, lane, r, r->fd);
    if (b == NULL || r->error == EBADF)
        return;
    struct end *e = b->end;
    *b = w->binding[--w->bindings];
    if (--e->holders == 0)
        model_release(w, e, r, at);
}

/* What must have arrived before this call could return what it did. */
static void infer_arrivals(struct walk *w, enum lane lane,
                           const struct witness_record *r, uint64_t at)
{
    struct end *e = find(w, lane, r);
    if (!r->done || e == NULL || e->peer == NULL || is_dead(e))
        return;
    int64_t missing = e->received + r->result - e->peer->sent;
    if (r->error == ECONNRESET && !r->injected)
        cross_reset(w, e->peer, r, at);
    if (r->error == EPIPE && r->injected && !e->fin)
        cross_fin(w, e, r, at); /* so the witness makes it */
    if (r->call != WITNESS_RECV || r->error != 0)
        return;
    if (r->result > 0 && missing > 0)
        cross_data(w, e->peer, r, at, missing);
    if (r->result == 0 && r->a > 0 && !e->peer->fin)
        cross_fin(w, e->peer, r, at);
}

/* A connection came from somewhere, seen or not. */
static void model_accept(struct walk *w, enum lane lane,
                         const struct witness_record *r, uint64_t at)
{
    struct end *listener = find(w, lane, r);
    if (!r->done || r->result == -1 || listener == NULL)
        return;
    struct end *server = queued(w, listener);
    if (server == NULL) {
        struct end *client = new_end(w, other(lane), "SYN-SENT");
        cross_handshake(w, client, listener, r, at);
        server = client->peer;
    }
    server->listener = NULL;
    attach(w, lane, r, server);
}

/* What the call sends, as soon as it is made. */
static void model_departures(struct walk *w, enum lane lane,
                             const struct witness_record *r, uint64_t at)
{
    struct end *e = find(w, lane, r);
    if ((r->call == WITNESS_CLOSE || r->call == WITNESS_FCLOSE) && r->done)
        model_close(w, lane, r, at);
    if (e == NULL || (!r->done && r->call != WITNESS_CONNECT))
        return;
    if (r->call == WITNESS_CONNECT)
        model_connect(w, e, r, at);
    else if (r->call == WITNESS_SEND && r->result > 0 && e->state == NULL)
        arrow(w, e, r, at, NULL, r->result);
    else if (e->peer == NULL || is_dead(e))
        return;
    else if (r->call == WITNESS_SEND && r->result > 0)
        cross_data(w, e, r, at, r->result);
    else if (r->call == WITNESS_SHUTDOWN && r->result == 0 && r->a != SHUT_RD &&
             !e->fin)
        cross_fin(w, e, r, at);
}

static void model_received(struct walk *w, enum lane lane,
                           const struct witness_record *r)
{
    struct end *e = find(w, lane, r);
    if (r->call == WITNESS_RECV && r->result > 0 && e != NULL &&
        (r->b & MSG_PEEK) == 0)
        e->received += r->result;
}

/* The end of a process closes what it has left open. */
static void model_exit(struct walk *w, enum lane lane,
                       const struct witness_record *r)
{
    for (size_t i = w->bindings; i > 0; i--)
        if (i <= w->bindings && w->binding[i - 1].lane == lane) {
            struct end *e = w->binding[i - 1].end;
            w->binding[i - 1] = w->binding[--w->bindings];
            if (--e->holders == 0)
                model_release(w, e, r, r->enter);
        }
}

/* --- one moment: a call begins, ends, or both -------------------------------
 */

static void begins(struct walk *w, enum lane lane,
                   const struct witness_record *r)
{
    w->waiting[lane]++;
    change_own_state(w, lane, r);
    push(w, ROW_BEGINS, lane, r, r->enter);
    model_departures(w, lane, r, r->enter);
}

static void ends(struct walk *w, enum lane lane, const struct witness_record *r)
{
    infer_arrivals(w, lane, r, r->leave);
    w->waiting[lane]--;
    if (r->call == WITNESS_ACCEPT)
        model_accept(w, lane, r, r->leave);
    push(w, ROW_ENDS, lane, r, r->leave);
    model_received(w, lane, r);
}

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

static void at_once(struct walk *w, enum lane lane,
                    const struct witness_record *r)
{
    uint64_t at = takes(r) ? r->leave : r->enter;
    infer_arrivals(w, lane, r, at);
    change_own_state(w, lane, r);
    if (r->call == WITNESS_ACCEPT)
        model_accept(w, lane, r, at);
    push(w, ROW_CALL, lane, r, at);
    model_received(w, lane, r);
    model_departures(w, lane, r, at);
    if (is_exit(r))
        model_exit(w, lane, r);
}

/* A call that may wait, and so gets two rows if something comes between. */
static bool may_wait(const struct witness_record *r)
{
    return !r->done || takes(r) || r->call == WITNESS_CONNECT ||
           (r->call != WITNESS_NONE && r->leave - r->enter >= BLOCKED_NS);
}

/* --- the order of time ------------------------------------------------------
 */

struct moment {
    uint64_t at;
    enum lane lane;
    const struct witness_record *call;
    enum row_kind kind;
};

static int by_time(const void *a, const void *b)
{
    const struct moment *x = (const struct moment *)a;
    const struct moment *y = (const struct moment *)b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->call != y->call ? (x->call < y->call ? -1 : 1)
                              : (int)x->kind - (int)y->kind;
}

static size_t add_moments(const struct history *h, enum lane lane,
                          struct moment *m)
{
    size_t n = 0;
    for (size_t i = 0; i < h->calls[lane]; i++) {
        const struct witness_record *r = &h->call[lane][i];
        bool two = may_wait(r);
        m[n++] =
            (struct moment){r->enter, lane, r, two ? ROW_BEGINS : ROW_CALL};
        if (two && r->done)
            m[n++] = (struct moment){r->leave, lane, r, ROW_ENDS};
    }
    return n;
}

static int order_by_time(struct walk *w)
{
    const struct history *h = w->h;
    size_t most = 2 * (h->calls[ON_LEFT] + h->calls[ON_RIGHT]) + 1;
    struct moment *m = (struct moment *)calloc(most, sizeof *m);
    if (m == NULL)
        return -1;
    size_t n = add_moments(h, ON_LEFT, m);
    n += add_moments(h, ON_RIGHT, m + n);
    qsort(m, n, sizeof *m, by_time);
    for (size_t i = 0; i < n; i++) {
        const struct witness_record *r = m[i].call;
        bool same = i + 1 < n && m[i + 1].call == r;
        if (m[i].kind == ROW_CALL || (same && r->call != WITNESS_CONNECT)) {
            at_once(w, m[i].lane, r);
            i += same;
        } else {
            (m[i].kind == ROW_BEGINS ? begins : ends)(w, m[i].lane, r);
        }
    }
    free(m);
    return 0;
}

/* --- the normal order: each side's own, and cause before effect -------------
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

/* Has what a call on this socket took already arrived? */
static bool has_arrived(struct walk *w, const struct end *e,
                        const struct witness_record *r)
{
    if (r->call == WITNESS_ACCEPT || e->peer == NULL)
        return queued(w, e) != NULL;
    if (is_dead(e) || r->error == EAGAIN || r->injected)
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
    struct end *e = find(w, lane, r);
    enum lane there = other(lane);
    if (!r->done)
        return false;
    if (w->h->calls[there] == 0 || upcoming(w, p, there) == NULL)
        return true;
    if (r->call == WITNESS_NONE)
        return is_exit(r) || p->begun[there];
    if (r->call == WITNESS_CONNECT)
        return r->error != 0 || listener_at(w, lane, record_port(r)) != NULL;
    if (!takes(r) || e == NULL || e->state == NULL ||
        (r->call == WITNESS_POLL ? r->result <= 0 : r->injected))
        return true;
    return has_arrived(w, e, r);
}

/* Whose turn it is when neither side can go on by the rules: by the clock. */
static enum lane by_clock(const struct walk *w, const struct plan *p)
{
    const struct witness_record *l = upcoming(w, p, ON_LEFT);
    const struct witness_record *r = upcoming(w, p, ON_RIGHT);
    if (l == NULL || r == NULL)
        return l == NULL ? ON_RIGHT : ON_LEFT;
    if (l->done != r->done)
        return l->done ? ON_LEFT : ON_RIGHT;
    return l->leave <= r->leave ? ON_LEFT : ON_RIGHT;
}

static enum lane whose_turn(struct walk *w, const struct plan *p,
                            enum lane turn)
{
    const enum lane both[] = {turn, other(turn)};
    for (int i = 0; i < LANES; i++)
        if (p->begun[both[i]] && can_return(w, p, both[i]))
            return both[i];
    for (int i = 0; i < LANES; i++) {
        const struct witness_record *r = upcoming(w, p, both[i]);
        if (r != NULL && !p->begun[both[i]] &&
            (r->call != WITNESS_NONE || can_return(w, p, both[i])))
            return both[i];
    }
    return by_clock(w, p);
}

static void order_normal(struct walk *w)
{
    struct plan p = {{0, 0}, {false, false}};
    enum lane turn = ON_RIGHT; /* who listens has to be first */
    while (upcoming(w, &p, ON_LEFT) != NULL ||
           upcoming(w, &p, ON_RIGHT) != NULL) {
        enum lane lane = whose_turn(w, &p, turn);
        const struct witness_record *r = upcoming(w, &p, lane);
        bool can = can_return(w, &p, lane);
        if (!p.begun[lane] && (!can || r->call == WITNESS_CONNECT) &&
            r->call != WITNESS_NONE) {
            begins(w, lane, r);
            p.begun[lane] = true;
            turn = can ? lane : other(lane);
            continue;
        }
        if (p.begun[lane] && r->done)
            ends(w, lane, r);
        else if (!p.begun[lane])
            at_once(w, lane, r);
        p.begun[lane] = false;
        p.next[lane]++;
    }
}

/* --- normal ports -----------------------------------------------------------
 */

struct ports {
    unsigned real[PORTS], count;
};

static void set_port(struct witness_record *r, unsigned port)
{
    struct sockaddr_in in; /* the port is at the same place in sockaddr_in6 */
    memcpy(&in, r->address, sizeof in);
    in.sin_port = htons((uint16_t)port);
    memcpy(r->address, &in, sizeof in);
}

/* 8080 for the port that is listened on, 50000 and up for the others. */
static void normal_port(struct ports *listened, struct ports *others,
                        struct witness_record *r)
{
    unsigned port = record_port(r), i = 0;
    if (port == 0)
        return;
    bool server = r->call == WITNESS_BIND || r->call == WITNESS_CONNECT;
    for (; i < listened->count; i++)
        if (listened->real[i] == port)
            server = true;
    struct ports *kind = server ? listened : others;
    for (i = 0; i < kind->count && kind->real[i] != port; i++)
        ;
    if (i == kind->count && kind->count < PORTS)
        kind->real[kind->count++] = port;
    set_port(r, (server ? 8080 : 50000) + i);
}

static void normalize(struct history *h)
{
    struct ports listened = {{0}, 0}, others = {{0}, 0};
    const enum lane first[] = {ON_RIGHT, ON_LEFT};
    for (int lane = 0; lane < LANES; lane++)
        for (size_t i = 0; i < h->calls[first[lane]]; i++)
            normal_port(&listened, &others, &h->call[first[lane]][i]);
}

/* --- the whole --------------------------------------------------------------
 */

struct row *history_rows(struct history *h, size_t *rows)
{
    struct walk *w = (struct walk *)calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->h = h;
    w->ends_room = 2 * (h->calls[ON_LEFT] + h->calls[ON_RIGHT]) + 2;
    w->end = (struct end *)calloc(w->ends_room, sizeof *w->end);
    if (w->end != NULL && h->normal) {
        normalize(h);
        order_normal(w);
    } else if (w->end != NULL) {
        order_by_time(w);
    }
    struct row *row = w->row;
    *rows = w->rows;
    free(w->end);
    free(w);
    return row;
}

static struct witness_record *more_calls(struct history *h, enum lane lane,
                                         size_t n)
{
    size_t size = (h->calls[lane] + n) * sizeof(struct witness_record);
    void *more = realloc(h->call[lane], size > 0 ? size : 1);
    if (more == NULL)
        return NULL;
    h->call[lane] = (struct witness_record *)more;
    return h->call[lane] + h->calls[lane];
}

static int by_enter(const void *a, const void *b)
{
    const struct witness_record *x = (const struct witness_record *)a;
    const struct witness_record *y = (const struct witness_record *)b;
    return x->enter == y->enter ? 0 : x->enter < y->enter ? -1 : 1;
}

static void sort_calls(struct history *h, enum lane lane)
{
    qsort(h->call[lane], h->calls[lane], sizeof *h->call[lane], by_enter);
}

/* Noise: what is no business of the connection. */
static bool is_drawn(const struct witness_record *r, bool ours)
{
    return !(ours && r->call == WITNESS_SLEEP) &&
           r->call != WITNESS_FREEADDRINFO && r->call != WITNESS_SIGNAL &&
           r->enter != 0;
}

int history_add(struct history *h, enum lane lane, const struct log *log,
                bool ours)
{
    size_t n = log_count(log);
    struct witness_record *to = more_calls(h, lane, n);
    if (to == NULL)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (is_drawn(log_at(log, i), ours)) {
            *to++ = *log_at(log, i);
            h->calls[lane]++;
        }
    uint32_t claimed = log->map->claimed, capacity = log->map->capacity;
    h->unrecorded += claimed > capacity ? claimed - capacity : 0;
    sort_calls(h, lane);
    return 0;
}

int history_note(struct history *h, enum lane lane, uint64_t at,
                 const char *words)
{
    struct witness_record *r = more_calls(h, lane, 1);
    if (r == NULL)
        return -1;
    memset(r, 0, sizeof *r);
    r->done = 1;
    r->enter = r->leave = at;
    r->a = strncmp(words, "exit", 4) != 0 && strncmp(words, "killed", 6) != 0;
    r->bytes_size =
        (uint32_t)snprintf((char *)r->bytes, sizeof r->bytes, "%s", words);
    h->calls[lane]++;
    sort_calls(h, lane);
    return 0;
}

void history_free(struct history *h)
{
    for (int lane = 0; lane < LANES; lane++)
        free(h->call[lane]);
    memset(h, 0, sizeof *h);
}

bool two_sided(const struct history *h, const struct row *row, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        if (row[i].kind == ROW_ARROW)
            return true;
    return h->calls[ON_LEFT] > 0 && h->calls[ON_RIGHT] > 0;
}

size_t row_skip(size_t i, size_t rows)
{
    bool many = rows > SHOWN_FIRST + SHOWN_LAST + 1;
    return many && i == SHOWN_FIRST ? rows - SHOWN_LAST : i;
}
