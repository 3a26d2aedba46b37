/**
 * @file
 * Exercise: a client that sends a text, ends its side, and reads the answer.
 *
 * Usage: half-close PORT TEXT   (to 127.0.0.1)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, inet_pton */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, fwrite */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset, strlen */
#include <sys/socket.h> /* socket and its family, shutdown */
#include <unistd.h>     /* close */

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

/**
 * Closes a socket. Interrupted, it is closed all the same on Linux: a second
 * close() could hit a descriptor that another thread has just been given.
 * @return 0, or -1
 */
static int close_socket(int fd)
{
    if (close(fd) == -1 && errno != EINTR)
        return fail("close");
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

/** Connects to an address. @return a connected socket, or -1 */
static int connect_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) == -1) {
        fail("connect");
        close_socket(fd);
        return -1;
    }
    return fd;
}

/**
 * Sends all of it, however many calls that takes: send() may accept less than
 * it was offered, and what it accepted is queued here, not read over there.
 * @param length  in bytes
 * @return 0, or -1
 */
static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) { /* MSG_NOSIGNAL: EPIPE rather than death by SIGPIPE */
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("send");
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

/**
 * Sends a text whose end is the end of the stream, then prints what the server
 * answers, byte for byte, to its end.
 * @return 0, or -1
 */
static int converse(int fd, const char *text)
{
    /* TODO: send the text, end this side, print the answer to its end. */
    (void)fd;
    (void)text;
    (void)send_all;
    return -1;
    /* TODO end */
}

int main(int argc, char *argv[])
{
    struct sockaddr_in to;
    if (argc != 3 || parse_address("127.0.0.1", argv[1], &to) == -1) {
        fprintf(stderr, "usage: half-close PORT TEXT   (1 to 65535)\n");
        return 2;
    }
    int conn = connect_to(&to);
    if (conn == -1)
        return EXIT_FAILURE;
    int result = converse(conn, argv[2]);
    if (close_socket(conn) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
