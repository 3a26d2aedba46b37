/*
 * Style: a chain of functions, each of which takes over the descriptor of the
 * one before; the listener is closed before a word is said about the guest.
 * Right: one guest is all the program wants, so nobody else may join the queue.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail_with(int fd, const char *call)
{
    perror(call);
    if (fd != -1)
        close(fd);
    return -1;
}

static int finish(int fd)
{
    return close(fd) == -1 && errno != EINTR ? fail_with(-1, "close") : 0;
}

/* Each returns a descriptor that takes the place of the last, or -1. */
static int make(void)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail_with(fd, "socket");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return fail_with(fd, "setsockopt");
    return fd;
}

static int place(int fd, struct sockaddr_in *name)
{
    if (fd != -1 && bind(fd, (struct sockaddr *)name, sizeof *name) == -1)
        return fail_with(fd, "bind");
    return fd;
}

static int open_up(int fd, struct sockaddr_in *name)
{
    socklen_t size = sizeof *name;
    if (fd == -1)
        return -1;
    if (listen(fd, 5) == -1)
        return fail_with(fd, "listen");
    if (getsockname(fd, (struct sockaddr *)name, &size) == -1)
        return fail_with(fd, "getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(name->sin_port));
    return fd;
}

static int admit(int fd, struct sockaddr_in *name)
{
    int guest = -1;
    while (fd != -1 && guest == -1) {
        socklen_t size = sizeof *name;
        guest = accept(fd, (struct sockaddr *)name, &size);
        if (guest == -1 && errno != EINTR && errno != ECONNABORTED)
            return fail_with(fd, "accept");
    }
    if (guest != -1 && finish(fd) == -1) {
        finish(guest);
        return -1;
    }
    return guest;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    char host[INET_ADDRSTRLEN] = "";
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    struct sockaddr_in name;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_port = htons((in_port_t)port);
    inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
    int guest = admit(open_up(place(make(), &name), &name), &name);
    if (guest == -1)
        return EXIT_FAILURE;
    inet_ntop(AF_INET, &name.sin_addr, host, sizeof host);
    fprintf(stderr, "connection from %s:%d\n", host, ntohs(name.sin_port));
    return finish(guest) == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
