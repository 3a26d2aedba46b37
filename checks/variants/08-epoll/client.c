/*
 * Style: epoll, edge-triggered, for the connection and the reply (Linux only).
 * Right: an edge is reported once, so each one is followed until EAGAIN before
 * the next wait; a loop that waited earlier would wait for ever.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int epoll, fd;
    size_t used;
    int printed, ended;
    char line[1024];
};

static int problem(const char *call)
{
    perror(call);
    return -1;
}

static int await(int epoll)
{
    struct epoll_event event;
    int n;
    do
        n = epoll_wait(epoll, &event, 1, -1);
    while (n == -1 && errno == EINTR);
    return n == -1 ? problem("epoll_wait") : 0;
}

static int empty(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

static int print(const char *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, stdout) != count || putchar('\n') == EOF)
        return problem("fwrite");
    return fflush(stdout) == EOF ? problem("fflush") : 0;
}

static int tell(const struct client *c)
{
    const char *text = "Hello from client\n";
    while (*text != '\0') {
        ssize_t n = send(c->fd, text, strlen(text), MSG_NOSIGNAL);
        if (n >= 0) {
            text += n;
        } else if (empty()) {
            if (await(c->epoll) == -1)
                return -1;
        } else if (errno != EINTR) {
            return problem("send");
        }
    }
    if (print("Hello message sent", 18) == -1)
        return -1;
    return shutdown(c->fd, SHUT_WR) == -1 ? problem("shutdown") : 0;
}

/* Takes what has come in so far: bytes of the line, or what follows it. */
static int digest(struct client *c, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count && !c->printed; i++) {
        if (bytes[i] == '\n') {
            c->printed = 1;
        } else if (c->used == 1023) {
            errno = EMSGSIZE;
            return problem("recv");
        } else {
            c->line[c->used++] = bytes[i];
        }
    }
    if (count == 0)
        c->ended = 1;
    return 0;
}

static int hear(struct client *c)
{
    while (!c->ended) {
        char chunk[512];
        int before = c->printed;
        ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);
        if (n == -1 && empty()) {
            if (await(c->epoll) == -1)
                return -1;
            continue;
        }
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return problem("recv");
        if (digest(c, chunk, (size_t)n) == -1)
            return -1;
        if (!before && (c->printed || c->ended) &&
            print(c->line, c->used) == -1)
            return -1;
    }
    return 0;
}

static int introduce(const struct addrinfo *to)
{
    char host[64], port[8];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int six = to->ai_family == AF_INET6;
    fprintf(stderr, "connected to %.*s%s%.*s:%s\n", six, "[", host, six, "]",
            port);
    return 0;
}

/* Connects c->fd, which epoll watches from then on. */
static int reach(const struct client *c, const struct addrinfo *to)
{
    struct epoll_event event;
    int error = 0;
    socklen_t size = sizeof error;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    int state = connect(c->fd, to->ai_addr, to->ai_addrlen);
    if (state == -1 && errno != EINPROGRESS && errno != EINTR)
        return problem("connect");
    if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->fd, &event) == -1)
        return problem("epoll_ctl");
    if (await(c->epoll) == -1)
        return -1;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return problem("getsockopt");
    errno = error;
    return error != 0 ? problem("connect") : introduce(to);
}

static int close_one(int fd)
{
    return close(fd) == -1 && errno != EINTR ? problem("close") : 0;
}

static int run(struct client *c, const struct addrinfo *to)
{
    for (; to != NULL; to = to->ai_next) {
        c->fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK, 0);
        if (c->fd == -1) {
            problem("socket");
            continue;
        }
        int reached = reach(c, to) == 0;
        int result = reached && tell(c) == 0 && hear(c) == 0 ? 0 : -1;
        if (close_one(c->fd) == -1) /* leaves the epoll set as well */
            result = -1;
        if (reached)
            return result;
    }
    return -1;
}

int main(int argc, char *argv[])
{
    static struct client c;
    struct addrinfo hints, *list;
    const char *port = argc > 2 ? argv[2] : "8080";
    char *end = NULL;
    unsigned long number = strtoul(port, &end, 10);
    if (argc > 3 || *port < '0' || *port > '9' || *end != '\0' || number < 1 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    int bad = c.epoll == -1 ? problem("epoll_create1") : run(&c, list);
    freeaddrinfo(list);
    if (c.epoll != -1)
        bad |= close_one(c.epoll);
    return bad != 0;
}
