/*
 * Style: select() before every call that could wait, on blocking sockets, and
 * one way out of each function, by goto.
 * Right: sets are made anew for each call, as select() changes them, and a
 * descriptor too big for a set is refused, not written past its end.
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

/* Waits until fd can be read (write 0) or written (write 1). */
static int wait_for(int fd, int write)
{
    int n;
    if (fd >= FD_SETSIZE) {
        errno = EBADF;
        return -1;
    }
    do {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        n = write ? select(fd + 1, NULL, &set, NULL, NULL)
                  : select(fd + 1, &set, NULL, NULL, NULL);
    } while (n == -1 && errno == EINTR);
    return n;
}

static int speak(int fd)
{
    static const char text[] = "Hello from client\n";
    const char *failed, *p = text;
    while (*p != '\0') {
        failed = "select";
        if (wait_for(fd, 1) == -1)
            goto out;
        ssize_t n = send(fd, p, strlen(p), MSG_NOSIGNAL);
        failed = "send";
        if (n == -1 && errno != EINTR)
            goto out;
        p += n > 0 ? n : 0;
    }
    failed = "fflush";
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        goto out;
    failed = "shutdown";
    if (shutdown(fd, SHUT_WR) == 0)
        return 0;
out:
    perror(failed);
    return -1;
}

/* recv() after a wait; says itself what went wrong. */
static ssize_t receive(int fd, char *to, size_t room)
{
    const char *failed;
    for (;;) {
        failed = "select";
        if (wait_for(fd, 0) == -1)
            goto out;
        ssize_t n = recv(fd, to, room, 0);
        failed = "recv";
        if (n == -1 && errno != EINTR)
            goto out;
        if (n != -1)
            return n;
    }
out:
    perror(failed);
    return -1;
}

static int listen_to(int fd)
{
    char line[1024];
    char *end = NULL;
    size_t used = 0;
    ssize_t n;
    do {
        if (used == sizeof line) {
            errno = EMSGSIZE;
            perror("recv");
            return -1;
        }
        n = receive(fd, line + used, sizeof line - used);
        if (n == -1)
            return -1;
        end = (char *)memchr(line + used, '\n', (size_t)n);
        used += (size_t)n;
    } while (n > 0 && end == NULL);
    if (end == NULL)
        end = line + used;
    *end++ = '\n';
    if (fwrite(line, (size_t)(end - line), 1, stdout) != 1 ||
        fflush(stdout) == EOF) {
        perror("fwrite");
        return -1;
    }
    while (n > 0)
        n = receive(fd, line, sizeof line);
    return (int)n;
}

static int join(const struct addrinfo *a)
{
    int error = 0;
    socklen_t size = sizeof error;
    const char *failed = "socket";
    int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd == -1)
        goto out;
    failed = "connect";
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    if (errno != EINTR)
        goto out;
    failed = "select";
    if (wait_for(fd, 1) == -1)
        goto out;
    failed = "getsockopt";
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        goto out;
    failed = "connect";
    errno = error;
    if (error == 0)
        return fd;
out:
    perror(failed);
    if (fd != -1)
        close(fd);
    return -1;
}

int main(int argc, char *argv[])
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "8080";
    int fd = -1, error, status = EXIT_FAILURE;
    struct addrinfo hints, *list = NULL, *a;
    char name[64], number[8];
    unsigned long value = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] != '\0' || value == 0 ||
        value > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    const char *failed = "getaddrinfo";
    error = getaddrinfo(host, port, &hints, &list);
    if (error != 0)
        goto gai;
    for (a = list; a != NULL && (fd = join(a)) == -1;)
        a = a->ai_next;
    if (fd == -1)
        goto out;
    failed = "getnameinfo";
    error = getnameinfo(a->ai_addr, a->ai_addrlen, name, sizeof name, number,
                        sizeof number, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0)
        goto gai;
    fprintf(stderr,
            strchr(name, ':') ? "connected to [%s]:%s\n"
                              : "connected to %s:%s\n",
            name, number);
    if (speak(fd) == 0 && listen_to(fd) == 0)
        status = EXIT_SUCCESS;
    goto out;
gai:
    fprintf(stderr, "%s: %s\n", failed, gai_strerror(error));
out:
    if (list != NULL)
        freeaddrinfo(list);
    if (fd != -1 && close(fd) == -1 && errno != EINTR) {
        perror("close");
        status = EXIT_FAILURE;
    }
    return status;
}
