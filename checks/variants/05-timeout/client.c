/*
 * Style: connect() on a non-blocking socket with a time limit of ten seconds an
 * address, kept by poll(). Right: whatever poll() says, SO_ERROR decides, and
 * an interrupted wait goes on with what is left of the time.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int stop(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static long milliseconds_since(const struct timespec *start)
{
    struct timespec now = *start;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock is there */
    return (long)(now.tv_sec - start->tv_sec) * 1000 +
           (now.tv_nsec - start->tv_nsec) / 1000000;
}

/* Waits until a connection is decided. Returns 0 if it stands, or -1. */
static int decide(int fd, int limit)
{
    struct pollfd p = {fd, POLLOUT, 0};
    struct timespec start;
    int n, error = 0;
    socklen_t size = sizeof error;
    if (clock_gettime(CLOCK_MONOTONIC, &start) == -1)
        return stop("clock_gettime");
    do {
        long left = limit - milliseconds_since(&start);
        n = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (n == -1 && errno == EINTR);
    if (n == -1)
        return stop("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return stop("getsockopt");
    errno = n == 0 ? ETIMEDOUT : error;
    return errno == 0 ? 0 : stop("connect");
}

static int try_it(int fd, const struct addrinfo *to)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
        return stop("fcntl");
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS && errno != EINTR)
        return stop("connect");
    return decide(fd, 10000);
}

static int tell(const struct addrinfo *to)
{
    char host[64], port[8];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return -1;
    }
    fprintf(stderr, "connected to ");
    fprintf(stderr, to->ai_family == AF_INET6 ? "[%s]:%s\n" : "%s:%s\n", host,
            port);
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
    struct addrinfo hints, *list, *to;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int result = -1;
    for (to = list; to != NULL && result == -1; to = to->ai_next) {
        int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (fd == -1) {
            stop("socket");
            continue;
        }
        result = try_it(fd, to);
        if (result == 0)
            result = tell(to);
        if (close(fd) == -1 && errno != EINTR) {
            result = stop("close");
            break;
        }
    }
    freeaddrinfo(list);
    return result == 0 ? 0 : 1;
}
