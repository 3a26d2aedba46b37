/*
 * Style: plain read() and write(), the calls of any descriptor, for the socket
 * and for stdout alike; SIGPIPE is ignored because write() has no flag for it.
 * Right: it prints the line as soon as it is whole, then reads to the end.
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

static int complain(const char *call, const char *text)
{
    dprintf(STDERR_FILENO, "%s: %s\n", call, text);
    return -1;
}

static int is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = strtoul(text, NULL, 10);
    return digits > 0 && text[digits] == '\0' && 1 <= value && value <= 65535;
}

static int write_all(int fd, const char *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        ssize_t n = write(fd, bytes + done, count - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            return complain("write", strerror(errno));
    }
    return 0;
}

static ssize_t read_some(int fd, char *to, size_t room)
{
    ssize_t n;
    while ((n = read(fd, to, room)) == -1)
        if (errno != EINTR)
            return complain("read", strerror(errno));
    return n;
}

/* Waits for the end of a connect() that a signal interrupted. */
static int connect_outcome(int fd)
{
    struct pollfd output = {fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    while (poll(&output, 1, -1) == -1)
        if (errno != EINTR)
            return complain("poll", strerror(errno));
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return complain("getsockopt", strerror(errno));
    return error == 0 ? 0 : complain("connect", strerror(error));
}

static int reach(int fd, const struct addrinfo *ai)
{
    char host[64], port[6];
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) == -1) {
        if (errno != EINTR)
            return complain("connect", strerror(errno));
        if (connect_outcome(fd) == -1)
            return -1;
    }
    int bad = getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof host, port,
                          sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (bad)
        return complain("getnameinfo", gai_strerror(bad));
    dprintf(STDERR_FILENO,
            ai->ai_family == AF_INET6 ? "connected to [%s]:%s\n"
                                      : "connected to %s:%s\n",
            host, port);
    return 0;
}

static int drop(int fd)
{
    if (close(fd) == -1 && errno != EINTR)
        return complain("close", strerror(errno));
    return 0;
}

static int dial(const char *host, const char *port)
{
    struct addrinfo wish, *all;
    memset(&wish, 0, sizeof wish);
    wish.ai_socktype = SOCK_STREAM;
    int bad = getaddrinfo(host, port, &wish, &all);
    if (bad)
        return complain("getaddrinfo", gai_strerror(bad));
    int found = -1;
    for (const struct addrinfo *ai = all; ai && found < 0; ai = ai->ai_next) {
        int fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
        if (fd == -1)
            complain("socket", strerror(errno));
        else if (reach(fd, ai) == 0)
            found = fd;
        else
            drop(fd);
    }
    freeaddrinfo(all);
    return found;
}

static int converse(int fd)
{
    char line[1024];
    size_t used = 0;
    char *newline = NULL;
    if (write_all(fd, "Hello from client\n", 18) == -1 ||
        write_all(STDOUT_FILENO, "Hello message sent\n", 19) == -1)
        return -1;
    if (shutdown(fd, SHUT_WR) == -1)
        return complain("shutdown", strerror(errno));
    while (newline == NULL) {
        if (used == sizeof line)
            return complain("recv", strerror(EMSGSIZE));
        ssize_t n = read_some(fd, line + used, sizeof line - used);
        if (n == -1)
            return -1;
        newline =
            n == 0 ? line + used : (char *)memchr(line + used, '\n', (size_t)n);
        used += (size_t)n;
    }
    *newline = '\n';
    if (write_all(STDOUT_FILENO, line, (size_t)(newline - line) + 1) == -1)
        return -1;
    ssize_t n;
    do
        n = read_some(fd, line, sizeof line);
    while (n > 0);
    return (int)n;
}

int main(int argc, char **argv)
{
    if (argc > 3 || (argc == 3 && !is_port(argv[2]))) {
        dprintf(STDERR_FILENO, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -complain("signal", strerror(errno));
    int fd =
        dial(argc > 1 ? argv[1] : "127.0.0.1", argc > 2 ? argv[2] : "8080");
    if (fd == -1)
        return 1;
    int result = converse(fd);
    if (drop(fd) == -1)
        result = -1;
    return -result;
}
