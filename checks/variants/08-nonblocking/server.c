/*
 * Style: non-blocking sockets, optimistic: every call is made first, and only
 * when it answers EAGAIN does the program wait, in one small function.
 * Right: there is a wait behind every EAGAIN, so nothing spins; the listener is
 * closed as soon as the guest is there.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int error(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

/*
 * What to do about errno: 1 to make the call again (after a wait, if need be),
 * 0 when the wait was too long, -1 when there is nothing to be done.
 */
static int retry(const char *call, int fd, short events, int milliseconds)
{
    struct pollfd p = {fd, events, 0};
    if (errno == EINTR)
        return 1;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return error(call);
    int n = poll(&p, 1, milliseconds);
    if (n == -1)
        return errno == EINTR ? 1 : error("poll");
    return n;
}

static int unblock(int fd)
{
    int flags = fcntl(fd, F_GETFL, 0);
    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
        return error("fcntl");
    return 0;
}

static int show(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        putc(text[i], stdout);
    putc('\n', stdout);
    fflush(stdout);
    return ferror(stdout) ? error("fflush") : 0;
}

static int receive(int fd)
{
    char line[1024];
    size_t used = 0;
    for (;;) {
        ssize_t n = recv(fd, line + used, sizeof line - used, 0);
        if (n == -1 && retry("recv", fd, POLLIN, -1) == -1)
            return -1;
        if (n == -1)
            continue;
        const char *end = (const char *)memchr(line + used, '\n', (size_t)n);
        if (end || n == 0)
            return show(line, end ? (size_t)(end - line) : used);
        used += (size_t)n;
        if (used == sizeof line) {
            errno = EMSGSIZE;
            return error("recv");
        }
    }
}

static int transmit(int fd)
{
    static const char text[] = "Hello from server\n";
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = send(fd, &text[strlen(text) - left], left, MSG_NOSIGNAL);
        if (n == -1 && retry("send", fd, POLLOUT, -1) == -1)
            return -1;
        if (n > 0)
            left -= (size_t)n;
    }
    if (show("Hello message sent", 18) == -1)
        return -1;
    return shutdown(fd, SHUT_WR) == -1 ? error("shutdown") : 0;
}

static int drain(int fd)
{
    char rest[100];
    for (;;) {
        ssize_t n = recv(fd, rest, sizeof rest, 0);
        if (n == 0)
            return 0;
        if (n == -1) {
            int again = retry("recv", fd, POLLIN, 1000);
            if (again < 1)
                return again;
        }
    }
}

static int accept_guest(int listener)
{
    for (;;) {
        struct sockaddr_in sin;
        socklen_t size = sizeof sin;
        char text[INET_ADDRSTRLEN] = "";
        int fd = accept(listener, (struct sockaddr *)&sin, &size);
        if (fd != -1) {
            inet_ntop(AF_INET, &sin.sin_addr, text, sizeof text);
            fprintf(stderr, "connection from %s:%" PRIu16 "\n", text,
                    ntohs(sin.sin_port));
            return fd;
        }
        if (errno != ECONNABORTED &&
            retry("accept", listener, POLLIN, -1) == -1)
            return -1;
    }
}

static int listen_at(int fd, uintmax_t port)
{
    struct sockaddr_in sin;
    socklen_t size = sizeof sin;
    int reuse = 1;
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_port = htons((in_port_t)port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) == -1)
        return error("setsockopt");
    if (bind(fd, (struct sockaddr *)&sin, sizeof sin) == -1)
        return error("bind");
    if (unblock(fd) == -1)
        return -1;
    if (listen(fd, SOMAXCONN) == -1)
        return error("listen");
    if (getsockname(fd, (struct sockaddr *)&sin, &size) == -1)
        return error("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%" PRIu16 "\n",
            ntohs(sin.sin_port));
    return 0;
}

static int finish(int fd)
{
    return close(fd) == -1 && errno != EINTR ? error("close") : 0;
}

int main(int argc, char **argv)
{
    uintmax_t port = 8080;
    if (argc == 2) {
        port = strtoumax(argv[1], NULL, 10);
        if (!argv[1][0] || argv[1][strspn(argv[1], "0123456789")])
            port = UINTMAX_MAX;
    }
    if (argc > 2 || port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return -error("socket");
    int fd = listen_at(listener, port) == -1 ? -1 : accept_guest(listener);
    int result = finish(listener);
    if (fd == -1)
        return 1;
    if (result == 0)
        result = unblock(fd);
    if (result == 0)
        result = receive(fd);
    if (result == 0)
        result = transmit(fd);
    if (result == 0)
        result = drain(fd);
    return finish(fd) == -1 || result == -1;
}
