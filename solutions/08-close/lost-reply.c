/**
 * @file
 * Exercise: a server whose reply gets lost.
 *
 * Usage: lost-reply
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <poll.h>       /* poll */
#include <stdio.h>      /* fprintf, perror */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family, shutdown */
#include <time.h>       /* clock_gettime */
#include <unistd.h>     /* close */

enum { REPLY_SIZE = 1000000, PATIENCE_MS = 1000 };

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

/**
 * Makes a listener on a free port of 127.0.0.1 and says where it listens.
 * @return a descriptor, or -1
 */
static int open_listener(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    if (bind(fd, (struct sockaddr *)&address, size) == -1)
        fail("bind");
    else if (listen(fd, SOMAXCONN) == -1)
        fail("listen");
    else if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        fail("getsockname");
    else {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
        return fd;
    }
    close_socket(fd);
    return -1;
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

/** Milliseconds on a clock that nobody sets back. */
static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/**
 * Ends the conversation: our side first, then waits for the client to end its
 * own, for PATIENCE_MS in all.
 * @return 0, or -1
 */
static int finish(int conn)
{
    /* SOLUTION: poll() says "readable" for the rest of the request just as for
       its end, and closing with anything unread resets the connection: what
       waits in our send buffer then is thrown away. So all that comes is read,
       until it is 0 bytes, the end. The clock runs on meanwhile: a client that
       keeps sending a little must not hold the server for ever. */
    struct pollfd client = {conn, POLLIN, 0};
    long end = now_ms() + PATIENCE_MS;
    if (shutdown(conn, SHUT_WR) == -1)
        return fail("shutdown");
    for (;;) {
        char rest[1024];
        long left = end - now_ms();
        if (left <= 0)
            return 0;
        int ready = poll(&client, 1, (int)left);
        ssize_t n = ready == 1 ? recv(conn, rest, sizeof rest, 0) : ready;
        if (n == 0)
            return 0;
        if (n == -1 && errno != EINTR)
            return fail(ready == -1 ? "poll" : "recv");
    }
    /* SOLUTION end */
}

/**
 * Serves one client: its request is its first byte, and the reply is that same
 * byte REPLY_SIZE times. Whatever else the client sends is of no interest.
 * @return 0, or -1
 */
static int serve(int conn)
{
    static char reply[REPLY_SIZE];
    char request;
    ssize_t n;
    do
        n = recv(conn, &request, 1, 0);
    while (n == -1 && errno == EINTR);
    if (n == -1)
        return fail("recv");
    if (n == 0)
        return 0;
    memset(reply, request, sizeof reply);
    if (send_all(conn, reply, sizeof reply) == -1)
        return -1;
    return finish(conn);
}

int main(int argc, char *argv[])
{
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: lost-reply\n");
        return 2;
    }
    int listener = open_listener();
    if (listener == -1)
        return EXIT_FAILURE;
    int conn = accept(listener, NULL, NULL);
    int result = conn == -1 ? fail("accept") : serve(conn);
    if (conn != -1 && close_socket(conn) == -1)
        result = -1;
    if (close_socket(listener) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
