/*
 * Style: stdio on the socket: one stream writes, a second one, on a duplicate
 * of the descriptor, reads. SIGPIPE is ignored, as stdio has no MSG_NOSIGNAL.
 * Right: the writing stream has no buffer, so a byte that a signal kept back is
 * known and written again; it is closed once the half-close is made.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int oops(const char *function)
{
    perror(function);
    return -1;
}

static int next(FILE *in)
{
    int c;
    while ((c = getc(in)) == EOF && ferror(in) && errno == EINTR)
        clearerr(in);
    return c;
}

static int end(FILE *stream)
{
    return fclose(stream) == EOF && errno != EINTR ? oops("fclose") : 0;
}

static int write_text(FILE *out, const char *text)
{
    if (setvbuf(out, NULL, _IONBF, 0) != 0)
        return oops("setvbuf");
    while (*text != '\0') {
        if (fputc(*text, out) != EOF)
            text++;
        else if (errno == EINTR)
            clearerr(out);
        else
            return oops("fputc");
    }
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return oops("puts");
    return shutdown(fileno(out), SHUT_WR) == -1 ? oops("shutdown") : 0;
}

static int read_line(FILE *in)
{
    char line[1024];
    size_t length = 0;
    int c;
    while ((c = next(in)) != EOF && c != '\n') {
        if (length == 1023) {
            errno = EMSGSIZE;
            return oops("recv");
        }
        line[length++] = (char)c;
    }
    if (c == EOF && ferror(in))
        return oops("getc");
    line[length++] = '\n';
    if (fwrite(line, 1, length, stdout) != length || fflush(stdout) == EOF)
        return oops("fwrite");
    while (c != EOF)
        c = next(in);
    return ferror(in) ? oops("getc") : 0;
}

/* Opens a stream on a duplicate of the socket. */
static FILE *stream_on(int sock, const char *mode)
{
    int twin = dup(sock);
    if (twin == -1) {
        oops("dup");
        return NULL;
    }
    FILE *stream = fdopen(twin, mode);
    if (stream == NULL) {
        oops("fdopen");
        close(twin);
    }
    return stream;
}

static int converse(int sock)
{
    FILE *out = stream_on(sock, "w");
    if (out == NULL)
        return -1;
    int result = write_text(out, "Hello from client\n");
    if (end(out) == -1 || result == -1)
        return -1;
    FILE *in = stream_on(sock, "r");
    if (in == NULL)
        return -1;
    result = read_line(in);
    return end(in) == -1 ? -1 : result;
}

static int connect_or_wait(int sock, const struct addrinfo *to)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (connect(sock, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EINTR)
        return oops("connect");
    struct pollfd writable = {sock, POLLOUT, 0};
    while (poll(&writable, 1, -1) == -1)
        if (errno != EINTR)
            return oops("poll");
    if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return oops("getsockopt");
    errno = error;
    return error == 0 ? 0 : oops("connect");
}

static int try_one(const struct addrinfo *to)
{
    char host[80], port[8];
    int sock = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (sock == -1)
        return oops("socket");
    if (connect_or_wait(sock, to) == -1) {
        close(sock);
        return -1;
    }
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        close(sock);
        return -1;
    }
    int v6 = strchr(host, ':') != NULL;
    fprintf(stderr, "connected to %s%s%s:%s\n", v6 ? "[" : "", host,
            v6 ? "]" : "", port);
    return sock;
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fputs("usage: client [HOST [PORT]]\n", stderr);
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -oops("signal");
    struct addrinfo want, *got, *to;
    memset(&want, 0, sizeof want);
    want.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &want, &got);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int sock = -1;
    for (to = got; to != NULL && sock == -1; to = to->ai_next)
        sock = try_one(to);
    freeaddrinfo(got);
    if (sock == -1)
        return 1;
    int result = converse(sock);
    if (close(sock) == -1 && errno != EINTR)
        result = oops("close");
    return -result;
}
