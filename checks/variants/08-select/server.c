/*
 * Style: select() before every call that could wait, on blocking sockets, and
 * one way out of each function, by goto.
 * Right: sets and time limit are made anew for each call, as select() changes
 * them; a descriptor too big for a set is refused, not written past its end.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum direction { TO_READ, TO_WRITE };

/* Waits for a descriptor; NULL waits for ever. Returns 1, 0 (time), or -1. */
static int ready(int fd, enum direction direction, const struct timeval *limit)
{
    if (fd >= FD_SETSIZE) {
        errno = EBADF;
        return -1;
    }
    for (;;) {
        fd_set set;
        struct timeval left = {0, 0};
        if (limit != NULL)
            left = *limit;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        int n = select(fd + 1, direction == TO_READ ? &set : NULL,
                       direction == TO_WRITE ? &set : NULL, NULL,
                       limit != NULL ? &left : NULL);
        if (n != -1 || errno != EINTR)
            return n;
    }
}

static int reply(int conn)
{
    static const char text[] = "Hello from server\n";
    size_t sent = 0;
    while (text[sent] != '\0') {
        if (ready(conn, TO_WRITE, NULL) == -1)
            goto select_failed;
        ssize_t n = send(conn, text + sent, strlen(text + sent), MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            goto send_failed;
        if (n > 0)
            sent += (size_t)n;
    }
    printf("Hello message sent\n");
    if (fflush(stdout) == 0)
        return 0;
    perror("fflush");
    return -1;
select_failed:
    perror("select");
    return -1;
send_failed:
    perror("send");
    return -1;
}

static int receive(int conn)
{
    char line[1024];
    char *end = NULL;
    size_t used = 0;
    const char *failed = "recv";
    while (end == NULL) {
        if (used == sizeof line) {
            errno = EMSGSIZE;
            goto out;
        }
        if (ready(conn, TO_READ, NULL) == -1) {
            failed = "select";
            goto out;
        }
        ssize_t n = recv(conn, line + used, sizeof line - used, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            goto out;
        end =
            n == 0 ? line + used : (char *)memchr(line + used, '\n', (size_t)n);
        used += (size_t)n;
    }
    *end++ = '\n';
    failed = "fwrite";
    if (fwrite(line, (size_t)(end - line), 1, stdout) == 1 &&
        fflush(stdout) == 0)
        return 0;
out:
    perror(failed);
    return -1;
}

static int hang_up(int conn)
{
    const struct timeval second = {1, 0};
    char rest[4096];
    int n = 0;
    ssize_t got = 1;
    if (shutdown(conn, SHUT_WR) == -1) {
        perror("shutdown");
        return -1;
    }
    while (got != 0 && (n = ready(conn, TO_READ, &second)) == 1) {
        got = recv(conn, rest, sizeof rest, 0);
        if (got == -1 && errno != EINTR) {
            perror("recv");
            return -1;
        }
    }
    if (n == -1)
        perror("select");
    return n == -1 ? -1 : 0;
}

static int next_guest(int listener, struct sockaddr_in *guest)
{
    for (;;) {
        socklen_t size = sizeof *guest;
        if (ready(listener, TO_READ, NULL) == -1) {
            perror("select");
            return -1;
        }
        int conn = accept(listener, (struct sockaddr *)guest, &size);
        if (conn != -1)
            return conn;
        if (errno != EINTR && errno != ECONNABORTED) {
            perror("accept");
            return -1;
        }
    }
}

static int serve(unsigned short port)
{
    int status = EXIT_FAILURE, conn = -1, yes = 1;
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    const char *failed = "socket";
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        goto failure;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons(port);
    failed = "setsockopt";
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1)
        goto failure;
    failed = "bind";
    if (bind(listener, (struct sockaddr *)&name, sizeof name) == -1)
        goto failure;
    failed = "listen";
    if (listen(listener, 4) == -1)
        goto failure;
    failed = "getsockname";
    if (getsockname(listener, (struct sockaddr *)&name, &size) == -1)
        goto failure;
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(name.sin_port));
    conn = next_guest(listener, &name);
    if (conn == -1)
        goto out;
    fprintf(stderr, "connection from %s:%d\n", inet_ntoa(name.sin_addr),
            ntohs(name.sin_port));
    if (receive(conn) == 0 && reply(conn) == 0 && hang_up(conn) == 0)
        status = EXIT_SUCCESS;
    goto out;
failure:
    perror(failed);
out:
    failed = "close";
    if (conn != -1 && close(conn) == -1 && errno != EINTR) {
        perror(failed);
        status = EXIT_FAILURE;
    }
    if (listener != -1 && close(listener) == -1 && errno != EINTR) {
        perror(failed);
        status = EXIT_FAILURE;
    }
    return status;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 1 ? argv[1] : "8080";
    unsigned long value = strtoul(port, NULL, 10);
    if (argc > 2 || port[0] == '\0' || port[strspn(port, "0123456789")] != 0 ||
        value > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    return serve((unsigned short)value);
}
