/**
 * @file
 * Exercise: receive to the end of the stream, and see in which pieces it came.
 *
 * Usage: to-the-end HOST PORT   (HOST: an IPv4 address)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, inet_pton */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t, uint32_t */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

/** What has come so far. */
struct tally {
    size_t bytes;      /**< in all */
    size_t pieces;     /**< calls of recv() that brought some */
    size_t largest;    /**< the most bytes that one call brought */
    uint32_t checksum; /**< of all bytes, see add_to_checksum() */
};

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

/** Carries a checksum on over some more bytes. @return the new one */
static uint32_t add_to_checksum(uint32_t sum, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    return sum;
}

/**
 * Receives until the peer has ended its side, at most 65536 bytes a call.
 * @param tally  all zero at first; counts what comes
 * @return 0, or -1
 */
static int recv_all(int fd, struct tally *tally)
{
    /* TODO: receive to the end of the stream, and count. */
    (void)fd;
    (void)tally;
    (void)add_to_checksum;
    return -1;
    /* TODO end */
}

int main(int argc, char *argv[])
{
    struct sockaddr_in to;
    if (argc != 3 || parse_address(argv[1], argv[2], &to) == -1) {
        fprintf(stderr, "usage: to-the-end HOST PORT   (HOST: 127.0.0.1)\n");
        return 2;
    }
    int conn = connect_to(&to);
    if (conn == -1)
        return EXIT_FAILURE;
    struct tally tally = {0, 0, 0, 0};
    int result = recv_all(conn, &tally);
    if (result == 0)
        printf("%zu bytes in %zu pieces, the largest %zu, checksum %08x\n",
               tally.bytes, tally.pieces, tally.largest,
               (unsigned)tally.checksum);
    if (close_socket(conn) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
