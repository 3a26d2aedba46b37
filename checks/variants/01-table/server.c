/*
 * Style: a table of the sockets to look at, and one loop over it; what the
 * kernel says is collected first and printed afterwards.
 * Right: both sockets are closed, also when a question about one fails.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct row {
    const char *name;
    int type;
    int fd;
    int answer[2]; /* type and protocol, as the kernel tells them */
};

static int failed(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return 1;
}

static int ask(struct row *row)
{
    const int question[] = {SO_TYPE, SO_PROTOCOL};
    for (int i = 0; i < 2; i++) {
        socklen_t size = sizeof row->answer[i];
        if (getsockopt(row->fd, SOL_SOCKET, question[i], &row->answer[i],
                       &size))
            return failed("getsockopt");
    }
    return 0;
}

static int inspect(struct row *row)
{
    row->fd = socket(AF_INET, row->type, 0);
    if (row->fd == -1)
        return failed("socket");
    int status = ask(row);
    if (status == 0)
        fprintf(stderr, "descriptor %d, %s: type %d, protocol %d\n", row->fd,
                row->name, row->answer[0], row->answer[1]);
    if (close(row->fd) == -1 && errno != EINTR)
        status = failed("close");
    return status;
}

int main(int argc, char *argv[])
{
    struct row table[] = {{"a stream (TCP)", SOCK_STREAM, -1, {0, 0}},
                          {"datagrams (UDP)", SOCK_DGRAM, -1, {0, 0}}};
    const char *port = argc > 1 ? argv[1] : "8080";
    if (argc > 2 || *port == '\0' || port[strspn(port, "0123456789")] != '\0' ||
        strtoul(port, NULL, 10) > 65535) {
        fputs("usage: server [PORT]\n", stderr);
        return 2;
    }
    int status = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table && status == 0; i++)
        status = inspect(&table[i]);
    return status;
}
