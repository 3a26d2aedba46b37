/**
 * @file
 * Exercise: all kinds of sockets side by side.
 *
 * Usage: families
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <errno.h>      /* errno and its values */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* strerror */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

/** One kind of socket, and what became of it. */
struct kind {
    const char *name;
    int domain, type;
    int fd;    /**< -1: there is no socket */
    int error; /**< then why: an errno */
};

enum { KINDS = 6 };

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
 * Makes one socket of each kind, with protocol 0. All of them are open at the
 * end. A kind that the kernel refuses keeps -1 as its fd and gets the errno as
 * its error; the others are made all the same.
 * @return how many sockets there are now
 */
static int open_all(struct kind kind[KINDS])
{
    /* SOLUTION: errno is kept at once, before another call can overwrite it.
     * Only -1 is a refusal: 0 is a descriptor like any other. */
    int made = 0;
    for (int i = 0; i < KINDS; i++) {
        kind[i].fd = socket(kind[i].domain, kind[i].type, 0);
        if (kind[i].fd == -1)
            kind[i].error = errno;
        else
            made++;
    }
    return made;
    /* SOLUTION end */
}

/** Asks the kernel which protocol a socket has. @return its number, or -1 */
static int protocol_of(int fd)
{
    /* SOLUTION: we asked for protocol 0, "the usual one"; which one that is
     * only the kernel knows. For AF_UNIX its answer is 0 as well. */
    int protocol;
    socklen_t size = sizeof protocol; /* in: the room; out: what was used */
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == -1)
        return fail("getsockopt");
    return protocol;
    /* SOLUTION end */
}

/** Prints one kind in one line. @return 0, or -1 */
static int print_kind(const struct kind *kind)
{
    if (kind->fd == -1) {
        printf("%s: %s\n", kind->name, strerror(kind->error));
        return 0;
    }
    int protocol = protocol_of(kind->fd);
    if (protocol == -1)
        return -1;
    printf("%s: fd %d, protocol %d\n", kind->name, kind->fd, protocol);
    return 0;
}

/** Prints all kinds, then closes what is open. @return 0, or -1 */
static int print_and_close(const struct kind kind[KINDS])
{
    int result = 0;
    for (int i = 0; i < KINDS; i++)
        if (print_kind(&kind[i]) == -1)
            result = -1;
    for (int i = 0; i < KINDS; i++)
        if (kind[i].fd != -1 && close_socket(kind[i].fd) == -1)
            result = -1;
    return result;
}

int main(int argc, char *argv[])
{
    struct kind kind[KINDS] = {
        {"AF_INET SOCK_STREAM", AF_INET, SOCK_STREAM, -1, 0},
        {"AF_INET SOCK_DGRAM", AF_INET, SOCK_DGRAM, -1, 0},
        {"AF_INET6 SOCK_STREAM", AF_INET6, SOCK_STREAM, -1, 0},
        {"AF_INET6 SOCK_DGRAM", AF_INET6, SOCK_DGRAM, -1, 0},
        {"AF_UNIX SOCK_STREAM", AF_UNIX, SOCK_STREAM, -1, 0},
        {"AF_UNIX SOCK_DGRAM", AF_UNIX, SOCK_DGRAM, -1, 0}};
    if (argc > 1) {
        fprintf(stderr, "usage: %s\n", argv[0]);
        return 2;
    }
    int made = open_all(kind);
    if (made < 1)
        return EXIT_FAILURE;
    if (print_and_close(kind) == -1)
        return EXIT_FAILURE;
    printf("%d of %d kinds\n", made, KINDS);
    return EXIT_SUCCESS;
}
