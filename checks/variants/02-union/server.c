/*
 * Style: a union of the address structures in place of casts, and select() on
 * stdin for the wait. Right: a closed stdin is noticed before the socket can
 * take its number, and an end of stdin ends the wait as Enter does.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr generic;
    struct sockaddr_in in;
};

static int bad(const char *call)
{
    dprintf(2, "%s: %s\n", call, strerror(errno));
    return 1;
}

static int wait_for_enter(void)
{
    char keys[64];
    ssize_t n = 0;
    do {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(STDIN_FILENO, &set);
        int ready = select(STDIN_FILENO + 1, &set, NULL, NULL, NULL);
        if (ready == -1 && errno == EINTR)
            continue;
        if (ready == -1)
            return bad("select");
        n = read(STDIN_FILENO, keys, sizeof keys);
        if (n == 0)
            return 0;
        if (n == -1 && errno != EINTR)
            return 0; /* nothing can be typed: that is an end too */
    } while (n < 1 || memchr(keys, '\n', (size_t)n) == NULL);
    return 0;
}

static int name_it(int fd, unsigned long port)
{
    union address a;
    socklen_t size = sizeof a.in;
    int on = 1;
    memset(&a, 0, sizeof a);
    a.in.sin_family = AF_INET;
    a.in.sin_port = htons((in_port_t)port);
    a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return bad("setsockopt");
    if (bind(fd, &a.generic, size) == -1)
        return bad("bind");
    if (getsockname(fd, &a.generic, &size) == -1)
        return bad("getsockname");
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &a.in.sin_addr, text, sizeof text);
    dprintf(2, "bound to %s:%d\n", text, ntohs(a.in.sin_port));
    return 0;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    int somebody_types = fcntl(STDIN_FILENO, F_GETFD) != -1;
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] ||
        port > 65535) {
        dprintf(2, "usage: server [PORT]\n");
        return 2;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return bad("socket");
    int status = name_it(fd, port);
    if (status == 0 && somebody_types)
        status = wait_for_enter();
    if (close(fd) == -1 && errno != EINTR)
        status = bad("close");
    return status;
}
