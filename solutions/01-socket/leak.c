/**
 * @file
 * Exercise: a program that runs out of descriptors. It makes many sockets, one
 * after the other, asks each how much it can receive, and prints that whenever
 * it is not the same as before.
 *
 * Usage: leak [COUNT]   (1 to 100000, default 2000)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <errno.h>      /* errno and its values */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

/** Says which call failed and why. @return -1 */
static int fail(const char *call)
{
    perror(call);
    return -1;
}

/** Reads a number of sockets: digits only, 1 to 100000. @return 0, or -1 */
static int parse_count(const char *text, unsigned *count)
{
    unsigned value = 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > 100000)
            return -1;
    }
    *count = value;
    return value == 0 ? -1 : 0;
}

/** Closes a socket; an interrupted close() has closed it. @return 0, or -1 */
static int close_socket(int fd)
{
    if (close(fd) == -1 && errno != EINTR)
        return fail("close");
    return 0;
}

/** Asks how much a socket can receive. @return bytes, or -1 */
static int buffer_size(int fd)
{
    int bytes;
    socklen_t size = sizeof bytes;
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &size) == -1)
        return fail("getsockopt");
    return bytes;
}

/**
 * Makes TCP sockets and asks each of them, one after the other: at no time more
 * than one is open.
 * @return 0, or -1
 */
static int ask_sockets(unsigned count)
{
    int before = 0;
    for (unsigned i = 1; i <= count; i++) {
        /* SOLUTION: `continue` was a way out that went round close_socket().
         * The socket is closed as soon as it has answered, before anything is
         * decided: there is only one way, and it is closed on it. */
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd == -1)
            return fail("socket");
        int bytes = buffer_size(fd);
        if (close_socket(fd) == -1 || bytes == -1)
            return -1;
        if (bytes != before)
            printf("socket %u: room for %d bytes\n", i, bytes);
        before = bytes;
        /* SOLUTION end */
    }
    return 0;
}

int main(int argc, char *argv[])
{
    unsigned count = 2000;
    if (argc > 2 || (argc == 2 && parse_count(argv[1], &count) == -1)) {
        fprintf(stderr, "usage: leak [COUNT]   (1 to 100000)\n");
        return 2;
    }
    if (ask_sockets(count) == -1)
        return EXIT_FAILURE;
    printf("%u sockets\n", count);
    return EXIT_SUCCESS;
}
