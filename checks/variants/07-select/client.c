/*
 * Style: one select() for both directions: while there is something to say it
 * watches for room and for input at once. Right: sets are made anew each time,
 * and the reply is printed after "sent", in whatever order they happened.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct talk {
    int fd;
    const char *rest; /* of our message */
    char line[1024];  /* of theirs */
    size_t used;
    int whole;
};

static int lost(const char *call)
{
    perror(call);
    return -1;
}

static int say(struct talk *t)
{
    ssize_t n = send(t->fd, t->rest, strlen(t->rest), MSG_NOSIGNAL);
    if (n == -1)
        return errno == EINTR ? 0 : lost("send");
    t->rest += n;
    if (*t->rest == '\0' &&
        (puts("Hello message sent") == EOF || fflush(stdout) == EOF))
        return lost("puts");
    return 0;
}

static int hear(struct talk *t)
{
    char *fresh = t->line + t->used;
    ssize_t n = recv(t->fd, fresh, sizeof t->line - t->used, 0);
    if (n == -1)
        return errno == EINTR ? 0 : lost("recv");
    const char *end = (const char *)memchr(fresh, '\n', (size_t)n);
    t->whole = end != NULL || n == 0;
    t->used += end != NULL ? (size_t)(end - fresh) : (size_t)n;
    if (t->used == sizeof t->line) {
        errno = EMSGSIZE;
        return lost("recv");
    }
    return 0;
}

static int converse(struct talk *t)
{
    while (*t->rest != '\0' || !t->whole) {
        fd_set in, out;
        FD_ZERO(&in);
        FD_ZERO(&out);
        if (!t->whole)
            FD_SET(t->fd, &in);
        if (*t->rest != '\0')
            FD_SET(t->fd, &out);
        if (select(t->fd + 1, &in, &out, NULL, NULL) == -1) {
            if (errno == EINTR)
                continue;
            return lost("select");
        }
        if (FD_ISSET(t->fd, &out) && say(t) == -1)
            return -1;
        if (FD_ISSET(t->fd, &in) && hear(t) == -1)
            return -1;
    }
    if (fwrite(t->line, 1, t->used, stdout) < t->used || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        return lost("fwrite");
    return 0;
}

static int decided(int fd)
{
    fd_set out;
    int n, error = 0;
    socklen_t size = sizeof error;
    do {
        FD_ZERO(&out);
        FD_SET(fd, &out);
        n = select(fd + 1, NULL, &out, NULL, NULL);
    } while (n == -1 && errno == EINTR);
    if (n == -1)
        return lost("select");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return lost("getsockopt");
    errno = error;
    return error == 0 ? 0 : lost("connect");
}

static int reach(int fd, const struct addrinfo *a)
{
    char host[64], port[8];
    if (fd >= FD_SETSIZE) { /* select() could not watch it */
        errno = EMFILE;
        return lost("select");
    }
    if (connect(fd, a->ai_addr, a->ai_addrlen) == -1 &&
        (errno == EINTR ? decided(fd) : lost("connect")) == -1)
        return -1;
    int error = getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port,
                            sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int six = a->ai_family == AF_INET6;
    fprintf(stderr, "connected to %s%s%s:%s\n", six ? "[" : "", host,
            six ? "]" : "", port);
    return 0;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    struct addrinfo hints, *list, *a;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    struct talk t = {-1, "Hello from client\n", "", 0, 0};
    for (a = list; a != NULL && t.fd == -1; a = a->ai_next) {
        t.fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (t.fd == -1) {
            lost("socket");
        } else if (reach(t.fd, a) == -1) {
            close(t.fd);
            t.fd = -1;
        }
    }
    freeaddrinfo(list);
    if (t.fd == -1)
        return 1;
    int result = converse(&t);
    if (close(t.fd) == -1 && errno != EINTR)
        result = lost("close");
    return -result;
}
