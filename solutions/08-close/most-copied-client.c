/**
 * @file
 * Exercise: the most copied client of the web, with its mistakes.
 *
 * Usage: most-copied-client [HOST [PORT]]   (default 127.0.0.1 8080)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, inet_pton */
#include <errno.h>      /* errno and its values */
#include <netdb.h>      /* getaddrinfo */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, printf, fwrite */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE, atoi */
#include <string.h>     /* memset, strlen */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

/* SOLUTION: what was wrong stands beside what mends it. */

static int fail(const char *call)
{
    perror(call); /* errors: on stderr, the call and why, and status 1 */
    return -1;
}

/* atoi() took "abc" for 0 and 65536 as well. */
static int is_port(const char *text)
{
    unsigned value = 0;
    for (; *text >= '0' && *text <= '9' && value <= 65535; text++)
        value = value * 10 + (unsigned)(*text - '0');
    return *text == '\0' && value >= 1 && value <= 65535;
}

static int try_address(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1)
        return fail("socket");
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd; /* the socket: what connect() returns is only 0 */
    fail("connect");
    close(fd); /* it was never connected: nothing can be lost */
    return -1;
}

/* inet_pton(AF_INET, ...) knew neither IPv6 nor names. */
static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int conn = -1;
    for (struct addrinfo *to = list; to != NULL && conn == -1; to = to->ai_next)
        conn = try_address(to);
    freeaddrinfo(list);
    return conn;
}

/* The result of send() was not looked at: not -1, not a short count; and a
   peer that was gone killed the program by SIGPIPE. */
static int send_message(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("send");
        text += n;
        left -= (size_t)n;
    }
    return 0;
}

/* One recv() is not the message, its result matters, and nothing promises a
   zero byte behind what it stores: so a loop to the end, and a length. */
static ssize_t recv_message(int fd, char *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t n = recv(fd, bytes + used, size - used, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("recv");
        if (n == 0)
            return (ssize_t)used;
        used += (size_t)n;
    }
    errno = EMSGSIZE;
    return fail("recv");
}

/* What is printed before waiting must be seen before, also in a pipe. */
static int print_line(const char *bytes, size_t length)
{
    fwrite(bytes, 1, length, stdout);
    putchar('\n');
    return fflush(stdout) == EOF ? fail("fflush") : 0;
}

static int converse(int conn)
{
    static const char sent[] = "Hello message sent";
    char message[1024]; /* of which 1023 may be used */
    if (send_message(conn, "Hello from client") == -1)
        return -1;
    if (print_line(sent, strlen(sent)) == -1) /* only now is that true */
        return -1;
    if (shutdown(conn, SHUT_WR) == -1) /* else the message has no end */
        return fail("shutdown");
    ssize_t length = recv_message(conn, message, sizeof message);
    return length == -1 ? -1 : print_line(message, (size_t)length);
}

int main(int argc, char *argv[])
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "8080";
    if (argc > 3 || !is_port(port)) {
        fprintf(stderr,
                "usage: most-copied-client [HOST [PORT]]   (1 to 65535)\n");
        return 2;
    }
    int conn = connect_to(host, port);
    if (conn == -1)
        return EXIT_FAILURE;
    int result = converse(conn);
    if (close(conn) == -1) /* the socket; the result of connect() was stdin */
        result = fail("close");
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SOLUTION end */
