/**
 * @file
 * From what was seen to the name of the mistake. Each rule looks for traces
 * that only one mistake leaves; the first that finds them names it. The order
 * is that of the calls: what went wrong first explains what came after.
 */
#define _GNU_SOURCE /* memmem */
#include "check.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

typedef const struct witness_record *call;

/* Names the mistake and remembers the call as its place. */
static const char *at(struct trial *t, call r, const char *name)
{
    blame(t, r);
    return name;
}

static bool has(const struct output *o, const char *text)
{
    return o->bytes != NULL && o->length > 0 &&
           memmem(o->bytes, o->length, text, strlen(text)) != NULL;
}

/* Four bytes that a local has when nobody has set it (PATTERN build). */
static bool is_pattern(const void *bytes, size_t size)
{
    return memmem(bytes, size, "\xfe\xfe\xfe\xfe", 4) != NULL;
}

/* The listener's descriptor, or -1. */
static int listener_of(const struct trial *t)
{
    call r = log_first(&t->log, WITNESS_LISTEN, -1);
    if (r == NULL)
        r = log_first(&t->log, WITNESS_BIND, -1);
    return r != NULL ? r->fd : -1;
}

/* Had the program closed a descriptor when it made the call r? */
static bool was_closed_before(const struct trial *t, int64_t fd, call r)
{
    for (size_t i = 0; log_at(&t->log, i) != r; i++) {
        call c = log_at(&t->log, i);
        if ((c->call == WITNESS_CLOSE || c->call == WITNESS_FCLOSE) &&
            c->fd == fd && c->error == 0)
            return true;
    }
    return false;
}

static bool closed_between(call from, call to)
{
    for (call c = from; c != to; c++)
        if (c->call == WITNESS_CLOSE && c->fd == to->fd)
            return true;
    return false;
}

/* Did the call after a failed one go on with the -1? */
static bool went_on(const struct trial *t, call failed)
{
    static const enum witness_call kinds[] = {
        WITNESS_BIND,       WITNESS_LISTEN,      WITNESS_CONNECT,
        WITNESS_ACCEPT,     WITNESS_SEND,        WITNESS_RECV,
        WITNESS_SETSOCKOPT, WITNESS_GETSOCKOPT,  WITNESS_SHUTDOWN,
        WITNESS_POLL,       WITNESS_GETSOCKNAME, WITNESS_GETPEERNAME};
    size_t next = (size_t)(failed - log_at(&t->log, 0)) + 1;
    for (; next < log_count(&t->log); next++)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (log_at(&t->log, next)->call == kinds[i] &&
                log_at(&t->log, next)->fd == -1)
                return true;
    return false;
}

/* The last call that set or asked for an option, or NULL. */
static call option_call(const struct trial *t, enum witness_call kind,
                        int option)
{
    call found = NULL;
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->call == kind && log_at(&t->log, i)->b == option)
            found = log_at(&t->log, i);
    return found;
}

/* Is a signal pretended in this trial? */
static bool interrupts(const struct trial *t)
{
    return t->fault != NULL && strstr(t->fault, ":eintr=") != NULL;
}

static bool any_failed(const struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        bool told = r->call == WITNESS_GETSOCKOPT && r->b == SO_ERROR;
        if (r->done &&
            (r->error != 0 ? r->error != EINPROGRESS : told && r->c != 0))
            return true;
    }
    return false;
}

/* The last call of that kind that the witness let fail, or NULL. */
static call last_injected(const struct trial *t, enum witness_call kind)
{
    call found = NULL;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        if (r->call == kind && r->injected && r->error != 0)
            found = r;
    }
    return found;
}

/* The same call, failing again and again, and the program does not end. */
static bool is_repeated(const struct trial *t, call r)
{
    size_t times = 0;
    for (size_t i = 0; i < log_count(&t->log); i++)
        times += log_at(&t->log, i)->call == r->call &&
                 log_at(&t->log, i)->injected &&
                 log_at(&t->log, i)->error == r->error &&
                 log_at(&t->log, i)->a == r->a;
    return !t->child.ended && r->error != EINTR && times > 2;
}

/* --- how the program ended --------------------------------------------- */

static const char *explain_report(struct trial *t)
{
    char line[300];
    return sanitizer_name(t, line, sizeof line);
}

static const char *explain_death(struct trial *t)
{
    call pending = log_pending(&t->log);
    if (t->child.ended && WIFEXITED(t->child.status) && pending != NULL &&
        pending->call == WITNESS_SEND && pending->injected)
        return at(t, pending, "send-sigpipe"); /* a handler ends it */
    if (!t->child.ended || !WIFSIGNALED(t->child.status))
        return NULL;
    int signal_number = WTERMSIG(t->child.status);
    if (signal_number == SIGALRM)
        return at(t, log_last(&t->log, WITNESS_ALARM, -1), "wait-time-limit");
    if (signal_number == SIGPIPE)
        return at(t, log_last(&t->log, WITNESS_SEND, -1), "send-sigpipe");
    call r = log_last(&t->log, WITNESS_RECV, -1);
    if (r != NULL && r->error == EFAULT)
        return at(t, r, "recv-address-of-pointer");
    if (r != NULL && r->injected && r->error != 0)
        return at(t, r, "recv-unchecked");
    const struct script *s = (const struct script *)t->asked->script;
    if (s != NULL && s->send != NULL && strchr(s->send, '%') != NULL)
        return at(t, r, "recv-format-string");
    if (signal_number == SIGABRT && has(&t->child.err, "Assertion `"))
        return any_failed(t) ? "error-without-text" : NULL;
    if (signal_number == SIGSEGV || signal_number == SIGABRT ||
        signal_number == SIGBUS)
        return at(t, r, "memory-error");
    return NULL;
}

/* A program that reads the keyboard goes on when somebody types. */
static const char *explain_stdin(struct trial *t)
{
    bool waits_by_design = t->asked->role == SERVER &&
                           (t->subject->step == 2 || t->subject->step == 3);
    if (waits_by_design || t->child.ended || t->outcome != BLOCKED ||
        log_pending(&t->log) != NULL || t->child.input == -1)
        return NULL;
    size_t calls = log_count(&t->log), printed = t->child.out.total;
    child_type(&t->child, "\n");
    child_await_end(&t->child, 100);
    bool moved = t->child.ended || log_count(&t->log) != calls ||
                 t->child.out.total != printed;
    return moved ? "reads-stdin" : NULL;
}

/* --- the calls, one after the other ------------------------------------- */

static const char *explain_arguments(struct trial *t)
{
    bool usage = exited(&t->child, 2) && has(&t->child.err, "sage");
    return usage && !log_saw_calls(&t->log) ? "arguments-refused" : NULL;
}

static const char *explain_socket(struct trial *t)
{
    call s = log_first(&t->log, WITNESS_SOCKET, -1);
    if (s == NULL)
        return NULL;
    call failed = log_failed(&t->log, WITNESS_SOCKET, 0);
    if (failed != NULL && failed->injected)
        return went_on(t, failed) && !has(&t->child.err, "socket: ")
                   ? at(t, failed, "socket-unchecked")
                   : NULL;
    enum witness_call next =
        t->asked->role == SERVER ? WITNESS_BIND : WITNESS_CONNECT;
    call b = log_first(&t->log, next, -1);
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->error == ENOTSOCK && s->result > 1 &&
            log_at(&t->log, i)->fd <= 1 && (b == NULL || b->fd != s->result))
            return at(t, s, "socket-precedence");
    call used = b != NULL && b->fd == s->result ? s : NULL;
    if (used != NULL && (used->b & 0xf) == SOCK_DGRAM)
        return at(t, s, "socket-wrong-type");
    if (s->error == 0 && s->result == 0 && b == NULL && t->subject->step > 1)
        return at(t, s, "socket-zero-is-error");
    return NULL;
}

/* What the server says of its port, and whether it still has it. */
static const char *explain_announced(struct trial *t, call b)
{
    call gone = log_first(&t->log, WITNESS_CLOSE, b->fd);
    if (gone != NULL && b->error == 0 && t->subject->step <= 3 &&
        !t->child.ended)
        return at(t, gone, "close-before-enter");
    call name = log_first(&t->log, WITNESS_GETSOCKNAME, b->fd);
    unsigned real = record_port(name != NULL && name->error == 0 ? name : b);
    if (t->port != 0 && t->port != real &&
        (t->port == swapped(real) || t->port >> 16 == real))
        return at(t, name, "bind-announce-no-ntohs");
    if (t->port != real && real > INT16_MAX && (t->port & 0xffff) == real)
        return at(t, name, "bind-announce-signed");
    return NULL;
}

static const char *explain_bind(struct trial *t)
{
    call b = log_first(&t->log, WITNESS_BIND, -1);
    call l = log_first(&t->log, WITNESS_LISTEN, -1);
    if (t->asked->role != SERVER || !log_saw_calls(&t->log))
        return NULL;
    if (l != NULL && b != NULL && l->enter < b->enter)
        return at(t, l, "listen-before-bind");
    if (b == NULL)
        return l != NULL || (t->subject->step >= 2 &&
                             log_failed(&t->log, WITNESS_SOCKET, 0) == NULL)
                   ? at(t, l, "bind-missing")
                   : NULL;
    if (b->error == EINVAL && b->a < (int64_t)sizeof(struct sockaddr_in))
        return at(t, b, "bind-wrong-length");
    if (t->asked->build == PATTERN && is_pattern(b->address, sizeof b->address))
        return at(t, b, "bind-address-uninitialised");
    if (record_family(b) == AF_UNSPEC ||
        (b->error == EAFNOSUPPORT && !b->injected))
        return at(t, b, "bind-family-unset");
    if (record_ipv4(b) == 0x0100007f)
        return at(t, b, "bind-wrong-address");
    if (b->error != 0 && l != NULL && !b->injected)
        return at(t, b, "bind-unchecked");
    if (b->error == EADDRNOTAVAIL)
        return at(t, b, "bind-address-uninitialised");
    if (record_family(b) == AF_INET && record_ipv4(b) == INADDR_ANY)
        return at(t, b, "bind-any-address");
    if (t->argument != NULL && strcmp(t->argument, "0") == 0 &&
        record_port(b) == 8080)
        return at(t, b, "bind-port-hard-coded");
    return explain_announced(t, b);
}

static const char *explain_listen(struct trial *t)
{
    if (t->asked->role != SERVER || t->subject->step < 3 ||
        !log_saw_calls(&t->log))
        return NULL;
    call b = log_first(&t->log, WITNESS_BIND, -1);
    call l = log_first(&t->log, WITNESS_LISTEN, -1);
    if (l == NULL)
        return b != NULL && b->error == 0 ? at(t, b, "listen-missing") : NULL;
    if (t->refused != 0 && l->error == 0 && l->leave > t->refused)
        return at(t, l, "listen-announced-too-early");
    if (l->error != 0 && has(&t->child.err, "listening on"))
        return at(t, l, "listen-unchecked");
    call n = log_first(&t->log, WITNESS_ACCEPT, -1);
    if (l->error != 0 && n != NULL)
        return at(t, l, "listen-unchecked");
    if (!l->done || (l->injected && l->error == 0))
        return has(&t->child.err, "listening on")
                   ? at(t, l, "listen-announced-too-early")
                   : NULL;
    return NULL;
}

static const char *explain_status(struct trial *t)
{
    const char *line = t->asked->role == CLIENT ? "connected to "
                       : t->subject->step >= 3  ? "listening on "
                                                : "127.0.0.1:";
    if (has(&t->child.err, line))
        return NULL;
    if (has(&t->child.out, line))
        return "status-on-stdout";
    if (t->child.ended || t->outcome != BLOCKED || t->asked->role == CLIENT)
        return NULL;
    /* It may have printed the line where it waits to be flushed. */
    if (t->subject->step == 2 || t->subject->step == 3)
        child_type(&t->child, NULL);
    child_await_end(&t->child, 100);
    return has(&t->child.out, line) ? "status-on-stdout" : NULL;
}

/* The address in the line about the peer. */
static const char *explain_peer_line(struct trial *t)
{
    const char *line = strstr(t->child.err.bytes, "connection from ");
    unsigned port = 0;
    char host[40] = "";
    if (t->asked->role != SERVER || line == NULL || t->peer_port == 0 ||
        sscanf(line, "connection from %39[^:]:%u", host, &port) != 2)
        return NULL;
    call a = log_last(&t->log, WITNESS_ACCEPT, -1);
    call lost = log_failed(&t->log, WITNESS_GETPEERNAME, 0);
    if (lost != NULL)
        return at(t, lost, "result-unchecked");
    if (port == t->peer_port && strcmp(host, "127.0.0.1") == 0)
        return NULL;
    if (a != NULL && a->a == 0)
        return at(t, a, "accept-addrlen-zero");
    if (port == swapped(t->peer_port) || port >> 16 == t->peer_port)
        return at(t, a, "accept-peer-no-ntohs");
    if (port == t->port)
        return at(t, a, "accept-wrong-peer");
    if (strcmp(host, "0.0.0.0") == 0 || port == 0)
        return at(t, a, "accept-addrlen-zero");
    return at(t, a, "accept-wrong-peer");
}

/* inet_ntop() fails in one way only: for want of room. */
static const char *explain_room(struct trial *t)
{
    return t->asked->track == WORKS && says_error(&t->child, ENOSPC)
               ? "accept-name-no-room"
               : NULL;
}

/* A length that was never set makes these calls fail. */
static const char *explain_lengths(struct trial *t)
{
    static const enum witness_call calls[] = {
        WITNESS_GETSOCKNAME, WITNESS_GETPEERNAME, WITNESS_GETSOCKOPT};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        call r = log_failed(&t->log, calls[i], EINVAL);
        if (r != NULL && !r->injected)
            return at(t, r,
                      calls[i] == WITNESS_GETSOCKOPT &&
                              t->subject->exercise == NULL
                          ? "socket-length-unset"
                          : "memory-uninitialised");
    }
    call own = log_first(&t->log, WITNESS_GETSOCKNAME, -1);
    if (own != NULL && own->a < (int64_t)sizeof(struct sockaddr_in))
        return at(t, own, "memory-uninitialised");
    return NULL;
}

/* A failure that cannot be mended by trying is tried for ever. */
static const char *explain_retries(struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        if (r->injected && r->error != 0 && is_repeated(t, r))
            return at(t, r, "error-retried");
    }
    return NULL;
}

/* Did a wait that came later end because its time was up? */
static bool timed_out_after(const struct trial *t, call r)
{
    call p = log_last(&t->log, WITNESS_POLL, -1);
    return p != NULL && p > r && p->done && p->error == 0 && p->result == 0;
}

/* A call that is made not to wait, or only for a while, had nothing to do. */
static const char *explain_waiting(struct trial *t)
{
    call p = log_last(&t->log, WITNESS_POLL, -1);
    bool awaits_enter = t->asked->role == SERVER && t->subject->step <= 3;
    if (p != NULL && p->injected && p->error == EINTR && t->child.ended &&
        (awaits_enter || says_error(&t->child, EINTR)))
        return at(t, p, "poll-no-eintr");
    static const enum witness_call calls[] = {WITNESS_RECV, WITNESS_ACCEPT,
                                              WITNESS_SEND};
    if (!t->child.ended || exited(&t->child, 0))
        return NULL;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        call r = log_last(&t->log, calls[i], -1);
        if (r != NULL && r->error == EAGAIN && !r->injected)
            return at(t, r,
                      option_call(t, WITNESS_SETSOCKOPT, SO_RCVTIMEO) != NULL ||
                              timed_out_after(t, r)
                          ? "wait-time-limit"
                          : "eagain-is-error");
    }
    return NULL;
}

/* The program is gone, and a thread or a child of it had not done its work. */
static const char *explain_helpers(struct trial *t)
{
    call begun = log_first(&t->log, WITNESS_FORK, -1);
    if (begun == NULL || !t->child.ended || WIFSIGNALED(t->child.status))
        return NULL;
    bool silent = t->subject->step >= 6 && t->heard_size < 18 &&
                  log_first(&t->log, WITNESS_SEND, -1) == NULL;
    if (t->child.left || silent)
        return at(t, begun, "main-ends-first");
    return NULL;
}

/* There is a connection; what does the program do with the two descriptors? */
static const char *explain_accepted(struct trial *t, call a)
{
    call next = log_last(&t->log, WITNESS_ACCEPT, -1);
    call pending = log_pending(&t->log);
    if (t->subject->exercise == NULL && t->outcome == BLOCKED &&
        pending != NULL && pending->fd == a->fd && pending != a &&
        (pending == next || pending->call == WITNESS_POLL))
        return at(t, pending, "accept-again");
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->error == ENOTSOCK && a->result > 1 &&
            log_at(&t->log, i)->fd <= 1)
            return at(t, a, "accept-precedence");
    call used[] = {log_first(&t->log, WITNESS_RECV, a->fd),
                   log_first(&t->log, WITNESS_SEND, a->fd),
                   log_first(&t->log, WITNESS_SHUTDOWN, a->fd)};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        if (a->fd == listener_of(t) && a->result != a->fd && used[i] != NULL)
            return at(t, used[i], "accept-uses-listener");
    return NULL;
}

static const char *explain_accept(struct trial *t)
{
    if (t->asked->role != SERVER || t->subject->step < 4 ||
        !log_saw_calls(&t->log))
        return NULL;
    call a = log_first(&t->log, WITNESS_ACCEPT, -1);
    call l = log_first(&t->log, WITNESS_LISTEN, -1);
    if (a == NULL)
        return l != NULL && l->error == 0 &&
                       (t->peer_port != 0 || exited(&t->child, 0)) &&
                       (exited(&t->child, 0) ||
                        log_first(&t->log, WITNESS_POLL, -1) == NULL)
                   ? at(t, l, "accept-missing")
                   : NULL;
    if (a->injected && a->error == EINTR)
        return log_last(&t->log, WITNESS_ACCEPT, -1) ==
                       last_injected(t, WITNESS_ACCEPT)
                   ? at(t, last_injected(t, WITNESS_ACCEPT), "accept-no-eintr")
                   : NULL;
    if (a->error != 0 && a->injected &&
        (went_on(t, a) || has(&t->child.err, "connection from")))
        return at(t, a, "accept-unchecked");
    if (a->error == EINVAL && a->a != (int64_t)sizeof(struct sockaddr_in))
        return at(t, a, "accept-addrlen-uninitialised");
    if (a->error == EFAULT)
        return at(t, a, "accept-addrlen-uninitialised");
    if (a->error == 0 && a->a >= 0 && a->a < 8 && /* not even a port */
        !has(&t->child.err, "connection from"))
        return at(t, a, "accept-addrlen-zero");
    return a->error == 0 ? explain_accepted(t, a) : NULL;
}

/* What getaddrinfo() was asked for, and what became of its list. */
static const char *explain_list(struct trial *t)
{
    if (t->asked->run == run_ipv6 &&
        log_first(&t->log, WITNESS_CONNECT, -1) == NULL)
        return NULL; /* the addresses of IPv6 are passed over */
    call g = log_first(&t->log, WITNESS_GETADDRINFO, -1);
    call freed = log_first(&t->log, WITNESS_FREEADDRINFO, -1);
    call used = log_last(&t->log, WITNESS_SOCKET, -1);
    call c = log_last(&t->log, WITNESS_CONNECT, -1);
    if (t->asked->role != CLIENT || !log_saw_calls(&t->log))
        return NULL;
    /* Values that nobody meant: no flag, family or type is that large. */
    if (g != NULL && !g->injected && g->result != 0 &&
        (t->asked->build == PATTERN || (g->b & ~0xfff) != 0))
        return at(t, g, "connect-hints-uninitialised");
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call s = log_at(&t->log, i);
        if (s->call == WITNESS_SOCKET && t->subject->exercise == NULL &&
            (s->b & 0xf) != SOCK_STREAM && (s->b & 0xf) <= SOCK_RAW)
            return at(t, s, "connect-any-type");
    }
    bool nonsense = (used != NULL && used->error != 0 && !used->injected) ||
                    (c != NULL && c->error == EAFNOSUPPORT && !c->injected);
    if (nonsense && freed != NULL && used != NULL && freed->enter < used->enter)
        return at(t, used, "connect-list-used-after-free");
    bool tried = c != NULL || (used != NULL && used->error != 0);
    return !tried && g != NULL && g->done && g->result == 0
               ? at(t, used, "connect-missing")
               : NULL;
}

/* Which address connect() is called with. */
static const char *explain_target(struct trial *t, call c)
{
    static const uint8_t nowhere[16] = {0};
    unsigned port = record_port(c);
    bool is_any = c->address_size >= 24 &&
                  memcmp(c->address + 8, nowhere, sizeof nowhere) == 0;
    bool is_short = c->a < (int64_t)sizeof(struct sockaddr_in6);
    bool is_other = t->asked->run == run_ipv6 && c->address_size >= 24 &&
                    memcmp(c->address + 8, &in6addr_loopback, 16) != 0;
    if (record_family(c) == AF_INET6 && (is_any || is_short || is_other))
        return at(t, c, "connect-address-cut");
    if (t->port == 0 || port == t->port)
        return NULL;
    if (port == swapped(t->port))
        return at(t, c, "connect-no-htons");
    return port == 8080 && (c->error == 0 || c->error == ECONNREFUSED)
               ? at(t, c, "bind-port-hard-coded")
               : NULL;
}

/* A connection that was begun, and is not waited for in the right way. */
static const char *explain_progress(struct trial *t, call c)
{
    call p = log_pending(&t->log),
         last = log_last(&t->log, WITNESS_CONNECT, -1);
    call told = option_call(t, WITNESS_GETSOCKOPT, SO_ERROR);
    bool asked = told != NULL;
    if (c->error != EINPROGRESS && c->error != EINTR)
        return NULL;
    if (!asked && t->outcome == BLOCKED && p != NULL &&
        p->call == WITNESS_POLL && log_first(&t->log, WITNESS_SEND, -1) == NULL)
        return at(t, p, "connect-poll-events");
    if ((!asked || told->c == ECONNREFUSED) && t->asked->run == run_refused &&
        (has(&t->child.err, "connected to") ||
         log_failed(&t->log, WITNESS_GETPEERNAME, ENOTCONN) != NULL))
        return at(t, c, "connect-so-error-ignored");
    call wait = log_last(&t->log, WITNESS_POLL, -1);
    if (wait != NULL && wait->injected && wait->error == EINTR)
        return at(t, wait, "poll-no-eintr");
    if (!c->injected || log_first(&t->log, WITNESS_SEND, -1) != NULL)
        return NULL;
    if (asked && told->error == 0 && told->c != 0)
        return at(t, told, "connect-so-error-unused");
    return last != c ? at(t, last, "connect-retried-after-eintr")
                     : at(t, c, "connect-eintr-fatal");
}

static const char *explain_connect(struct trial *t)
{
    call c = log_first(&t->log, WITNESS_CONNECT, -1);
    call last = log_last(&t->log, WITNESS_CONNECT, -1);
    call failed = log_failed(&t->log, WITNESS_CONNECT, 0);
    if (t->asked->role != CLIENT || c == NULL)
        return NULL;
    const char *name = explain_target(t, c);
    if (name == NULL && failed != NULL)
        name = explain_progress(t, failed);
    if (name != NULL)
        return name;
    call told = option_call(t, WITNESS_GETSOCKOPT, SO_ERROR);
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        bool refused = c->error != EINPROGRESS ||
                       (told != NULL && told < r && told->c != 0);
        if (r->call == WITNESS_CONNECT && r != c && r->fd == c->fd &&
            c->error != 0 && refused && !closed_between(c, r))
            return at(t, r, "connect-same-socket-again");
        if (r->error == ENOTSOCK && r->fd == 0 && c->result == 0 && c->fd > 0)
            return at(t, r, "connect-result-as-descriptor");
    }
    return failed != NULL && failed == last && failed->error != EINPROGRESS &&
                   failed->error != EINTR &&
                   log_first(&t->log, WITNESS_SEND, -1) != NULL
               ? at(t, failed, "connect-unchecked")
               : NULL;
}

/* Do the bytes from `offset` on begin with the first `size` of `want`? */
static bool heard(const struct trial *t, size_t offset, const char *want,
                  size_t size)
{
    return t->heard_size >= offset + size && offset + size <= sizeof t->heard &&
           memcmp(t->heard + offset, want, size) == 0;
}

/* Did our side go away on purpose? */
static bool lost_peer(const struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    return s != NULL && (s->side == SIDE_FADES || s->side == SIDE_RESETS);
}

/* A send() that succeeded, and was made again as if it had not; or NULL. */
static call no_progress(const struct trial *t)
{
    call before = NULL;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        if (r->call != WITNESS_SEND)
            continue;
        if (before != NULL && before->result > 0 &&
            before->result < before->a && r->a == before->a)
            return before;
        before = r;
    }
    return NULL;
}

/* What send() reported, and was not understood. */
static const char *explain_sending(struct trial *t, call s)
{
    call r = log_first(&t->log, WITNESS_RECV, -1);
    call stream = log_first(&t->log, WITNESS_FDOPEN, -1);
    bool says_sent = has(&t->child.out, "message sent");
    if (t->asked->role == SERVER && t->subject->exercise == NULL &&
        t->subject->step >= 7 && t->asked->run != run_hurry && s != NULL &&
        s->error == 0 && stream == NULL && (r == NULL || s->enter < r->enter))
        return at(t, s, "send-before-recv");
    if (interrupts(t) && no_progress(t) != NULL)
        return at(t, no_progress(t), "errno-after-success");
    if (t->heard_size == 0 && stream != NULL && says_sent && !lost_peer(t))
        return at(t, stream, "send-not-flushed");
    call last = log_last(&t->log, WITNESS_SEND, -1);
    call failed = last_injected(t, WITNESS_SEND);
    if (failed == NULL)
        return NULL;
    if (is_repeated(t, failed))
        return at(t, failed, "error-retried");
    if (t->outcome == SPINNING && t->heard_size < strlen("Hello from server\n"))
        return at(t, failed, "send-minus-one-added");
    if (failed->error == EINTR && failed == last)
        return at(t, failed,
                  says_sent ? "send-minus-one-added" : "send-no-eintr");
    return NULL;
}

/* Did the message come with one zero byte in it, or behind it? */
static bool heard_with_zero(const struct trial *t, const char *want,
                            size_t size)
{
    size_t n = t->heard_size;
    const char *zero = n == size + 1 && n <= sizeof t->heard
                           ? (const char *)memchr(t->heard, '\0', n)
                           : NULL;
    size_t before = zero != NULL ? (size_t)(zero - t->heard) : 0;
    return zero != NULL && heard(t, 0, want, before) &&
           heard(t, before + 1, want + before, size - before);
}

/* What short counts have made of the message. */
static const char *explain_short(struct trial *t, call s, const char *want)
{
    size_t size = strlen(want);
    for (size_t cut = 5; cut < size; cut += 5)
        if (heard(t, 0, want, cut) &&
            (heard(t, cut, want, 5) || heard(t, cut, want + cut - 5, 5)))
            return at(t, s, "send-restarts-at-beginning");
    if (interrupts(t)) /* short counts alone were no trouble */
        return at(t, last_injected(t, WITNESS_SEND), "send-minus-one-added");
    return at(t, s,
              t->heard_size >= size && heard(t, 0, want, size - 1)
                  ? "send-full-length-again"
                  : "send-short-count-ignored");
}

/* What came over the connection, against what should have come. */
static const char *explain_sent(struct trial *t)
{
    const char *want = t->asked->role == SERVER ? "Hello from server\n"
                                                : "Hello from client\n";
    size_t size = strlen(want), n = t->heard_size;
    call s = log_first(&t->log, WITNESS_SEND, -1);
    call broken = log_failed(&t->log, WITNESS_RECV, 0);
    if (t->subject->step < 6 ||
        (broken != NULL && broken->injected && broken->error != EINTR))
        return NULL;
    const char *name = explain_sending(t, s);
    if (name != NULL || (n == size && heard(t, 0, want, size)))
        return name;
    if (t->fault != NULL && strstr(t->fault, "send:short") != NULL)
        return explain_short(t, s, want);
    if (heard_with_zero(t, want, size))
        return at(t, s, "send-terminating-nul");
    bool all_but_one = heard(t, 0, want, size - 1);
    if (all_but_one && (n == size - 1 || (n == size && !t->heard[size - 1])))
        return at(t, s, "send-no-newline");
    if (heard(t, size, want, size))
        return at(t, s, "send-twice");
    if (n > size && heard(t, 0, want, size))
        return at(t, s,
                  t->heard[size] == '\0' ? "send-whole-buffer"
                  : n == size + 1        ? "send-wrong-text"
                                         : "send-no-room-for-nul");
    if (n == sizeof(char *) && heard(t, 0, want, n))
        return at(t, s, "send-sizeof-pointer");
    return t->subject->exercise == NULL && t->asked->track == WORKS && n > 0 &&
                   !heard(t, 0, want, n)
               ? at(t, s, "send-wrong-text")
               : NULL;
}

/* What stdout holds besides the line about what was sent. */
static size_t printed_bytes(const struct trial *t)
{
    size_t sent = has(&t->child.out, "Hello message sent\n") ? 19 : 0;
    return t->child.out.total - sent;
}

static bool has_script_piece(const struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    return s != NULL && s->error == 0 &&
           (s->piece > 0 ||
            (s->fault != NULL && strncmp(s->fault, "recv:short", 10) == 0));
}

/* A message that is not too long is refused as too long. */
static const char *explain_length(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    size_t ends = 0;
    if (s == NULL || s->error == EMSGSIZE || !exited(&t->child, 1) ||
        !says_error(&t->child, EMSGSIZE))
        return NULL;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        ends += r->call == WITNESS_RECV && r->result == 0 && r->a > 0;
    }
    return ends > 1 ? "recv-eof-not-seen" : "recv-line-limit";
}

/* We have ended our side, and it waits for an event that has been: EPOLLET. */
static bool waits_past_end(const struct trial *t, call last)
{
    const struct script *s = (const struct script *)t->asked->script;
    call p = log_pending(&t->log);
    return t->asked->role == SERVER && t->outcome == BLOCKED && p != NULL &&
           p->call == WITNESS_POLL && p->a == -1 && s != NULL &&
           s->side == SIDE_ENDS && last->done && last->result > 0 &&
           t->sent > 0 && log_received(&t->log) == t->sent;
}

/* A recv() was interrupted: taken for a failure, for the end, or for bytes? */
static const char *explain_interrupted(struct trial *t, call last)
{
    call r = interrupts(t) ? log_failed(&t->log, WITNESS_RECV, EINTR) : NULL;
    if (r != NULL && r->injected && t->subject->exercise == NULL) {
        if (t->child.ended && WIFSIGNALED(t->child.status))
            return at(t, r, "recv-unchecked");
        if (exited(&t->child, 0))
            return at(t, r, /* has it printed what never came? */
                      printed_bytes(t) > log_received(&t->log) + 1
                          ? "recv-unchecked"
                          : "recv-no-eintr");
    }
    return last->injected && last->error == EINTR ? at(t, last, "recv-no-eintr")
                                                  : NULL;
}

/* How the program took the end of the stream, errors and interruptions. */
static const char *explain_ends(struct trial *t, call r, call last)
{
    call no_wait = log_failed(&t->log, WITNESS_RECV, EAGAIN);
    if (t->outcome == SPINNING && interrupts(t) &&
        (last != r || (last->error == 0 && last->result > 0)))
        return at(t, last, "errno-after-success");
    if (t->outcome == SPINNING)
        return at(t, last,
                  last->result == 0 ? "recv-eof-not-seen" : "busy-wait");
    if (last->result == 0 && last->a > 0 &&
        (has(&t->child.err, "recv: Success") ||
         has(&t->child.err, "read: Success")))
        return at(t, last, "recv-eof-is-error");
    if (last->done && last->result == 0 && last->error == 0 && last->a > 0 &&
        t->child.ended && !exited(&t->child, 0) && !any_failed(t))
        return at(t, last, "recv-eof-is-error");
    const char *name = explain_interrupted(t, last);
    if (name != NULL)
        return name;
    if (waits_past_end(t, last))
        return at(t, log_pending(&t->log), "recv-eof-not-seen");
    if (t->asked->track == WORKS && last->done && last->result == 0 &&
        last->a > 0 && exited(&t->child, 1) &&
        has(&t->child.out, "Hello from ") && !any_failed(t))
        return at(t, last, "recv-eof-is-error");
    if (last->done && last->result == 0 && last->a > 0 &&
        t->sent == log_received(&t->log) && exited(&t->child, 0) &&
        t->subject->exercise == NULL && t->streams != OUTPUT_FULL &&
        !has_script_piece(t) && printed_bytes(t) <= (t->sent > 0))
        return at(t, last, "recv-end-dropped");
    call reset = log_failed(&t->log, WITNESS_RECV, ECONNRESET);
    if ((r == reset && r->injected && printed_bytes(t) > 1) ||
        (reset != NULL && has(&t->child.err, "Message too long")))
        return at(t, reset, "recv-unchecked");
    if (has_script_piece(t) && last->error == EAGAIN && exited(&t->child, 0))
        return at(t, last, "recv-stops-before-eof");
    if (no_wait != NULL && (no_wait->b & MSG_DONTWAIT) != 0 && t->child.ended &&
        !timed_out_after(t, no_wait))
        return at(t, no_wait,
                  says_error(&t->child, EAGAIN) ? "eagain-is-error"
                                                : "recv-stops-before-eof");
    return NULL;
}

/* Does stdout begin with what came last, and not with what came first? */
static bool begins_with_last(const struct trial *t, call r)
{
    call piece = r;
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->call == WITNESS_RECV &&
            log_at(&t->log, i)->result > 0)
            piece = log_at(&t->log, i);
    const char *out = t->child.out.bytes;
    if (has(&t->child.out, "Hello message sent\n") && t->asked->role == CLIENT)
        out += 19;
    return piece != r && piece->bytes_size > 0 &&
           r->bytes[0] != piece->bytes[0] &&
           memcmp(out, piece->bytes, piece->bytes_size) == 0;
}

/* Did the next recv() fill just the room that this one left? */
static bool goes_on_behind(const struct trial *t, call r)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call next = log_at(&t->log, i);
        if (next > r && next->call == WITNESS_RECV)
            return next->a == r->a - r->result && next->result > 0;
    }
    return false;
}

/* How many bytes had come when a wait ended because its time was up? 0: none
   ended so. */
static size_t received_in_time(const struct trial *t)
{
    size_t n = 0;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call c = log_at(&t->log, i);
        if (c->call == WITNESS_POLL && c->done && c->error == 0 &&
            c->result == 0)
            return n;
        n += c->call == WITNESS_RECV && c->result > 0 ? (size_t)c->result : 0;
    }
    return 0;
}

/* Only the beginning was taken: what came in time, or with the first recv(). */
static const char *explain_beginning(struct trial *t, call r, call last)
{
    size_t in_time = received_in_time(t), printed = printed_bytes(t);
    bool open = memchr(r->bytes, '\n', r->bytes_size) == NULL;
    bool cut = open && exited(&t->child, 0) && t->subject->exercise == NULL;
    if (cut && in_time > 0 && printed == in_time + 1)
        return at(t, log_last(&t->log, WITNESS_POLL, -1), "wait-time-limit");
    if (cut && r->result > 0 && printed == (size_t)r->result + 1 &&
        log_received(&t->log) > (size_t)r->result)
        return at(t, r, "recv-single-call");
    if (last == r && r->done && r->result > 0 && r->result < r->a && open)
        return at(t, r, "recv-single-call");
    return NULL;
}

/* How it put the message together. */
static const char *explain_pieces(struct trial *t, call r, call last)
{
    if (t->asked->build == PATTERN && (has(&t->child.out, "\xfe\xfe\xfe\xfe") ||
                                       printed_bytes(t) > t->sent + 1))
        return at(t, last, "recv-no-terminator");
    bool pieces = has_script_piece(t) || /* these pause in the middle */
                  t->asked->run == run_patient_client ||
                  t->asked->run == run_hurried_client;
    bool all = t->sent > 0 && log_received(&t->log) >= t->sent;
    if (pieces && printed_bytes(t) > t->sent + 1)
        return at(t, last, "recv-count-ignored");
    if (pieces && r != last &&
        ((all && printed_bytes(t) == t->sent) || begins_with_last(t, r)))
        return at(t, last, "recv-overwrites-start");
    if (pieces && goes_on_behind(t, r) && all && exited(&t->child, 0) &&
        printed_bytes(t) < t->sent)
        return at(t, last, "recv-overwrites-start");
    if (r->error == EFAULT)
        return at(t, r, "recv-address-of-pointer");
    if ((last == r || last->a == 0) && r->a == (int64_t)sizeof(char *) &&
        !r->injected && r->result == r->a)
        return at(t, r, "recv-sizeof-pointer");
    return explain_beginning(t, r, last);
}

/* Connected, and it waits for a word of the server before it sends its own. */
static const char *explain_first_word(struct trial *t)
{
    call p = log_pending(&t->log);
    call c = log_last(&t->log, WITNESS_CONNECT, -1);
    call stream = log_first(&t->log, WITNESS_FDOPEN, -1);
    bool says_sent = has(&t->child.out, "message sent");
    bool connected =
        c != NULL && c->done &&
        (c->error == 0 || option_call(t, WITNESS_GETSOCKOPT, SO_ERROR) != NULL);
    return t->asked->role == CLIENT && t->subject->step >= 6 && connected &&
                   t->outcome == BLOCKED && p != NULL &&
                   (p->call == WITNESS_POLL || p->call == WITNESS_RECV) &&
                   log_first(&t->log, WITNESS_SEND, -1) == NULL
               ? at(t, stream != NULL && says_sent ? stream : p,
                    stream != NULL && says_sent ? "send-not-flushed"
                                                : "recv-before-send")
               : NULL;
}

static const char *explain_receiving(struct trial *t)
{
    call r = log_first(&t->log, WITNESS_RECV, -1);
    call last = log_last(&t->log, WITNESS_RECV, -1);
    if (t->subject->step < 7 || r == NULL)
        return NULL;
    const char *name = explain_length(t);
    if (name == NULL)
        name = explain_ends(t, r, last);
    if (name == NULL)
        name = explain_pieces(t, r, last);
    if (name == NULL && t->asked->role == SERVER && t->heard_size > 0 &&
        (t->outcome == TOO_LONG || t->outcome == BLOCKED))
        return at(t, last, "close-waits-forever");
    if (name != NULL || t->outcome != BLOCKED || last->done)
        return name;
    if ((last->b & MSG_WAITALL) != 0)
        return at(t, last, "recv-waitall");
    return t->asked->role == SERVER && t->heard_size > 0
               ? at(t, last, "close-waits-forever")
               : NULL;
}

/* Closed unused, and its variable set to -1, as if it were the listener's? */
static bool is_cleared_early(const struct trial *t, call r)
{
    call a = log_first(&t->log, WITNESS_ACCEPT, -1);
    return t->asked->role == SERVER && t->subject->exercise == NULL &&
           a != NULL && a->done && a->error == 0 &&
           log_first(&t->log, WITNESS_RECV, (int)a->result) == NULL &&
           log_first(&t->log, WITNESS_SEND, (int)a->result) == NULL &&
           was_closed_before(t, a->result, r);
}

/* The connection is used although it has been closed. */
static const char *explain_closed(struct trial *t)
{
    call sent = log_failed(&t->log, WITNESS_SEND, EBADF);
    call used[] = {sent, log_failed(&t->log, WITNESS_RECV, EBADF),
                   log_failed(&t->log, WITNESS_GETPEERNAME, EBADF)};
    call forked = log_first(&t->log, WITNESS_FORK, -1);
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        call r = used[i];
        if (r != NULL && r->fd == -1 && is_cleared_early(t, r))
            return at(t, r, "accept-closes-early");
        if (r == NULL || r->fd < 0 || !was_closed_before(t, r->fd, r))
            continue;
        if (forked != NULL && t->child.ended && r->tid != r->pid)
            return at(t, forked, "main-ends-first");
        if (t->asked->role == CLIENT && t->subject->exercise == NULL)
            return at(t, r, "close-for-half-close");
        return at(t, r,
                  r == sent && (t->child.out.total > 0 ||
                                log_first(&t->log, WITNESS_RECV, r->fd) != NULL)
                      ? "close-before-reply"
                      : "accept-closes-early");
    }
    return NULL;
}

static const char *explain_closing(struct trial *t)
{
    call s = log_first(&t->log, WITNESS_SHUTDOWN, -1);
    if (s != NULL && s->a == SHUT_RDWR && s->error == 0)
        return at(t, s, "close-shutdown-both");
    if (s != NULL && s->a == SHUT_RD)
        return at(t, s, "close-wrong-side");
    call late = log_failed(&t->log, WITNESS_SEND, EPIPE);
    if (s != NULL && s->error == 0 && late != NULL && !late->injected &&
        late->fd == s->fd && s->enter < late->enter)
        return at(t, s, "close-too-early");
    const char *name = explain_closed(t);
    if (name != NULL)
        return name;
    call again = log_failed(&t->log, WITNESS_CLOSE, EBADF);
    if (again != NULL && was_closed_before(t, again->fd, again))
        return at(t, again, "close-twice");
    for (size_t i = 0; i < log_count(&t->log); i++) {
        call r = log_at(&t->log, i);
        struct linger value = {0, 0};
        memcpy(&value, r->bytes, sizeof value);
        if (r->call == WITNESS_SETSOCKOPT && r->b == SO_LINGER &&
            value.l_onoff != 0 && value.l_linger == 0)
            return at(t, r, "close-linger-zero");
    }
    return NULL;
}

/* How the lines of the conversation end, and how often they come. */
static const char *explain_lines(struct trial *t)
{
    const char *line = strstr(t->child.out.bytes, "Hello message sent");
    if (line != NULL && strstr(line + 1, "Hello message sent") != NULL)
        return "send-said-before-sent";
    if (has(&t->child.out, "Hello from client\n\n") ||
        has(&t->child.out, "Hello from server\n\n"))
        return "recv-ignores-newline";
    if (line != NULL && (line[18] == '\0' || line[18] == 'H'))
        return "output-no-newline";
    return t->asked->track == WORKS && has(&t->child.out, "message sent\n\n")
               ? t->sent > log_received(&t->log) ? "recv-stops-before-eof"
                                                 : "output-extra-newline"
               : NULL;
}

/* Where the lines of the conversation went. */
static const char *explain_output(struct trial *t)
{
    if (t->subject->exercise == NULL && t->asked->track == WORKS &&
        t->child.out.total > 0 &&
        (t->subject->step < 6 ||
         (t->child.out.bytes[0] != 'H' && has(&t->child.out, "\nHello "))))
        return "status-on-stdout";
    if (t->subject->step < 6)
        return NULL;
    if (has(&t->child.err, "Hello message sent") ||
        has(&t->child.err, "Hello from "))
        return "output-on-stderr";
    if (t->asked->role == CLIENT && t->child.out.total > 11 &&
        strncmp(t->child.out.bytes, "Hello from ", 11) == 0)
        return "output-order";
    if (t->asked->role == SERVER && t->subject->step >= 7 &&
        strncmp(t->child.out.bytes, "Hello message sent\nHello f", 26) == 0)
        return "output-order";
    const char *name = explain_lines(t);
    if (name != NULL)
        return name;
    const struct script *s = (const struct script *)t->asked->script;
    const char *high = s != NULL && s->send_size > 0
                           ? (const char *)memchr(s->send, 0xff, s->send_size)
                           : NULL;
    if (high != NULL && printed_bytes(t) == (size_t)(high - s->send) + 1)
        return "recv-char-is-eof";
    if (s != NULL && s->send != NULL && strchr(s->send, '\r') != NULL &&
        printed_bytes(t) == t->sent && exited(&t->child, 0))
        return "recv-bytes-changed";
    if (s != NULL && s->error == ECONNRESET && has(&t->child.out, "Hel\n"))
        return "recv-error-is-eof";
    if (t->streams != OUTPUT_FULL && exited(&t->child, 0) &&
        t->child.out.total == 0 && t->heard_size == 18)
        return t->child.left ? "main-ends-first" : "output-not-flushed";
    if (s != NULL && s->side == SIDE_STAYS && t->heard_size == 18 &&
        t->subject->step >= 8 && exited(&t->child, 1))
        return "close-silence-is-error";
    return NULL;
}

const char *explain(struct trial *t, const char *otherwise)
{
    static const char *(*const rules[])(struct trial *) = {
        explain_report,    explain_death,      explain_stdin,
        explain_arguments, explain_retries,    explain_socket,
        explain_bind,      explain_listen,     explain_room,
        explain_lengths,   explain_accept,     explain_list,
        explain_connect,   explain_status,     explain_peer_line,
        explain_closing,   explain_first_word, explain_sent,
        explain_receiving, explain_output,     explain_waiting,
        explain_helpers};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const char *name = rules[i](t);
        if (name != NULL)
            return name;
    }
    return otherwise != NULL ? otherwise : "";
}
