/*
 * Style: looks before it takes. MSG_PEEK shows what has come without taking it;
 * then the line is printed and exactly what was looked at is taken.
 * Right: what was shown is always taken, so the next peek does not spin.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int say(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static ssize_t try_recv(int fd, void *to, size_t room, int flags)
{
    ssize_t n;
    do
        n = recv(fd, to, room, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        say("recv");
    return n;
}

/* Takes count bytes off the socket's queue and forgets them. */
static int discard(int fd, size_t count)
{
    char bin[1024];
    while (count > 0) {
        size_t room = count < sizeof bin ? count : sizeof bin;
        ssize_t n = try_recv(fd, bin, room, 0);
        if (n <= 0)
            return -1;
        count -= (size_t)n;
    }
    return 0;
}

/* Prints what has come, piece by piece, up to the newline or the end. */
static int get_message(int fd)
{
    char window[1024], line[1024];
    size_t used = 0;
    int open = 1;
    while (open) {
        ssize_t n = try_recv(fd, window, sizeof window - used, MSG_PEEK);
        if (n < 0)
            return -1;
        const char *newline = (const char *)memchr(window, '\n', (size_t)n);
        size_t fresh = newline ? (size_t)(newline - window) : (size_t)n;
        memcpy(line + used, window, fresh);
        used += fresh;
        if (used == sizeof line) {
            errno = EMSGSIZE;
            return say("recv");
        }
        if (discard(fd, fresh + (newline != NULL)) < 0)
            return -1;
        open = n > 0 && !newline;
    }
    fwrite(line, 1, used, stdout);
    putchar('\n');
    return fflush(stdout) == EOF || ferror(stdout) ? say("fflush") : 0;
}

static int read_to_end(int fd)
{
    char rest[1024];
    ssize_t n;
    while ((n = try_recv(fd, rest, sizeof rest, 0)) > 0)
        continue;
    return (int)n;
}

static int put_message(int fd, const char *text)
{
    size_t left = strlen(text);
    for (ssize_t n; left > 0; text += n, left -= (size_t)n) {
        n = send(fd, text, left, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return say("send");
        if (n < 0)
            n = 0;
    }
    fputs("Hello message sent\n", stdout);
    if (fflush(stdout) == EOF)
        return say("fflush");
    return shutdown(fd, SHUT_WR) < 0 ? say("shutdown") : 0;
}

/* connect() that a signal may interrupt: the attempt goes on and is awaited. */
static int patient_connect(int fd, const struct addrinfo *ai)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error, ready;
    socklen_t len = sizeof error;
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
        return 0;
    if (errno != EINTR)
        return say("connect");
    while ((ready = poll(&p, 1, -1)) < 0 && errno == EINTR)
        continue;
    if (ready < 0)
        return say("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return say("getsockopt");
    errno = error;
    return error ? say("connect") : 0;
}

static void name_peer(const struct addrinfo *ai)
{
    struct sockaddr_in sin;
    struct sockaddr_in6 sin6;
    char text[INET6_ADDRSTRLEN] = "?";
    if (ai->ai_family == AF_INET) {
        memcpy(&sin, ai->ai_addr, sizeof sin);
        inet_ntop(AF_INET, &sin.sin_addr, text, sizeof text);
        fprintf(stderr, "connected to %s:%d\n", text, ntohs(sin.sin_port));
    } else {
        memcpy(&sin6, ai->ai_addr, sizeof sin6);
        inet_ntop(AF_INET6, &sin6.sin6_addr, text, sizeof text);
        fprintf(stderr, "connected to [%s]:%d\n", text, ntohs(sin6.sin6_port));
    }
}

static int reach(const char *host, const char *port)
{
    static struct addrinfo hints; /* static: all zero */
    struct addrinfo *all;
    int fd = -1;
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &all);
    if (error) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return -1;
    }
    for (struct addrinfo *ai = all; ai; ai = ai->ai_next) {
        fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
        if (fd < 0) {
            say("socket");
            continue;
        }
        if (patient_connect(fd, ai) == 0) {
            name_peer(ai);
            break;
        }
        close(fd);
        fd = -1;
    }
    freeaddrinfo(all);
    return fd;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    size_t digits = strspn(port, "0123456789");
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[digits] || number == 0 || number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    int fd = reach(argc > 1 ? argv[1] : "127.0.0.1", port);
    if (fd < 0)
        return 1;
    int status = put_message(fd, "Hello from client\n");
    if (status == 0)
        status = get_message(fd);
    if (status == 0)
        status = read_to_end(fd);
    if (close(fd) < 0 && errno != EINTR)
        status = say("close");
    return status < 0;
}
