/*
 * Style: wrappers that end the program. Xbind(), Xlisten() and the others never
 * return a failure: they report it and exit(1); main() is a plain list of
 * calls. Right: what is open is noted, and a function given to atexit() closes
 * it on every path; a close() that fails there still makes the status 1.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int opened[2], opened_count; /* the descriptors to be closed at exit */

static void die(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

static void close_all(void)
{
    int failed = 0;
    while (opened_count > 0)
        if (close(opened[--opened_count]) == -1 && errno != EINTR)
            failed = 1;
    if (failed) {
        perror("close");
        _exit(EXIT_FAILURE); /* all output was flushed where it was made */
    }
}

static int Xsocket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1)
        die("socket");
    return opened[opened_count++] = fd;
}

static void Xbind(int fd, unsigned long port)
{
    struct sockaddr_in sin;
    int on = 1;
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_port = htons((in_port_t)port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        die("setsockopt");
    if (bind(fd, (struct sockaddr *)&sin, sizeof sin) == -1)
        die("bind");
}

static void Xlisten(int fd)
{
    struct sockaddr_in sin;
    socklen_t size = sizeof sin;
    if (listen(fd, SOMAXCONN) == -1)
        die("listen");
    if (getsockname(fd, (struct sockaddr *)&sin, &size) == -1)
        die("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(sin.sin_port) + 0u);
}

static int Xaccept(int listener)
{
    struct sockaddr_in sin;
    socklen_t size;
    int fd;
    do {
        size = sizeof sin;
        fd = accept(listener, (struct sockaddr *)&sin, &size);
    } while (fd == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (fd == -1)
        die("accept");
    fprintf(stderr, "connection from %s:%u\n", inet_ntoa(sin.sin_addr),
            ntohs(sin.sin_port) + 0u);
    return opened[opened_count++] = fd;
}

static size_t Xrecv(int fd, void *to, size_t room)
{
    ssize_t n = recv(fd, to, room, 0);
    while (n == -1 && errno == EINTR)
        n = recv(fd, to, room, 0);
    if (n == -1)
        die("recv");
    return (size_t)n;
}

static void Xsend(int fd, const char *from, size_t count)
{
    while (count > 0) {
        ssize_t n = send(fd, from, count, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            die("send");
        from += n;
        count -= (size_t)n;
    }
}

static void Xprint(const char *from, size_t count)
{
    if (fwrite(from, 1, count, stdout) < count || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        die("fflush");
}

static int Xpoll(int fd, int milliseconds)
{
    struct pollfd p = {fd, POLLIN, 0};
    int n = poll(&p, 1, milliseconds);
    if (n == -1 && errno == EINTR)
        return Xpoll(fd, milliseconds);
    if (n == -1)
        die("poll");
    return n;
}

/* Returns the length of the line, its newline not counted. */
static size_t receive_line(int fd, char line[1024])
{
    size_t used = 0;
    for (;;) {
        size_t n = Xrecv(fd, line + used, 1024 - used);
        const char *end = (const char *)memchr(line + used, '\n', n);
        if (end != NULL)
            return (size_t)(end - line);
        used += n;
        if (n == 0)
            return used;
        if (used == 1024) {
            errno = EMSGSIZE;
            die("recv");
        }
    }
}

static unsigned long parse_port(int argc, char **argv)
{
    unsigned long port = 8080;
    size_t digits = 1;
    if (argc == 2) {
        digits = strspn(argv[1], "0123456789");
        port = strtoul(argv[1], NULL, 10);
    }
    if (argc > 2 || digits == 0 || (argc == 2 && argv[1][digits]) ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        exit(2);
    }
    return port;
}

int main(int argc, char **argv)
{
    char line[1024];
    unsigned long port = parse_port(argc, argv);
    if (atexit(close_all) != 0)
        die("atexit");
    int listener = Xsocket();
    Xbind(listener, port);
    Xlisten(listener);
    int conn = Xaccept(listener);
    size_t length = receive_line(conn, line);
    Xprint(line, length);
    Xsend(conn, "Hello from server\n", 18);
    Xprint("Hello message sent", 18);
    if (shutdown(conn, SHUT_WR) == -1)
        die("shutdown");
    while (Xpoll(conn, 1000) > 0 && Xrecv(conn, line, sizeof line) > 0)
        ;
    exit(EXIT_SUCCESS);
}
