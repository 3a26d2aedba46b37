/*
 * Style: sendto() and recvfrom() without an address, which is what send() and
 * recv() are underneath; nothing is said of a failed attempt until the last.
 * Right: a NULL address is allowed on a connected socket (POSIX).
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING "Hello from client\n"

static int error(const char *what)
{
    perror(what);
    return 1;
}

static int print(const char *text, size_t length)
{
    fwrite(text, 1, length, stdout);
    fputc('\n', stdout);
    return fflush(stdout) == EOF || ferror(stdout) ? error("fflush") : 0;
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

/* recvfrom() that no signal interrupts. */
static ssize_t get(int peer, char *to, size_t room)
{
    ssize_t n = recvfrom(peer, to, room, 0, NULL, NULL);
    return n == -1 && errno == EINTR ? get(peer, to, room) : n;
}

static int receive_text(int peer)
{
    char text[1024];
    char *next = text, *limit = text + sizeof text, *newline = NULL;
    ssize_t n = 1;
    while (newline == NULL && n != 0) {
        n = get(peer, next, (size_t)(limit - next));
        if (n == -1)
            return error("recvfrom");
        newline = n > 0 ? (char *)memchr(next, '\n', (size_t)n) : next;
        next += n;
        if (newline == NULL && next == limit) {
            errno = EMSGSIZE;
            return error("recv");
        }
    }
    if (print(text, (size_t)(newline - text)) != 0)
        return 1;
    while (n > 0)
        n = get(peer, text, sizeof text);
    return n == -1 ? error("recvfrom") : 0;
}

/* Connects. Returns NULL, or the name of the call that failed, with errno. */
static const char *attempt(int fd, const struct sockaddr *to, socklen_t size)
{
    int outcome, ready;
    socklen_t outcome_size = sizeof outcome;
    if (connect(fd, to, size) == 0)
        return NULL;
    if (errno != EINTR || fd >= FD_SETSIZE)
        return "connect";
    do { /* interrupted, but under way */
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        ready = select(fd + 1, NULL, &set, NULL, NULL);
    } while (ready == -1 && errno == EINTR);
    if (ready == -1)
        return "select";
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &outcome, &outcome_size) == -1)
        return "getsockopt";
    errno = outcome;
    return outcome == 0 ? NULL : "connect";
}

/* Leaves in *to the address that was reached. */
static int call(const struct addrinfo **to)
{
    const char *failed = NULL;
    int reason = 0;
    for (; *to != NULL; *to = (*to)->ai_next) {
        int fd = socket((*to)->ai_family, (*to)->ai_socktype, 0);
        failed = "socket";
        if (fd != -1)
            failed = attempt(fd, (*to)->ai_addr, (*to)->ai_addrlen);
        if (failed == NULL)
            return fd;
        reason = errno;
        if (fd != -1)
            close(fd);
    }
    errno = reason;
    error(failed);
    return -1;
}

static int introduce(const struct addrinfo *to)
{
    char host[64], port[8];
    int bad = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host, port,
                          sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (bad != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(bad));
        return 1;
    }
    const char *before = to->ai_family == AF_INET6 ? "[" : "";
    const char *after = to->ai_family == AF_INET6 ? "]" : "";
    fprintf(stderr, "connected to %s%s%s:%s\n", before, host, after, port);
    return 0;
}

static int talk(int fd)
{
    if (send_text(fd, GREETING) != 0)
        return 1;
    if (print("Hello message sent", strlen("Hello message sent")) != 0)
        return 1;
    if (shutdown(fd, SHUT_WR) == -1)
        return error("shutdown");
    return receive_text(fd);
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || strspn(port, "0123456789") != strlen(port) || number < 1 ||
        number > 65535) {
        fputs("usage: client [HOST [PORT]]\n", stderr);
        return 2;
    }
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int bad =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (bad != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(bad));
        return 1;
    }
    const struct addrinfo *reached = list;
    int fd = call(&reached);
    int status = fd == -1 || introduce(reached) || talk(fd);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    if (close(fd) == -1 && errno != EINTR)
        status = error("close");
    return status;
}
