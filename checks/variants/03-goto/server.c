/*
 * Style: one main() with a ladder of gotos; the pause reads stdin byte by byte.
 * Right: every rung leads to the one close(), and the message is printed where
 * errno is still that of the call.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    const char *call, *p = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(p, NULL, 10);
    struct sockaddr_in sin;
    socklen_t size = sizeof sin;
    int fd, on = 1, status = EXIT_FAILURE;
    char key = 0;
    ssize_t n;

    if (argc > 2 || *p == '\0' || p[strspn(p, "0123456789")] || port > 65535)
        goto usage;

    call = "socket";
    if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
        goto error;
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_port = htons((unsigned short)port);
    sin.sin_addr.s_addr = inet_addr("127.0.0.1");
    call = "setsockopt";
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        goto error;
    call = "bind";
    if (bind(fd, (struct sockaddr *)&sin, sizeof sin) == -1)
        goto error;
    call = "listen";
    if (listen(fd, 2) == -1)
        goto error;
    call = "getsockname";
    if (getsockname(fd, (struct sockaddr *)&sin, &size) == -1)
        goto error;
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(sin.sin_port));

again:
    n = read(STDIN_FILENO, &key, 1);
    if ((n == 1 && key != '\n') || (n == -1 && errno == EINTR))
        goto again;
    status = EXIT_SUCCESS;
    goto out;

error:
    perror(call);
out:
    if (fd != -1 && close(fd) == -1 && errno != EINTR) {
        perror("close");
        status = EXIT_FAILURE;
    }
    return status;

usage:
    fprintf(stderr, "usage: server [PORT]\n");
    return 2;
}
