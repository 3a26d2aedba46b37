/*
 * Style: accept4() makes the connection non-blocking at birth; send() is tried
 * first and poll() waits only when the kernel has no room (Linux).
 * Right: every EAGAIN is followed by a wait, every short count by the rest.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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

static int await_room(int conn)
{
    struct pollfd p = {conn, POLLOUT, 0};
    int n;
    do
        n = poll(&p, 1, -1);
    while (n == -1 && errno == EINTR);
    return n == -1 ? fault("poll") : 0;
}

static int transmit(int conn, const char *from, const char *end)
{
    while (from != end) {
        ssize_t n = send(conn, from, (size_t)(end - from), MSG_NOSIGNAL);
        if (n >= 0) {
            from += n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (await_room(conn) == -1)
                return -1;
        } else if (errno != EINTR) {
            return fault("send");
        }
    }
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return fault("puts");
    return 0;
}

static int accept_guest(int listener)
{
    struct sockaddr_in in;
    char text[INET_ADDRSTRLEN] = "";
    int conn;
    do {
        socklen_t size = sizeof in;
        conn = accept4(listener, (struct sockaddr *)&in, &size,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (conn == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (conn == -1)
        return fault("accept4");
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    fprintf(stderr, "connection from %s:%d\n", text, ntohs(in.sin_port));
    return conn;
}

static int start(int listener, in_port_t port)
{
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    int on = 1;
    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return fault("setsockopt");
    if (bind(listener, (struct sockaddr *)&in, sizeof in) == -1)
        return fault("bind");
    if (listen(listener, 100) == -1)
        return fault("listen");
    if (getsockname(listener, (struct sockaddr *)&in, &size) == -1)
        return fault("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(in.sin_port));
    return 0;
}

static int finish(int fd)
{
    return close(fd) == -1 && errno != EINTR ? fault("close") : 0;
}

int main(int argc, char *argv[])
{
    static const char reply[] = "Hello from server\n";
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || !*text || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener == -1)
        return -fault("socket");
    int result = start(listener, (in_port_t)port);
    int conn = result == -1 ? -1 : accept_guest(listener);
    result = finish(listener);
    if (conn == -1)
        return 1;
    if (transmit(conn, reply, reply + sizeof reply - 1) == -1)
        result = -1;
    if (finish(conn) == -1)
        result = -1;
    return -result;
}
