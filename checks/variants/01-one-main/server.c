/*
 * Style: everything in one main(), both sockets open side by side, the name of
 * the protocol spelt out and not left to a 0.
 * Right: whatever was opened is closed at the bottom, once, on every path.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int tcp, udp = -1, type = 0, status = EXIT_FAILURE;
    socklen_t size = sizeof type;
    struct stat about;

    if (argc == 2) {
        char *p = argv[1];
        unsigned long number = strtoul(p, NULL, 10);
        p += strspn(p, "0123456789");
        if (p == argv[1] || *p != '\0' || number > 65535)
            argc = 3; /* as wrong as an argument too many */
    }
    if (argc > 2) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }

    tcp = socket(PF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (tcp == -1)
        perror("socket");
    else if ((udp = socket(PF_INET, SOCK_DGRAM, IPPROTO_UDP)) == -1)
        perror("socket");
    else if (fstat(tcp, &about) == -1)
        perror("fstat");
    else if (getsockopt(tcp, SOL_SOCKET, SO_TYPE, &type, &size) == -1)
        perror("getsockopt");
    else {
        dprintf(2, "TCP is descriptor %d, UDP is descriptor %d\n", tcp, udp);
        dprintf(2, "%d is %s socket, %s\n", tcp,
                S_ISSOCK(about.st_mode) ? "a" : "no",
                type == SOCK_STREAM ? "a stream" : "something else");
        status = EXIT_SUCCESS;
    }

    if (udp != -1 && close(udp) == -1 && errno != EINTR) {
        perror("close");
        status = EXIT_FAILURE;
    }
    if (tcp != -1 && close(tcp) == -1 && errno != EINTR) {
        perror("close");
        status = EXIT_FAILURE;
    }
    return status;
}
