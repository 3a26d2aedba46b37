/*
 * Style: getaddrinfo() for the own address, getline() for the pause, functions
 * that hand the socket on. Right: one place closes it, one frees the list, and
 * getline() ends with the stream as well as with Enter.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool no(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return false;
}

static bool attach(int fd, const char *port)
{
    struct addrinfo hints, *self;
    const int on = 1;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
    int error = getaddrinfo("127.0.0.1", port, &hints, &self);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return false;
    }
    bool good = true;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        good = no("setsockopt");
    else if (bind(fd, self->ai_addr, self->ai_addrlen) == -1)
        good = no("bind");
    freeaddrinfo(self);
    return good;
}

static bool announce(int fd)
{
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    if (listen(fd, SOMAXCONN) == -1)
        return no("listen");
    if (getsockname(fd, (struct sockaddr *)&in, &size) == -1)
        return no("getsockname");
    fprintf(stderr, "listening on %s:%hu\n", inet_ntoa(in.sin_addr),
            ntohs(in.sin_port));
    return true;
}

static bool wait_for_enter(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, stdin)) == -1 && !feof(stdin) &&
           errno == EINTR)
        clearerr(stdin);
    free(line);
    return true; /* Enter, the end, or nothing to read from */
}

int main(int argc, char *argv[])
{
    const char *port = argc > 1 ? argv[1] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 2 || !*port || strspn(port, "0123456789") != strlen(port) ||
        number > 65535) {
        fputs("usage: server [PORT]\n", stderr);
        return 2;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return no("socket") ? 0 : 1;
    bool good = attach(fd, port) && announce(fd) && wait_for_enter();
    if (close(fd) == -1 && errno != EINTR)
        good = no("close");
    return good ? 0 : 1;
}
