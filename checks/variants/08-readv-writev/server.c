/*
 * Style: scatter and gather. writev() sends the reply from three places and
 * readv() fills two halves of a buffer. SIGPIPE is ignored with sigaction().
 * Right: after a short count the vectors are advanced by what really went.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROOM 1024u
#define HALF (ROOM / 2)

static int trouble(const char *call)
{
    perror(call);
    return -1;
}

static int read_port(const char *text, in_port_t *port)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return -1;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > 65535)
        return -1;
    *port = htons((in_port_t)value);
    return 0;
}

/* Takes n bytes off the front of the vectors. */
static void advance(struct iovec *part, int parts, size_t n)
{
    for (int i = 0; i < parts; i++) {
        size_t step = n < part[i].iov_len ? n : part[i].iov_len;
        part[i].iov_base = (char *)part[i].iov_base + step;
        part[i].iov_len -= step;
        n -= step;
    }
}

static int gather(int fd, struct iovec *part, int parts)
{
    for (;;) {
        while (parts > 0 && part->iov_len == 0) {
            part++;
            parts--;
        }
        if (parts == 0)
            return 0;
        ssize_t n = writev(fd, part, parts);
        if (n == -1 && errno != EINTR)
            return trouble("writev");
        if (n > 0)
            advance(part, parts, (size_t)n);
    }
}

/* Prints a line with its newline, in one call if the kernel takes it so. */
static int print(char *bytes, size_t length)
{
    char newline[] = "\n";
    struct iovec part[] = {{bytes, length}, {newline, 1}};
    return gather(STDOUT_FILENO, part, 2);
}

static ssize_t scatter(int fd, char *to, size_t room)
{
    size_t first = room > HALF ? HALF : room;
    struct iovec part[] = {{to, first}, {to + first, room - first}};
    ssize_t n;
    do
        n = readv(fd, part, room > first ? 2 : 1);
    while (n == -1 && errno == EINTR);
    return n == -1 ? trouble("readv") : n;
}

static int take_message(int conn)
{
    char text[ROOM];
    size_t held = 0;
    ssize_t n;
    while ((n = scatter(conn, text + held, ROOM - held)) > 0) {
        char *newline = (char *)memchr(text + held, '\n', (size_t)n);
        if (newline != NULL)
            return print(text, (size_t)(newline - text));
        held += (size_t)n;
        if (held == ROOM) {
            errno = EMSGSIZE;
            return trouble("recv");
        }
    }
    return n == -1 ? -1 : print(text, held);
}

static int give_reply(int conn)
{
    char hello[] = "Hello", from[] = " from ", name[] = "server\n";
    char sent[] = "Hello message sent";
    struct iovec part[] = {{hello, 5}, {from, 6}, {name, 7}};
    return gather(conn, part, 3) == -1 ? -1 : print(sent, strlen(sent));
}

static int settle(int conn)
{
    char waste[ROOM];
    struct pollfd peer = {conn, POLLIN, 0};
    if (shutdown(conn, SHUT_WR) == -1)
        return trouble("shutdown");
    int ready;
    while ((ready = poll(&peer, 1, 1000)) != 0) {
        if (ready == -1 && errno != EINTR)
            return trouble("poll");
        ssize_t n = ready == -1 ? 1 : scatter(conn, waste, ROOM);
        if (n < 1)
            return (int)n;
    }
    return 0;
}

static int open_listener(int fd, in_port_t port)
{
    const int on = 1;
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    memset(&here, 0, size);
    here.sin_family = AF_INET;
    here.sin_port = port;
    here.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return trouble("setsockopt");
    if (bind(fd, (struct sockaddr *)&here, size) == -1)
        return trouble("bind");
    if (listen(fd, SOMAXCONN) == -1)
        return trouble("listen");
    if (getsockname(fd, (struct sockaddr *)&here, &size) == -1)
        return trouble("getsockname");
    fprintf(stderr, "listening on %s:%hu\n", inet_ntoa(here.sin_addr),
            ntohs(here.sin_port));
    return 0;
}

static int take_peer(int listener)
{
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int conn = accept(listener, (struct sockaddr *)&peer, &size);
        if (conn != -1) {
            fprintf(stderr, "connection from %s:%hu\n",
                    inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
            return conn;
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return trouble("accept");
    }
}

int main(int argc, char *argv[])
{
    in_port_t port = htons(8080);
    if (argc > 2 || (argc == 2 && read_port(argv[1], &port) == -1)) {
        fputs("usage: server [PORT]\n", stderr);
        return 2;
    }
    struct sigaction ignore;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &ignore, NULL) == -1)
        return -trouble("sigaction");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return -trouble("socket");
    int bad = open_listener(listener, port);
    int conn = bad ? -1 : take_peer(listener);
    if (conn != -1)
        bad = take_message(conn) || give_reply(conn) || settle(conn);
    if (conn != -1 && close(conn) == -1 && errno != EINTR)
        bad = trouble("close");
    if (close(listener) == -1 && errno != EINTR)
        bad = trouble("close");
    return conn == -1 || bad;
}
