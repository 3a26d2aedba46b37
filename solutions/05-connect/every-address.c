/**
 * @file
 * Exercise: try every address of a host, and say what became of each.
 *
 * Usage: every-address HOST PORT
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <errno.h>      /* errno and its values */
#include <netdb.h>      /* getaddrinfo, getnameinfo */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, snprintf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset, strerror */
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
 * Prints one line on stdout: the numeric address, an IPv6 one in brackets,
 * the port, and what became of it.
 * @return 0, or -1
 */
static int print_outcome(const struct addrinfo *to, const char *outcome)
{
    char host[64], port[6]; /* room for an IPv6 address and its zone */
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int ipv6 = to->ai_family == AF_INET6;
    printf("%s%s%s:%s %s\n", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port,
           outcome);
    return fflush(stdout) == EOF ? fail("fflush") : 0;
}

/**
 * Tries one address and prints "connected", or the text of the errno that
 * socket() or connect() failed with.
 * @return 1 if it answered, 0 if it did not, -1 if this program failed
 */
static int try_address(const struct addrinfo *to)
{
    /* SOLUTION: a socket of its own for each address, because addresses differ
       in their family, and because a socket whose connect() has failed is in no
       state to be used again. A kernel without IPv6 fails in socket() already:
       that, too, is only one address that does not answer. */
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd == -1)
        return print_outcome(to, strerror(errno));
    int answered = connect(fd, to->ai_addr, to->ai_addrlen) == 0;
    int result = print_outcome(to, answered ? "connected" : strerror(errno));
    if (close_socket(fd) == -1)
        result = -1;
    return result == -1 ? -1 : answered;
    /* SOLUTION end */
}

/**
 * Tries every address of a host, in the order of getaddrinfo().
 * @return how many answered, or -1
 */
static int try_every_address(const char *host, const char *service)
{
    /* SOLUTION: hints are cleared first, because getaddrinfo() looks at more
       members than we set. AF_UNSPEC asks for both families, and SOCK_STREAM
       keeps each address from coming three times, once for each type. */
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, service, &hints, &list);
    if (error != 0) { /* not an errno: it has messages of its own */
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int count = 0, result = 0;
    for (struct addrinfo *to = list; to != NULL && result != -1;
         to = to->ai_next) {
        result = try_address(to);
        count += result == 1;
    }
    freeaddrinfo(list); /* only now: `to` walked through it */
    return result == -1 ? -1 : count;
    /* SOLUTION end */
}

int main(int argc, char *argv[])
{
    uint16_t port;
    if (argc != 3 || parse_port(argv[2], &port) == -1 || port == 0) {
        fprintf(stderr, "usage: every-address HOST PORT   (1 to 65535)\n");
        return 2;
    }
    char service[6];
    snprintf(service, sizeof service, "%u", port);
    int answered = try_every_address(argv[1], service);
    return answered > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
