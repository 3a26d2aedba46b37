/*
 * Style: accept() with a time limit of half a second, renewed for ever: the
 * listener has SO_RCVTIMEO, and a server could look after other things between.
 * Right: EAGAIN of that limit is no failure, and it sleeps in the kernel.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int stop(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static void tell(const char *what, const struct sockaddr_in *in)
{
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    fprintf(stderr, "%s %s:%u\n", what, text, (unsigned)ntohs(in->sin_port));
}

static int get_guest(int listener)
{
    const struct timeval half_a_second = {0, 500000};
    struct sockaddr_in in;
    if (setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &half_a_second,
                   sizeof half_a_second) == -1)
        return stop("setsockopt");
    for (;;) {
        socklen_t size = sizeof in;
        int fd = accept(listener, (struct sockaddr *)&in, &size);
        if (fd != -1) {
            tell("connection from", &in);
            return fd;
        }
        switch (errno) {
        case EINTR:
        case EAGAIN:
        case ECONNABORTED:
            continue;
        default:
            return stop("accept");
        }
    }
}

static int get_listener(unsigned long port)
{
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    int yes = 1;
    const char *call = "setsockopt";
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return stop("socket");
    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_port = htons((in_port_t)port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        (call = "bind", bind(fd, (struct sockaddr *)&in, size) == 0) &&
        (call = "listen", listen(fd, 3) == 0) &&
        (call = "getsockname",
         getsockname(fd, (struct sockaddr *)&in, &size) == 0)) {
        tell("listening on", &in);
        return fd;
    }
    stop(call);
    close(fd);
    return -1;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int listener = get_listener(port);
    if (listener == -1)
        return 1;
    int status = 0, guest = get_guest(listener);
    if (guest == -1 || (close(guest) == -1 && errno != EINTR))
        status = guest == -1 ? 1 : -stop("close");
    if (close(listener) == -1 && errno != EINTR)
        status = -stop("close");
    return status;
}
