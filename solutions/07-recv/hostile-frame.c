/**
 * @file
 * Exercise: receive frames, also from a sender that means harm.
 *
 * Usage: hostile-frame HOST PORT   (HOST: an IPv4 address)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, ntohl, inet_pton */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t, uint32_t */
#include <stdio.h>      /* fprintf, perror, fwrite, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memcpy, memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

enum { FRAME_MAX = 4096 }; /* bytes in the body of a frame */

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
 * Receives so many bytes, unless the stream ends before.
 * @return how many have come: less than `size` only at the end; or -1
 */
static ssize_t recv_exactly(int fd, char *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t n = recv(fd, bytes + used, size - used, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("recv");
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

/** Says that recv() failed with this errno. @return -1 */
static int fail_with(int error)
{
    errno = error;
    return fail("recv");
}

/**
 * Receives one frame: a length of 4 bytes in network byte order, then a body
 * of so many bytes.
 * @param body    has room for FRAME_MAX bytes
 * @param length  gets the length of the body
 * @return 1, 0 if the stream has ended and there are no more frames, or -1:
 *         EMSGSIZE for a longer body, EPROTO for a stream that ends in a frame
 */
static int recv_frame(int fd, char *body, size_t *length)
{
    /* SOLUTION: the length comes from a stranger, so it is compared with the
       room there is before anything is done with it. It stays unsigned: made an
       int, 2147483648 and more would be negative, and pass as small. Only an
       end before the first byte of a header is an end between two frames. */
    char header[4];
    uint32_t number;
    ssize_t n = recv_exactly(fd, header, sizeof header);
    if (n <= 0)
        return (int)n;
    if (n < (ssize_t)sizeof header)
        return fail_with(EPROTO);
    memcpy(&number, header, sizeof number);
    *length = ntohl(number);
    if (*length > FRAME_MAX)
        return fail_with(EMSGSIZE);
    n = recv_exactly(fd, body, *length);
    if (n == -1)
        return -1;
    if ((size_t)n < *length)
        return fail_with(EPROTO);
    return 1;
    /* SOLUTION end */
}

/** Prints frames to the end of the stream. @return 0, or -1 */
static int print_frames(int fd)
{
    static char body[FRAME_MAX];
    size_t length = 0;
    int more;
    while ((more = recv_frame(fd, body, &length)) == 1) {
        printf("%zu bytes: ", length);
        fwrite(body, 1, length, stdout);
        putchar('\n');
        if (fflush(stdout) == EOF)
            return fail("fflush");
    }
    return more;
}

int main(int argc, char *argv[])
{
    struct sockaddr_in to;
    if (argc != 3 || parse_address(argv[1], argv[2], &to) == -1) {
        fprintf(stderr, "usage: hostile-frame HOST PORT   (HOST: 127.0.0.1)\n");
        return 2;
    }
    int conn = connect_to(&to);
    if (conn == -1)
        return EXIT_FAILURE;
    int result = print_frames(conn);
    if (close_socket(conn) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
