/*
 * Style: Linux to the full: the socket is close-on-exec at birth, sends carry
 * MSG_MORE until the last part, MSG_TRUNC drops bytes without copying them.
 * Right: MSG_MORE holds bytes back only until the part without it follows, and
 * the line is "sent" when the kernel has all of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fwrite_unlocked */
#endif

#include <errno.h>
#include <netdb.h>
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

static int out(const char *bytes, size_t count)
{
    if (fwrite_unlocked(bytes, 1, count, stdout) != count ||
        fflush_unlocked(stdout) == EOF)
        return bad("fwrite");
    return 0;
}

static int put(int conn, const char *text, int flags)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t n = send(conn, text, left, flags | MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return bad("send");
        text += n;
        left -= (size_t)n;
    }
    return 0;
}

static int tell(int conn)
{
    if (put(conn, "Hello ", MSG_MORE) == -1 ||
        put(conn, "from ", MSG_MORE) == -1 || put(conn, "client\n", 0) == -1)
        return -1;
    if (out("Hello message sent\n", 19) == -1)
        return -1;
    return shutdown(conn, SHUT_WR) == -1 ? bad("shutdown") : 0;
}

static ssize_t get(int conn, char *to, size_t room, int flags)
{
    ssize_t n;
    while ((n = recv(conn, to, room, flags)) == -1)
        if (errno != EINTR)
            return bad("recv");
    return n;
}

static int hear(int conn)
{
    char line[1024];
    size_t have = 0;
    char *end = NULL;
    ssize_t n;
    while (end == NULL) {
        if (have == sizeof line) {
            errno = EMSGSIZE;
            return bad("recv");
        }
        n = get(conn, line + have, sizeof line - have, 0);
        if (n == -1)
            return -1;
        end =
            n == 0 ? line + have : (char *)memchr(line + have, '\n', (size_t)n);
        have += (size_t)n;
    }
    *end = '\n';
    if (out(line, (size_t)(end - line) + 1) == -1)
        return -1;
    do
        n = get(conn, line, sizeof line, MSG_TRUNC);
    while (n > 0);
    return (int)n;
}

static int get_connected(int conn, const struct addrinfo *to)
{
    struct pollfd p = {.fd = conn, .events = POLLOUT, .revents = 0};
    int error;
    socklen_t size = sizeof error;
    if (connect(conn, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EINTR)
        return bad("connect");
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return bad("poll");
    if (getsockopt(conn, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return bad("getsockopt");
    errno = error;
    return error == 0 ? 0 : bad("connect");
}

static int dial(const struct addrinfo *to)
{
    char host[64], port[8];
    int conn =
        socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
    if (conn == -1)
        return bad("socket");
    if (get_connected(conn, to) == -1) {
        close(conn);
        return -1;
    }
    int code = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host, port,
                           sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (code != 0) {
        dprintf(STDERR_FILENO, "getnameinfo: %s\n", gai_strerror(code));
        close(conn);
        return -1;
    }
    if (to->ai_family == AF_INET6)
        dprintf(STDERR_FILENO, "connected to [%s]:%s\n", host, port);
    else
        dprintf(STDERR_FILENO, "connected to %s:%s\n", host, port);
    return conn;
}

int main(int argc, char *argv[])
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || strspn(port, "0123456789") < strlen(port) || number == 0 ||
        number > 65535) {
        dprintf(STDERR_FILENO, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    static struct addrinfo hints;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | AI_V4MAPPED;
    struct addrinfo *list, *to;
    int code = getaddrinfo(host, port, &hints, &list);
    if (code != 0) {
        dprintf(STDERR_FILENO, "getaddrinfo: %s\n", gai_strerror(code));
        return 1;
    }
    int conn = -1;
    for (to = list; to != NULL && conn == -1; to = to->ai_next)
        conn = dial(to);
    freeaddrinfo(list);
    if (conn == -1)
        return 1;
    int result = tell(conn);
    if (result == 0)
        result = hear(conn);
    if (close(conn) == -1 && errno != EINTR)
        result = bad("close");
    return -result;
}
