/**
 * @file
 * Exercise: is a port taken? The program tries to bind each port itself, on
 * 127.0.0.1, and so finds out.
 *
 * Usage: taken PORT...   (1 to 65535)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

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

/**
 * Tries to give a socket the address 127.0.0.1:port.
 * @return 1 if somebody has it, 0 if it was free, -1 for any other failure
 */
static int try_port(int fd, uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    /* SOLUTION: without htons() the two bytes of the port arrived in the wrong
     * order, and the answer was that of another port. The address had its
     * htonl(), so nothing else looked wrong. */
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return 0;
    return errno == EADDRINUSE ? 1 : fail("bind");
    /* SOLUTION end */
}

/** Finds out about one port and prints it. @return 0, or -1 */
static int show(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    int taken = try_port(fd, port);
    if (close_socket(fd) == -1 || taken == -1)
        return -1;
    printf("%u is %s\n", port, taken ? "taken" : "free");
    return 0;
}

int main(int argc, char *argv[])
{
    uint16_t port;
    int wrong = argc < 2;
    for (int i = 1; i < argc; i++)
        if (parse_port(argv[i], &port) == -1 || port == 0)
            wrong = 1;
    if (wrong) {
        fprintf(stderr, "usage: taken PORT...   (1 to 65535)\n");
        return 2;
    }
    for (int i = 1; i < argc; i++)
        if (parse_port(argv[i], &port) == -1 || show(port) == -1)
            return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
