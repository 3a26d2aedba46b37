/*
 * Style: send() and recv() of one byte a call, each in a loop of its own.
 * Slow and right: a byte is moved or it is not, the 1024th of a line is refused
 * when it is there, and nothing behind the newline is ever taken.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum outcome { GOOD, BAD };

static enum outcome bad(const char *call)
{
    perror(call);
    return BAD;
}

static enum outcome put(int fd, const char *text)
{
    while (*text != '\0')
        if (send(fd, text, 1, MSG_NOSIGNAL) == 1)
            text++;
        else if (errno != EINTR)
            return bad("send");
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return bad("fflush");
    return GOOD;
}

static enum outcome get(int fd)
{
    char line[1024];
    size_t length = 0;
    for (;;) {
        ssize_t n = recv(fd, &line[length], 1, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return bad("recv");
        if (n == 0 || line[length] == '\n')
            break;
        if (++length == sizeof line) {
            errno = EMSGSIZE;
            return bad("recv");
        }
    }
    line[length++] = '\n';
    if (fwrite(line, 1, length, stdout) != length || fflush(stdout) == EOF)
        return bad("fwrite");
    return GOOD;
}

static enum outcome settle(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error;
    socklen_t size = sizeof error;
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return bad("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return bad("getsockopt");
    errno = error;
    return error == 0 ? GOOD : bad("connect");
}

static enum outcome reach(int fd, const struct addrinfo *to)
{
    char host[64], port[8];
    enum outcome outcome = GOOD;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == -1)
        outcome = errno == EINTR ? settle(fd) : bad("connect");
    if (outcome == BAD)
        return BAD;
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return BAD;
    }
    fputs(to->ai_family == AF_INET6 ? "connected to [" : "connected to ",
          stderr);
    fprintf(stderr, to->ai_family == AF_INET6 ? "%s]:%s\n" : "%s:%s\n", host,
            port);
    return GOOD;
}

int main(int argc, char **argv)
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
    int fd = -1;
    for (to = list; to != NULL; to = to->ai_next) {
        fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (fd == -1) {
            bad("socket");
            continue;
        }
        if (reach(fd, to) == GOOD)
            break;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    enum outcome outcome = put(fd, "Hello from client\n");
    if (outcome == GOOD)
        outcome = get(fd);
    if (close(fd) == -1 && errno != EINTR)
        outcome = bad("close");
    return outcome == BAD;
}
