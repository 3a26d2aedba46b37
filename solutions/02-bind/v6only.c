/**
 * @file
 * Exercise: IPv4 and IPv6 on one port, and what IPV6_V6ONLY changes. Binds an
 * IPv6 socket to a port, then tries to bind an IPv4 socket to the same port;
 * with the option off, and with the option on.
 *
 * Usage: v6only
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domains */
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

/** Closes a socket; an interrupted close() has closed it. @return 0, or -1 */
static int close_socket(int fd)
{
    if (close(fd) == -1 && errno != EINTR)
        return fail("close");
    return 0;
}

/**
 * Sets IPV6_V6ONLY of an IPv6 socket to `v6only`, 0 or 1. Then binds it to
 * [::], which is all addresses of this machine, and to a port that the kernel
 * chooses. (Nobody can connect, as the socket does not listen.)
 * @return 0, or -1 after fail()
 */
static int bind_ipv6(int fd, int v6only)
{
    /* SOLUTION: off, [::] includes the IPv4 addresses, and 127.0.0.1 is taken;
     * on, IPv4 has its ports to itself. The option is set in both cases, for
     * what it is by default is up to the system. It belongs to IPv6, not to
     * sockets in general, hence the level; and it must come before bind().
     * memset() leaves port, flow and scope at 0. */
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) == -1)
        return fail("setsockopt");
    struct sockaddr_in6 address;
    memset(&address, 0, sizeof address);
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_any;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        return fail("bind");
    return 0;
    /* SOLUTION end */
}

/** Asks for the port of an IPv6 socket. @return 0, or -1 */
static int port_of(int fd, uint16_t *port)
{
    struct sockaddr_in6 address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        return fail("getsockname");
    *port = ntohs(address.sin6_port);
    return 0;
}

/** Tries to bind 127.0.0.1:port. @return 1: taken, 0: free, -1: failure */
static int try_ipv4(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int taken = 0;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        taken = errno == EADDRINUSE ? 1 : fail("bind");
    if (close_socket(fd) == -1)
        return -1;
    return taken;
}

/** Shows one value of the option. @return 0, or -1 */
static int show(int v6only)
{
    uint16_t port;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    int taken = -1;
    if (bind_ipv6(fd, v6only) == 0 && port_of(fd, &port) == 0)
        taken = try_ipv4(port);
    if (close_socket(fd) == -1 || taken == -1)
        return -1;
    printf("IPV6_V6ONLY %d: [::]:%u is bound, 127.0.0.1:%u is %s\n", v6only,
           port, port, taken ? "taken" : "free");
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc > 1) {
        fprintf(stderr, "usage: %s\n", argv[0]);
        return 2;
    }
    if (show(0) == -1 || show(1) == -1)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
