/**
 * @file
 * Exercise: print a stream line by line, each line as soon as it is complete.
 *
 * Usage: line-by-line HOST PORT   (HOST: an IPv4 address)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, inet_pton */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, fwrite, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memchr, memcpy, memmove, memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

enum { ROOM = 1024 }; /* 1023 bytes and the newline */

/** A connection, and what has come from it but was not given out yet. */
struct reader {
    int fd;
    size_t used; /**< so many of the bytes */
    char bytes[ROOM];
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

/**
 * Gives out the next line of the stream, and keeps what has come behind it for
 * the next time. The last line need not end in a newline.
 * @param line    room for ROOM bytes; gets the line without its newline
 * @param length  gets the number of bytes in it
 * @return 1, 0 when there are no more lines, or -1; EMSGSIZE for one too long
 */
static int next_line(struct reader *r, char *line, size_t *length)
{
    /* TODO: a line that is there already comes before the next recv(). */
    (void)r;
    (void)line;
    (void)length;
    return -1;
    /* TODO end */
}

/** Prints the lines of a stream, numbered. @return 0, or -1 */
static int print_lines(int fd)
{
    struct reader reader;
    char line[ROOM];
    size_t length = 0;
    unsigned number = 0;
    int more;
    memset(&reader, 0, sizeof reader);
    reader.fd = fd;
    while ((more = next_line(&reader, line, &length)) == 1) {
        printf("%u: ", ++number);
        fwrite(line, 1, length, stdout);
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
        fprintf(stderr, "usage: line-by-line HOST PORT   (HOST: 127.0.0.1)\n");
        return 2;
    }
    int conn = connect_to(&to);
    if (conn == -1)
        return EXIT_FAILURE;
    int result = print_lines(conn);
    if (close_socket(conn) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
