/**
 * @file
 * Exercise: a port that should not be shared. Listens on several ports of
 * 127.0.0.1 at the same time and stays until Enter.
 *
 * Usage: shared PORT...   (one to eight; 0 lets the kernel choose a free one)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs, inet_ntop */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close, read */

enum { PORTS_MAX = 8 };

/** Says which call failed and why. @return -1 */
static int fail(const char *call)
{
    perror(call);
    return -1;
}

/** Reads a port number: digits only, 0 to 65535. @return 0, or -1 */
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

/** Prints a status line: what, and the address it is about. */
static void print_address(const char *what, const struct sockaddr_in *address)
{
    char host[INET_ADDRSTRLEN] = "?";
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    fprintf(stderr, "%s %s:%u\n", what, host, ntohs(address->sin_port));
}

/** Prints a status line about the address a socket has. @return 0, or -1 */
static int print_own_address(const char *what, int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address; /* in: the room; out: what was used */
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        return fail("getsockname");
    print_address(what, &address);
    return 0;
}

/** Gives a socket the address 127.0.0.1:port. @return 0, or -1 */
static int bind_loopback(int fd, uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port); /* network byte order, the address too */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* TODO: one mistake hides below, up to the end mark: mend it */
    int yes = 1, both = SO_REUSEADDR | SO_REUSEPORT;
    if (setsockopt(fd, SOL_SOCKET, both, &yes, sizeof yes) == -1)
        return fail("setsockopt");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        return fail("bind");
    return 0;
    /* TODO end */
}

/** Makes a listener and says where it is. @return a descriptor, or -1 */
static int open_listener(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return fail("socket");
    if (bind_loopback(fd, port) == 0) {
        if (listen(fd, SOMAXCONN) == -1)
            fail("listen");
        else if (print_own_address("listening on", fd) == 0)
            return fd;
    }
    close_socket(fd);
    return -1;
}

/** Opens all listeners and stays until Enter. @return 0, or -1 */
static int serve(const uint16_t port[], int ports)
{
    int listener[PORTS_MAX], open = 0, result = 0;
    while (result == 0 && open < ports) {
        listener[open] = open_listener(port[open]);
        if (listener[open] == -1)
            result = -1;
        else
            open++;
    }
    if (result == 0)
        wait_for_enter();
    while (open-- > 0)
        if (close_socket(listener[open]) == -1)
            result = -1;
    return result;
}

int main(int argc, char *argv[])
{
    uint16_t port[PORTS_MAX];
    int ports = 0, wrong = argc < 2 || argc > PORTS_MAX + 1;
    while (!wrong && ports < argc - 1) {
        wrong = parse_port(argv[ports + 1], &port[ports]) == -1;
        ports++;
    }
    if (wrong) {
        fprintf(stderr, "usage: shared PORT...   (one to eight)\n");
        return 2;
    }
    return serve(port, ports) == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
