/**
 * @file
 * A TCP server for one connection on 127.0.0.1, built one call at a time.
 *
 * Usage: server [PORT]   (default 8080; 0 lets the kernel choose a free one)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
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

/** Prints what the kernel says a socket is. @return 0, or -1 */
static int describe(int fd)
{
    int type, protocol = 0;
    socklen_t size = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == -1)
        return fail("getsockopt");
#ifdef SO_PROTOCOL /* not on macOS, where this prints the 0 we asked for */
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == -1)
        return fail("getsockopt");
#endif
    const char *name = type == SOCK_STREAM ? "SOCK_STREAM" : "SOCK_DGRAM";
    fprintf(stderr, "fd %d: %s, protocol %d\n", fd, name, protocol);
    return 0;
}

/** What the server does with its socket. @return 0, or -1 */
static int serve(int listener, uint16_t port)
{
    if (describe(listener) == -1)
        return -1;
    int datagram = socket(AF_INET, SOCK_DGRAM, 0); /* UDP, to compare */
    if (datagram == -1)
        return fail("socket");
    int result = describe(datagram);
    if (close_socket(datagram) == -1)
        result = -1;
    fprintf(stderr, "neither has a port yet; %u is for step 2\n", port);
    return result;
}

int main(int argc, char *argv[])
{
    uint16_t port = 8080;
    if (argc > 2 || (argc == 2 && parse_port(argv[1], &port) == -1)) {
        fprintf(stderr, "usage: server [PORT]   (0 to 65535)\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1) {
        fail("socket");
        return EXIT_FAILURE;
    }
    int result = serve(listener, port);
    if (close_socket(listener) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
