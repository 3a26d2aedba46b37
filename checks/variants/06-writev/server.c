/*
 * Style: the message is in three places and writev() gathers it; SIGPIPE is
 * ignored, for writev() has no flags. Right: after a short count the vectors
 * are rebuilt from the number of bytes that are gone.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define WORDS 3

static int bad(const char *call)
{
    perror(call);
    return 1;
}

/* Fills the vectors with what is behind the first `gone` bytes of the words. */
static int rest_of(const char *const word[], size_t gone, struct iovec *part)
{
    int parts = 0;
    for (int i = 0; i < WORDS; i++) {
        size_t length = strlen(word[i]);
        size_t skip = gone < length ? gone : length;
        gone -= skip;
        if (skip < length) {
            part[parts].iov_base = (void *)(word[i] + skip);
            part[parts++].iov_len = length - skip;
        }
    }
    return parts;
}

static int say(int conn)
{
    static const char *const word[WORDS] = {"Hello ", "from ", "server\n"};
    struct iovec part[WORDS];
    size_t gone = 0;
    int parts;
    while ((parts = rest_of(word, gone, part)) > 0) {
        ssize_t n = writev(conn, part, parts);
        if (n == -1 && errno != EINTR)
            return bad("writev");
        if (n > 0)
            gone += (size_t)n;
    }
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return bad("fflush");
    return 0;
}

static int serve(int listener, struct sockaddr_in *in)
{
    socklen_t size = sizeof *in;
    struct sockaddr *name = (struct sockaddr *)in;
    int conn, on = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return bad("setsockopt");
    if (bind(listener, name, size) == -1)
        return bad("bind");
    if (listen(listener, 4) == -1)
        return bad("listen");
    if (getsockname(listener, name, &size) == -1)
        return bad("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(in->sin_port) + 0u);
    while ((conn = accept(listener, name, &size)) == -1) {
        if (errno != EINTR && errno != ECONNABORTED)
            return bad("accept");
        size = sizeof *in;
    }
    fprintf(stderr, "connection from %s:%u\n", inet_ntoa(in->sin_addr),
            ntohs(in->sin_port) + 0u);
    int status = say(conn);
    if (close(conn) == -1 && errno != EINTR)
        status = bad("close");
    return status;
}

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || !*text || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fputs("usage: server [PORT]\n", stderr);
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return bad("signal");
    struct sockaddr_in in;
    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in.sin_port = htons((in_port_t)port);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return bad("socket");
    int status = serve(listener, &in);
    if (close(listener) == -1 && errno != EINTR)
        status = bad("close");
    return status;
}
