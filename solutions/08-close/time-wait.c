/**
 * @file
 * Exercise: whose port is still taken after a connection has ended?
 *
 * Usage: time-wait
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

/** The two ends of a connection. */
struct pair {
    int server, client; /**< descriptors */
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

/** The address 127.0.0.1:port. */
static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/** The port that a socket has. */
static uint16_t port_of(int fd)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        fail("getsockname");
    return ntohs(address.sin_port);
}

/** Connects a socket with a listener, and accepts that. @return 0, or -1 */
static int join_ends(struct pair *pair, int listener)
{
    struct sockaddr_in address = loopback(0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == -1)
        return fail("bind");
    if (listen(listener, 1) == -1)
        return fail("listen");
    address = loopback(port_of(listener));
    if (connect(pair->client, (struct sockaddr *)&address, sizeof address) ==
        -1)
        return fail("connect");
    pair->server = accept(listener, NULL, NULL);
    return pair->server == -1 ? fail("accept") : 0;
}

/** Connects this program with itself; no listener is left. @return 0, or -1 */
static int open_pair(struct pair *pair)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return fail("socket");
    pair->client = socket(AF_INET, SOCK_STREAM, 0);
    int result =
        pair->client == -1 ? fail("socket") : join_ends(pair, listener);
    close_socket(listener);
    if (result == -1 && pair->client != -1)
        close_socket(pair->client);
    return result;
}

/**
 * Ends a connection: one end is closed first, the other when it has seen that.
 * @return 0, or -1
 */
static int end_connection(int first, int second)
{
    /* SOLUTION: recv() returns 0 when the first end's goodbye has arrived here,
       so that there is no doubt about the order: the first end has closed
       actively, the second in answer to it. */
    char byte;
    int result = close_socket(first);
    if (recv(second, &byte, 1, 0) == -1)
        result = fail("recv");
    return close_socket(second) == -1 ? -1 : result;
    /* SOLUTION end */
}

/**
 * Asks bind() whether a port of 127.0.0.1 is still taken, without SO_REUSEADDR.
 * @return 1 if it is, 0 if not, -1 if that could not be found out
 */
static int is_taken(uint16_t port)
{
    /* SOLUTION: neither end has a descriptor any more, and still the kernel
       says EADDRINUSE for one of the ports: for a minute it remembers that end
       of the connection, in TIME_WAIT. A server that sets SO_REUSEADDR, before
       and after, is not held up by that. */
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    int result = 0;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        result = errno == EADDRINUSE ? 1 : fail("bind");
    return close_socket(fd) == -1 ? -1 : result;
    /* SOLUTION end */
}

/** Ends a connection and prints what is left of it. @return 0, or -1 */
static int show(int server_first)
{
    struct pair pair;
    if (open_pair(&pair) == -1)
        return -1;
    uint16_t server = port_of(pair.server), client = port_of(pair.client);
    int ended = server_first ? end_connection(pair.server, pair.client)
                             : end_connection(pair.client, pair.server);
    int server_taken = is_taken(server), client_taken = is_taken(client);
    if (ended == -1 || server_taken == -1 || client_taken == -1)
        return -1;
    printf("%s closes first: port %u of the server is %s, port %u of the "
           "client is %s\n",
           server_first ? "server" : "client", server,
           server_taken ? "taken" : "free", client,
           client_taken ? "taken" : "free");
    return fflush(stdout) == EOF ? fail("fflush") : 0;
}

int main(int argc, char *argv[])
{
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: time-wait\n");
        return 2;
    }
    if (show(1) == -1 || show(0) == -1)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
