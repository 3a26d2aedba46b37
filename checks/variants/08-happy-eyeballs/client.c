/*
 * Style: the addresses race. Each next attempt starts when the one before has
 * failed or has been silent for a quarter of a second; the first to stand wins.
 * Right: every attempt has a socket of its own, one poll() waits for all, and
 * whoever does not win is closed.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct race {
    struct pollfd *runner; /* .fd is -1 for who has not started or has lost */
    nfds_t count, started, running;
};

static int fail(const char *call)
{
    perror(call);
    return -1;
}

static int set_blocking(int fd, int blocking)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags == -1)
        return fail("fcntl");
    flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) == -1 ? fail("fcntl") : 0;
}

/* Starts one attempt. Returns a socket whose connection is under way, or -1. */
static int start(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1)
        return fail("socket");
    if (set_blocking(fd, 0) == 0) {
        if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 ||
            errno == EINPROGRESS || errno == EINTR)
            return fd;
        fail("connect");
    }
    close(fd);
    return -1;
}

/* Looks who has arrived. Returns the winner's index, or count. */
static nfds_t judge(struct race *race)
{
    for (nfds_t i = 0; i < race->started; i++) {
        struct pollfd *one = &race->runner[i];
        int error = 0;
        socklen_t size = sizeof error;
        if (one->fd == -1 || one->revents == 0)
            continue;
        if (getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
            fail("getsockopt");
        else if (error == 0)
            return i;
        else
            fprintf(stderr, "connect: %s\n", strerror(error));
        close(one->fd);
        one->fd = -1;
        race->running--;
    }
    return race->count;
}

/* Returns the index of the address that was reached, or count for none. */
static nfds_t run(struct race *race, const struct addrinfo *to)
{
    nfds_t winner = race->count;
    int ready = 0; /* 0: nobody has arrived, so the next may start */
    while (winner == race->count && (race->running > 0 || to != NULL)) {
        if (to != NULL && (race->running == 0 || ready == 0)) {
            struct pollfd *next = &race->runner[race->started++];
            next->fd = start(to);
            next->events = POLLOUT;
            race->running += next->fd != -1;
            to = to->ai_next;
        }
        if (race->running == 0)
            continue;
        ready = poll(race->runner, race->started, to != NULL ? 250 : -1);
        if (ready == -1 && errno != EINTR) {
            fail("poll");
            return race->count;
        }
        if (ready > 0) {
            winner = judge(race);
            ready = 0; /* whoever it was has lost, or it is over */
        }
    }
    return winner;
}

static int introduce(const struct addrinfo *to, nfds_t index)
{
    char host[64], port[8];
    while (index-- > 0)
        to = to->ai_next;
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int v6 = to->ai_family == AF_INET6;
    fprintf(stderr, "connected to %s%s%s:%s\n", v6 ? "[" : "", host,
            v6 ? "]" : "", port);
    return 0;
}

static int connect_to(const struct addrinfo *list)
{
    struct race race = {NULL, 0, 0, 0};
    int fd = -1;
    for (const struct addrinfo *to = list; to != NULL; to = to->ai_next)
        race.count++;
    race.runner = (struct pollfd *)calloc(race.count, sizeof *race.runner);
    if (race.runner == NULL)
        return fail("calloc");
    nfds_t winner = run(&race, list);
    for (nfds_t i = 0; i < race.started; i++)
        if (i == winner)
            fd = race.runner[i].fd;
        else if (race.runner[i].fd != -1)
            close(race.runner[i].fd);
    free(race.runner);
    if (fd != -1 && (set_blocking(fd, 1) == -1 || introduce(list, winner))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int tell(int fd)
{
    const char *text = "Hello from client\n";
    while (*text != '\0') {
        ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return fail("send");
        if (n > 0)
            text += n;
    }
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return fail("puts");
    return shutdown(fd, SHUT_WR) == -1 ? fail("shutdown") : 0;
}

/* Prints the first line up to its newline; the rest is only counted off. */
static int hear(int fd)
{
    char text[1024];
    size_t used = 0;
    int printed = 0;
    for (;;) {
        ssize_t n = recv(fd, text + used, sizeof text - used, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("recv");
        size_t end = used;
        while (end < used + (size_t)n && text[end] != '\n')
            end++;
        if (!printed && (n == 0 || end < used + (size_t)n)) {
            printed = 1;
            fwrite(text, 1, end, stdout);
            putchar('\n');
            if (fflush(stdout) == EOF || ferror(stdout))
                return fail("fflush");
        }
        if (n == 0)
            return 0;
        used = printed ? 0 : end;
        if (used == sizeof text) {
            errno = EMSGSIZE;
            return fail("recv");
        }
    }
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
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
    int fd = connect_to(list);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int result = tell(fd);
    if (result == 0)
        result = hear(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = fail("close");
    return result == 0 ? 0 : 1;
}
