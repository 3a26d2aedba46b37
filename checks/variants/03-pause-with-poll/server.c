/*
 * Style: poll() on stdin for the pause, read() in big pieces, dprintf() to
 * talk. Right: a closed stdin is noticed before the listener can take its
 * number, for that would never be readable; after POLLHUP read() finds the end.
 */
#define _POSIX_C_SOURCE 200809L

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

static int complain(const char *call)
{
    dprintf(STDERR_FILENO, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int pause_until_enter(void)
{
    struct pollfd keyboard = {STDIN_FILENO, POLLIN, 0};
    char typed[256];
    for (;;) {
        int n = poll(&keyboard, 1, -1);
        if (n == -1 && errno != EINTR)
            return complain("poll");
        if (n < 1)
            continue;
        ssize_t count = read(STDIN_FILENO, typed, sizeof typed);
        if (count == -1 && errno == EINTR)
            continue;
        if (count < 1 || memchr(typed, '\n', (size_t)count) != NULL)
            return 0;
    }
}

static int open_for_business(int fd, int port)
{
    struct sockaddr_in me;
    socklen_t size = sizeof me;
    int yes = 1;
    memset(&me, 0, sizeof me);
    me.sin_family = AF_INET;
    me.sin_port = htons((in_port_t)port);
    me.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1)
        return complain("setsockopt");
    if (bind(fd, (struct sockaddr *)&me, sizeof me) == -1)
        return complain("bind");
    if (listen(fd, 10) == -1)
        return complain("listen");
    if (getsockname(fd, (struct sockaddr *)&me, &size) == -1)
        return complain("getsockname");
    dprintf(STDERR_FILENO, "listening on 127.0.0.1:%d\n", ntohs(me.sin_port));
    return 0;
}

static int parse(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = strtoul(text, NULL, 10);
    return digits > 0 && text[digits] == '\0' && value < 65536 ? (int)value
                                                               : -1;
}

int main(int argc, char *argv[])
{
    int port = argc == 1 ? 8080 : argc == 2 ? parse(argv[1]) : -1;
    int keyboard = fcntl(STDIN_FILENO, F_GETFD) != -1;
    if (port == -1) {
        dprintf(STDERR_FILENO, "usage: server [PORT]\n");
        return 2;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return -complain("socket");
    int result = open_for_business(fd, port);
    if (result == 0 && keyboard)
        result = pause_until_enter();
    if (close(fd) == -1 && errno != EINTR)
        result = complain("close");
    return -result;
}
