/*
 * Style: objects in C. A client is a structure with its methods in a table;
 * it remembers the socket, the list of addresses and whether all went well.
 * Right: the destructor closes and frees what the constructor and the methods
 * got, in every state, and every method keeps off once the object has failed.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client;

struct methods {
    void (*resolve)(struct client *self, const char *host, const char *port);
    void (*connect)(struct client *self);
    void (*say)(struct client *self, const char *line);
    void (*hear)(struct client *self);
    int (*destroy)(struct client *self);
};

struct client {
    const struct methods *call;
    struct addrinfo *list;
    int fd;
    int failed;
};

static int failure(struct client *self, const char *function, const char *text)
{
    fprintf(stderr, "%s: %s\n", function, text);
    self->failed = 1;
    return -1;
}

static void client_resolve(struct client *self, const char *host,
                           const char *port)
{
    struct addrinfo hints;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &self->list);
    if (error != 0) {
        self->list = NULL;
        failure(self, "getaddrinfo", gai_strerror(error));
    }
}

/* Connects. Returns NULL, or the name of the call that failed, with errno. */
static const char *attempt(int fd, const struct addrinfo *to)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int outcome;
    socklen_t size = sizeof outcome;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return NULL;
    if (errno != EINTR)
        return "connect";
    while (poll(&p, 1, -1) == -1) /* it goes on behind the signal */
        if (errno != EINTR)
            return "poll";
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &outcome, &size) == -1)
        return "getsockopt";
    errno = outcome;
    return outcome == 0 ? NULL : "connect";
}

static void name_it(struct client *self, const struct addrinfo *to)
{
    char host[64], port[8];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0)
        failure(self, "getnameinfo", gai_strerror(error));
    else if (to->ai_family == AF_INET6)
        fprintf(stderr, "connected to [%s]:%s\n", host, port);
    else
        fprintf(stderr, "connected to %s:%s\n", host, port);
}

static void client_connect(struct client *self)
{
    if (self->failed)
        return;
    for (struct addrinfo *to = self->list; to != NULL; to = to->ai_next) {
        self->failed = 0; /* this address may be better than the last */
        self->fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (self->fd == -1) {
            failure(self, "socket", strerror(errno));
            continue;
        }
        const char *culprit = attempt(self->fd, to);
        if (culprit == NULL) {
            name_it(self, to);
            return;
        }
        failure(self, culprit, strerror(errno));
        close(self->fd);
        self->fd = -1;
    }
}

static void print(struct client *self, const char *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, stdout) < count || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        failure(self, "fwrite", strerror(errno));
}

static void client_say(struct client *self, const char *line)
{
    size_t left = strlen(line);
    while (!self->failed && left > 0) {
        ssize_t n = send(self->fd, line, left, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            failure(self, "send", strerror(errno));
        if (n > 0) {
            line += n;
            left -= (size_t)n;
        }
    }
    if (!self->failed)
        print(self, "Hello message sent", 18);
    if (!self->failed && shutdown(self->fd, SHUT_WR) == -1)
        failure(self, "shutdown", strerror(errno));
}

/* recv() for the methods: 0 after a failure as well, which ends every loop. */
static size_t some(struct client *self, char *to, size_t room)
{
    ssize_t n;
    if (self->failed)
        return 0;
    while ((n = recv(self->fd, to, room, 0)) == -1 && errno == EINTR)
        continue;
    if (n == -1)
        failure(self, "recv", strerror(errno));
    return n == -1 ? 0 : (size_t)n;
}

static void client_hear(struct client *self)
{
    char line[1024], rest[1024];
    const char *end = NULL;
    size_t count = 0, n = 1;
    while (n > 0 && end == NULL) {
        if (count == sizeof line)
            failure(self, "recv", strerror(EMSGSIZE));
        n = some(self, line + count, sizeof line - count);
        end = (const char *)memchr(line + count, '\n', n);
        count += n;
    }
    if (!self->failed)
        print(self, line, end != NULL ? (size_t)(end - line) : count);
    while (n > 0)
        n = some(self, rest, sizeof rest);
}

static int client_destroy(struct client *self)
{
    if (self->list != NULL)
        freeaddrinfo(self->list);
    if (self->fd != -1 && close(self->fd) == -1 && errno != EINTR)
        failure(self, "close", strerror(errno));
    return self->failed;
}

int main(int argc, char *argv[])
{
    static const struct methods methods = {client_resolve, client_connect,
                                           client_say, client_hear,
                                           client_destroy};
    struct client c = {&methods, NULL, -1, 0};
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    c.call->resolve(&c, argc > 1 ? argv[1] : "127.0.0.1", port);
    c.call->connect(&c);
    c.call->say(&c, "Hello from client\n");
    c.call->hear(&c);
    return c.call->destroy(&c);
}
