/**
 * @file
 * Exercise: one server for IPv4 and IPv6: two listeners, on 127.0.0.1 and on
 * [::1], with the same port, a free one. It stays until Enter.
 *
 * Usage: both
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domains */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close, read */

/** Says which call failed and why; errno stays as it is. @return -1 */
static int fail(const char *call)
{
    int error = errno;
    perror(call);
    errno = error;
    return -1;
}

/** Closes a socket; an interrupted close() has closed it. @return 0, or -1 */
static int close_socket(int fd)
{
    if (close(fd) == -1 && errno != EINTR)
        return fail("close");
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

/** Gives a socket the address 127.0.0.1:port. @return 0, or -1 */
static int bind_ipv4(int fd, uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        return fail("bind");
    return 0;
}

/** Gives a socket the address [::1]:port. @return 0, or -1 */
static int bind_ipv6(int fd, uint16_t port)
{
    /* SOLUTION: the address needs no htonl(): in6addr_loopback is 16 bytes in
     * the order of the network already. The port does need its htons(). */
    struct sockaddr_in6 address;
    memset(&address, 0, sizeof address);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        return fail("bind");
    return 0;
    /* SOLUTION end */
}

/** Asks for the port of a socket of either family. @return 0, or -1 */
static int port_of(int fd, uint16_t *port)
{
    struct sockaddr_in6 address; /* sockaddr_in has its port at this place */
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        return fail("getsockname");
    *port = ntohs(address.sin6_port);
    return 0;
}

/**
 * Makes a listener on the loopback address of a family.
 * @return a descriptor; or -1, with nothing left open, and with the errno of
 *         the call that failed
 */
static int open_listener(int family, uint16_t port)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    int result = family == AF_INET ? bind_ipv4(fd, port) : bind_ipv6(fd, port);
    if (result == 0 && listen(fd, SOMAXCONN) == -1)
        result = fail("listen");
    if (result == 0)
        return fd;
    int error = errno;
    close_socket(fd);
    errno = error;
    return -1;
}

/**
 * Opens both listeners on one port. The kernel chooses it for the first; if it
 * is in use for the second, another pair is tried, up to eight times. Any
 * other failure is final.
 * @param listener  IPv4 first; -1: not open. The caller closes what is open
 * @return 0, or -1
 */
static int open_both(int listener[2])
{
    /* SOLUTION: only the kernel knows which port the second one must have.
     * The first is closed before the next try, and -1 says that it is. */
    for (int tries = 0; tries < 8; tries++) {
        uint16_t port;
        listener[0] = open_listener(AF_INET, 0);
        if (listener[0] == -1 || port_of(listener[0], &port) == -1)
            return -1;
        listener[1] = open_listener(AF_INET6, port);
        if (listener[1] != -1)
            return 0;
        if (errno != EADDRINUSE)
            return -1;
        close_socket(listener[0]);
        listener[0] = -1;
    }
    return -1;
    /* SOLUTION end */
}

/** Says where the listeners are and stays until Enter. @return 0, or -1 */
static int serve(const int listener[2])
{
    static const char *const host[2] = {"127.0.0.1", "[::1]"};
    for (int i = 0; i < 2; i++) {
        uint16_t port;
        if (port_of(listener[i], &port) == -1)
            return -1;
        fprintf(stderr, "listening on %s:%u\n", host[i], port);
    }
    wait_for_enter();
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc > 1) {
        fprintf(stderr, "usage: %s\n", argv[0]);
        return 2;
    }
    int listener[2] = {-1, -1};
    int result = open_both(listener) == -1 ? -1 : serve(listener);
    for (int i = 0; i < 2; i++)
        if (listener[i] != -1 && close_socket(listener[i]) == -1)
            result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
