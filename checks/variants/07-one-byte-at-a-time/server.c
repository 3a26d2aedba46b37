/*
 * Style: read() and write() of one byte a call; SIGPIPE is ignored.
 * Slow and right: a byte is moved or it is not, the 1024th of a line is refused
 * when it is there, and nothing behind the newline is ever taken.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum outcome { GOOD, BAD };

static enum outcome bad(const char *call)
{
    perror(call);
    return BAD;
}

static enum outcome put(int fd, const char *text)
{
    for (; *text != '\0'; text++)
        while (write(fd, text, 1) == -1)
            if (errno != EINTR)
                return bad("write");
    return GOOD;
}

/* Returns 1 and a byte, 0 at the end of the stream, or -1. */
static int get(int fd, char *byte)
{
    ssize_t n = read(fd, byte, 1);
    while (n == -1 && errno == EINTR)
        n = read(fd, byte, 1);
    return (int)n;
}

static enum outcome relay(int fd)
{
    char line[1023], byte;
    size_t length = 0;
    int n;
    while ((n = get(fd, &byte)) == 1 && byte != '\n') {
        if (length == sizeof line) {
            errno = EMSGSIZE;
            return bad("recv");
        }
        line[length++] = byte;
    }
    if (n == -1)
        return bad("read");
    fwrite(line, 1, length, stdout);
    putchar('\n');
    return fflush(stdout) == EOF || ferror(stdout) ? bad("fflush") : GOOD;
}

static enum outcome talk(int fd)
{
    if (relay(fd) == BAD || put(fd, "Hello from server\n") == BAD)
        return BAD;
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return bad("fflush");
    return GOOD;
}

static enum outcome host(int listener, int *conn)
{
    struct sockaddr_in guest;
    char text[INET_ADDRSTRLEN] = "";
    do {
        socklen_t size = sizeof guest;
        *conn = accept(listener, (struct sockaddr *)&guest, &size);
    } while (*conn == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (*conn == -1)
        return bad("accept");
    inet_ntop(AF_INET, &guest.sin_addr, text, sizeof text);
    dprintf(2, "connection from %s:%d\n", text, ntohs(guest.sin_port));
    return talk(*conn);
}

static enum outcome open_door(int listener, const char *port)
{
    struct sockaddr_in door;
    socklen_t size = sizeof door;
    int on = 1;
    memset(&door, 0, sizeof door);
    door.sin_family = AF_INET;
    door.sin_port = htons((in_port_t)strtoul(port, NULL, 10));
    door.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return bad("setsockopt");
    if (bind(listener, (struct sockaddr *)&door, sizeof door) == -1)
        return bad("bind");
    if (listen(listener, 11) == -1)
        return bad("listen");
    if (getsockname(listener, (struct sockaddr *)&door, &size) == -1)
        return bad("getsockname");
    dprintf(2, "listening on 127.0.0.1:%d\n", ntohs(door.sin_port));
    return GOOD;
}

int main(int argc, char **argv)
{
    const char *port = argc > 1 ? argv[1] : "8080";
    if (argc > 2 || *port == '\0' || port[strspn(port, "0123456789")] ||
        strtoul(port, NULL, 10) > 65535) {
        dprintf(2, "usage: server [PORT]\n");
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return bad("signal") == BAD;
    int conn = -1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return bad("socket") == BAD;
    enum outcome outcome = open_door(listener, port);
    if (outcome == GOOD)
        outcome = host(listener, &conn);
    if (conn != -1 && close(conn) == -1 && errno != EINTR)
        outcome = bad("close");
    if (close(listener) == -1 && errno != EINTR)
        outcome = bad("close");
    return outcome == BAD;
}
