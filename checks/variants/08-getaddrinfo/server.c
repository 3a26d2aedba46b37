/*
 * Style: the server asks getaddrinfo() for its own address as well, passive and
 * numeric, and getnameinfo() for every name it prints: no byte order in sight.
 * Right: the host is given, so AI_PASSIVE does not open it to the network, and
 * the list is freed before the server waits for anybody.
 */
#define _POSIX_C_SOURCE 200112L

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LINE 1023

static int fault(const char *function, const char *text)
{
    fprintf(stderr, "%s: %s\n", function, text);
    return -1;
}

static int fault_errno(const char *function)
{
    return fault(function, strerror(errno));
}

/* Prints a status line about an address. */
static int tell(const char *what, const struct sockaddr *who, socklen_t size)
{
    char host[64], port[8];
    int error = getnameinfo(who, size, host, sizeof host, port, sizeof port,
                            NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0)
        return fault("getnameinfo", gai_strerror(error));
    fprintf(stderr, "%s %s:%s\n", what, host, port);
    return 0;
}

static int listener_at(const struct addrinfo *here)
{
    int on = 1;
    const char *failed = "setsockopt";
    int fd = socket(here->ai_family, here->ai_socktype, here->ai_protocol);
    if (fd == -1)
        return fault_errno("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) {
        failed = "bind";
        if (bind(fd, here->ai_addr, here->ai_addrlen) == 0) {
            failed = "listen";
            if (listen(fd, SOMAXCONN) == 0)
                return fd;
        }
    }
    fault_errno(failed);
    close(fd);
    return -1;
}

static int open_listener(const char *port)
{
    struct addrinfo wanted, *here;
    memset(&wanted, 0, sizeof wanted);
    wanted.ai_family = AF_INET;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
    int error = getaddrinfo("127.0.0.1", port, &wanted, &here);
    if (error != 0)
        return fault("getaddrinfo", gai_strerror(error));
    int fd = listener_at(here);
    freeaddrinfo(here);
    return fd;
}

static int announce(int fd)
{
    struct sockaddr_storage here;
    socklen_t size = sizeof here;
    if (getsockname(fd, (struct sockaddr *)&here, &size) == -1)
        return fault_errno("getsockname");
    return tell("listening on", (struct sockaddr *)&here, size);
}

static int accept_from(int fd)
{
    struct sockaddr_storage peer;
    for (;;) {
        socklen_t size = sizeof peer;
        int conn = accept(fd, (struct sockaddr *)&peer, &size);
        if (conn == -1 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (conn == -1)
            return fault_errno("accept");
        if (tell("connection from", (struct sockaddr *)&peer, size) == 0)
            return conn;
        close(conn);
        return -1;
    }
}

static ssize_t recv_again(int fd, char *to, size_t room)
{
    for (;;) {
        ssize_t n = recv(fd, to, room, 0);
        if (n >= 0 || errno != EINTR)
            return n == -1 ? fault_errno("recv") : n;
    }
}

static int recv_line(int fd)
{
    char line[MAX_LINE + 1];
    size_t used = 0, held = 0; /* looked at, and received */
    while (used == held || line[used] != '\n') {
        if (used < held) {
            used++;
            continue;
        }
        if (used > MAX_LINE)
            return fault("recv", strerror(EMSGSIZE));
        ssize_t n = recv_again(fd, line + held, sizeof line - held);
        if (n == -1)
            return -1;
        if (n == 0) /* the end of the stream: as good as a newline */
            line[held++] = '\n';
        held += (size_t)n;
    }
    if (fwrite(line, 1, used + 1, stdout) != used + 1 || fflush(stdout) == EOF)
        return fault_errno("fwrite");
    return 0;
}

static int send_line(int fd, const char *line, size_t length)
{
    size_t sent = 0;
    do {
        ssize_t n = send(fd, line + sent, length - sent, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return fault_errno("send");
        sent += n == -1 ? 0u : (size_t)n;
    } while (sent < length);
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return fault_errno("puts");
    return 0;
}

static int wait_out(int fd)
{
    char rest[MAX_LINE];
    struct pollfd peer = {fd, POLLIN, 0};
    ssize_t n = 1;
    if (shutdown(fd, SHUT_WR) == -1)
        return fault_errno("shutdown");
    do {
        int ready = poll(&peer, 1, 1000);
        if (ready == -1 && errno != EINTR)
            return fault_errno("poll");
        if (ready == 0)
            return 0;
        if (ready == 1)
            n = recv_again(fd, rest, sizeof rest);
    } while (n > 0);
    return (int)n;
}

static int serve(int listener)
{
    static const char reply[] = "Hello from server\n";
    if (announce(listener) == -1)
        return -1;
    int conn = accept_from(listener);
    if (conn == -1)
        return -1;
    int result = recv_line(conn);
    if (result == 0)
        result = send_line(conn, reply, sizeof reply - 1);
    if (result == 0)
        result = wait_out(conn);
    if (close(conn) == -1 && errno != EINTR)
        return fault_errno("close");
    return result;
}

/* AI_NUMERICSERV would take " 80", "+80" and 70000: we look ourselves. */
static int port_is_valid(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == '\0' &&
           strtoul(text, NULL, 10) <= 65535;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 1 ? argv[1] : "8080";
    if (argc > 2 || !port_is_valid(port)) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int listener = open_listener(port);
    if (listener == -1)
        return 1;
    int result = serve(listener);
    if (close(listener) == -1 && errno != EINTR)
        result = fault_errno("close");
    return result == 0 ? 0 : 1;
}
