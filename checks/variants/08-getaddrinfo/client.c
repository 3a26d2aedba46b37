/*
 * Style: getaddrinfo() is asked twice, for IPv6 first and then for IPv4, with a
 * loop over each list; the conversation begins inside the loop's function.
 * Right: a host that has only one of the two is no failure, each list is freed,
 * and only when neither is known is the error of the resolver reported.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fault(const char *function, const char *text)
{
    fprintf(stderr, "%s: %s\n", function, text);
    return -1;
}

static int fault_errno(const char *function)
{
    return fault(function, strerror(errno));
}

static int await_connection(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return fault_errno("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return fault_errno("getsockopt");
    return error == 0 ? 0 : fault("connect", strerror(error));
}

static int connect_one(const struct addrinfo *to, const char *form)
{
    char host[64], port[8];
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1)
        return fault_errno("socket");
    int result = connect(fd, to->ai_addr, to->ai_addrlen);
    if (result == -1)
        result = errno == EINTR ? await_connection(fd) : fault_errno("connect");
    if (result == 0) {
        result =
            getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host, port,
                        sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
        if (result == 0) {
            fprintf(stderr, form, host, port);
            return fd;
        }
        fault("getnameinfo", gai_strerror(result));
    }
    close(fd);
    return -1;
}

/* Returns a socket; or -1, and in *error why the name was not known, or 0. */
static int connect_by(int family, const char *form, char **where, int *error)
{
    struct addrinfo wanted, *list;
    int fd = -1;
    memset(&wanted, 0, sizeof wanted);
    wanted.ai_family = family;
    wanted.ai_socktype = SOCK_STREAM;
    *error = getaddrinfo(where[0], where[1], &wanted, &list);
    if (*error != 0)
        return -1;
    for (const struct addrinfo *to = list; to && fd == -1; to = to->ai_next)
        fd = connect_one(to, form);
    freeaddrinfo(list);
    return fd;
}

static int connect_to(char **where)
{
    int no6, no4;
    int fd = connect_by(AF_INET6, "connected to [%s]:%s\n", where, &no6);
    if (fd == -1)
        fd = connect_by(AF_INET, "connected to %s:%s\n", where, &no4);
    if (fd == -1 && no6 != 0 && no4 != 0)
        fault("getaddrinfo", gai_strerror(no4));
    return fd;
}

static int send_line(int fd, const char *line)
{
    const size_t length = strlen(line);
    size_t sent = 0;
    do {
        ssize_t n = send(fd, line + sent, length - sent, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return fault_errno("send");
        sent += n == -1 ? 0u : (size_t)n;
    } while (sent < length);
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return fault_errno("puts");
    return shutdown(fd, SHUT_WR) == -1 ? fault_errno("shutdown") : 0;
}

static ssize_t recv_again(int fd, char *to, size_t room)
{
    for (;;) {
        ssize_t n = recv(fd, to, room, 0);
        if (n >= 0 || errno != EINTR)
            return n == -1 ? fault_errno("recv") : n;
    }
}

static int recv_line(int fd)
{
    char line[1024], *end = NULL;
    size_t used = 0;
    ssize_t n = 1;
    while (end == NULL && n > 0) {
        if (used == sizeof line)
            return fault("recv", strerror(EMSGSIZE));
        n = recv_again(fd, line + used, sizeof line - used);
        if (n == -1)
            return -1;
        end = (char *)memchr(line + used, '\n', (size_t)n);
        used += (size_t)n;
    }
    if (end == NULL)
        end = line + used;
    *end = '\n';
    size_t length = (size_t)(end + 1 - line);
    if (fwrite(line, 1, length, stdout) != length || fflush(stdout) == EOF)
        return fault_errno("fwrite");
    while (n > 0)
        n = recv_again(fd, line, sizeof line);
    return (int)n;
}

static int port_is_valid(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = strtoul(text, NULL, 10);
    return text[digits] == '\0' && value > 0 && value <= 65535;
}

int main(int argc, char *argv[])
{
    char host[] = "127.0.0.1", port[] = "8080";
    char *where[] = {argc > 1 ? argv[1] : host, argc > 2 ? argv[2] : port};
    if (argc > 3 || !port_is_valid(where[1])) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    int fd = connect_to(where);
    if (fd == -1)
        return 1;
    int result = send_line(fd, "Hello from client\n");
    if (result == 0)
        result = recv_line(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = fault_errno("close");
    return result == 0 ? 0 : 1;
}
