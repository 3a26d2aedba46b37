/*
 * Style: recursion in place of loops, for the digits of the port and for an
 * accept() that was disturbed. Right: it ends, for each round needs a signal or
 * a guest that gave up, and the structure is filled with fixed values first.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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

/* The value of a text of digits, or -1. */
static long port_of(const char *text, long before)
{
    if (*text < '0' || *text > '9')
        return -1;
    long value = before * 10 + (*text - '0');
    if (value > 65535)
        return -1;
    return text[1] == '\0' ? value : port_of(text + 1, value);
}

static int welcome(int listener)
{
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    int fd = accept(listener, (struct sockaddr *)&in, &size);
    if (fd == -1 && (errno == EINTR || errno == ECONNABORTED))
        return welcome(listener);
    if (fd == -1)
        return oh("accept");
    fprintf(stderr, "connection from %s:%u\n", inet_ntoa(in.sin_addr),
            (unsigned)ntohs(in.sin_port));
    return close(fd) == -1 && errno != EINTR ? oh("close") : 0;
}

static int serve(int fd, long port)
{
    static struct sockaddr_in in; /* static: all zero */
    socklen_t size = sizeof in;
    const int on = 1;
    in.sin_family = AF_INET;
    in.sin_port = htons((in_port_t)port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return oh("setsockopt");
    if (bind(fd, (struct sockaddr *)&in, size) == -1)
        return oh("bind");
    if (listen(fd, SOMAXCONN) == -1)
        return oh("listen");
    if (getsockname(fd, (struct sockaddr *)&in, &size) == -1)
        return oh("getsockname");
    fprintf(stderr, "listening on %s:%u\n", inet_ntoa(in.sin_addr),
            (unsigned)ntohs(in.sin_port));
    return welcome(fd);
}

int main(int argc, char *argv[])
{
    long port = argc == 1 ? 8080 : argc == 2 ? port_of(argv[1], 0) : -1;
    if (port == -1) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return -oh("socket");
    int result = serve(fd, port);
    if (close(fd) == -1 && errno != EINTR)
        result = oh("close");
    return -result;
}
