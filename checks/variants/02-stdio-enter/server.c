/*
 * Style: getchar() waits for Enter; the address is written down as four bytes.
 * Right: getchar() answers EOF at the end of stdin, when it is closed, and when
 * its place was taken by the socket, which has nothing to read.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int sorry(const char *call)
{
    perror(call);
    return EXIT_FAILURE;
}

static void set_address(struct sockaddr_in *in, uint16_t port)
{
    const uint8_t loopback[4] = {127, 0, 0, 1}; /* network byte order */
    const uint8_t number[2] = {(uint8_t)(port >> 8), (uint8_t)(port & 255)};
    memset(in, 0, sizeof *in);
    in->sin_family = AF_INET;
    memcpy(&in->sin_addr, loopback, sizeof loopback);
    memcpy(&in->sin_port, number, sizeof number);
}

static int hold(int fd, uint16_t port)
{
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    const int on = 1;
    int c;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return sorry("setsockopt");
    set_address(&in, port);
    if (bind(fd, (struct sockaddr *)&in, sizeof in) != 0)
        return sorry("bind");
    if (getsockname(fd, (struct sockaddr *)&in, &size) != 0)
        return sorry("getsockname");
    fprintf(stderr, "bound to %s:%d\n", inet_ntoa(in.sin_addr),
            ntohs(in.sin_port));
    fprintf(stderr, "press Enter to end\n");
    do {
        clearerr(stdin);
        c = getchar();
    } while ((c != '\n' && c != EOF) || (ferror(stdin) && errno == EINTR));
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    unsigned long port = 8080;
    if (argc == 2) {
        char *end;
        port = strtoul(argv[1], &end, 10);
        if (argv[1][0] < '0' || argv[1][0] > '9' || *end != '\0')
            port = 65536;
    }
    if (argc > 2 || port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return sorry("socket");
    int status = hold(fd, (uint16_t)port);
    if (close(fd) != 0 && errno != EINTR)
        status = sorry("close");
    return status;
}
