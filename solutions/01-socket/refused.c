/**
 * @file
 * Exercise: four ways to be refused by socket().
 *
 * Usage: refused
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* IPPROTO_UDP and other protocols */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* strerror */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

/** A refusal, and the arguments of socket() that bring it about. */
struct refusal {
    int error;
    const char *name;
    int domain, type, protocol;
};

static const struct refusal refusals[] = {
    /* SOLUTION: a domain that the kernel does not have; a type that exists but
     * not in this domain; a protocol that belongs to another type; a type far
     * out of range. Other numbers do as well. */
    {EAFNOSUPPORT, "EAFNOSUPPORT", 99, SOCK_STREAM, 0},
    {ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT", AF_INET, SOCK_SEQPACKET, 0},
    {EPROTONOSUPPORT, "EPROTONOSUPPORT", AF_INET, SOCK_STREAM, IPPROTO_UDP},
    {EINVAL, "EINVAL", AF_INET, 99, 0},
    /* SOLUTION end */
};

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

/** Asks for one socket and prints what came. @return 0 if it was refused with
 * the error that the row names, else -1 */
static int try_row(const struct refusal *row)
{
    int fd = socket(row->domain, row->type, row->protocol);
    int error = fd == -1 ? errno : 0;
    printf("%s: socket(%d, %d, %d): %s\n", row->name, row->domain, row->type,
           row->protocol, error != 0 ? strerror(error) : "not refused");
    if (fd != -1)
        close_socket(fd);
    return error == row->error ? 0 : -1;
}

int main(int argc, char *argv[])
{
    int result = 0;
    if (argc > 1) {
        fprintf(stderr, "usage: %s\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (try_row(&refusals[i]) == -1)
            result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
