/*
 * Style: scatter and gather. writev() sends the message word by word out of an
 * array of words; readv() keeps the line and drops what does not fit behind it.
 * Right: short counts advance the vectors, and a full line is refused at once.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int trouble(const char *call)
{
    perror(call);
    return -1;
}

/* Writes all the parts; they are used up. */
static int gather(int fd, struct iovec *part, int parts)
{
    while (parts > 0) {
        ssize_t n = writev(fd, part, parts);
        if (n == -1 && errno != EINTR)
            return trouble("writev");
        size_t gone = n == -1 ? 0 : (size_t)n;
        while (parts > 0 && gone >= part->iov_len) {
            gone -= part->iov_len;
            part++;
            parts--;
        }
        if (parts > 0) {
            part->iov_base = (char *)part->iov_base + gone;
            part->iov_len -= gone;
        }
    }
    return 0;
}

static int speak(int fd)
{
    char hello[] = "Hello ", from[] = "from ", client[] = "client",
         end[] = "\n";
    struct iovec words[] = {{hello, 6}, {from, 5}, {client, 6}, {end, 1}};
    if (gather(fd, words, 4) == -1)
        return -1;
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return trouble("fflush");
    return shutdown(fd, SHUT_WR) == -1 ? trouble("shutdown") : 0;
}

/* Prints the line kept so far. */
static int show(const char *line, size_t length)
{
    if (fwrite(line, 1, length, stdout) < length || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        return trouble("fflush");
    return 0;
}

static int hear(int fd)
{
    char line[1024], spare[256];
    size_t used = 0;
    int over = 0;
    for (;;) {
        struct iovec part[] = {{line + used, sizeof line - used},
                               {spare, sizeof spare}};
        ssize_t n = over ? readv(fd, part + 1, 1) : readv(fd, part, 2);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return trouble("readv");
        if (n == 0)
            return over ? 0 : show(line, used);
        if (over)
            continue;
        size_t kept = (size_t)n < part[0].iov_len ? (size_t)n : part[0].iov_len;
        char *end = (char *)memchr(line + used, '\n', kept);
        used += kept;
        if (end == NULL && used == sizeof line) {
            errno = EMSGSIZE;
            return trouble("recv");
        }
        if (end != NULL && show(line, (size_t)(end - line)) == -1)
            return -1;
        over = end != NULL;
    }
}

static int finish_connect(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error;
    socklen_t size = sizeof error;
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return trouble("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return trouble("getsockopt");
    errno = error;
    return error != 0 ? trouble("connect") : 0;
}

static void announce(const struct sockaddr *to)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (to->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)to;
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        fprintf(stderr, "connected to [%s]:%hu\n", text, ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)to;
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        fprintf(stderr, "connected to %s:%hu\n", text, ntohs(v4->sin_port));
    }
}

/* A connected socket, or -1 when this address and all after it failed. */
static int dial(const struct addrinfo *to)
{
    if (to == NULL)
        return -1;
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1) {
        trouble("socket");
        return dial(to->ai_next);
    }
    int state = connect(fd, to->ai_addr, to->ai_addrlen);
    if (state == -1)
        state = errno == EINTR ? finish_connect(fd) : trouble("connect");
    if (state == 0) {
        announce(to->ai_addr);
        return fd;
    }
    close(fd);
    return dial(to->ai_next);
}

int main(int argc, char *argv[])
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] != '\0' || number == 0 ||
        number > 65535) {
        fputs("usage: client [HOST [PORT]]\n", stderr);
        return 2;
    }
    struct sigaction ignore;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &ignore, NULL) == -1)
        return -trouble("sigaction");
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int fd = dial(list);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int bad = speak(fd) || hear(fd);
    if (close(fd) == -1 && errno != EINTR)
        bad = trouble("close");
    return bad != 0;
}
