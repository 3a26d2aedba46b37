/*
 * Style: objects in C. A channel is a structure with methods (function
 * pointers) to read, write and end it; the server talks to the channel and does
 * not know that it is a socket. Right: each method keeps the promises of its
 * call (all or nothing written, end and error told apart) and closes once.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct channel {
    int fd;
    int patience; /* milliseconds of silence that count as the end; -1: none */
    int (*write)(struct channel *self, const char *bytes, size_t count);
    ssize_t (*read)(struct channel *self, char *bytes, size_t room);
    int (*end)(struct channel *self);
    int (*close)(struct channel *self);
};

static int error_in(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int socket_write(struct channel *self, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t n = send(self->fd, bytes, count, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return error_in("send");
        if (n != -1) {
            bytes += n;
            count -= (size_t)n;
        }
    }
    return 0;
}

static ssize_t socket_read(struct channel *self, char *bytes, size_t room)
{
    struct pollfd p = {self->fd, POLLIN, 0};
    for (;;) {
        int ready = poll(&p, 1, self->patience);
        if (ready == 0)
            return 0;
        if (ready == -1 && errno == EINTR)
            continue;
        if (ready == -1)
            return error_in("poll");
        ssize_t n = recv(self->fd, bytes, room, 0);
        if (n != -1 || errno != EINTR)
            return n == -1 ? error_in("recv") : n;
    }
}

static int socket_end(struct channel *self)
{
    return shutdown(self->fd, SHUT_WR) == -1 ? error_in("shutdown") : 0;
}

static int socket_close(struct channel *self)
{
    int fd = self->fd;
    self->fd = -1;
    return fd != -1 && close(fd) == -1 && errno != EINTR ? error_in("close")
                                                         : 0;
}

static struct channel channel_on(int fd)
{
    struct channel channel = {fd,          -1,         socket_write,
                              socket_read, socket_end, socket_close};
    return channel;
}

static int print_line(const char *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, stdout) < count || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        return error_in("fwrite");
    return 0;
}

static int read_line(struct channel *c)
{
    char line[1024];
    size_t count = 0;
    while (count < sizeof line) {
        ssize_t n = c->read(c, line + count, sizeof line - count);
        if (n == -1)
            return -1;
        const char *end = (const char *)memchr(line + count, '\n', (size_t)n);
        if (end != NULL)
            return print_line(line, (size_t)(end - line));
        if (n == 0)
            return print_line(line, count);
        count += (size_t)n;
    }
    errno = EMSGSIZE;
    return error_in("recv");
}

static int converse(struct channel *c)
{
    char rest[1024];
    ssize_t n;
    if (read_line(c) == -1)
        return -1;
    if (c->write(c, "Hello from server\n", 18) == -1)
        return -1;
    if (print_line("Hello message sent", 18) == -1 || c->end(c) == -1)
        return -1;
    c->patience = 1000;
    while ((n = c->read(c, rest, sizeof rest)) > 0)
        ;
    return (int)n;
}

static int print_name(const char *what, const struct sockaddr_in *name)
{
    char host[INET_ADDRSTRLEN] = "";
    if (inet_ntop(AF_INET, &name->sin_addr, host, sizeof host) == NULL)
        return error_in("inet_ntop");
    fprintf(stderr, "%s %s:%d\n", what, host, ntohs(name->sin_port));
    return 0;
}

/* Returns the connection, or -1. */
static int wait_for_guest(int listener, struct sockaddr_in *name)
{
    const int on = 1;
    int fd;
    socklen_t size = sizeof *name;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return error_in("setsockopt");
    if (bind(listener, (struct sockaddr *)name, size) == -1)
        return error_in("bind");
    if (listen(listener, SOMAXCONN) == -1)
        return error_in("listen");
    if (getsockname(listener, (struct sockaddr *)name, &size) == -1)
        return error_in("getsockname");
    if (print_name("listening on", name) == -1)
        return -1;
    while ((fd = accept(listener, (struct sockaddr *)name, &size)) == -1)
        if (errno != EINTR && errno != ECONNABORTED)
            return error_in("accept");
    return fd;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    struct sockaddr_in name;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_port = htons((in_port_t)port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct channel listener = channel_on(socket(AF_INET, SOCK_STREAM, 0));
    if (listener.fd == -1)
        return -error_in("socket");
    struct channel guest = channel_on(wait_for_guest(listener.fd, &name));
    int result = guest.fd == -1 ? -1 : print_name("connection from", &name);
    if (result == 0)
        result = converse(&guest);
    if (guest.close(&guest) == -1)
        result = -1;
    if (listener.close(&listener) == -1)
        result = -1;
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
