/*
 * Style: the listener is non-blocking; poll() says when a guest is there.
 * Right: a guest may have left between poll() and accept(): EAGAIN then leads
 * back to the wait, where a blocking accept() would hang.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int out(const char *call)
{
    perror(call);
    return -1;
}

static int nothing_yet(void)
{
    return errno == EINTR || errno == ECONNABORTED || errno == EAGAIN ||
           errno == EWOULDBLOCK;
}

static int wait_and_accept(int listener)
{
    struct pollfd door = {listener, POLLIN, 0};
    struct sockaddr_in guest;
    for (;;) {
        socklen_t size = sizeof guest;
        if (poll(&door, 1, -1) == -1) {
            if (errno == EINTR)
                continue;
            return out("poll");
        }
        int conn = accept(listener, (struct sockaddr *)&guest, &size);
        if (conn != -1) {
            fprintf(stderr, "connection from %s:%hu\n",
                    inet_ntoa(guest.sin_addr), ntohs(guest.sin_port));
            return conn;
        }
        if (!nothing_yet())
            return out("accept");
    }
}

static int prepare(int listener, const struct sockaddr_in *where)
{
    struct sockaddr_in real;
    socklen_t size = sizeof real;
    int yes = 1, flags;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0)
        return out("setsockopt");
    if (bind(listener, (const struct sockaddr *)where, sizeof *where) < 0)
        return out("bind");
    if ((flags = fcntl(listener, F_GETFL)) == -1 ||
        fcntl(listener, F_SETFL, flags | O_NONBLOCK) == -1)
        return out("fcntl");
    if (listen(listener, 6) < 0)
        return out("listen");
    if (getsockname(listener, (struct sockaddr *)&real, &size) < 0)
        return out("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%hu\n", ntohs(real.sin_port));
    return 0;
}

static int shut(int fd)
{
    return close(fd) == -1 && errno != EINTR ? out("close") : 0;
}

int main(int argc, char *argv[])
{
    struct sockaddr_in where;
    const char *digits = argc > 1 ? argv[1] : "8080";
    unsigned long port = 0;
    int good = argc <= 2 && *digits != '\0';
    for (; good && *digits != '\0'; digits++) {
        port = port * 10 + (unsigned long)(*digits - '0');
        good = *digits >= '0' && *digits <= '9' && port <= 65535;
    }
    if (!good) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    memset(&where, 0, sizeof where);
    where.sin_family = AF_INET;
    where.sin_port = htons((in_port_t)port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return -out("socket");
    int result = prepare(listener, &where);
    if (result == 0) {
        int conn = wait_and_accept(listener);
        result = conn == -1 ? -1 : shut(conn);
    }
    return shut(listener) == -1 || result == -1;
}
