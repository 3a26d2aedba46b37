/*
 * Style: one poll() loop drives the client: connecting, sending, receiving and
 * draining are states of a non-blocking socket.
 * Right: each state waits for its own event, so the loop never spins, and the
 * end of connect() is read from SO_ERROR, whether a signal came or not.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum state { CONNECTING, SENDING, RECEIVING, DRAINING, DONE, FAILED, REFUSED };

struct talk {
    int fd;
    const struct addrinfo *to;
    size_t sent, used;
    char line[1024];
};

static enum state lost(const char *call)
{
    perror(call);
    return FAILED;
}

static int again(void)
{
    return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
}

static int print(const char *text, size_t length)
{
    fwrite(text, 1, length, stdout);
    putchar('\n');
    return fflush(stdout) == EOF || ferror(stdout) ? -1 : 0;
}

static enum state on_connected(const struct talk *t)
{
    int error = 0;
    socklen_t size = sizeof error;
    char host[64], port[6];
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return lost("getsockopt");
    if (error != 0) {
        fprintf(stderr, "connect: %s\n", strerror(error));
        return REFUSED;
    }
    error = getnameinfo(t->to->ai_addr, t->to->ai_addrlen, host, sizeof host,
                        port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return FAILED;
    }
    if (t->to->ai_family == AF_INET6)
        fprintf(stderr, "connected to [%s]:%s\n", host, port);
    else
        fprintf(stderr, "connected to %s:%s\n", host, port);
    return SENDING;
}

static enum state on_room(struct talk *t)
{
    static const char text[] = "Hello from client\n";
    size_t left = sizeof text - 1 - t->sent;
    ssize_t n = send(t->fd, text + t->sent, left, MSG_NOSIGNAL);
    if (n == -1)
        return again() ? SENDING : lost("send");
    t->sent += (size_t)n;
    if ((size_t)n < left)
        return SENDING;
    if (print("Hello message sent", 18) == -1)
        return lost("fflush");
    return shutdown(t->fd, SHUT_WR) == -1 ? lost("shutdown") : RECEIVING;
}

static enum state on_input(struct talk *t)
{
    char *fresh = t->line + t->used;
    ssize_t n = recv(t->fd, fresh, sizeof t->line - t->used, 0);
    if (n == -1)
        return again() ? RECEIVING : lost("recv");
    const char *end = (const char *)memchr(fresh, '\n', (size_t)n);
    t->used += end == NULL ? (size_t)n : (size_t)(end - fresh);
    if (t->used == sizeof t->line) {
        errno = EMSGSIZE;
        return lost("recv");
    }
    if (end == NULL && n > 0)
        return RECEIVING;
    if (print(t->line, t->used) == -1)
        return lost("fflush");
    return n == 0 ? DONE : DRAINING;
}

static enum state on_rest(const struct talk *t)
{
    char rest[512];
    ssize_t n = recv(t->fd, rest, sizeof rest, 0);
    if (n == -1)
        return again() ? DRAINING : lost("recv");
    return n == 0 ? DONE : DRAINING;
}

static enum state step(struct talk *t, enum state state)
{
    switch (state) {
    case CONNECTING:
        return on_connected(t);
    case SENDING:
        return on_room(t);
    case RECEIVING:
        return on_input(t);
    default:
        return on_rest(t);
    }
}

static enum state start(struct talk *t)
{
    int flags = fcntl(t->fd, F_GETFL);
    if (flags == -1 || fcntl(t->fd, F_SETFL, flags | O_NONBLOCK) == -1)
        return lost("fcntl");
    if (connect(t->fd, t->to->ai_addr, t->to->ai_addrlen) == 0 ||
        errno == EINPROGRESS || errno == EINTR)
        return CONNECTING;
    perror("connect");
    return REFUSED;
}

static enum state visit(const struct addrinfo *to)
{
    struct talk t;
    memset(&t, 0, sizeof t);
    t.to = to;
    t.fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (t.fd == -1) {
        perror("socket");
        return REFUSED;
    }
    enum state state = start(&t);
    while (state < DONE) {
        struct pollfd p = {t.fd, POLLIN, 0};
        if (state == CONNECTING || state == SENDING)
            p.events = POLLOUT;
        if (poll(&p, 1, -1) == 1)
            state = step(&t, state);
        else if (errno != EINTR)
            state = lost("poll");
    }
    if (close(t.fd) == -1 && errno != EINTR)
        state = lost("close");
    return state;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number < 1 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    enum state state = REFUSED;
    for (struct addrinfo *to = list; to && state == REFUSED; to = to->ai_next)
        state = visit(to);
    freeaddrinfo(list);
    return state == DONE ? 0 : 1;
}
