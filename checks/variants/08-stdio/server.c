/*
 * Style: stdio on the socket: one stream reads, a second one, on a duplicate of
 * the descriptor, writes. SIGPIPE is ignored, as stdio has no MSG_NOSIGNAL.
 * Right: the writing stream has no buffer, so a byte that a signal kept back is
 * known and written again; end of stream and error are told apart by ferror().
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int oops(const char *function)
{
    perror(function);
    return -1;
}

/* getc() that a signal does not end. */
static int next(FILE *in)
{
    int c;
    while ((c = getc(in)) == EOF && ferror(in) && errno == EINTR)
        clearerr(in);
    return c;
}

static int write_text(FILE *out, const char *text)
{
    while (*text != '\0') {
        if (putc(*text, out) != EOF)
            text++;
        else if (errno == EINTR)
            clearerr(out);
        else
            return oops("putc");
    }
    return 0;
}

static int relay_line(FILE *in)
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
    return 0;
}

/* From now on a read gives up with EAGAIN when nothing came for a second. */
static int drain(FILE *in)
{
    struct timeval limit = {1, 0};
    if (setsockopt(fileno(in), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit))
        return oops("setsockopt");
    while (next(in) != EOF)
        ;
    if (ferror(in) && errno != EAGAIN && errno != EWOULDBLOCK)
        return oops("getc");
    return 0;
}

static int talk(FILE *in, FILE *out)
{
    if (setvbuf(out, NULL, _IONBF, 0) != 0)
        return oops("setvbuf");
    if (relay_line(in) == -1 || write_text(out, "Hello from server\n") == -1)
        return -1;
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return oops("puts");
    if (shutdown(fileno(out), SHUT_WR) == -1)
        return oops("shutdown");
    return drain(in);
}

static int end(FILE *stream)
{
    return fclose(stream) == EOF && errno != EINTR ? oops("fclose") : 0;
}

static int end_fd(int fd)
{
    return close(fd) == -1 && errno != EINTR ? oops("close") : 0;
}

/* Takes over the socket. */
static int converse(int sock)
{
    int result = -1;
    int twin = dup(sock);
    FILE *out = twin == -1 ? NULL : fdopen(twin, "w");
    FILE *in = out == NULL ? NULL : fdopen(sock, "r");
    if (in != NULL)
        result = talk(in, out);
    else
        oops(twin == -1 ? "dup" : "fdopen");
    if ((in != NULL ? end(in) : end_fd(sock)) == -1)
        result = -1;
    if (out != NULL && end(out) == -1)
        result = -1;
    if (out == NULL && twin != -1)
        end_fd(twin);
    return result;
}

static int listen_on(int listener, const char *port)
{
    struct sockaddr_in sin;
    socklen_t size = sizeof sin;
    int set = 1;
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons((in_port_t)strtoul(port, NULL, 10));
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &set, sizeof set) == -1)
        return oops("setsockopt");
    if (bind(listener, (struct sockaddr *)&sin, sizeof sin) == -1)
        return oops("bind");
    if (listen(listener, SOMAXCONN) == -1)
        return oops("listen");
    if (getsockname(listener, (struct sockaddr *)&sin, &size) == -1)
        return oops("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n",
            (unsigned)ntohs(sin.sin_port));
    return 0;
}

int main(int argc, char **argv)
{
    const char *port = argc > 1 ? argv[1] : "8080";
    if (argc > 2 || !*port || port[strspn(port, "0123456789")] ||
        strtoul(port, NULL, 10) > 65535) {
        fputs("usage: server [PORT]\n", stderr);
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -oops("signal");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return -oops("socket");
    int sock = -1, result = listen_on(listener, port);
    struct sockaddr_in peer;
    while (result == 0 && sock == -1) {
        socklen_t size = sizeof peer;
        sock = accept(listener, (struct sockaddr *)&peer, &size);
        if (sock == -1 && errno != EINTR && errno != ECONNABORTED)
            result = oops("accept");
    }
    if (end_fd(listener) == -1) /* one guest is all we want */
        result = -1;
    if (sock != -1) {
        fprintf(stderr, "connection from %s:%u\n", inet_ntoa(peer.sin_addr),
                (unsigned)ntohs(peer.sin_port));
        if (converse(sock) == -1)
            result = -1;
    }
    return -result;
}
