/*
 * Style: one byte a call, in both directions and on stdout too (unbuffered).
 * Slow and right: a byte is either moved or it is not, so there are no short
 * counts, and nothing behind the newline is taken before the reply.
 */
#define _POSIX_C_SOURCE 200112L

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define END (-1)
#define BROKEN (-2)

/* The next byte of the stream (0 to 255), END, or BROKEN with errno set. */
static int next_byte(int sock)
{
    unsigned char byte;
    for (;;) {
        ssize_t n = recv(sock, &byte, 1, 0);
        if (n == 1)
            return byte;
        if (n == 0)
            return END;
        if (errno != EINTR)
            return BROKEN;
    }
}

static int put_byte(int sock, char byte)
{
    for (;;) {
        if (send(sock, &byte, 1, MSG_NOSIGNAL) == 1)
            return 0;
        if (errno != EINTR)
            return BROKEN;
    }
}

static int complaint(const char *who)
{
    perror(who);
    return EXIT_FAILURE;
}

static int hear(int sock)
{
    unsigned char heard[1023];
    int count = 0, byte;
    while ((byte = next_byte(sock)) >= 0 && byte != '\n') {
        if (count == (int)sizeof heard) {
            errno = EMSGSIZE;
            return complaint("recv");
        }
        heard[count++] = (unsigned char)byte;
    }
    if (byte == BROKEN)
        return complaint("recv");
    for (int i = 0; i < count; i++)
        if (putchar(heard[i]) == EOF)
            return complaint("putchar");
    return putchar('\n') == EOF ? complaint("putchar") : EXIT_SUCCESS;
}

static int answer(int sock)
{
    for (const char *p = "Hello from server\n"; *p; p++)
        if (put_byte(sock, *p) == BROKEN)
            return complaint("send");
    return puts("Hello message sent") == EOF ? complaint("puts") : EXIT_SUCCESS;
}

static int part(int sock)
{
    if (shutdown(sock, SHUT_WR) == -1)
        return complaint("shutdown");
    for (;;) {
        struct pollfd silence = {sock, POLLIN, 0};
        int n = poll(&silence, 1, 1000);
        if (n == -1 && errno != EINTR)
            return complaint("poll");
        if (n == 0)
            return EXIT_SUCCESS;
        int byte = n == 1 ? next_byte(sock) : 0;
        if (byte == BROKEN)
            return complaint("recv");
        if (byte == END)
            return EXIT_SUCCESS;
    }
}

static int meet(int listener)
{
    struct sockaddr_in peer;
    char text[INET_ADDRSTRLEN] = "";
    socklen_t size = sizeof peer;
    int sock = accept(listener, (struct sockaddr *)&peer, &size);
    while (sock == -1 && (errno == EINTR || errno == ECONNABORTED)) {
        size = sizeof peer;
        sock = accept(listener, (struct sockaddr *)&peer, &size);
    }
    if (sock == -1)
        return complaint("accept");
    inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
    fprintf(stderr, "connection from %s:%hu\n", text, ntohs(peer.sin_port));

    int status = hear(sock);
    if (status == EXIT_SUCCESS)
        status = answer(sock);
    if (status == EXIT_SUCCESS)
        status = part(sock);
    if (close(sock) == -1 && errno != EINTR)
        status = complaint("close");
    return status;
}

static int open_up(int listener, unsigned short port)
{
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    int one = 1;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one))
        return complaint("setsockopt");
    if (bind(listener, (const struct sockaddr *)&name, sizeof name))
        return complaint("bind");
    if (listen(listener, 3))
        return complaint("listen");
    if (getsockname(listener, (struct sockaddr *)&name, &size))
        return complaint("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%hu\n", ntohs(name.sin_port));
    return EXIT_SUCCESS;
}

/* Reads a port digit by digit: USHRT_MAX is 65535 wherever POSIX runs. */
static int port_from(const char *text)
{
    int port = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && port <= USHRT_MAX; p++)
        port = port * 10 + *p - '0';
    return p == text || *p != '\0' || port > USHRT_MAX ? -1 : port;
}

int main(int argc, char *argv[])
{
    int port = argc == 1 ? 8080 : argc == 2 ? port_from(argv[1]) : -1;
    if (port == -1) {
        fputs("usage: server [PORT]\n", stderr);
        return 2;
    }
    if (setvbuf(stdout, NULL, _IONBF, 0) != 0)
        return complaint("setvbuf");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return complaint("socket");
    int status = open_up(listener, (unsigned short)port);
    if (status == EXIT_SUCCESS)
        status = meet(listener);
    if (close(listener) == -1 && errno != EINTR)
        status = complaint("close");
    return status;
}
