/**
 * @file
 * Exercise: the first free port of a range.
 *
 * Usage: range FROM TO   (ports, 1 to 65535, FROM not above TO)
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

/** Says which call failed and why. @return -1 */
static int fail(const char *call)
{
    perror(call);
    return -1;
}

/** Reads a port number: digits only, 0 to 65535. @return 0, or -1 */
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

/** Closes a socket; an interrupted close() has closed it. @return 0, or -1 */
static int close_socket(int fd)
{
    if (close(fd) == -1 && errno != EINTR)
        return fail("close");
    return 0;
}

/** Prints a status line about the address a socket has. @return 0, or -1 */
static int print_own_address(const char *what, int fd)
{
    char host[INET_ADDRSTRLEN] = "?";
    struct sockaddr_in address;
    socklen_t size = sizeof address; /* in: the room; out: what was used */
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        return fail("getsockname");
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
    fprintf(stderr, "%s %s:%u\n", what, host, ntohs(address.sin_port));
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

/**
 * Gives a socket the address 127.0.0.1 and the first port that is free, from
 * `from` up to and including `to`. A port in use is passed over; any other
 * failure of bind() ends the search. So does the last port.
 * @return 0, or -1 after fail("bind")
 */
static int bind_in_range(int fd, uint16_t from, uint16_t to)
{
    /* TODO: try the ports in turn */
    (void)fd;
    (void)from;
    (void)to;
    return -1;
    /* TODO end */
}

/** Binds the socket, says where, and stays until Enter. @return 0, or -1 */
static int serve(int fd, uint16_t from, uint16_t to)
{
    if (bind_in_range(fd, from, to) == -1)
        return -1;
    if (print_own_address("bound to", fd) == -1)
        return -1;
    wait_for_enter();
    return 0;
}

int main(int argc, char *argv[])
{
    uint16_t from, to;
    if (argc != 3 || parse_port(argv[1], &from) == -1 ||
        parse_port(argv[2], &to) == -1 || from == 0 || from > to) {
        fprintf(stderr, "usage: range FROM TO   (1 to 65535)\n");
        return 2;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1) {
        fail("socket");
        return EXIT_FAILURE;
    }
    int result = serve(fd, from, to);
    if (close_socket(fd) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
