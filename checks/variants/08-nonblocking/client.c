/*
 * Style: a non-blocking socket, optimistic: every call is made first, and only
 * when it answers EAGAIN does the program wait, in one small function.
 * Right: there is a wait behind every EAGAIN, so nothing spins, and the name of
 * the peer is announced only when SO_ERROR says that the connection stands.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int error(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int await(int fd, short events)
{
    struct pollfd p = {fd, events, 0};
    for (;;) {
        if (poll(&p, 1, -1) > 0)
            return 0;
        if (errno != EINTR)
            return error("poll");
    }
}

/* Waits if errno says that waiting helps. Returns 0 to try again, or -1. */
static int retry(const char *call, int fd, short events)
{
    if (errno == EINTR)
        return 0;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return await(fd, events);
    return error(call);
}

static int show(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        putc(text[i], stdout);
    putc('\n', stdout);
    fflush(stdout);
    return ferror(stdout) ? error("fflush") : 0;
}

static int transmit(int fd)
{
    static const char text[] = "Hello from client\n";
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = send(fd, &text[strlen(text) - left], left, MSG_NOSIGNAL);
        if (n == -1 && retry("send", fd, POLLOUT) == -1)
            return -1;
        if (n > 0)
            left -= (size_t)n;
    }
    if (show("Hello message sent", 18) == -1)
        return -1;
    return shutdown(fd, SHUT_WR) == -1 ? error("shutdown") : 0;
}

/* One successful recv(). */
static ssize_t receive_some(int fd, char *to, size_t room)
{
    ssize_t n;
    while ((n = recv(fd, to, room, 0)) == -1)
        if (retry("recv", fd, POLLIN) == -1)
            return -1;
    return n;
}

static int receive(int fd)
{
    char line[1024];
    size_t used = 0, length = 0;
    for (int whole = 0; !whole;) {
        ssize_t n = receive_some(fd, line + used, sizeof line - used);
        if (n == -1)
            return -1;
        used += (size_t)n;
        while (length < used && line[length] != '\n')
            length++;
        whole = n == 0 || length < used;
        if (length == sizeof line) {
            errno = EMSGSIZE;
            return error("recv");
        }
    }
    if (show(line, length) == -1)
        return -1;
    for (;;) {
        ssize_t n = receive_some(fd, line, sizeof line);
        if (n < 1)
            return (int)n;
    }
}

static void announce(const struct addrinfo *ai)
{
    struct sockaddr_storage any;
    struct sockaddr_in *four = (struct sockaddr_in *)&any;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&any;
    char text[INET6_ADDRSTRLEN] = "";
    memcpy(&any, ai->ai_addr, ai->ai_addrlen);
    if (any.ss_family == AF_INET6)
        fprintf(stderr, "connected to [%s]:%" PRIu16 "\n",
                inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text),
                ntohs(six->sin6_port));
    else
        fprintf(stderr, "connected to %s:%" PRIu16 "\n",
                inet_ntop(AF_INET, &four->sin_addr, text, sizeof text),
                ntohs(four->sin_port));
}

static int reach(int fd, const struct addrinfo *ai)
{
    int outcome;
    socklen_t size = sizeof outcome;
    int flags = fcntl(fd, F_GETFL, 0);
    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
        return error("fcntl");
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) == -1) {
        if (errno != EINPROGRESS && errno != EINTR)
            return error("connect");
        if (await(fd, POLLOUT) == -1)
            return -1;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &outcome, &size) == -1)
            return error("getsockopt");
        if ((errno = outcome) != 0)
            return error("connect");
    }
    announce(ai);
    return 0;
}

static int finish(int fd)
{
    return close(fd) == -1 && errno != EINTR ? error("close") : 0;
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    uintmax_t number = strtoumax(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    int code =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (code != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(code));
        return 1;
    }
    int fd = -1;
    for (struct addrinfo *ai = list; ai && fd == -1; ai = ai->ai_next) {
        fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
        if (fd == -1) {
            error("socket");
        } else if (reach(fd, ai) == -1) {
            finish(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int result = transmit(fd);
    if (result == 0)
        result = receive(fd);
    return finish(fd) == -1 || result == -1;
}
