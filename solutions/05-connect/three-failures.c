/**
 * @file
 * Exercise: make the kernel show three ways in which connect() fails.
 *
 * Usage: three-failures
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs, inet_ntop */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset, strerror */
#include <sys/socket.h> /* socket and its family */
#include <sys/time.h>   /* struct timeval */
#include <unistd.h>     /* close */

enum { PATIENCE_MS = 300 };

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
 * Makes a TCP socket that has a port of 127.0.0.1 for itself.
 * @param address  set to the address that it has been given
 * @return the socket, or -1
 */
static int open_bound(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    memset(address, 0, sizeof *address); /* port 0: any free one */
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    if (bind(fd, (struct sockaddr *)address, size) == -1)
        fail("bind");
    else if (getsockname(fd, (struct sockaddr *)address, &size) == -1)
        fail("getsockname");
    else
        return fd;
    close_socket(fd);
    return -1;
}

/**
 * Connects to an address, for PATIENCE_MS at most (SO_SNDTIMEO does that, see
 * socket(7)), and prints what the kernel says. That may be a failure: showing
 * it is what this program is for.
 * @return 0, or -1 if it could not be tried
 */
static int try_address(const char *what, const struct sockaddr_in *to)
{
    struct timeval patience = {0, PATIENCE_MS * 1000};
    char host[INET_ADDRSTRLEN] = "?";
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ==
        -1) {
        fail("setsockopt");
        close_socket(fd);
        return -1;
    }
    int failed = connect(fd, (const struct sockaddr *)to, sizeof *to) == -1;
    const char *text = failed ? strerror(errno) : "connected";
    inet_ntop(AF_INET, &to->sin_addr, host, sizeof host);
    printf("%s: %s:%u: %s\n", what, host, ntohs(to->sin_port), text);
    int result = fflush(stdout) == EOF ? fail("fflush") : 0;
    return close_socket(fd) == -1 ? -1 : result;
}

/** Tries a port of 127.0.0.1 at which nobody listens. @return 0, or -1 */
static int show_refused(void)
{
    /* SOLUTION: a bound socket that never listens. While we hold the port,
       nobody else can start to listen there: it refuses for certain, which a
       port number out of the air does not. */
    struct sockaddr_in address;
    int holder = open_bound(&address);
    if (holder == -1)
        return -1;
    int result = try_address("refused", &address);
    return close_socket(holder) == -1 ? -1 : result;
    /* SOLUTION end */
}

/** Tries an address that the kernel has no way to. @return 0, or -1 */
static int show_unreachable(void)
{
    /* SOLUTION: 127.255.255.255 is the broadcast address of the loopback
       network: a route leads there, but no TCP connection does. The kernel
       knows that by itself; not one packet is sent. */
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(8080);
    address.sin_addr.s_addr = htonl(0x7fffffff);
    return try_address("unreachable", &address);
    /* SOLUTION end */
}

/** Tries a listener of 127.0.0.1 that does not answer. @return 0, or -1 */
static int show_silent(void)
{
    /* SOLUTION: with a backlog of 0 Linux still lets one connection wait. The
       filler is that one, and nobody accepts it: from now on the kernel drops
       every SYN that comes for this listener, and connect() hears nothing. */
    struct sockaddr_in address;
    int listener = open_bound(&address);
    if (listener == -1)
        return -1;
    int result = -1, filler = socket(AF_INET, SOCK_STREAM, 0);
    if (filler == -1)
        fail("socket");
    else if (listen(listener, 0) == -1)
        fail("listen");
    else if (connect(filler, (struct sockaddr *)&address, sizeof address) == -1)
        fail("connect");
    else
        result = try_address("silent", &address);
    if (filler != -1 && close_socket(filler) == -1)
        result = -1;
    return close_socket(listener) == -1 ? -1 : result;
    /* SOLUTION end */
}

int main(int argc, char *argv[])
{
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: three-failures\n");
        return 2;
    }
    if (show_refused() == -1 || show_unreachable() == -1 || show_silent() == -1)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
