/*
 * Style: sockaddr_storage and getnameinfo() for both status lines, so that the
 * program would serve IPv6 as well; the listener is kept to the end.
 * Right: numeric names only, the length is set anew before each accept().
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct endpoint {
    struct sockaddr_storage name;
    socklen_t size;
};

static int trouble(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static int tell(const char *what, const struct endpoint *e)
{
    char host[64], port[8];
    int error = getnameinfo((const struct sockaddr *)&e->name, e->size, host,
                            sizeof host, port, sizeof port,
                            NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return -1;
    }
    fprintf(stderr, "%s %s:%s\n", what, host, port);
    return 0;
}

static struct endpoint loopback(unsigned long port)
{
    struct endpoint e;
    struct sockaddr_in in;
    memset(&e, 0, sizeof e);
    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_port = htons((in_port_t)port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&e.name, &in, sizeof in);
    e.size = sizeof in;
    return e;
}

static int listen_at(int fd, struct endpoint *here)
{
    struct sockaddr *name = (struct sockaddr *)&here->name;
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return trouble("setsockopt");
    if (bind(fd, name, here->size) == -1)
        return trouble("bind");
    if (listen(fd, SOMAXCONN) == -1)
        return trouble("listen");
    here->size = sizeof here->name;
    if (getsockname(fd, name, &here->size) == -1)
        return trouble("getsockname");
    return tell("listening on", here);
}

static int receive_guest(int listener)
{
    struct endpoint guest;
    int fd;
    do {
        guest.size = sizeof guest.name;
        fd = accept(listener, (struct sockaddr *)&guest.name, &guest.size);
    } while (fd == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (fd == -1)
        return trouble("accept");
    int result = tell("connection from", &guest);
    if (close(fd) == -1 && errno != EINTR)
        result = trouble("close");
    return result;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || !text[0] || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    struct endpoint here = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        return -trouble("socket");
    int result = listen_at(fd, &here);
    if (result == 0)
        result = receive_guest(fd);
    if (close(fd) == -1 && errno != EINTR)
        result = trouble("close");
    return -result;
}
