/**
 * @file
 * Exercise: a length that was never set. Takes two clients, one after the
 * other, and says whether they come from the same address.
 *
 * Usage: length [PORT]   (default 8080; 0 lets the kernel choose a free one)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs, inet_ntop */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, puts */
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

/** Makes a bound socket a listener and says where it is. @return 0, or -1 */
static int start_listening(int fd)
{
    if (listen(fd, SOMAXCONN) == -1) /* the longest queue the system allows */
        return fail("listen");
    return print_own_address("listening on", fd);
}

/**
 * Takes the next connection.
 * @param peer  where the client's address is put
 * @return a descriptor, or -1
 */
static int accept_peer(int listener, struct sockaddr_in *peer)
{
    /* SOLUTION: the length goes both ways: before the call it says how much
     * room there is. Unset, it says what happened to be in memory. The room is
     * that of the structure, *peer; sizeof peer would be that of a pointer. */
    socklen_t size;
    int conn;
    do {
        size = sizeof *peer;
        conn = accept(listener, (struct sockaddr *)peer, &size);
    } while (conn == -1 && (errno == EINTR || errno == ECONNABORTED));
    return conn == -1 ? fail("accept") : conn;
    /* SOLUTION end */
}

/** Takes one client, says who it is and lets it go. @return 0, or -1 */
static int greet(int listener, struct sockaddr_in *peer)
{
    int conn = accept_peer(listener, peer);
    if (conn == -1)
        return -1;
    print_address("connection from", peer);
    return close_socket(conn);
}

/** What the server does with its socket. @return 0, or -1 */
static int serve(int listener, uint16_t port)
{
    struct sockaddr_in first, second;
    if (bind_loopback(listener, port) == -1)
        return -1;
    if (start_listening(listener) == -1)
        return -1;
    if (greet(listener, &first) == -1 || greet(listener, &second) == -1)
        return -1;
    if (first.sin_addr.s_addr == second.sin_addr.s_addr)
        puts("the same address");
    else
        puts("two addresses");
    return 0;
}

int main(int argc, char *argv[])
{
    uint16_t port = 8080;
    if (argc > 2 || (argc == 2 && parse_port(argv[1], &port) == -1)) {
        fprintf(stderr, "usage: length [PORT]   (0 to 65535)\n");
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
