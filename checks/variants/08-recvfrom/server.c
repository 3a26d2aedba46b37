/*
 * Style: sendto() and recvfrom() without an address, which is what send() and
 * recv() are underneath; select() measures the second of silence.
 * Right: a NULL address is allowed on a connected socket (POSIX).
 */
#define _XOPEN_SOURCE 600

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING "Hello from server\n"

static int error(const char *what)
{
    perror(what);
    return 1;
}

static int send_text(int peer, const char *text)
{
    const char *end = text + strlen(text);
    while (text != end) {
        ssize_t n =
            sendto(peer, text, (size_t)(end - text), MSG_NOSIGNAL, NULL, 0);
        if (n >= 0)
            text += n;
        else if (errno != EINTR)
            return error("sendto");
    }
    return 0;
}

static int receive_text(int peer, char *text, size_t room, size_t *length)
{
    char *next = text, *limit = text + room, *newline = NULL;
    while (newline == NULL && next != limit) {
        ssize_t n = recvfrom(peer, next, (size_t)(limit - next), 0, NULL, NULL);
        if (n == 0)
            break;
        if (n > 0) {
            newline = (char *)memchr(next, '\n', (size_t)n);
            next += n;
        } else if (errno != EINTR) {
            return error("recvfrom");
        }
    }
    if (newline == NULL && next == limit) {
        errno = EMSGSIZE;
        return error("recv");
    }
    *length = (size_t)((newline != NULL ? newline : next) - text);
    return 0;
}

/* Waits at most a second: 1 for input, 0 for silence, -1 for failure. */
static int await_input(int peer)
{
    for (;;) {
        fd_set set;
        struct timeval second = {1, 0}; /* Linux changes it: set anew */
        FD_ZERO(&set);
        FD_SET(peer, &set);
        int n = select(peer + 1, &set, NULL, NULL, &second);
        if (n != -1 || errno != EINTR)
            return n;
    }
}

static int see_off(int peer)
{
    char rest[2048];
    if (shutdown(peer, SHUT_WR) == -1)
        return error("shutdown");
    for (;;) {
        int input = await_input(peer);
        if (input == -1)
            return error("select");
        if (input == 0)
            return 0;
        ssize_t n = recvfrom(peer, rest, sizeof rest, 0, NULL, NULL);
        if (n == 0)
            return 0;
        if (n == -1 && errno != EINTR)
            return error("recvfrom");
    }
}

static int talk(int peer)
{
    char text[1024];
    size_t length;
    if (peer >= FD_SETSIZE) { /* select() could not watch it */
        errno = EMFILE;
        return error("select");
    }
    if (receive_text(peer, text, sizeof text, &length) != 0)
        return 1;
    fwrite(text, 1, length, stdout);
    fputc('\n', stdout);
    if (fflush(stdout) == EOF || ferror(stdout))
        return error("fflush");
    if (send_text(peer, GREETING) != 0)
        return 1;
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return error("fflush");
    return see_off(peer);
}

static int accept_and_talk(int listener)
{
    struct sockaddr_in who;
    socklen_t size = sizeof who;
    char name[INET_ADDRSTRLEN];
    int peer = accept(listener, (struct sockaddr *)&who, &size);
    if (peer == -1 && (errno == EINTR || errno == ECONNABORTED))
        return accept_and_talk(listener);
    if (peer == -1)
        return error("accept");
    fprintf(stderr, "connection from %s:%d\n",
            inet_ntop(AF_INET, &who.sin_addr, name, sizeof name),
            ntohs(who.sin_port));
    int status = talk(peer);
    if (close(peer) == -1 && errno != EINTR)
        status = error("close");
    return status;
}

static int run(int listener, unsigned port)
{
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    int one = 1;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_port = htons((in_port_t)port);
    name.sin_addr.s_addr = htonl(0x7f000001);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == -1)
        return error("setsockopt");
    if (bind(listener, (struct sockaddr *)&name, sizeof name) == -1)
        return error("bind");
    if (listen(listener, SOMAXCONN) == -1)
        return error("listen");
    if (getsockname(listener, (struct sockaddr *)&name, &size) == -1)
        return error("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(name.sin_port));
    return accept_and_talk(listener);
}

int main(int argc, char **argv)
{
    const char *port = argc > 1 ? argv[1] : "8080";
    if (argc > 2 || *port == '\0' ||
        strspn(port, "0123456789") != strlen(port) ||
        strtoul(port, NULL, 10) > 65535) {
        fputs("usage: server [PORT]\n", stderr);
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return error("socket");
    int status = run(listener, (unsigned)strtoul(port, NULL, 10));
    if (close(listener) == -1 && errno != EINTR)
        status = error("close");
    return status;
}
