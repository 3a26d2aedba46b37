/*
 * Style: one byte a call, in both directions and on stdout too (unbuffered).
 * Slow and right: a byte is either moved or it is not, so there are no short
 * counts. The line is printed when it is whole; the rest is read to the end.
 */
#define _POSIX_C_SOURCE 200112L

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define END (-1)
#define BROKEN (-2)

static int next_byte(int sock)
{
    unsigned char byte;
    ssize_t n;
    while ((n = recv(sock, &byte, 1, 0)) == -1 && errno == EINTR)
        ;
    return n == 1 ? byte : n == 0 ? END : BROKEN;
}

static int put_byte(int sock, char byte)
{
    ssize_t n;
    while ((n = send(sock, &byte, 1, MSG_NOSIGNAL)) == -1 && errno == EINTR)
        ;
    return n == 1 ? 0 : BROKEN;
}

static int complaint(const char *who)
{
    perror(who);
    return EXIT_FAILURE;
}

static int tell(int sock)
{
    for (const char *p = "Hello from client\n"; *p; p++)
        if (put_byte(sock, *p) == BROKEN)
            return complaint("send");
    if (puts("Hello message sent") == EOF)
        return complaint("puts");
    return shutdown(sock, SHUT_WR) == -1 ? complaint("shutdown") : EXIT_SUCCESS;
}

static int print(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (putchar(bytes[i]) == EOF)
            return complaint("putchar");
    return putchar('\n') == EOF ? complaint("putchar") : EXIT_SUCCESS;
}

static int hear(int sock)
{
    unsigned char heard[1023];
    size_t count = 0;
    int byte;
    while ((byte = next_byte(sock)) >= 0 && byte != '\n') {
        if (count == sizeof heard) {
            errno = EMSGSIZE;
            return complaint("recv");
        }
        heard[count++] = (unsigned char)byte;
    }
    if (byte == BROKEN)
        return complaint("recv");
    if (print(heard, count) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    while (byte >= 0)
        byte = next_byte(sock);
    return byte == BROKEN ? complaint("recv") : EXIT_SUCCESS;
}

/* Waits for a connection under way and reports how it went. */
static int outcome(int sock)
{
    struct pollfd watch = {sock, POLLOUT, 0};
    int error;
    socklen_t size = sizeof error;
    for (;;) {
        int n = poll(&watch, 1, -1);
        if (n == 1)
            break;
        if (errno != EINTR)
            return complaint("poll");
    }
    if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return complaint("getsockopt");
    errno = error;
    return error == 0 ? EXIT_SUCCESS : complaint("connect");
}

static int introduce(const struct sockaddr *to, socklen_t size)
{
    char host[64], port[6];
    int error = getnameinfo(to, size, host, sizeof host, port, sizeof port,
                            NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return EXIT_FAILURE;
    }
    if (to->sa_family == AF_INET6)
        fprintf(stderr, "connected to [%s]:%s\n", host, port);
    else
        fprintf(stderr, "connected to %s:%s\n", host, port);
    return EXIT_SUCCESS;
}

/* Tries one address; *reached says whether a connection came of it. */
static int visit(const struct addrinfo *to, int *reached)
{
    int sock = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (sock == -1)
        return complaint("socket");
    int status = EXIT_SUCCESS;
    if (connect(sock, to->ai_addr, to->ai_addrlen) == -1)
        status = errno == EINTR ? outcome(sock) : complaint("connect");
    *reached = status == EXIT_SUCCESS;
    if (*reached)
        status =
            introduce(to->ai_addr, to->ai_addrlen) || tell(sock) || hear(sock);
    if (close(sock) == -1 && errno != EINTR)
        status = complaint("close");
    return status;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    size_t digits = strspn(port, "0123456789");
    unsigned long value = strtoul(port, NULL, 10);
    if (argc > 3 || port[digits] != '\0' || value - 1 > 65534) {
        fputs("usage: client [HOST [PORT]]\n", stderr);
        return 2;
    }
    if (setvbuf(stdout, NULL, _IONBF, 0) != 0)
        return complaint("setvbuf");
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return EXIT_FAILURE;
    }
    int status = EXIT_FAILURE, reached = 0;
    for (struct addrinfo *to = list; to != NULL && !reached; to = to->ai_next)
        status = visit(to, &reached);
    freeaddrinfo(list);
    return status;
}
