/**
 * @file
 * Exercise: clients that are gone before they are accepted. Listens on a free
 * port of 127.0.0.1; after Enter it takes COUNT clients in turn and says what
 * became of each while it waited in the queue.
 *
 * Usage: gone COUNT   (1 to 9)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htonl, ntohs, inet_ntop */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset, strerror */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close, read */

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

/** Waits until somebody presses Enter, or nothing more can be read. */
static void wait_for_enter(void)
{
    char c = 0;
    ssize_t n;
    do
        n = read(STDIN_FILENO, &c, 1);
    while ((n == 1 && c != '\n') || (n == -1 && errno == EINTR));
}

/** Listens on 127.0.0.1 and a free port, and says which. @return 0, or -1 */
static int start_listening(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
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

/**
 * Takes the next connection. Neither a signal nor a client that gave up in the
 * queue (accept(2) says which errno that is) is a reason to stop: it tries
 * again.
 * @param peer  where the client's address is put
 * @return a descriptor, or -1 after fail("accept")
 */
static int accept_peer(int listener, struct sockaddr_in *peer)
{
    /* SOLUTION: sizeof *peer, the room in the structure; peer is a pointer. */
    socklen_t size;
    int conn;
    do {
        size = sizeof *peer;
        conn = accept(listener, (struct sockaddr *)peer, &size);
    } while (conn == -1 && (errno == EINTR || errno == ECONNABORTED));
    return conn == -1 ? fail("accept") : conn;
    /* SOLUTION end */
}

/**
 * Asks the kernel which error is pending on a socket.
 * @return an errno, 0 if there is none, -1 after a failure of the question
 */
static int pending_error(int fd)
{
    /* SOLUTION: on Linux a connection that the client reset in the queue is
     * accepted like any other: only SO_ERROR, or the first recv(), tells. An
     * orderly close() is no error, and is not seen before recv(). */
    int error;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return fail("getsockopt");
    return error;
    /* SOLUTION end */
}

/** Takes one client, says how it is and lets it go. @return 0, or -1 */
static int take_next(int listener)
{
    struct sockaddr_in peer;
    char host[INET_ADDRSTRLEN] = "?";
    int conn = accept_peer(listener, &peer);
    if (conn == -1)
        return -1;
    int error = pending_error(conn);
    if (close_socket(conn) == -1 || error == -1)
        return -1;
    inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host);
    printf("%s:%u: %s\n", host, ntohs(peer.sin_port),
           error == 0 ? "no error" : strerror(error));
    return fflush(stdout) == EOF ? fail("fflush") : 0;
}

/** What the server does with its socket. @return 0, or -1 */
static int serve(int listener, int count)
{
    if (start_listening(listener) == -1)
        return -1;
    wait_for_enter();
    while (count-- > 0)
        if (take_next(listener) == -1)
            return -1;
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc != 2 || argv[1][0] < '1' || argv[1][0] > '9' ||
        argv[1][1] != '\0') {
        fprintf(stderr, "usage: gone COUNT   (1 to 9)\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1) {
        fail("socket");
        return EXIT_FAILURE;
    }
    int result = serve(listener, argv[1][0] - '0');
    if (close_socket(listener) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
