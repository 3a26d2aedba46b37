/*
 * Style: a child process holds the conversation, as in a server for many; the
 * parent waits for it and ends with its status.
 * Right: each process closes every descriptor it has, the child is always
 * waited for, and nothing is in a stdio buffer when the process is doubled.
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
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *call)
{
    dprintf(2, "%s: %s\n", call, strerror(errno));
    return EXIT_FAILURE;
}

static int put_line(const char *text, size_t length)
{
    if (fwrite(text, 1, length, stdout) < length || puts("") == EOF ||
        fflush(stdout) == EOF)
        return fail("fflush");
    return EXIT_SUCCESS;
}

static int hear(int conn)
{
    char text[1024], *fresh = text;
    char *const limit = text + sizeof text;
    while (fresh < limit) {
        ssize_t n = recv(conn, fresh, (size_t)(limit - fresh), 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("recv");
        for (char *end = fresh + n; fresh < end; fresh++)
            if (*fresh == '\n')
                return put_line(text, (size_t)(fresh - text));
        if (n == 0)
            return put_line(text, (size_t)(fresh - text));
    }
    errno = EMSGSIZE;
    return fail("recv");
}

static int answer(int conn, const char *text)
{
    do {
        ssize_t n = send(conn, text, strlen(text), MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return fail("send");
        if (n > 0)
            text += n;
    } while (*text);
    return put_line("Hello message sent", 18);
}

static int wave(int conn)
{
    struct pollfd p = {conn, POLLIN, 0};
    char rest[512];
    ssize_t n = 1;
    if (shutdown(conn, SHUT_WR) == -1)
        return fail("shutdown");
    while (n > 0) {
        int ready = poll(&p, 1, 1000);
        if (ready == 0)
            break;
        if (ready == -1 && errno != EINTR)
            return fail("poll");
        n = ready == -1 ? 1 : recv(conn, rest, sizeof rest, 0);
        if (n == -1 && errno != EINTR)
            return fail("recv");
        n = n == -1 ? 1 : n;
    }
    return EXIT_SUCCESS;
}

static int done_with(int fd)
{
    return close(fd) == -1 && errno != EINTR ? fail("close") : EXIT_SUCCESS;
}

/* Returns the exit status of the child, failure if a signal ended it. */
static int reap(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) == -1)
        if (errno != EINTR)
            return fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* What both processes have in common ends here: each closes what it has. */
static int delegate(int listener, int conn)
{
    int status = EXIT_SUCCESS;
    pid_t child = fork();
    if (child == -1)
        status = fail("fork");
    if (child != 0) { /* the parent: the connection is the child's affair */
        status |= done_with(conn);
        if (child != -1)
            status |= reap(child);
        return status | done_with(listener);
    }
    status = done_with(listener);
    if (status == EXIT_SUCCESS)
        status = hear(conn);
    if (status == EXIT_SUCCESS)
        status = answer(conn, "Hello from server\n");
    if (status == EXIT_SUCCESS)
        status = wave(conn);
    return done_with(conn) | status;
}

static int accept_one(int listener)
{
    struct sockaddr_in guest;
    char name[INET_ADDRSTRLEN] = "";
    int conn;
    do {
        socklen_t length = sizeof guest;
        conn = accept(listener, (struct sockaddr *)&guest, &length);
    } while (conn == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (conn == -1)
        return -fail("accept");
    inet_ntop(AF_INET, &guest.sin_addr, name, sizeof name);
    dprintf(2, "connection from %s:%d\n", name, ntohs(guest.sin_port));
    return conn;
}

static int open_at(int listener, unsigned long port)
{
    struct sockaddr_in sin;
    socklen_t length = sizeof sin;
    int set = 1;
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons((in_port_t)port);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &set, sizeof set) == -1)
        return fail("setsockopt");
    if (bind(listener, (struct sockaddr *)&sin, sizeof sin) == -1)
        return fail("bind");
    if (listen(listener, 20) == -1)
        return fail("listen");
    if (getsockname(listener, (struct sockaddr *)&sin, &length) == -1)
        return fail("getsockname");
    dprintf(2, "listening on 127.0.0.1:%d\n", ntohs(sin.sin_port));
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] ||
        port > 65535) {
        dprintf(2, "usage: server [PORT]\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return fail("socket");
    int conn = -1;
    if (open_at(listener, port) == EXIT_SUCCESS)
        conn = accept_one(listener);
    if (conn == -1)
        return done_with(listener) | EXIT_FAILURE;
    return delegate(listener, conn);
}
