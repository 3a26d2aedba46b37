/**
 * @file
 * A TCP client, built one call at a time.
 *
 * Usage: client [HOST [PORT]]   (default 127.0.0.1 8080)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <errno.h>      /* errno and its values */
#include <netdb.h>      /* getaddrinfo, getnameinfo */
#include <poll.h>       /* poll */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset, strlen */
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

/**
 * Connects a socket. A signal interrupts connect() but not the connection:
 * that one goes on by itself, and is waited for.
 * @return 0, or -1
 */
static int connect_socket(int fd, const struct sockaddr *to, socklen_t size)
{
    if (connect(fd, to, size) == 0)
        return 0;
    if (errno != EINTR)
        return fail("connect");

    struct pollfd decided = {fd, POLLOUT, 0};
    while (poll(&decided, 1, -1) == -1)
        if (errno != EINTR)
            return fail("poll");
    int error;
    socklen_t error_size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == -1)
        return fail("getsockopt");
    errno = error;
    return error == 0 ? 0 : fail("connect");
}

/** Says which address was reached, an IPv6 one in brackets. @return 0, or -1 */
static int print_connected(const struct addrinfo *to)
{
    char host[64], port[6]; /* room for an IPv6 address and its zone */
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int ipv6 = to->ai_family == AF_INET6;
    fprintf(stderr, "connected to %s%s%s:%s\n", ipv6 ? "[" : "", host,
            ipv6 ? "]" : "", port);
    return 0;
}

/**
 * Tries one address, on a socket of its own: after a failed connect() the
 * state of the old one is unspecified (POSIX).
 * @return a connected socket, or -1
 */
static int try_address(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1)
        return fail("socket");
    if (connect_socket(fd, to->ai_addr, to->ai_addrlen) == -1 ||
        print_connected(to) == -1) {
        close_socket(fd);
        return -1;
    }
    return fd;
}

/**
 * Connects to a host by name or by number, over IPv4 or IPv6: each of its
 * addresses is tried until one connects.
 * @return a connected socket, or -1
 */
static int connect_to(const char *host, uint16_t port)
{
    char service[6];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, service, &hints, &list);
    if (error != 0) { /* not an errno: it has messages of its own */
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int conn = -1;
    for (struct addrinfo *to = list; to != NULL && conn == -1; to = to->ai_next)
        conn = try_address(to);
    freeaddrinfo(list);
    return conn;
}

/**
 * Sends all of it, however many calls that takes: send() may accept less than
 * it was offered, and what it accepted is queued here, not read over there.
 * @param length  in bytes
 * @return 0, or -1
 */
static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) { /* MSG_NOSIGNAL: EPIPE rather than death by SIGPIPE */
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("send");
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

/**
 * Prints one line of the conversation and flushes it: seen at once, even when
 * stdout is a pipe.
 * @return 0, or -1
 */
static int print_line(const char *bytes, size_t length)
{
    fwrite(bytes, 1, length, stdout);
    putchar('\n');
    if (fflush(stdout) == EOF || ferror(stdout)) /* of all three */
        return fail("fflush");
    return 0;
}

/** Sends a message and says so. @return 0, or -1 */
static int send_message(int conn, const char *message)
{
    static const char sent[] = "Hello message sent";
    if (send_all(conn, message, strlen(message)) == -1)
        return -1;
    return print_line(sent, strlen(sent));
}

/** The client's part of the conversation. @return 0, or -1 */
static int converse(int conn)
{
    return send_message(conn, "Hello from client\n");
}

int main(int argc, char *argv[])
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    uint16_t port = 8080;
    if (argc > 3 || (argc == 3 && parse_port(argv[2], &port) == -1) ||
        port == 0) {
        fprintf(stderr, "usage: client [HOST [PORT]]   (1 to 65535)\n");
        return 2;
    }
    int conn = connect_to(host, port);
    if (conn == -1)
        return EXIT_FAILURE;
    int result = converse(conn);
    if (close_socket(conn) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
