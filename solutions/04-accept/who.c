/**
 * @file
 * Exercise: who is there? One listener for IPv4 and IPv6. It is bound to [::],
 * all addresses of this machine, for no other address takes both; so it sends
 * clients from elsewhere away. It ends after two clients from this machine.
 *
 * Usage: who [PORT]   (default 8080; 0 lets the kernel choose a free one)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, ntohs, inet_ntop */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domains */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, snprintf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

enum { HOST_SIZE = INET6_ADDRSTRLEN + 2 }; /* an address in brackets */

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

/** Listens for both families and says where. @return 0, or -1 */
static int start_listening(int fd, uint16_t port)
{
    int yes = 1, no = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1 ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == -1)
        return fail("setsockopt");
    struct sockaddr_in6 address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_any;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        return fail("bind");
    if (listen(fd, SOMAXCONN) == -1)
        return fail("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        return fail("getsockname");
    fprintf(stderr, "listening on [::]:%u\n", ntohs(address.sin6_port));
    return 0;
}

/**
 * Writes a client's address as people write it: an IPv4 one, which comes to an
 * IPv6 socket as ::ffff:127.0.0.1, as 127.0.0.1; any other in brackets.
 * @param host  where to, HOST_SIZE bytes
 * @return 1 for a loopback address (::1, or 127 at the beginning), 0 for any
 *         other, -1 after a failure
 */
static int name_client(const struct in6_addr *address, char *host)
{
    /* SOLUTION: in a mapped address the last 4 of the 16 bytes are the IPv4
     * address, in network byte order, so the first of them is the 127. All of
     * 127.0.0.0/8 is loopback, not only 127.0.0.1. */
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        const unsigned char *ipv4 = address->s6_addr + 12;
        if (inet_ntop(AF_INET, ipv4, host, HOST_SIZE) == NULL)
            return fail("inet_ntop");
        return ipv4[0] == 127;
    }
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(AF_INET6, address, text, sizeof text) == NULL)
        return fail("inet_ntop");
    snprintf(host, HOST_SIZE, "[%s]", text);
    return IN6_IS_ADDR_LOOPBACK(address);
    /* SOLUTION end */
}

/** Takes the next client. @return a descriptor, or -1 */
static int accept_client(int listener, struct sockaddr_in6 *client)
{
    socklen_t size;
    int conn;
    do {
        size = sizeof *client;
        conn = accept(listener, (struct sockaddr *)client, &size);
    } while (conn == -1 && (errno == EINTR || errno == ECONNABORTED));
    return conn == -1 ? fail("accept") : conn;
}

/** Serves one client. @return 1: from this machine, 0: from elsewhere, -1 */
static int serve_next(int listener)
{
    struct sockaddr_in6 client;
    int conn = accept_client(listener, &client);
    if (conn == -1)
        return -1;
    char host[HOST_SIZE];
    int local = name_client(&client.sin6_addr, host);
    if (local != -1)
        fprintf(stderr, "%s %s:%u\n", local ? "connection from" : "sent away",
                host, ntohs(client.sin6_port));
    if (close_socket(conn) == -1)
        return -1;
    return local;
}

int main(int argc, char *argv[])
{
    uint16_t port = 8080;
    if (argc > 2 || (argc == 2 && parse_port(argv[1], &port) == -1)) {
        fprintf(stderr, "usage: who [PORT]   (0 to 65535)\n");
        return 2;
    }
    int listener = socket(AF_INET6, SOCK_STREAM, 0);
    if (listener == -1) {
        fail("socket");
        return EXIT_FAILURE;
    }
    int served = 0, next = start_listening(listener, port);
    while (next != -1 && served < 2) {
        next = serve_next(listener);
        served += next == 1;
    }
    if (close_socket(listener) == -1)
        next = -1;
    return next == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
