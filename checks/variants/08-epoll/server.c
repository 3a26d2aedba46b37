/*
 * Style: epoll, level-triggered, for the guest, the message and the silence
 * (Linux only). Right: the set holds one descriptor at a time, interest is
 * changed with the state, and each failure on the way closes all three.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
    int epoll, listener, conn;
};

static int problem(const char *call)
{
    perror(call);
    return -1;
}

static int watch(int epoll, int operation, int fd, uint32_t events)
{
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll, operation, fd, &event) == -1)
        return problem("epoll_ctl");
    return 0;
}

/* Waits for the one event that is of interest. Returns 1, 0 (time), or -1. */
static int await(int epoll, int milliseconds)
{
    struct epoll_event event;
    int n;
    do
        n = epoll_wait(epoll, &event, 1, milliseconds);
    while (n == -1 && errno == EINTR);
    return n == -1 ? problem("epoll_wait") : n;
}

/* recv(), but 0 milliseconds long: -1 with EAGAIN if nothing is there. */
static ssize_t take(int fd, char *to, size_t room)
{
    ssize_t n = recv(fd, to, room, MSG_DONTWAIT);
    if (n == -1 && errno == EINTR)
        return take(fd, to, room);
    return n;
}

static int print(const char *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, stdout) != count || putchar('\n') == EOF)
        return problem("fwrite");
    return fflush(stdout) == EOF ? problem("fflush") : 0;
}

static int hear(const struct server *s)
{
    char line[1024];
    size_t used = 0;
    while (used < sizeof line) {
        if (await(s->epoll, -1) == -1)
            return -1;
        ssize_t n = take(s->conn, line + used, sizeof line - used);
        if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
            continue;
        if (n == -1)
            return problem("recv");
        const char *end = (const char *)memchr(line + used, '\n', (size_t)n);
        if (end != NULL)
            return print(line, (size_t)(end - line));
        if (n == 0)
            return print(line, used);
        used += (size_t)n;
    }
    errno = EMSGSIZE;
    return problem("recv");
}

static int answer(const struct server *s)
{
    const char *text = "Hello from server\n";
    if (watch(s->epoll, EPOLL_CTL_MOD, s->conn, EPOLLOUT) == -1)
        return -1;
    while (*text != '\0') {
        if (await(s->epoll, -1) == -1)
            return -1;
        ssize_t n =
            send(s->conn, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            text += n;
        else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
            return problem("send");
    }
    return print("Hello message sent", 18);
}

static int finish(const struct server *s)
{
    char rest[1024];
    int n;
    if (shutdown(s->conn, SHUT_WR) == -1)
        return problem("shutdown");
    if (watch(s->epoll, EPOLL_CTL_MOD, s->conn, EPOLLIN) == -1)
        return -1;
    while ((n = await(s->epoll, 1000)) == 1) {
        ssize_t got = take(s->conn, rest, sizeof rest);
        if (got == 0)
            return 0;
        if (got == -1 && errno != EAGAIN && errno != EWOULDBLOCK)
            return problem("recv");
    }
    return n;
}

static int meet(struct server *s)
{
    struct sockaddr_in peer;
    socklen_t size;
    char text[INET_ADDRSTRLEN] = "";
    if (watch(s->epoll, EPOLL_CTL_ADD, s->listener, EPOLLIN) == -1)
        return -1;
    do {
        if (await(s->epoll, -1) == -1)
            return -1;
        size = sizeof peer;
        s->conn = accept(s->listener, (struct sockaddr *)&peer, &size);
    } while (s->conn == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (s->conn == -1)
        return problem("accept");
    inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
    fprintf(stderr, "connection from %s:%u\n", text, ntohs(peer.sin_port));
    if (watch(s->epoll, EPOLL_CTL_DEL, s->listener, 0) == -1)
        return -1;
    return watch(s->epoll, EPOLL_CTL_ADD, s->conn, EPOLLIN);
}

static int open_all(struct server *s, unsigned long port)
{
    int on = 1;
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons((in_port_t)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if ((s->listener = socket(AF_INET, SOCK_STREAM, 0)) == -1)
        return problem("socket");
    if (setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return problem("setsockopt");
    if (bind(s->listener, (struct sockaddr *)&a, sizeof a) == -1)
        return problem("bind");
    if ((s->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
        return problem("epoll_create1");
    if (listen(s->listener, 32) == -1)
        return problem("listen");
    if (getsockname(s->listener, (struct sockaddr *)&a, &size) == -1)
        return problem("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(a.sin_port));
    return 0;
}

static int close_one(int fd)
{
    return fd != -1 && close(fd) == -1 && errno != EINTR ? problem("close") : 0;
}

int main(int argc, char *argv[])
{
    struct server s = {-1, -1, -1};
    char *end = NULL;
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, &end, 10);
    if (argc > 2 || *text < '0' || *text > '9' || *end != '\0' ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int bad =
        open_all(&s, port) || meet(&s) || hear(&s) || answer(&s) || finish(&s);
    bad |= close_one(s.conn);
    bad |= close_one(s.epoll);
    bad |= close_one(s.listener);
    return bad != 0;
}
