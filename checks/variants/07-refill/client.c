/*
 * Style: a reader of our own that looks for the newline in what it holds and
 * only then asks the kernel for more, with recvmsg(); sendmsg() the other way.
 * Right: what it holds is searched once, and it is full at 1024 bytes.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct reader {
    int fd;
    int ended;
    size_t searched, held;
    char bytes[1024];
};

static int fail(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int refill(struct reader *r)
{
    struct iovec room = {r->bytes + r->held, sizeof r->bytes - r->held};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &room;
    message.msg_iovlen = 1;
    if (room.iov_len == 0) {
        errno = EMSGSIZE;
        return fail("recv");
    }
    ssize_t n = recvmsg(r->fd, &message, 0);
    if (n == -1)
        return errno == EINTR ? 0 : fail("recvmsg");
    r->ended = n == 0;
    r->held += (size_t)n;
    return 0;
}

static int print_line(struct reader *r)
{
    while (r->searched == r->held || r->bytes[r->searched] != '\n')
        if (r->searched < r->held)
            r->searched++;
        else if (r->ended)
            break;
        else if (refill(r) == -1)
            return -1;
    fwrite(r->bytes, 1, r->searched, stdout);
    putchar('\n');
    return fflush(stdout) == EOF || ferror(stdout) ? fail("fflush") : 0;
}

static int send_line(int fd, char *line)
{
    struct iovec rest = {line, strlen(line)};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &rest;
    message.msg_iovlen = 1;
    while (rest.iov_len > 0) {
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("sendmsg");
        rest.iov_base = (char *)rest.iov_base + n;
        rest.iov_len -= (size_t)n;
    }
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return fail("puts");
    return 0;
}

static int converse(int fd)
{
    char line[] = "Hello from client\n";
    struct reader r;
    memset(&r, 0, sizeof r);
    r.fd = fd;
    return send_line(fd, line) == -1 ? -1 : print_line(&r);
}

static int connect_outcome(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error;
    socklen_t size = sizeof error;
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return fail("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return fail("getsockopt");
    errno = error;
    return error == 0 ? 0 : fail("connect");
}

static int connect_to(const struct addrinfo *to)
{
    char host[64], port[8];
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1)
        return fail("socket");
    int result = connect(fd, to->ai_addr, to->ai_addrlen);
    if (result == -1)
        result = errno == EINTR ? connect_outcome(fd) : fail("connect");
    if (result == 0 &&
        (result =
             getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host, port,
                         sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)) != 0)
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(result));
    if (result != 0) {
        close(fd);
        return -1;
    }
    if (to->ai_family == AF_INET6)
        fprintf(stderr, "connected to [%s]:%s\n", host, port);
    else
        fprintf(stderr, "connected to %s:%s\n", host, port);
    return fd;
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
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int fd = -1;
    for (struct addrinfo *to = list; to != NULL && fd == -1; to = to->ai_next)
        fd = connect_to(to);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int result = converse(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = fail("close");
    return -result;
}
