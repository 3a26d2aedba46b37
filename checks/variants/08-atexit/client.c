/*
 * Style: die at the first failure. Functions that fail report it and exit(1),
 * so none of them returns an error; what is open is global.
 * Right: a function given to atexit() frees the list and closes the socket on
 * every path, and only a failed attempt to connect is survived.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct addrinfo *list;
static int sock = -1;

static void say(const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    vfprintf(stderr, form, arguments);
    va_end(arguments);
}

static void die(const char *call)
{
    say("%s: %s\n", call, strerror(errno));
    exit(EXIT_FAILURE);
}

static void clean_up(void)
{
    if (list != NULL)
        freeaddrinfo(list);
    if (sock != -1 && close(sock) == -1 && errno != EINTR) {
        say("close: %s\n", strerror(errno));
        _exit(EXIT_FAILURE); /* all output was flushed where it was made */
    }
}

static void resolve(const char *host, const char *port)
{
    struct addrinfo hints, *result;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(host, port, &hints, &result);
    if (error != 0) {
        say("getaddrinfo: %s\n", gai_strerror(error));
        exit(EXIT_FAILURE);
    }
    list = result;
}

/* connect() that is waited for when a signal interrupts it; sets errno. */
static int connect_fully(int fd, const struct addrinfo *to)
{
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno == EINTR) {
        struct pollfd p = {fd, POLLOUT, 0};
        int outcome;
        socklen_t size = sizeof outcome;
        while (poll(&p, 1, -1) == -1)
            if (errno != EINTR)
                die("poll");
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &outcome, &size) == -1)
            die("getsockopt");
        errno = outcome;
    }
    return errno == 0 ? 0 : -1;
}

static const struct addrinfo *connect_first(void)
{
    const char *call = NULL;
    int error = 0;
    for (const struct addrinfo *to = list; to != NULL; to = to->ai_next) {
        sock = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        call = sock == -1 ? "socket" : "connect";
        if (sock != -1 && connect_fully(sock, to) == 0)
            return to;
        error = errno;
        if (sock != -1)
            close(sock);
        sock = -1;
    }
    errno = error;
    die(call);
    return NULL;
}

static void announce(const struct addrinfo *to)
{
    char host[64], port[8];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        say("getnameinfo: %s\n", gai_strerror(error));
        exit(EXIT_FAILURE);
    }
    say(to->ai_family == AF_INET6 ? "connected to [%s]:%s\n"
                                  : "connected to %s:%s\n",
        host, port);
}

static void print(const char *from, size_t count)
{
    if (fwrite(from, 1, count, stdout) < count || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        die("fflush");
}

static void send_line(const char *line)
{
    for (size_t left = strlen(line); left > 0;) {
        ssize_t n = send(sock, line, left, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            die("send");
        if (n > 0) {
            line += n;
            left -= (size_t)n;
        }
    }
    print("Hello message sent", 18);
    if (shutdown(sock, SHUT_WR) == -1)
        die("shutdown");
}

static size_t receive(char *to, size_t room)
{
    ssize_t n;
    while ((n = recv(sock, to, room, 0)) == -1)
        if (errno != EINTR)
            die("recv");
    return (size_t)n;
}

static void receive_line(void)
{
    char line[1024], *end = NULL;
    size_t used = 0, n = 1;
    while (n > 0 && end == NULL) {
        if (used == sizeof line) {
            errno = EMSGSIZE;
            die("recv");
        }
        n = receive(line + used, sizeof line - used);
        end = (char *)memchr(line + used, '\n', n);
        used += n;
    }
    print(line, end != NULL ? (size_t)(end - line) : used);
    while (n > 0)
        n = receive(line, sizeof line);
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        say("usage: client [HOST [PORT]]\n");
        exit(2);
    }
    if (atexit(clean_up) != 0)
        die("atexit");
    resolve(argc > 1 ? argv[1] : "127.0.0.1", port);
    announce(connect_first());
    send_line("Hello from client\n");
    receive_line();
    exit(EXIT_SUCCESS);
}
