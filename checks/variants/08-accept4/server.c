/*
 * Style: Linux to the full: accept4() makes the connection close-on-exec and
 * non-blocking at birth, MSG_TRUNC drops bytes without copying them.
 * Right: a poll() stands before every call, and EAGAIN leads back to it.
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

static int bad(const char *call)
{
    dprintf(STDERR_FILENO, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int transient(void)
{
    return errno == EINTR || errno == EAGAIN;
}

static int wait_until(int fd, short event, int milliseconds)
{
    struct pollfd p = {.fd = fd, .events = event, .revents = 0};
    int n;
    while ((n = poll(&p, 1, milliseconds)) == -1)
        if (errno != EINTR)
            return bad("poll");
    return n;
}

static int out(const char *bytes, size_t count)
{
    if (fwrite_unlocked(bytes, 1, count, stdout) != count ||
        fflush_unlocked(stdout) == EOF)
        return bad("fwrite");
    return 0;
}

static int get_line(int conn)
{
    char line[1024];
    size_t have = 0;
    do {
        if (wait_until(conn, POLLIN, -1) == -1)
            return -1;
        ssize_t n = recv(conn, line + have, sizeof line - have, 0);
        if (n == -1 && transient())
            continue;
        if (n == -1)
            return bad("recv");
        char *end = (char *)memchr(line + have, '\n', (size_t)n);
        if (n == 0)
            end = line + have;
        have += (size_t)n;
        if (end != NULL) {
            *end = '\n';
            return out(line, (size_t)(end - line) + 1);
        }
    } while (have < sizeof line);
    errno = EMSGSIZE;
    return bad("recv");
}

static int put_line(int conn, const char *line)
{
    size_t left = strlen(line);
    while (left > 0) {
        if (wait_until(conn, POLLOUT, -1) == -1)
            return -1;
        ssize_t n = send(conn, line, left, MSG_NOSIGNAL);
        if (n == -1 && !transient())
            return bad("send");
        if (n > 0) {
            line += n;
            left -= (size_t)n;
        }
    }
    return out("Hello message sent\n", 19);
}

static int end(int conn)
{
    char unused[4096]; /* MSG_TRUNC leaves it alone, on TCP */
    int n;
    if (shutdown(conn, SHUT_WR) == -1)
        return bad("shutdown");
    while ((n = wait_until(conn, POLLIN | POLLRDHUP, 1000)) > 0) {
        ssize_t dropped = recv(conn, unused, sizeof unused, MSG_TRUNC);
        if (dropped == 0)
            return 0;
        if (dropped == -1 && !transient())
            return bad("recv");
    }
    return n;
}

static int enter(int listener, struct sockaddr_in *who)
{
    int conn = -1;
    while (conn == -1) {
        socklen_t size = sizeof *who;
        conn = accept4(listener, (struct sockaddr *)who, &size,
                       SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (conn == -1 && errno != EINTR && errno != ECONNABORTED)
            return bad("accept4");
    }
    return conn;
}

static int open_listener(int fd, in_port_t port)
{
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)},
                                .sin_zero = {0}};
    socklen_t size = sizeof where;
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return bad("setsockopt");
    if (bind(fd, (struct sockaddr *)&where, size) == -1)
        return bad("bind");
    if (listen(fd, SOMAXCONN) == -1)
        return bad("listen");
    if (getsockname(fd, (struct sockaddr *)&where, &size) == -1)
        return bad("getsockname");
    dprintf(STDERR_FILENO, "listening on 127.0.0.1:%d\n",
            ntohs(where.sin_port));
    return 0;
}

static int shut(int fd)
{
    return close(fd) == -1 && errno != EINTR ? bad("close") : 0;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || *text == '\0' ||
        strspn(text, "0123456789") < strlen(text) || port > 65535) {
        dprintf(STDERR_FILENO, "usage: server [PORT]\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener == -1)
        return -bad("socket");
    struct sockaddr_in who;
    int result = open_listener(listener, (in_port_t)port);
    int conn = result == -1 ? -1 : enter(listener, &who);
    if (conn == -1) {
        shut(listener);
        return 1;
    }
    char name[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &who.sin_addr, name, sizeof name);
    dprintf(STDERR_FILENO, "connection from %s:%d\n", name,
            ntohs(who.sin_port));
    if (get_line(conn) == -1 || put_line(conn, "Hello from server\n") == -1 ||
        end(conn) == -1)
        result = -1;
    if (shut(conn) == -1)
        result = -1;
    if (shut(listener) == -1)
        result = -1;
    return -result;
}
