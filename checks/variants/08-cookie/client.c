/*
 * Style: streams of our own making. fopencookie() (glibc, musl) turns send()
 * and recv() into FILEs; getdelim() reads the line, fputs() writes the message.
 * Right: the write function sends all of it, with MSG_NOSIGNAL, the read
 * function hands out no more than the longest line before it is known to end.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fopencookie */
#endif

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct line_to {
    int fd;
    size_t budget; /* bytes that may still come before the first newline */
    int lost;      /* errno of a failed send(), or 0 */
};

static int failed(const char *what)
{
    perror(what);
    return -1;
}

/* Fails with EMSGSIZE when the line gets too long. */
static ssize_t read_cookie(void *cookie, char *bytes, size_t room)
{
    struct line_to *from = (struct line_to *)cookie;
    ssize_t n;
    do
        n = recv(from->fd, bytes, room < 1024 ? room : 1024, 0);
    while (n == -1 && errno == EINTR);
    if (n < 1 || from->budget == 0)
        return n;
    const char *end = (const char *)memchr(bytes, '\n', (size_t)n);
    size_t fresh = end != NULL ? (size_t)(end - bytes) : (size_t)n;
    if (fresh >= from->budget) {
        errno = EMSGSIZE;
        return -1;
    }
    from->budget = end != NULL ? 0 : from->budget - fresh;
    return n;
}

/* A failure is noted: fopencookie(3) has no portable way to return it. */
static ssize_t write_cookie(void *cookie, const char *bytes, size_t count)
{
    struct line_to *to = (struct line_to *)cookie;
    for (size_t done = 0; done < count && to->lost == 0;) {
        ssize_t n = send(to->fd, bytes + done, count - done, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            to->lost = errno;
        done += n == -1 ? 0 : (size_t)n;
    }
    return to->lost == 0 ? (ssize_t)count : 0;
}

static int tell(FILE *out, const struct line_to *peer)
{
    int bad = fputs("Hello from client\n", out) == EOF || fflush(out) == EOF;
    errno = peer->lost != 0 ? peer->lost : errno;
    if (bad || peer->lost != 0)
        return failed(peer->lost != 0 ? "send" : "fflush");
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return failed("puts");
    return shutdown(peer->fd, SHUT_WR) == -1 ? failed("shutdown") : 0;
}

static int hear(FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    ssize_t length = getdelim(&line, &room, '\n', in);
    if (ferror(in) || (length == -1 && !feof(in))) {
        result = failed(ferror(in) ? "recv" : "getdelim");
    } else {
        size_t count = length > 0 ? (size_t)length : 0;
        if (count > 0 && line[count - 1] == '\n')
            count--;
        if (count > 0)
            fwrite(line, 1, count, stdout);
        putchar('\n');
        if (fflush(stdout) == EOF || ferror(stdout))
            result = failed("fflush");
    }
    free(line);
    while (result == 0 && getc(in) != EOF)
        ;
    return result == 0 && ferror(in) ? failed("recv") : result;
}

static int converse(int fd)
{
    const cookie_io_functions_t reads = {read_cookie, NULL, NULL, NULL};
    const cookie_io_functions_t writes = {NULL, write_cookie, NULL, NULL};
    struct line_to peer = {fd, 1024, 0};
    FILE *out = fopencookie(&peer, "w", writes);
    FILE *in = out == NULL ? NULL : fopencookie(&peer, "r", reads);
    int result = in == NULL ? failed("fopencookie") : tell(out, &peer);
    if (result == 0)
        result = hear(in);
    if (in != NULL && fclose(in) == EOF)
        result = failed("fclose");
    if (out != NULL && fclose(out) == EOF)
        result = failed("fclose");
    return result;
}

static int finish_connect(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error;
    socklen_t size = sizeof error;
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return failed("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return failed("getsockopt");
    errno = error;
    return error == 0 ? 0 : failed("connect");
}

static int connect_to(const struct addrinfo *a)
{
    char host[64], port[8];
    int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd == -1)
        return failed("socket");
    int result = connect(fd, a->ai_addr, a->ai_addrlen);
    if (result == -1)
        result = errno == EINTR ? finish_connect(fd) : failed("connect");
    if (result == 0) {
        result = getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port,
                             sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
        if (result != 0)
            fprintf(stderr, "getnameinfo: %s\n", gai_strerror(result));
    }
    if (result != 0) {
        close(fd);
        return -1;
    }
    fprintf(stderr, "connected to %s%s%s:%s\n", strchr(host, ':') ? "[" : "",
            host, strchr(host, ':') ? "]" : "", port);
    return fd;
}

int main(int argc, char **argv)
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
    int fd = -1;
    for (struct addrinfo *a = list; a != NULL && fd == -1; a = a->ai_next)
        fd = connect_to(a);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int result = converse(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = failed("close");
    return -result;
}
