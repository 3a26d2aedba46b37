/*
 * Style: ppoll() and an absolute deadline on the monotonic clock for the second
 * of silence. Right: the deadline moves on only when bytes have arrived, so an
 * interrupted wait does not begin anew.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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

static int now(struct timespec *t)
{
    CHECK(clock_gettime(CLOCK_MONOTONIC, t), "clock_gettime");
    return 0;
}

/* What is left until the deadline; zero when it has passed. */
static struct timespec until(struct timespec deadline, struct timespec t)
{
    struct timespec left = {deadline.tv_sec - t.tv_sec,
                            deadline.tv_nsec - t.tv_nsec};
    if (left.tv_nsec < 0) {
        left.tv_sec--;
        left.tv_nsec += 1000000000L;
    }
    if (left.tv_sec < 0)
        left.tv_sec = left.tv_nsec = 0;
    return left;
}

/* Returns 1 once fd can be read, 0 at the deadline, -1 on failure. */
static int await(int fd, struct timespec deadline)
{
    struct pollfd p = {fd, POLLIN, 0};
    struct timespec t;
    for (;;) {
        if (now(&t) == -1)
            return -1;
        struct timespec left = until(deadline, t);
        int n = ppoll(&p, 1, &left, NULL);
        if (n != -1)
            return n;
        if (errno != EINTR)
            return fail("ppoll");
    }
}

static int drain(int fd)
{
    CHECK(shutdown(fd, SHUT_WR), "shutdown");
    for (;;) {
        char rest[1024];
        struct timespec deadline;
        if (now(&deadline) == -1)
            return -1;
        deadline.tv_sec++;
        int n = await(fd, deadline);
        if (n < 1)
            return n;
        ssize_t got = recv(fd, rest, sizeof rest, MSG_DONTWAIT);
        if (got == 0)
            return 0;
        if (got == -1 && errno != EINTR && errno != EAGAIN)
            return fail("recv");
    }
}

static int print(const char *bytes, size_t length)
{
    fwrite(bytes, 1, length, stdout);
    CHECK(fputc('\n', stdout), "fputc"); /* EOF is -1 here, and elsewhere too */
    CHECK(fflush(stdout), "fflush");
    return 0;
}

static int hear(int fd)
{
    char line[1024];
    const char *end = NULL;
    size_t used = 0;
    ssize_t n = 1;
    while (used < sizeof line && end == NULL && n > 0) {
        do
            n = recv(fd, line + used, sizeof line - used, 0);
        while (n == -1 && errno == EINTR);
        CHECK(n, "recv");
        end = (const char *)memchr(line + used, '\n', (size_t)n);
        used += (size_t)n;
    }
    errno = EMSGSIZE;
    if (end == NULL)
        CHECK(used == sizeof line ? -1 : 0, "recv");
    return print(line, end != NULL ? (size_t)(end - line) : used);
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
    return print("Hello message sent", strlen("Hello message sent"));
}

static int answer(int listener)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    char text[INET_ADDRSTRLEN] = "?";
    int fd;
    while ((fd = accept(listener, (struct sockaddr *)&peer, &size)) == -1 &&
           (errno == EINTR || errno == ECONNABORTED))
        size = sizeof peer;
    CHECK(fd, "accept");
    inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
    fprintf(stderr, "connection from %s:%d\n", text, ntohs(peer.sin_port));
    int result = hear(fd);
    if (result == 0)
        result = say(fd, "Hello from server\n");
    if (result == 0)
        result = drain(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = fail("close");
    return result;
}

static int run(int listener, in_port_t port)
{
    const int yes = 1;
    struct sockaddr_in a;
    struct sockaddr *generic = (struct sockaddr *)&a;
    socklen_t size = sizeof a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes),
          "setsockopt");
    CHECK(bind(listener, generic, size), "bind");
    CHECK(listen(listener, SOMAXCONN), "listen");
    CHECK(getsockname(listener, generic, &size), "getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
    return answer(listener);
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || !*text || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fputs("usage: server [PORT]\n", stderr);
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return -fail("socket");
    int result = run(listener, (in_port_t)port);
    if (close(listener) == -1 && errno != EINTR)
        result = fail("close");
    return -result;
}
