/*
 * Style: a wrapper for each call, which reports a failure and exits; the
 * sockets are noted in a list that a function given to atexit() closes.
 * Right: exit() closes what is noted on every path, so no wrapper needs to.
 */
#define _XOPEN_SOURCE 700

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int list[8];
static int *end = list;

static void close_list(void)
{
    while (end > list)
        if (close(*--end) == -1 && errno != EINTR) {
            perror("close");
            while (end > list)
                close(*--end);
            _exit(EXIT_FAILURE);
        }
}

static void quit(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

static int make_socket(int type)
{
    int fd = socket(AF_INET, type, 0);
    if (fd < 0)
        quit("socket");
    return *end++ = fd;
}

static int option(int fd, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0)
        quit("getsockopt");
    return value;
}

static int is_port(const char *text)
{
    long value = 0;
    if (*text == '\0')
        return 0;
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text))
            return 0;
        if (value <= 65535) /* beyond, it need not be exact any more */
            value = value * 10 + (*text - '0');
    }
    return value <= 65535;
}

int main(int argc, char *argv[])
{
    if (argc > 2 || (argc == 2 && !is_port(argv[1]))) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    if (atexit(close_list) != 0)
        quit("atexit");
    int stream = make_socket(SOCK_STREAM);
    int datagram = make_socket(SOCK_DGRAM);
    fprintf(stderr, "fd %d: type %d, accepts connections: %d\n", stream,
            option(stream, SO_TYPE), option(stream, SO_ACCEPTCONN));
    fprintf(stderr, "fd %d: type %d, receive buffer: %d bytes\n", datagram,
            option(datagram, SO_TYPE), option(datagram, SO_RCVBUF));
    exit(EXIT_SUCCESS);
}
