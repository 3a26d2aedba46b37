/**
 * @file
 * Implements peer.h.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void close_if_open(int fd)
{
    int error = errno;
    if (fd != -1)
        close(fd);
    errno = error;
}

struct sockaddr_in ipv4_address(uint32_t host, unsigned port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(host);
    return address;
}

struct sockaddr_in6 ipv6_address(struct in6_addr host, unsigned port)
{
    struct sockaddr_in6 address;
    memset(&address, 0, sizeof address);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons((uint16_t)port);
    address.sin6_addr = host;
    return address;
}

static int hold(int type, const void *address, socklen_t size)
{
    const struct sockaddr *name = (const struct sockaddr *)address;
    int fd = socket(name->sa_family, type | SOCK_CLOEXEC, 0);
    if (fd == -1 || bind(fd, name, size) == 0)
        return fd;
    close_if_open(fd);
    return -1;
}

int hold_ipv4(int type, uint32_t host, unsigned port)
{
    struct sockaddr_in address = ipv4_address(host, port);
    return hold(type, &address, sizeof address);
}

int hold_ipv6(struct in6_addr host, unsigned port)
{
    struct sockaddr_in6 address = ipv6_address(host, port);
    return hold(SOCK_STREAM, &address, sizeof address);
}

bool has_ipv6(struct in6_addr host)
{
    int fd = hold_ipv6(host, 0);
    close_if_open(fd);
    return fd != -1;
}

int pending_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1 ? errno
                                                                     : error;
}

/* From which of its ports this process has connected, or tried to. */
static bool connected_from[65536];

int peer_reach(int fd, const void *address, socklen_t size)
{
    int result = connect(fd, (const struct sockaddr *)address, size);
    int error = errno;
    connected_from[own_port(fd)] = true;
    errno = error;
    return result;
}

int peer_accept(struct trial *t, int listener)
{
    struct sockaddr_in6 peer; /* large enough for both families */
    socklen_t size = sizeof peer;
    int fd = accept(listener, (struct sockaddr *)&peer, &size);
    if (fd != -1 && t->guests < sizeof t->guest / sizeof *t->guest)
        t->guest[t->guests++] = ntohs(peer.sin6_port);
    return fd;
}

int accept_program(struct trial *t, int listener, unsigned quiet)
{
    t->outcome = child_await(&t->child, listener, POLLIN, NULL, NULL, quiet);
    return t->outcome == GOT_IT ? peer_accept(t, listener) : -1;
}

/* Has the program had this port at its end of a connection? */
static bool is_port_of_program(const struct trial *t, unsigned port)
{
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->call == WITNESS_CONNECT &&
            log_at(&t->log, i)->c == (int64_t)port)
            return true;
    return false;
}

bool met_stranger(const struct trial *t)
{
    if (t->disturbed)
        return true;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_ACCEPT && r->done && r->c != 0 &&
            !connected_from[r->c] && !is_port_of_program(t, (unsigned)r->c))
            return true;
    }
    for (size_t i = 0; i < t->guests && log_saw_calls(&t->log); i++)
        if (!is_port_of_program(t, t->guest[i]))
            return true;
    return false;
}

int peer_connect(unsigned port)
{
    struct sockaddr_in address = ipv4_address(INADDR_LOOPBACK, port);
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    uint64_t limit = scaled_ms(2000); /* a full queue answers nothing at all */
    struct timeval timeout = {(time_t)(limit / 1000000000u),
                              (suseconds_t)(limit / 1000 % 1000000u)};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (peer_reach(fd, &address, sizeof address) == 0)
        return fd;
    int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
    close(fd);
    errno = error;
    return -1;
}

unsigned own_port(int fd)
{
    struct sockaddr_in6 address; /* large enough for both families */
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        return 0;
    return ntohs(address.sin6_port); /* at the same place in sockaddr_in */
}

static int bind_to(int fd, int family, unsigned port)
{
    struct sockaddr_in in = ipv4_address(INADDR_LOOPBACK, port);
    struct sockaddr_in6 in6 = ipv6_address(in6addr_loopback, port);
    return family == AF_INET ? bind(fd, (struct sockaddr *)&in, sizeof in)
                             : bind(fd, (struct sockaddr *)&in6, sizeof in6);
}

int peer_listen(int family, unsigned *port)
{
    int yes = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    if (*port != 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind_to(fd, family, *port) == 0 && listen(fd, 16) == 0) {
        *port = own_port(fd);
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool await_taken(const struct trial *t, size_t want)
{
    struct timespec moment = {0, 500000};
    for (int i = 0; i < 80; i++) {
        if (log_received(&t->log) >= want)
            return true;
        nanosleep(&moment, NULL);
    }
    return false;
}

bool peer_send(struct trial *t, int fd, const char *bytes, size_t size,
               size_t piece)
{
    size_t sent = 0, before = log_received(&t->log);
    bool wait = piece > 0;
    while (sent < size) {
        size_t n = piece > 0 && piece < size - sent ? piece : size - sent;
        ssize_t done = send(fd, bytes + sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (child_await(&t->child, fd, POLLOUT, NULL, NULL, 500) != GOT_IT)
                return false;
            continue;
        }
        if (done == -1)
            return false;
        sent += (size_t)done;
        t->sent += (size_t)done;
        if (wait && !await_taken(t, before + sent))
            wait = false;
    }
    return true;
}

void peer_end_side(int *fd, enum side side)
{
    struct linger reset = {1, 0};
    if (side == SIDE_ENDS || side == SIDE_FADES)
        shutdown(*fd, SHUT_WR);
    if (side == SIDE_RESETS || side == SIDE_FADES)
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (side != SIDE_ENDS && side != SIDE_STAYS) {
        close(*fd);
        *fd = -1;
    }
}

enum stream_end peer_read(struct trial *t, int fd, bool newline, unsigned quiet)
{
    for (;;) {
        t->outcome = child_await(&t->child, fd, POLLIN, NULL, NULL, quiet);
        if (t->outcome != GOT_IT)
            return STREAM_OPEN;
        char bytes[4096];
        ssize_t n = recv(fd, bytes, newline ? 1 : sizeof bytes, MSG_DONTWAIT);
        if (n == 0)
            return STREAM_ENDED;
        if (n == -1 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n == -1)
            return STREAM_RESET;
        for (ssize_t i = 0; i < n; i++, t->heard_size++)
            if (t->heard_size < sizeof t->heard)
                t->heard[t->heard_size] = bytes[i];
        if (newline && bytes[0] == '\n') {
            t->outcome = GOT_IT;
            return STREAM_OPEN;
        }
        if (t->heard_size > HEARD_MAX) {
            t->outcome = TOO_LONG;
            return STREAM_OPEN;
        }
    }
}

unsigned free_port(void)
{
    unsigned seed = (unsigned)(now_ns() / 1000) ^ ((unsigned)getpid() << 10);
    for (int i = 0; i < 1000; i++) {
        seed = seed * 1103515245u + 12345u;
        unsigned port = 10000 + (seed >> 8) % 20000;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool ok = fd != -1 && (port & 0xff) != port >> 8 &&
                  bind_to(fd, AF_INET, port) == 0 && listen(fd, 1) == 0;
        if (fd != -1)
            close(fd);
        if (ok)
            return port;
    }
    return 0;
}
