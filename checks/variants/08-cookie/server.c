/*
 * Style: streams of our own making. fopencookie() (glibc, musl) turns send()
 * and recv() into FILEs, so that getc() and fputs() speak to the socket. Right:
 * the write function sends all of it, with MSG_NOSIGNAL, the read function is
 * never interrupted, and the socket is closed by its owner alone.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fopencookie */
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct line_to {
    int fd;
    int limit; /* milliseconds to wait for input, -1 for ever */
    int lost;  /* errno of a failed send(), or 0 */
};

static int failed(const char *what)
{
    perror(what);
    return -1;
}

static ssize_t read_cookie(void *cookie, char *bytes, size_t room)
{
    const struct line_to *to = (const struct line_to *)cookie;
    struct pollfd p = {to->fd, POLLIN, 0};
    ssize_t n;
    do {
        int ready = to->limit == -1 ? 1 : poll(&p, 1, to->limit);
        if (ready == 0)
            return 0; /* silence passes for the end */
        n = ready == -1 ? -1 : recv(to->fd, bytes, room, 0);
    } while (n == -1 && errno == EINTR);
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

static int hear(FILE *in)
{
    char line[1024];
    size_t length = 0;
    int c;
    while ((c = fgetc(in)) != EOF && c != '\n') {
        if (length == 1023) {
            errno = EMSGSIZE;
            return failed("recv");
        }
        line[length++] = (char)c;
    }
    if (ferror(in))
        return failed("recv");
    line[length++] = '\n';
    if (fwrite(line, length, 1, stdout) != 1 || fflush(stdout) == EOF)
        return failed("fwrite");
    return 0;
}

static int answer(FILE *out, const struct line_to *peer)
{
    int bad = fputs("Hello from server\n", out) == EOF || fflush(out) == EOF;
    errno = peer->lost != 0 ? peer->lost : errno;
    if (bad || peer->lost != 0)
        return failed(peer->lost != 0 ? "send" : "fflush");
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return failed("puts");
    return 0;
}

static int drain(FILE *in)
{
    while (fgetc(in) != EOF)
        ;
    return ferror(in) ? failed("recv") : 0;
}

static int close_both(FILE *in, FILE *out)
{
    int result = 0;
    if (in != NULL && fclose(in) == EOF)
        result = failed("fclose");
    if (out != NULL && fclose(out) == EOF)
        result = failed("fclose");
    return result;
}

static int converse(int fd)
{
    const cookie_io_functions_t reads = {read_cookie, NULL, NULL, NULL};
    const cookie_io_functions_t writes = {NULL, write_cookie, NULL, NULL};
    struct line_to peer = {fd, -1, 0};
    FILE *in = fopencookie(&peer, "r", reads);
    FILE *out = in == NULL ? NULL : fopencookie(&peer, "w", writes);
    int result = out == NULL ? failed("fopencookie") : 0;
    if (result == 0)
        result = hear(in);
    if (result == 0)
        result = answer(out, &peer);
    if (result == 0 && shutdown(fd, SHUT_WR) == -1)
        result = failed("shutdown");
    peer.limit = 1000;
    if (result == 0)
        result = drain(in);
    return close_both(in, out) == -1 ? -1 : result;
}

static int serve(int listener, unsigned long port)
{
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    char text[INET_ADDRSTRLEN] = "";
    int fd, one = 1;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((in_port_t)port);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == -1)
        return failed("setsockopt");
    if (bind(listener, (struct sockaddr *)&a, sizeof a) == -1)
        return failed("bind");
    if (listen(listener, 12) == -1)
        return failed("listen");
    if (getsockname(listener, (struct sockaddr *)&a, &size) == -1)
        return failed("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
    do {
        size = sizeof a;
        fd = accept(listener, (struct sockaddr *)&a, &size);
    } while (fd == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (fd == -1)
        return failed("accept");
    inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
    fprintf(stderr, "connection from %s:%d\n", text, ntohs(a.sin_port));
    int result = converse(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = failed("close");
    return result;
}

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return -failed("socket");
    int result = serve(listener, port);
    if (close(listener) == -1 && errno != EINTR)
        result = failed("close");
    return -result;
}
