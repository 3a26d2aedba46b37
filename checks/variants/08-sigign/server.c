/*
 * Style: SIGPIPE is ignored for the whole program, so send() needs no flags;
 * stdout is line-buffered by setvbuf(), so printf() alone shows each line; the
 * reply goes out in two parts. Right: a stream has no messages, two calls make
 * one line, and a lost peer is EPIPE, which every part looks for.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int report(const char *function)
{
    fprintf(stderr, "%s: %s\n", function, strerror(errno));
    return 0;
}

static int send_part(int fd, const char *text)
{
    const char *end = strchr(text, '\0');
    for (ssize_t n = 0; text < end; text += n) {
        n = send(fd, text, (size_t)(end - text), 0);
        if (n < 0 && errno != EINTR)
            return report("send");
        if (n < 0)
            n = 0;
    }
    return 1;
}

static int print_message(const char *bytes, int count)
{
    int i;
    for (i = 0; i < count; i++)
        if (printf("%c", bytes[i]) < 0)
            return report("printf");
    return printf("\n") < 0 || ferror(stdout) ? report("printf") : 1;
}

/* Finds the newline among count bytes; count itself if there is none. */
static int line_length(const char *bytes, int count)
{
    int i = 0;
    while (i < count && bytes[i] != '\n')
        i++;
    return i;
}

static int receive_message(int fd)
{
    char buffer[1024];
    int count = 0;
    for (;;) {
        int n = (int)recv(fd, buffer + count, sizeof buffer - (size_t)count, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return report("recv");
        count += n;
        int length = line_length(buffer, count);
        if (length == (int)sizeof buffer) {
            errno = EMSGSIZE;
            return report("recv");
        }
        if (n == 0 || length < count)
            return print_message(buffer, length);
    }
}

static int wait_for_end(int fd)
{
    struct pollfd item;
    char rest[1000];
    item.fd = fd;
    item.events = POLLIN;
    for (;;) {
        int n = poll(&item, 1, 1000);
        if (n == 0)
            return 1;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return report("poll");
        ssize_t got = recv(fd, rest, sizeof rest, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return 1; /* all was said before: how it ends is the same to us */
        if (got < 0 && errno != EINTR)
            return report("recv");
    }
}

static int talk(int fd)
{
    if (!receive_message(fd))
        return 0;
    if (!send_part(fd, "Hello from ") || !send_part(fd, "server\n"))
        return 0;
    if (printf("Hello message sent\n") < 0 || ferror(stdout))
        return report("printf");
    if (shutdown(fd, SHUT_WR) < 0)
        return report("shutdown");
    return wait_for_end(fd);
}

static int make_address(struct sockaddr_in *address, const char *port)
{
    unsigned long number = strtoul(port, NULL, 10);
    if (*port == '\0' || port[strspn(port, "0123456789")] != '\0' ||
        number > 65535)
        return 0;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons((in_port_t)number);
    return inet_pton(AF_INET, "127.0.0.1", &address->sin_addr);
}

static int run(int listener, struct sockaddr_in *address)
{
    struct sockaddr *name = (struct sockaddr *)address;
    socklen_t size = sizeof *address;
    int yes = 1, fd;
    if (setvbuf(stdout, NULL, _IOLBF, BUFSIZ) != 0)
        return report("setvbuf");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0)
        return report("setsockopt");
    if (bind(listener, name, size) < 0)
        return report("bind");
    if (listen(listener, 7) < 0)
        return report("listen");
    if (getsockname(listener, name, &size) < 0)
        return report("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address->sin_port));
    do {
        size = sizeof *address;
        fd = accept(listener, name, &size);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return report("accept");
    fprintf(stderr, "connection from %s:%d\n", inet_ntoa(address->sin_addr),
            ntohs(address->sin_port));
    int good = talk(fd);
    if (close(fd) < 0 && errno != EINTR)
        good = report("close");
    return good;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    if (argc > 2 || !make_address(&address, argc == 2 ? argv[1] : "8080")) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return !report("signal");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0)
        return !report("socket");
    int good = run(listener, &address);
    if (close(listener) < 0 && errno != EINTR)
        good = report("close");
    return !good;
}
