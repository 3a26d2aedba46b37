/**
 * @file
 * Exercise: the buffer that overflows.
 *
 * Usage: overflow HOST PORT   (HOST: an IPv4 address)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, inet_pton */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
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
 * Receives a text that ends with the stream, as a string.
 * @param size  room in bytes, the zero byte at the end included
 * @return 0, or -1; EMSGSIZE for a text that has no room
 */
static int recv_text(int fd, char *text, size_t size)
{
    /* TODO: one mistake hides from here to the end of the region; mend it. */
    size_t used = 0;
    text[0] = '\0';
    while (used < size) {
        ssize_t n = recv(fd, text + used, size - used, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("recv");
        if (n == 0)
            return 0;
        used += (size_t)n;
        text[used] = '\0';
    }
    errno = EMSGSIZE;
    return fail("recv");
    /* TODO end */
}

/** Greets whoever the peer says it is. @return 0, or -1 */
static int greet(int fd)
{
    char name[64]; /* 63 bytes and the zero byte */
    if (recv_text(fd, name, sizeof name) == -1)
        return -1;
    printf("hello, %s\n", name);
    return fflush(stdout) == EOF ? fail("fflush") : 0;
}

int main(int argc, char *argv[])
{
    struct sockaddr_in to;
    if (argc != 3 || parse_address(argv[1], argv[2], &to) == -1) {
        fprintf(stderr, "usage: overflow HOST PORT   (HOST: 127.0.0.1)\n");
        return 2;
    }
    int conn = connect_to(&to);
    if (conn == -1)
        return EXIT_FAILURE;
    int result = greet(conn);
    if (close_socket(conn) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
