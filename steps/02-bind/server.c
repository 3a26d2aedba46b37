/**
 * @file
 * A TCP server for one connection on 127.0.0.1, built one call at a time.
 *
 * Usage: server [PORT]   (default 8080; 0 lets the kernel choose a free one)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs, inet_ntop */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close, read */

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

/** Prints a status line: what, and the address it is about. */
static void print_address(const char *what, const struct sockaddr_in *address)
{
    char host[INET_ADDRSTRLEN] = "?";
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    fprintf(stderr, "%s %s:%u\n", what, host, ntohs(address->sin_port));
}

/** Prints a status line about the address a socket has. @return 0, or -1 */
static int print_own_address(const char *what, int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address; /* in: the room; out: what was used */
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        return fail("getsockname");
    print_address(what, &address);
    return 0;
}

/** Gives a socket the address 127.0.0.1:port. @return 0, or -1 */
static int bind_loopback(int fd, uint16_t port)
{
    int yes = 1; /* lets us take the port back from a connection in TIME_WAIT */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1)
        return fail("setsockopt");

    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port); /* network byte order, the address too */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        return fail("bind");
    return 0;
}

/** Waits until somebody presses Enter, or nothing more can be read. */
static void wait_for_enter(void)
{
    char c = 0;
    ssize_t n;
    do
        n = read(STDIN_FILENO, &c, 1);
    while ((n == 1 && c != '\n') || (n == -1 && errno == EINTR));
}

/** What the server does with its socket. @return 0, or -1 */
static int serve(int listener, uint16_t port)
{
    if (describe(listener) == -1)
        return -1;
    if (bind_loopback(listener, port) == -1)
        return -1;
    if (print_own_address("bound to", listener) == -1)
        return -1;
    wait_for_enter();
    return 0;
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
