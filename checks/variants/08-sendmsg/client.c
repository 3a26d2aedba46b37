/*
 * Style: sendmsg() and recvmsg(), the most general pair, with MSG_NOSIGNAL; the
 * functions answer true or false. Right: the reply is collected first, all that
 * follows its newline is dropped, and it is printed once the stream has ended.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool failed(const char *call, const char *why)
{
    fprintf(stderr, "%s: %s\n", call, why);
    return false;
}

static bool port_is_good(const char *text)
{
    unsigned long value = 0;
    if (*text == '\0')
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr("0123456789", *p) == NULL)
            return false;
        value = value * 10 + (unsigned long)(*p - '0');
        if (value > 65535)
            return false;
    }
    return value != 0;
}

static bool print(const char *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, stdout) != count)
        return failed("fwrite", strerror(errno));
    return fflush(stdout) == 0 || failed("fflush", strerror(errno));
}

static bool send_bytes(int fd, char *bytes, size_t count)
{
    struct iovec part = {bytes, count};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    while (part.iov_len > 0) {
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return failed("sendmsg", strerror(errno));
        if (n > 0) {
            part.iov_base = (char *)part.iov_base + n;
            part.iov_len -= (size_t)n;
        }
    }
    return true;
}

static bool receive_all(int fd)
{
    char line[1024], rest[1024];
    size_t used = 0;
    bool whole = false;
    for (;;) {
        struct iovec part = {line + used, sizeof line - used};
        if (whole) {
            part.iov_base = rest;
            part.iov_len = sizeof rest;
        }
        struct msghdr message;
        memset(&message, 0, sizeof message);
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        ssize_t n = recvmsg(fd, &message, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return failed("recvmsg", strerror(errno));
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n && !whole; i++) {
            whole = line[used] == '\n';
            used += !whole;
        }
        if (used == sizeof line)
            return failed("recv", strerror(EMSGSIZE));
    }
    line[used++] = '\n';
    return print(line, used);
}

static bool converse(int fd)
{
    char hello[] = "Hello from client\n";
    if (!send_bytes(fd, hello, strlen(hello)))
        return false;
    if (!print("Hello message sent\n", 19))
        return false;
    if (shutdown(fd, SHUT_WR) == -1)
        return failed("shutdown", strerror(errno));
    return receive_all(fd);
}

/* What became of a connect() that a signal interrupted. */
static bool connected_later(int fd)
{
    struct pollfd one = {fd, POLLOUT, 0};
    int ready, error = 0;
    socklen_t size = sizeof error;
    do
        ready = poll(&one, 1, -1);
    while (ready == -1 && errno == EINTR);
    if (ready == -1)
        return failed("poll", strerror(errno));
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return failed("getsockopt", strerror(errno));
    return error == 0 || failed("connect", strerror(error));
}

static bool connected(int fd, const struct addrinfo *to)
{
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return true;
    if (errno == EINTR)
        return connected_later(fd);
    return failed("connect", strerror(errno));
}

static bool describe(const struct addrinfo *to)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0)
        return failed("getnameinfo", gai_strerror(error));
    if (strchr(host, ':') == NULL)
        fprintf(stderr, "connected to %s:%s\n", host, port);
    else
        fprintf(stderr, "connected to [%s]:%s\n", host, port);
    return true;
}

int main(int argc, char *argv[])
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "8080";
    struct addrinfo hints, *list, *to;
    bool good = false;
    if (argc > 3 || !port_is_good(port)) {
        fprintf(stderr, "usage: %s [HOST [PORT]]\n", argv[0]);
        return 2;
    }
    memset(&hints, 0, sizeof hints);
    hints.ai_family = PF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0)
        return failed("getaddrinfo", gai_strerror(error)) ? 0 : 1;
    for (to = list; to != NULL; to = to->ai_next) {
        int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (fd == -1) {
            failed("socket", strerror(errno));
            continue;
        }
        bool reached = connected(fd, to);
        good = reached && describe(to) && converse(fd);
        if (close(fd) == -1 && errno != EINTR)
            good = failed("close", strerror(errno));
        if (reached)
            break;
    }
    freeaddrinfo(list);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
