/*
 * Style: poll() with a limit of a tenth of a second, again and again, as a
 * program that looks after something else now and then.
 * Right: a tick in which no key came ends no wait, and Enter does wherever it
 * stands in what was read.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int broken(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int await_enter(void)
{
    char keys[64];
    for (;;) {
        struct pollfd keyboard = {STDIN_FILENO, POLLIN, 0};
        int ready = poll(&keyboard, 1, 100);
        if (ready == -1 && errno != EINTR)
            return broken("poll");
        if (ready < 1)
            continue;
        ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
        if (n == -1 && errno != EINTR)
            return broken("read");
        if (n == 0 || (n > 0 && memchr(keys, '\n', (size_t)n) != NULL))
            return 0;
    }
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
    int bad = open_door(door, port) == -1 || await_enter() == -1;
    if (close(door) == -1)
        bad = 1;
    return bad;
}
