/*
 * Style: MSG_DONTWAIT on every send(), a wait by poll() when it says EAGAIN;
 * the socket itself stays blocking. Right: every EAGAIN is followed by a wait,
 * every short count by the rest, and each address has a socket of its own.
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

static int fault(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int await_room(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int n;
    do
        n = poll(&p, 1, -1);
    while (n == -1 && errno == EINTR);
    return n == -1 ? fault("poll") : 0;
}

static int transmit(int fd, const char *from, const char *end)
{
    while (from != end) {
        ssize_t n =
            send(fd, from, (size_t)(end - from), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            from += n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (await_room(fd) == -1)
                return -1;
        } else if (errno != EINTR) {
            return fault("send");
        }
    }
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return fault("puts");
    return 0;
}

static int link_up(int fd, const struct addrinfo *to)
{
    int error;
    socklen_t size = sizeof error;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EINTR)
        return fault("connect");
    if (await_room(fd) == -1)
        return -1;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return fault("getsockopt");
    errno = error;
    return error == 0 ? 0 : fault("connect");
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
    fprintf(stderr, "connected to %s%s%s:%s\n", six ? "[" : "", host,
            six ? "]" : "", port);
    return 0;
}

static int find(const struct addrinfo *to)
{
    while (to != NULL) {
        int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (fd == -1)
            fault("socket");
        else if (link_up(fd, to) == 0 && introduce(to) == 0)
            return fd;
        else
            close(fd);
        to = to->ai_next;
    }
    return -1;
}

int main(int argc, char *argv[])
{
    static const char message[] = "Hello from client\n";
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
    int fd = find(list);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int result = transmit(fd, message, message + strlen(message));
    if (close(fd) == -1 && errno != EINTR)
        result = fault("close");
    return -result;
}
