/**
 * @file
 * Exercise: connect, but wait no longer than a deadline.
 *
 * Usage: deadline HOST PORT   (HOST: an IPv4 address)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, inet_pton */
#include <errno.h>      /* errno and its values */
#include <fcntl.h>      /* fcntl, O_NONBLOCK */
#include <netinet/in.h> /* the internet domain */
#include <poll.h>       /* poll */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, fwrite */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
#include <time.h>       /* clock_gettime */
#include <unistd.h>     /* close */

enum { DEADLINE_MS = 400 };

/**
 * Says which call failed and why, while errno still knows.
 * @param call  the name of the function that failed
 * @return -1, so that a caller can write `return fail("bind");`
 */
static int fail(const char *call)
{
    perror(call);
    return -1;
}

/**
 * Reads a port number: digits only, 0 to 65535. (strtol() would also take
 * " 80", "+80" and "-1"; atoi() takes anything.)
 * @return 0, or -1 if the text is not a port
 */
static int parse_port(const char *text, uint16_t *port)
{
    unsigned value = 0;
    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > 65535)
            return -1;
    }
    *port = (uint16_t)value;
    return 0;
}

/** Reads an IPv4 address and a port from 1 to 65535. @return 0, or -1 */
static int parse_address(const char *host, const char *text,
                         struct sockaddr_in *address)
{
    uint16_t port;
    if (parse_port(text, &port) == -1 || port == 0)
        return -1;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1 ? 0 : -1;
}

/** Milliseconds on a clock that nobody sets back. */
static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/**
 * Waits until poll() finds a socket writable, also across signals.
 * @return 1, 0 when the time is up, or -1
 */
static int wait_writable(int fd, int ms)
{
    struct pollfd socket_to_watch = {fd, POLLOUT, 0};
    long end = now_ms() + ms;
    for (;;) {
        long left = end - now_ms();
        int ready = poll(&socket_to_watch, 1, left > 0 ? (int)left : 0);
        if (ready != -1)
            return ready;
        if (errno != EINTR)
            return fail("poll");
    }
}

/**
 * Connects a socket within a time, and leaves it blocking as it was.
 * @return 0, or -1; ETIMEDOUT when the time is up
 */
static int connect_within(int fd, const struct sockaddr_in *to, int ms)
{
    /* SOLUTION: a socket is writable as soon as its connection attempt is
       decided, either way. Which way, SO_ERROR tells: 0, or the errno that a
       blocking connect() would have failed with. */
    int flags = fcntl(fd, F_GETFL);
    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
        return fail("fcntl");
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) == -1 &&
        errno != EINPROGRESS)
        return fail("connect");
    int ready = wait_writable(fd, ms);
    if (ready == -1)
        return -1;
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;
    if (ready == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return fail("getsockopt");
    if (error != 0) {
        errno = error;
        return fail("connect");
    }
    return fcntl(fd, F_SETFL, flags) == -1 ? fail("fcntl") : 0;
    /* SOLUTION end */
}

/** Prints what the peer sends, until it ends its side. @return 0, or -1 */
static int print_greeting(int fd)
{
    char bytes[1024];
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("recv");
        if (n == 0)
            return fflush(stdout) == EOF ? fail("fflush") : 0;
        fwrite(bytes, 1, (size_t)n, stdout);
    }
}

int main(int argc, char *argv[])
{
    struct sockaddr_in to;
    if (argc != 3 || parse_address(argv[1], argv[2], &to) == -1) {
        fprintf(stderr, "usage: deadline HOST PORT   (HOST: 127.0.0.1)\n");
        return 2;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1) {
        fail("socket");
        return EXIT_FAILURE;
    }
    int result = connect_within(fd, &to, DEADLINE_MS);
    if (result == 0) {
        fprintf(stderr, "connected to %s:%s\n", argv[1], argv[2]);
        result = print_greeting(fd);
    }
    if (close(fd) == -1)
        result = fail("close");
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
