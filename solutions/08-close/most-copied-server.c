/**
 * @file
 * Exercise: the most copied server of the web, with its mistakes.
 *
 * Usage: most-copied-server [PORT]   (default 8080; 0 lets the kernel choose)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs */
#include <errno.h>      /* errno and its values */
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

static int start_listening(int fd, uint16_t port)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int yes = 1;
    /* Options are numbers, not bits: the two together were SO_REUSEPORT, which
       lets a second server have the same port. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1)
        return fail("setsockopt");
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    /* INADDR_ANY was open to the whole network */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        return fail("bind");
    if (listen(fd, SOMAXCONN) == -1)
        return fail("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        return fail("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
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
    ssize_t length = recv_message(conn, message, sizeof message);
    if (length == -1 || print_line(message, (size_t)length) == -1)
        return -1;
    if (send_message(conn, "Hello from server") == -1)
        return -1;
    return print_line(sent, strlen(sent)); /* only now is that true */
}

static int serve(int listener, uint16_t port)
{
    if (start_listening(listener, port) == -1)
        return -1;
    int conn;
    do
        conn = accept(listener, NULL, NULL);
    while (conn == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (conn == -1)
        return fail("accept");
    int result = converse(conn);
    return close(conn) == -1 ? fail("close") : result;
}

int main(int argc, char *argv[])
{
    uint16_t port = 8080;
    if (argc > 2 || (argc == 2 && parse_port(argv[1], &port) == -1)) {
        fprintf(stderr, "usage: most-copied-server [PORT]   (0 to 65535)\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1) {
        fail("socket");
        return EXIT_FAILURE;
    }
    int result = serve(listener, port);
    if (close(listener) == -1) /* shutdown() does not close; failures, too */
        result = fail("close");
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SOLUTION end */
