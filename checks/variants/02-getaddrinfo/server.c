/*
 * Style: getaddrinfo() makes the address from text, getnameinfo() makes text of
 * it again, and getline() waits for Enter.
 * Right: AI_NUMERICHOST asks no name server, the list is freed at once after
 * bind(), and getline()'s buffer even when it read nothing.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fault(const char *call, const char *why)
{
    fprintf(stderr, "%s: %s\n", call, why);
    return -1;
}

/* Returns a bound socket, or -1. */
static int bound(const struct addrinfo *a)
{
    int on = 1;
    int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd == -1)
        return fault("socket", strerror(errno));
    const char *call = "setsockopt";
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) {
        call = "bind";
        if (bind(fd, a->ai_addr, a->ai_addrlen) == 0)
            return fd;
    }
    fault(call, strerror(errno));
    close(fd);
    return -1;
}

static int report(int fd)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    char host[64], port[8];
    if (getsockname(fd, (struct sockaddr *)&name, &size) == -1)
        return fault("getsockname", strerror(errno));
    int error = getnameinfo((struct sockaddr *)&name, size, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0)
        return fault("getnameinfo", gai_strerror(error));
    fprintf(stderr, "bound to %s:%s\n", host, port);
    return 0;
}

static void wait_for_enter(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) == -1 && ferror(stdin) &&
           errno == EINTR)
        clearerr(stdin);
    free(line);
}

int main(int argc, char *argv[])
{
    const char *port = argc > 1 ? argv[1] : "8080";
    size_t digits = strspn(port, "0123456789");
    if (argc > 2 || digits == 0 || port[digits] != '\0' ||
        strtoul(port, NULL, 10) > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    int error = getaddrinfo("127.0.0.1", port, &hints, &list);
    if (error != 0)
        return -fault("getaddrinfo", gai_strerror(error));
    int fd = bound(list);
    freeaddrinfo(list);
    if (fd == -1)
        return 1;
    int result = report(fd);
    if (result == 0)
        wait_for_enter();
    if (close(fd) == -1 && errno != EINTR)
        result = fault("close", strerror(errno));
    return -result;
}
