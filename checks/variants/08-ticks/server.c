/*
 * Style: select() with a limit of a twentieth of a second for every wait, as a
 * program that looks after something else now and then.
 * Right: a tick in which nothing came is no end, except after the reply, where
 * twenty of them in a row are the second of silence.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static int broken(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

/* 1: fd is readable; 0: it was not for so many ticks; -1: error */
static int ticks(int fd, int limit)
{
    for (int tick = 0; tick < limit; tick++) {
        struct timeval pause = {0, 50000};
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(fd, &readable);
        int n = select(fd + 1, &readable, NULL, NULL, &pause);
        if (n == 1)
            return 1;
        if (n == -1 && errno != EINTR)
            return broken("select");
        if (limit == INT_MAX || n == -1)
            tick--;
    }
    return 0;
}

/* Up to size bytes; 0: the end, or silence if there is a limit; -1: error */
static ssize_t next_bytes(int fd, char *to, size_t size, int limit)
{
    for (;;) {
        int ready = ticks(fd, limit);
        if (ready < 1)
            return ready;
        ssize_t n = recv(fd, to, size, 0);
        if (n != -1)
            return n;
        if (errno != EINTR)
            return broken("recv");
    }
}

static int put(const char *text, size_t size)
{
    if (fwrite(text, 1, size, stdout) < size || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        return broken("stdout");
    return 0;
}

static int hear(int fd)
{
    char text[1024];
    size_t have = 0;
    for (;;) {
        ssize_t n = next_bytes(fd, text + have, sizeof text - have, INT_MAX);
        if (n == -1)
            return -1;
        char *end = (char *)memchr(text + have, '\n', (size_t)n);
        have += (size_t)n;
        if (n == 0 || end != NULL)
            return put(text, end != NULL ? (size_t)(end - text) : have);
        if (have == sizeof text) {
            errno = EMSGSIZE;
            return broken("recv");
        }
    }
}

static int say(int fd)
{
    const char *rest = "Hello from server\n";
    while (*rest != '\0') {
        ssize_t n = send(fd, rest, strlen(rest), MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return broken("send");
        rest += n > 0 ? n : 0;
    }
    return put("Hello message sent", 18);
}

static int leave(int fd)
{
    char waste[512];
    ssize_t n;
    if (shutdown(fd, SHUT_WR) == -1)
        return broken("shutdown");
    do
        n = next_bytes(fd, waste, sizeof waste, 20);
    while (n > 0);
    return (int)n;
}

static int meet(int door)
{
    struct sockaddr_in guest;
    socklen_t size = sizeof guest;
    int fd = -1;
    while (fd == -1) {
        if (ticks(door, INT_MAX) == -1)
            return -1;
        fd = accept(door, (struct sockaddr *)&guest, &size);
        if (fd == -1 && errno != EINTR && errno != ECONNABORTED)
            return broken("accept");
    }
    fprintf(stderr, "connection from %s:%d\n", inet_ntoa(guest.sin_addr),
            ntohs(guest.sin_port));
    int bad = hear(fd) == -1 || say(fd) == -1 || leave(fd) == -1;
    if (close(fd) == -1)
        bad = 1;
    return bad ? -1 : 0;
}

static int open_door(int door, long port)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons((in_port_t)port),
                              .sin_addr = {htonl(INADDR_LOOPBACK)},
                              .sin_zero = {0}};
    socklen_t size = sizeof own;
    int on = 1;
    if (setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return broken("setsockopt");
    if (bind(door, (struct sockaddr *)&own, size) == -1)
        return broken("bind");
    if (listen(door, 16) == -1)
        return broken("listen");
    if (getsockname(door, (struct sockaddr *)&own, &size) == -1)
        return broken("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(own.sin_port));
    return 0;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    long port = strtol(text, NULL, 10);
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] != '\0' ||
        port > 65535) {
        fprintf(stderr, "usage: %s [0..65535]\n", argv[0]);
        return 2;
    }
    int door = socket(AF_INET, SOCK_STREAM, 0);
    if (door == -1) {
        broken("socket");
        return 1;
    }
    int bad = open_door(door, port) == -1 || meet(door) == -1;
    if (close(door) == -1)
        bad = 1;
    return bad;
}
