/*
 * Style: a reader of our own, as stdio has inside: bytes are handed out one by
 * one from a buffer that is refilled with one recv() when it is empty.
 * Right: a refill happens only when a byte is wanted, so it never waits for
 * more than the line; end and error are different answers.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_END (-1)
#define AT_ERROR (-2)

struct reader {
    int fd;
    unsigned char buffer[200];
    size_t next, filled;
};

static int fail(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int next_byte(struct reader *r)
{
    while (r->next == r->filled) {
        ssize_t n = recv(r->fd, r->buffer, sizeof r->buffer, 0);
        if (n == 0)
            return AT_END;
        if (n == -1 && errno != EINTR)
            return AT_ERROR;
        r->next = 0;
        r->filled = n == -1 ? 0 : (size_t)n;
    }
    return r->buffer[r->next++];
}

static int print_line(struct reader *r)
{
    unsigned char line[1024];
    size_t count = 0;
    int c = next_byte(r);
    for (; c >= 0 && c != '\n'; c = next_byte(r)) {
        line[count++] = (unsigned char)c;
        if (count == sizeof line) {
            errno = EMSGSIZE;
            return fail("recv");
        }
    }
    if (c == AT_ERROR)
        return fail("recv");
    line[count++] = '\n';
    if (fwrite(line, 1, count, stdout) != count || fflush(stdout) == EOF)
        return fail("fwrite");
    return 0;
}

static int send_line(int fd, const char *line)
{
    const char *end = line + strlen(line);
    do {
        ssize_t n = send(fd, line, (size_t)(end - line), MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return fail("send");
        line += n == -1 ? 0 : n;
    } while (line < end);
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return fail("puts");
    return 0;
}

static int converse(int fd)
{
    struct reader r;
    memset(&r, 0, sizeof r);
    r.fd = fd;
    return print_line(&r) == -1 ? -1 : send_line(fd, "Hello from server\n");
}

static int serve(int listener, unsigned long port)
{
    struct sockaddr_in a;
    struct sockaddr *name = (struct sockaddr *)&a;
    socklen_t size = sizeof a;
    int fd, on = 1;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons((in_port_t)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return fail("setsockopt");
    if (bind(listener, name, size) == -1)
        return fail("bind");
    if (listen(listener, SOMAXCONN) == -1)
        return fail("listen");
    if (getsockname(listener, name, &size) == -1)
        return fail("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n", (unsigned)ntohs(a.sin_port));
    do {
        size = sizeof a;
        fd = accept(listener, name, &size);
    } while (fd == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (fd == -1)
        return fail("accept");
    fprintf(stderr, "connection from %s:%u\n", inet_ntoa(a.sin_addr),
            (unsigned)ntohs(a.sin_port));
    int result = converse(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = fail("close");
    return result;
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
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return -fail("socket");
    int result = serve(listener, port);
    if (close(listener) == -1 && errno != EINTR)
        result = fail("close");
    return -result;
}
