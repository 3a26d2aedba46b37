/*
 * Style: ppoll() for the end of connect(), which is non-blocking and has five
 * seconds for each address; the socket is blocking again for the conversation.
 * Right: an interrupted wait goes on, and who is late is told ETIMEDOUT.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHECK(call, name)                                                      \
    do {                                                                       \
        if ((call) == -1)                                                      \
            return fail(name);                                                 \
    } while (0)

static int fail(const char *name)
{
    fprintf(stderr, "%s: %s\n", name, strerror(errno));
    return -1;
}

/* The outcome of a connection attempt that is under way. */
static int outcome(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int n, error;
    socklen_t size = sizeof error;
    do {
        struct timespec five = {5, 0};
        n = ppoll(&p, 1, &five, NULL);
    } while (n == -1 && errno == EINTR);
    CHECK(n, "ppoll");
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "getsockopt");
    errno = n == 0 ? ETIMEDOUT : error;
    CHECK(errno == 0 ? 0 : -1, "connect");
    return 0;
}

static int reach(int fd, const struct addrinfo *to)
{
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags, "fcntl");
    CHECK(fcntl(fd, F_SETFL, flags | O_NONBLOCK), "fcntl");
    if (connect(fd, to->ai_addr, to->ai_addrlen) == -1) {
        CHECK(errno == EINPROGRESS || errno == EINTR ? 0 : -1, "connect");
        if (outcome(fd) == -1)
            return -1;
    }
    CHECK(fcntl(fd, F_SETFL, flags), "fcntl");
    return 0;
}

static int name(const struct addrinfo *to)
{
    char host[64], port[6];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error == 0)
        fprintf(stderr, "connected to %s%s%s:%s\n",
                strchr(host, ':') ? "[" : "", host,
                strchr(host, ':') ? "]" : "", port);
    else
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
    return error == 0 ? 0 : -1;
}

static int connect_first(const struct addrinfo *to)
{
    for (; to != NULL; to = to->ai_next) {
        int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (fd == -1) {
            fail("socket");
            continue;
        }
        if (reach(fd, to) == 0 && name(to) == 0)
            return fd;
        close(fd);
    }
    return -1;
}

static int print(const char *bytes, size_t length)
{
    fwrite(bytes, 1, length, stdout);
    CHECK(fputc('\n', stdout), "fputc");
    CHECK(fflush(stdout), "fflush");
    return 0;
}

static int say(int fd, const char *text)
{
    size_t done = 0, all = strlen(text);
    while (done < all) {
        ssize_t n = send(fd, text + done, all - done, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        CHECK(n, "send");
        done += (size_t)n;
    }
    if (print("Hello message sent", strlen("Hello message sent")) == -1)
        return -1;
    CHECK(shutdown(fd, SHUT_WR), "shutdown");
    return 0;
}

static int hear(int fd)
{
    char line[1024], chunk[300];
    size_t used = 0;
    int open = 1; /* the line is not over yet */
    for (;;) {
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n == -1 && errno == EINTR)
            continue;
        CHECK(n, "recv");
        const char *end = (const char *)memchr(chunk, '\n', (size_t)n);
        size_t fresh = end != NULL ? (size_t)(end - chunk) : (size_t)n;
        if (open && used + fresh > 1023) {
            errno = EMSGSIZE;
            return fail("recv");
        }
        if (open) {
            memcpy(line + used, chunk, fresh);
            used += fresh;
        }
        if (open && (end != NULL || n == 0)) {
            open = 0;
            if (print(line, used) == -1)
                return -1;
        }
        if (n == 0)
            return 0;
    }
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || number == 0 || number > 65535 ||
        port[strspn(port, "0123456789")] != '\0') {
        fputs("usage: client [HOST [PORT]]\n", stderr);
        return 2;
    }
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int fd = connect_first(list);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int result = say(fd, "Hello from client\n");
    if (result == 0)
        result = hear(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = fail("close");
    return -result;
}
