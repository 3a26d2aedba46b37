/*
 * Style: the message lives on the heap, in a buffer that doubles from 16 bytes
 * up to the 1024 that the longest line needs.
 * Right: the buffer is freed on each path, also where realloc() fails, which
 * leaves the old block to us.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct buffer {
    char *bytes;
    size_t used, size;
};

static int no(const char *call)
{
    perror(call);
    return -1;
}

/* Makes room for at least one byte more. */
static int grow(struct buffer *b)
{
    size_t size = b->size == 0 ? 16 : b->size * 2;
    if (b->used < b->size)
        return 0;
    if (size > 1024) {
        errno = EMSGSIZE;
        return no("recv");
    }
    char *bytes = (char *)realloc(b->bytes, size);
    if (bytes == NULL)
        return no("realloc");
    b->bytes = bytes;
    b->size = size;
    return 0;
}

/* Fills the buffer up to the newline, which is not counted, or the end. */
static int fill(struct buffer *b, int conn)
{
    for (;;) {
        if (grow(b) == -1)
            return -1;
        ssize_t n = recv(conn, b->bytes + b->used, b->size - b->used, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return no("recv");
        char *end = (char *)memchr(b->bytes + b->used, '\n', (size_t)n);
        b->used = end != NULL ? (size_t)(end - b->bytes) : b->used + (size_t)n;
        if (end != NULL || n == 0)
            return 0;
    }
}

static int hear(int conn)
{
    struct buffer b = {NULL, 0, 0};
    int result = fill(&b, conn);
    if (result == 0) {
        fwrite(b.bytes, 1, b.used, stdout);
        fputs("\n", stdout);
        if (fflush(stdout) == EOF || ferror(stdout))
            result = no("fflush");
    }
    free(b.bytes);
    return result;
}

static int answer(int conn)
{
    char *text = strdup("Hello from server\n");
    size_t sent = 0, length = text != NULL ? strlen(text) : 0;
    int result = text != NULL ? 0 : no("strdup");
    while (result == 0 && sent < length) {
        ssize_t n = send(conn, text + sent, length - sent, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            result = no("send");
        else if (n != -1)
            sent += (size_t)n;
    }
    free(text);
    if (result == 0 && (puts("Hello message sent") == EOF || fflush(stdout)))
        result = no("fflush");
    return result;
}

/* Drops what still comes, 256 bytes at a time, until the end or silence. */
static int drop(int conn)
{
    struct pollfd p = {conn, POLLIN, 0};
    ssize_t n = 1;
    if (shutdown(conn, SHUT_WR) == -1)
        return no("shutdown");
    char *bin = (char *)malloc(256);
    if (bin == NULL)
        return no("malloc");
    const char *failed = NULL;
    while (n != 0 && failed == NULL) {
        int ready = poll(&p, 1, 1000);
        if (ready == 0)
            break;
        if (ready == -1 && errno != EINTR)
            failed = "poll";
        if (ready == 1 && (n = recv(conn, bin, 256, 0)) == -1 && errno != EINTR)
            failed = "recv";
    }
    int result = failed == NULL ? 0 : no(failed);
    free(bin);
    return result;
}

static int take(int listener)
{
    struct sockaddr_in who;
    socklen_t size = sizeof who;
    int conn;
    while ((conn = accept(listener, (struct sockaddr *)&who, &size)) == -1) {
        if (errno != EINTR && errno != ECONNABORTED)
            return no("accept");
        size = sizeof who;
    }
    fprintf(stderr, "connection from %s:%u\n", inet_ntoa(who.sin_addr),
            (unsigned)ntohs(who.sin_port));
    int result = hear(conn);
    if (result == 0)
        result = answer(conn);
    if (result == 0)
        result = drop(conn);
    if (close(conn) == -1 && errno != EINTR)
        result = no("close");
    return result;
}

static int offer(int listener, unsigned long port)
{
    int on = 1, result = -1;
    socklen_t size = sizeof(struct sockaddr_in);
    struct sockaddr_in *where = (struct sockaddr_in *)calloc(1, size);
    struct sockaddr *name = (struct sockaddr *)where;
    if (where == NULL)
        return no("calloc");
    where->sin_family = AF_INET;
    where->sin_port = htons((in_port_t)port);
    where->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        no("setsockopt");
    else if (bind(listener, name, size) == -1)
        no("bind");
    else if (listen(listener, 9) == -1)
        no("listen");
    else if (getsockname(listener, name, &size) == -1)
        no("getsockname");
    else
        result = fprintf(stderr, "listening on 127.0.0.1:%u\n",
                         (unsigned)ntohs(where->sin_port)) > 0
                     ? 0
                     : -1;
    free(where);
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
        return -no("socket");
    int result = offer(listener, port);
    if (result == 0)
        result = take(listener);
    if (close(listener) == -1 && errno != EINTR)
        result = no("close");
    return -result;
}
