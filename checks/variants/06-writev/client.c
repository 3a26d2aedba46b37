/*
 * Style: writev() gathers the message from one vector a word; SIGPIPE is
 * ignored with sigaction(), for writev() has no flags. Right: a vector that is
 * gone is passed over, one that is half gone is moved on.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int bad(const char *call)
{
    perror(call);
    return 1;
}

static int say(int fd)
{
    char hello[] = "Hello", from[] = " from", client[] = " client\n";
    struct iovec part[] = {
        {hello, strlen(hello)}, {from, strlen(from)}, {client, strlen(client)}};
    int first = 0, count = sizeof part / sizeof *part;
    while (first < count) {
        ssize_t n = writev(fd, part + first, count - first);
        if (n == -1 && errno != EINTR)
            return bad("writev");
        for (; n > 0 && (size_t)n >= part[first].iov_len; first++)
            n -= (ssize_t)part[first].iov_len;
        if (n > 0) {
            part[first].iov_base = (char *)part[first].iov_base + n;
            part[first].iov_len -= (size_t)n;
        }
    }
    if (printf("Hello message sent\n") < 0 || fflush(stdout) == EOF)
        return bad("fflush");
    return 0;
}

static int join(int fd, const struct addrinfo *to)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int n, error;
    socklen_t size = sizeof error;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EINTR)
        return bad("connect");
    while ((n = poll(&p, 1, -1)) == -1 && errno == EINTR)
        ;
    if (n == -1)
        return bad("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return bad("getsockopt");
    errno = error;
    return error == 0 ? 0 : bad("connect");
}

static int introduce(const struct addrinfo *to)
{
    char host[64], port[8];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return 1;
    }
    if (to->ai_family == AF_INET6)
        fprintf(stderr, "connected to [%s]:%s\n", host, port);
    else
        fprintf(stderr, "connected to %s:%s\n", host, port);
    return 0;
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fputs("usage: client [HOST [PORT]]\n", stderr);
        return 2;
    }
    struct sigaction ignore;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &ignore, NULL) == -1)
        return bad("sigaction");
    struct addrinfo hints, *list, *to;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int status = 1, joined = 0;
    for (to = list; to != NULL && !joined; to = to->ai_next) {
        int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (fd == -1) {
            bad("socket");
            continue;
        }
        joined = join(fd, to) == 0;
        status = !joined || introduce(to) || say(fd);
        if (close(fd) == -1 && errno != EINTR)
            status = bad("close");
    }
    freeaddrinfo(list);
    return status;
}
