/*
 * Style: recursion along the list of addresses; the connection is a value that
 * travels back up. Right: each attempt closes its own socket when it fails, and
 * the list is freed only when the recursion is over.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int oh(const char *call)
{
    perror(call);
    return -1;
}

static int wait_for_it(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int n = poll(&p, 1, -1);
    if (n == -1)
        return errno == EINTR ? wait_for_it(fd) : oh("poll");
    int error;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return oh("getsockopt");
    errno = error;
    return error == 0 ? 0 : oh("connect");
}

static void print_reached(const struct addrinfo *to)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (to->ai_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, to->ai_addr, sizeof in6);
        inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
        fprintf(stderr, "connected to [%s]:%u\n", text,
                (unsigned)ntohs(in6.sin6_port));
    } else {
        struct sockaddr_in in;
        memcpy(&in, to->ai_addr, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        fprintf(stderr, "connected to %s:%u\n", text,
                (unsigned)ntohs(in.sin_port));
    }
}

static int reach(const struct addrinfo *to)
{
    if (to == NULL)
        return -1;
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1) {
        oh("socket");
        return reach(to->ai_next);
    }
    int done = connect(fd, to->ai_addr, to->ai_addrlen);
    if (done == -1)
        done = errno == EINTR ? wait_for_it(fd) : oh("connect");
    if (done == 0) {
        print_reached(to);
        return fd;
    }
    close(fd);
    return reach(to->ai_next);
}

static int is_port(const char *text, unsigned long value)
{
    if (*text == '\0')
        return value > 0 && value < 65536;
    if (*text < '0' || *text > '9' || value > 65535)
        return 0;
    return is_port(text + 1, value * 10 + (unsigned long)(*text - '0'));
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    if (argc > 3 || !is_port(port, 0)) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    static struct addrinfo hints;
    struct addrinfo *list;
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int fd = reach(list);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    if (close(fd) == -1 && errno != EINTR)
        return -oh("close");
    return 0;
}
