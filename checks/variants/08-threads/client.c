/*
 * Style: two threads on one socket: one sends and ends its side, the main one
 * receives meanwhile. Right: a socket goes both ways at once; the reply is
 * printed after the join, so the order of the lines is fixed; a sender that
 * fails ends both ways, so that nobody waits for an answer that cannot come.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct task {
    int fd;
    int status;
};

struct reply {
    char text[1024];
    size_t length;
    int error; /* of recv(), 0 for none */
};

static int complain(const char *call, int error)
{
    fprintf(stderr, "%s: %s\n", call, strerror(error));
    return 1;
}

static int print(const char *text, size_t length)
{
    if (fwrite(text, 1, length, stdout) < length || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        return complain("fwrite", errno);
    return 0;
}

static int tell(int fd)
{
    char text[] = "Hello from client\n";
    for (size_t at = 0; at < strlen(text);) {
        ssize_t n = send(fd, text + at, strlen(text) - at, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return complain("send", errno);
        at += n == -1 ? 0 : (size_t)n;
    }
    if (print("Hello message sent", 18) != 0)
        return 1;
    return shutdown(fd, SHUT_WR) == -1 ? complain("shutdown", errno) : 0;
}

static void *sender(void *argument)
{
    struct task *task = (struct task *)argument;
    task->status = tell(task->fd);
    if (task->status != 0)
        shutdown(task->fd,
                 SHUT_RDWR); /* wakes the receiver, whatever it says */
    return NULL;
}

/* Keeps the first line; reads on to the end of the stream. Returns an errno. */
static int hear(int fd, struct reply *reply)
{
    char chunk[1024];
    int whole = 0;
    for (;;) {
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n < 1)
            return n == 0 ? 0 : errno;
        for (ssize_t i = 0; i < n && !whole; i++) {
            whole = chunk[i] == '\n';
            if (!whole && reply->length == 1023)
                return EMSGSIZE;
            if (!whole)
                reply->text[reply->length++] = chunk[i];
        }
    }
}

static int converse(int fd)
{
    pthread_t thread;
    struct task task = {fd, 0};
    struct reply reply;
    reply.length = 0;
    int error = pthread_create(&thread, NULL, sender, &task);
    if (error != 0)
        return complain("pthread_create", error);
    reply.error = hear(fd, &reply);
    error = pthread_join(thread, NULL);
    if (error != 0)
        return complain("pthread_join", error);
    if (task.status != 0) /* reported by the sender, and cause of the rest */
        return 1;
    if (reply.error != 0)
        return complain("recv", reply.error);
    return print(reply.text, reply.length);
}

/* Waits for a connection that goes on behind a signal. */
static int await_connection(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error;
    socklen_t size = sizeof error;
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return complain("poll", errno);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return complain("getsockopt", errno);
    return error == 0 ? 0 : complain("connect", error);
}

static int open_connection(const struct addrinfo *to)
{
    char host[64], port[8];
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1)
        return -complain("socket", errno);
    int bad = 0;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == -1)
        bad =
            errno == EINTR ? await_connection(fd) : complain("connect", errno);
    if (!bad) {
        bad = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host, port,
                          sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
        if (bad)
            fprintf(stderr, "getnameinfo: %s\n", gai_strerror(bad));
    }
    if (bad) {
        close(fd);
        return -1;
    }
    const char *form[] = {"connected to %s:%s\n", "connected to [%s]:%s\n"};
    fprintf(stderr, form[to->ai_family == AF_INET6], host, port);
    return fd;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] != '\0' || number == 0 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    struct addrinfo hints, *list, *to;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int fd = -1;
    for (to = list; to != NULL && fd == -1; to = to->ai_next)
        fd = open_connection(to);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int status = converse(fd);
    if (close(fd) == -1 && errno != EINTR)
        status = complain("close", errno);
    return status;
}
