/*
 * Style: all on the heap. The addresses are copied into an array of our own, so
 * that the resolver's list can be freed before the first attempt; the reply
 * lives in a buffer that grows by what is needed, up to 1024 bytes.
 * Right: the copies are deep, and each block is freed on each path.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct address {
    struct sockaddr_storage name;
    socklen_t size;
};

static int no(const char *call)
{
    perror(call);
    return -1;
}

/* Returns how many addresses there are in *copies, or -1; free() them. */
static int resolve(const char *host, const char *port, struct address **copies)
{
    struct addrinfo hints, *list, *a;
    int count = 0;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return -1;
    }
    for (a = list; a != NULL; a = a->ai_next)
        count++;
    *copies = (struct address *)calloc((size_t)count, sizeof **copies);
    count = 0;
    for (a = list; a != NULL && *copies != NULL; a = a->ai_next) {
        memcpy(&(*copies)[count].name, a->ai_addr, a->ai_addrlen);
        (*copies)[count++].size = a->ai_addrlen;
    }
    freeaddrinfo(list);
    return *copies != NULL ? count : no("calloc");
}

static int await(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    int error;
    socklen_t size = sizeof error;
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return no("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return no("getsockopt");
    errno = error;
    return error == 0 ? 0 : no("connect");
}

static void introduce(const struct address *to)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (to->name.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &to->name, sizeof six);
        inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
        fprintf(stderr, "connected to [%s]:%d\n", text, ntohs(six.sin6_port));
    } else {
        struct sockaddr_in four;
        memcpy(&four, &to->name, sizeof four);
        inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
        fprintf(stderr, "connected to %s:%d\n", text, ntohs(four.sin_port));
    }
}

static int dial(const struct address *to)
{
    int fd = socket(to->name.ss_family, SOCK_STREAM, 0);
    if (fd == -1)
        return no("socket");
    int result = connect(fd, (const struct sockaddr *)&to->name, to->size);
    if (result == -1)
        result = errno == EINTR ? await(fd) : no("connect");
    if (result == -1) {
        close(fd);
        return -1;
    }
    introduce(to);
    return fd;
}

static int tell(int fd)
{
    const char *rest = "Hello from client\n";
    while (*rest != '\0') {
        ssize_t n = send(fd, rest, strlen(rest), MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return no("send");
        rest += n == -1 ? 0 : n;
    }
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return no("fflush");
    return shutdown(fd, SHUT_WR) == -1 ? no("shutdown") : 0;
}

/* Adds bytes to the line, which has its own block. */
static int append(char **line, size_t *length, const char *bytes, size_t count)
{
    if (*length + count > 1023) {
        errno = EMSGSIZE;
        return no("recv");
    }
    char *larger = (char *)realloc(*line, *length + count + 1);
    if (larger == NULL)
        return no("realloc");
    memcpy(larger + *length, bytes, count);
    *line = larger;
    *length += count;
    return 0;
}

/* Collects the line and reads to the end of the stream. */
static int collect(int fd, char **line, size_t *length)
{
    char chunk[256];
    int whole = 0;
    for (;;) {
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return no("recv");
        if (n == 0)
            return 0;
        if (whole)
            continue;
        const char *end = (const char *)memchr(chunk, '\n', (size_t)n);
        whole = end != NULL;
        if (append(line, length, chunk,
                   whole ? (size_t)(end - chunk) : (size_t)n) == -1)
            return -1;
    }
}

static int hear(int fd)
{
    char *line = NULL;
    size_t length = 0;
    int result = collect(fd, &line, &length);
    if (result == 0) {
        if (line != NULL)
            fwrite(line, 1, length, stdout);
        putchar('\n');
        if (fflush(stdout) == EOF || ferror(stdout))
            result = no("fflush");
    }
    free(line);
    return result;
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    struct address *all = NULL;
    int count = resolve(argc > 1 ? argv[1] : "127.0.0.1", port, &all);
    int fd = -1;
    for (int i = 0; i < count && fd == -1; i++)
        fd = dial(&all[i]);
    free(all);
    if (fd == -1)
        return 1;
    int result = tell(fd);
    if (result == 0)
        result = hear(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = no("close");
    return -result;
}
