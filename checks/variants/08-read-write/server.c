/*
 * Style: plain read() and write(), the calls of any descriptor, for the socket
 * and for stdout alike. write() has no flag against SIGPIPE, so the program
 * ignores the signal. Right: each count is looked at, each EINTR tried again.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int complain(const char *call)
{
    dprintf(STDERR_FILENO, "%s: %s\n", call, strerror(errno));
    return -1;
}

/* The port, or -1 if the text is none. */
static int port_of(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = strtoul(text, NULL, 10);
    if (digits == 0 || text[digits] != '\0' || value > 65535)
        return -1;
    return (int)value;
}

static int drop(int fd)
{
    return close(fd) == -1 && errno != EINTR ? complain("close") : 0;
}

static int write_all(int fd, const char *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        ssize_t n = write(fd, bytes + done, count - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            return complain("write");
    }
    return 0;
}

/* Reads as read() does, and again if a signal came. */
static ssize_t read_some(int fd, char *to, size_t room)
{
    ssize_t n;
    while ((n = read(fd, to, room)) == -1)
        if (errno != EINTR)
            return complain("read");
    return n;
}

/* Copies one line from a socket to stdout; it may be 1023 bytes long. */
static int copy_line(int from)
{
    char line[1024];
    size_t used = 0;
    char *newline = NULL;
    while (newline == NULL) {
        if (used == sizeof line) {
            errno = EMSGSIZE;
            return complain("recv");
        }
        ssize_t n = read_some(from, line + used, sizeof line - used);
        if (n == -1)
            return -1;
        if (n == 0)
            newline = line + used; /* the end of the stream ends it as well */
        else
            newline = (char *)memchr(line + used, '\n', (size_t)n);
        used += (size_t)n;
    }
    *newline = '\n';
    return write_all(STDOUT_FILENO, line, (size_t)(newline - line) + 1);
}

/* Reads and drops until the peer has ended or is silent for a second. */
static int drain(int fd)
{
    struct pollfd input = {fd, POLLIN, 0};
    char dropped[512];
    for (;;) {
        int ready = poll(&input, 1, 1000);
        if (ready == 0)
            return 0;
        if (ready == -1 && errno == EINTR)
            continue;
        if (ready == -1)
            return complain("poll");
        ssize_t n = read_some(fd, dropped, sizeof dropped);
        if (n <= 0)
            return (int)n;
    }
}

static int converse(int conn)
{
    if (copy_line(conn) == -1 ||
        write_all(conn, "Hello from server\n", 18) == -1)
        return -1;
    if (write_all(STDOUT_FILENO, "Hello message sent\n", 19) == -1)
        return -1;
    if (shutdown(conn, SHUT_WR) == -1)
        return complain("shutdown");
    return drain(conn);
}

static int serve(int listener, int port)
{
    int on = 1;
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons((unsigned short)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return complain("setsockopt");
    if (bind(listener, (struct sockaddr *)&a, sizeof a) == -1)
        return complain("bind");
    if (listen(listener, 16) == -1)
        return complain("listen");
    if (getsockname(listener, (struct sockaddr *)&a, &size) == -1)
        return complain("getsockname");
    dprintf(STDERR_FILENO, "listening on 127.0.0.1:%d\n", ntohs(a.sin_port));

    int conn;
    while ((conn = accept(listener, (struct sockaddr *)&a, &size)) == -1) {
        if (errno != EINTR && errno != ECONNABORTED)
            return complain("accept");
        size = sizeof a;
    }
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
    dprintf(STDERR_FILENO, "connection from %s:%d\n", text, ntohs(a.sin_port));
    int result = converse(conn);
    return drop(conn) == -1 ? -1 : result;
}

int main(int argc, char **argv)
{
    int port = argc < 2 ? 8080 : port_of(argv[1]);
    if (argc > 2 || port == -1) {
        dprintf(STDERR_FILENO, "usage: server [PORT]\n");
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -complain("signal");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return -complain("socket");
    int result = serve(listener, port);
    if (drop(listener) == -1)
        result = -1;
    return -result;
}
