/*
 * Style: a child process speaks and ends this side of the connection, for both
 * processes have the same socket; the parent waits for it, then listens.
 * Right: each process closes what it has, and the child's failure is ours.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <netdb.h>
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

static int gai_fail(const char *call, int error)
{
    dprintf(2, "%s: %s\n", call, gai_strerror(error));
    return EXIT_FAILURE;
}

static int put_line(const char *text, size_t length)
{
    if (fwrite(text, 1, length, stdout) < length || puts("") == EOF ||
        fflush(stdout) == EOF)
        return fail("fflush");
    return EXIT_SUCCESS;
}

/* The child's part. */
static int speak(int conn, const char *text)
{
    do {
        ssize_t n = send(conn, text, strlen(text), MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return fail("send");
        if (n > 0)
            text += n;
    } while (*text);
    if (put_line("Hello message sent", 18) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    return shutdown(conn, SHUT_WR) == -1 ? fail("shutdown") : EXIT_SUCCESS;
}

static ssize_t receive(int conn, char *to, size_t room)
{
    ssize_t n;
    do
        n = recv(conn, to, room, 0);
    while (n == -1 && errno == EINTR);
    return n;
}

/* The parent's part. */
static int hear(int conn)
{
    char text[1024];
    size_t length = 0, newline = sizeof text;
    ssize_t n = 1;
    while (n > 0 && newline == sizeof text) {
        n = receive(conn, text + length, sizeof text - length);
        if (n == -1)
            return fail("recv");
        char *found = (char *)memchr(text + length, '\n', (size_t)n);
        length += (size_t)n;
        if (found != NULL || n == 0)
            newline = found != NULL ? (size_t)(found - text) : length;
        else if (length == sizeof text) {
            errno = EMSGSIZE;
            return fail("recv");
        }
    }
    if (put_line(text, newline) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    while (n > 0)
        n = receive(conn, text, sizeof text);
    return n == -1 ? fail("recv") : EXIT_SUCCESS;
}

static int reap(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) == -1)
        if (errno != EINTR)
            return fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static int connected(int fd, const struct addrinfo *to)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error = connect(fd, to->ai_addr, to->ai_addrlen) == -1 ? errno : 0;
    socklen_t size = sizeof error;
    if (error == EINTR) { /* it goes on by itself: wait for the outcome */
        while (poll(&p, 1, -1) == -1)
            if (errno != EINTR)
                return fail("poll") == EXIT_SUCCESS;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
            return fail("getsockopt") == EXIT_SUCCESS;
    }
    errno = error;
    return error == 0 || fail("connect") == EXIT_SUCCESS;
}

static int connect_any(const struct addrinfo *to)
{
    char host[64], port[6];
    for (; to != NULL; to = to->ai_next) {
        int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (fd == -1) {
            fail("socket");
            continue;
        }
        if (connected(fd, to)) {
            int error =
                getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
            if (error == 0) {
                int v6 = to->ai_family == AF_INET6;
                dprintf(2, "connected to %s%s%s:%s\n", v6 ? "[" : "", host,
                        v6 ? "]" : "", port);
                return fd;
            }
            gai_fail("getnameinfo", error);
        }
        close(fd);
    }
    return -1;
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || number - 1 >= 65535 || port[strspn(port, "0123456789")]) {
        dprintf(2, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0)
        return gai_fail("getaddrinfo", error);
    int conn = connect_any(list);
    freeaddrinfo(list);
    if (conn == -1)
        return EXIT_FAILURE;

    pid_t child = fork();
    int status;
    if (child == -1)
        status = fail("fork");
    else if (child == 0)
        status = speak(conn, "Hello from client\n");
    else
        status = reap(child);
    if (child > 0 && status == EXIT_SUCCESS)
        status = hear(conn);
    if (close(conn) == -1 && errno != EINTR)
        status = fail("close");
    return status;
}
