/*
 * Style: one poll() at the top of one loop waits for everything: the guest, the
 * message, room for the reply, the end. Both sockets are non-blocking.
 * Right: each state waits for its own event, so the loop never spins, and a
 * call that finds nothing after all (EAGAIN) just goes back to waiting.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum state { ACCEPTING, RECEIVING, SENDING, DRAINING, DONE, FAILED };

static const char reply[] = "Hello from server\n";
static int conn = -1;
static char line[1024];
static size_t used, sent;

static enum state lost(const char *call)
{
    perror(call);
    return FAILED;
}

static int again(void)
{
    return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
}

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags == -1 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int print(const char *text, size_t length)
{
    fwrite(text, 1, length, stdout);
    putchar('\n');
    return fflush(stdout) == EOF || ferror(stdout) ? -1 : 0;
}

static enum state on_guest(int listener)
{
    struct sockaddr_in who;
    socklen_t size = sizeof who;
    char text[INET_ADDRSTRLEN];
    conn = accept(listener, (struct sockaddr *)&who, &size);
    if (conn == -1 && (again() || errno == ECONNABORTED))
        return ACCEPTING;
    if (conn == -1)
        return lost("accept");
    inet_ntop(AF_INET, &who.sin_addr, text, sizeof text);
    fprintf(stderr, "connection from %s:%d\n", text, ntohs(who.sin_port));
    return set_nonblocking(conn) == -1 ? lost("fcntl") : RECEIVING;
}

static enum state on_input(void)
{
    ssize_t n = recv(conn, line + used, sizeof line - used, 0);
    if (n == -1)
        return again() ? RECEIVING : lost("recv");
    char *end = (char *)memchr(line + used, '\n', (size_t)n);
    used += (size_t)n;
    if (end == NULL && n > 0 && used < sizeof line)
        return RECEIVING;
    if (end == NULL && n > 0) {
        errno = EMSGSIZE;
        return lost("recv");
    }
    used = end == NULL ? used : (size_t)(end - line);
    return print(line, used) == -1 ? lost("fflush") : SENDING;
}

static enum state on_room(void)
{
    ssize_t n = send(conn, reply + sent, sizeof reply - 1 - sent, MSG_NOSIGNAL);
    if (n == -1)
        return again() ? SENDING : lost("send");
    sent += (size_t)n;
    if (sent < sizeof reply - 1)
        return SENDING;
    if (print("Hello message sent", 18) == -1)
        return lost("fflush");
    return shutdown(conn, SHUT_WR) == -1 ? lost("shutdown") : DRAINING;
}

static enum state on_rest(void)
{
    char rest[1024];
    ssize_t n = recv(conn, rest, sizeof rest, 0);
    if (n == -1)
        return again() ? DRAINING : lost("recv");
    return n == 0 ? DONE : DRAINING;
}

static int run(int listener)
{
    enum state state = ACCEPTING;
    while (state != DONE && state != FAILED) {
        struct pollfd wait = {state == ACCEPTING ? listener : conn, POLLIN, 0};
        if (state == SENDING)
            wait.events = POLLOUT;
        int n = poll(&wait, 1, state == DRAINING ? 1000 : -1);
        if (n == -1 && errno != EINTR)
            state = lost("poll");
        else if (n == 0)
            state = DONE;
        else if (n == 1 && state == ACCEPTING)
            state = on_guest(listener);
        else if (n == 1 && state == RECEIVING)
            state = on_input();
        else if (n == 1 && state == SENDING)
            state = on_room();
        else if (n == 1)
            state = on_rest();
    }
    return state == DONE ? 0 : 1;
}

static enum state open_listener(int fd, unsigned long port)
{
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    int on = 1;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    here.sin_port = htons((in_port_t)port);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return lost("setsockopt");
    if (bind(fd, (struct sockaddr *)&here, sizeof here) == -1)
        return lost("bind");
    if (set_nonblocking(fd) == -1)
        return lost("fcntl");
    if (listen(fd, 8) == -1)
        return lost("listen");
    if (getsockname(fd, (struct sockaddr *)&here, &size) == -1)
        return lost("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(here.sin_port));
    return ACCEPTING;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 1 ? argv[1] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 2 || !*port || port[strspn(port, "0123456789")] ||
        number > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return lost("socket") == FAILED;
    int status = open_listener(listener, number) == FAILED || run(listener);
    if (conn != -1 && close(conn) == -1 && errno != EINTR)
        status = lost("close") == FAILED;
    if (close(listener) == -1 && errno != EINTR)
        status = lost("close") == FAILED;
    return status;
}
