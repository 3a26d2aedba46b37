/*
 * Style: a machine. Each state is a function that does one step and names the
 * next state; the last one closes. main() only turns the crank.
 * Right: each way out of a state leads to `leave`, which closes what is open,
 * so there is no path on which something stays behind.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct machine;

struct state {
    struct state (*run)(struct machine *m);
};

struct machine {
    unsigned long port;
    int listener, conn, status;
    char line[1024];
    size_t length, sent;
};

static struct state leave(struct machine *m);

static struct state go(struct state (*run)(struct machine *))
{
    struct state next = {run};
    return next;
}

static struct state fail(struct machine *m, const char *call)
{
    perror(call);
    m->status = 1;
    return go(leave);
}

static struct state leave(struct machine *m)
{
    int *fd = m->conn != -1 ? &m->conn : &m->listener;
    int closed = *fd == -1 ? 0 : close(*fd);
    int last = fd == &m->listener;
    *fd = -1;
    if (closed == -1 && errno != EINTR)
        return fail(m, "close");
    return go(last ? NULL : leave);
}

static struct state drain(struct machine *m)
{
    char rest[1024];
    struct pollfd p = {m->conn, POLLIN, 0};
    int ready = poll(&p, 1, 1000);
    if (ready == -1)
        return errno == EINTR ? go(drain) : fail(m, "poll");
    if (ready == 0)
        return go(leave);
    ssize_t n = recv(m->conn, rest, sizeof rest, 0);
    if (n == -1 && errno != EINTR)
        return fail(m, "recv");
    return go(n == 0 ? leave : drain);
}

static struct state end(struct machine *m)
{
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return fail(m, "puts");
    if (shutdown(m->conn, SHUT_WR) == -1)
        return fail(m, "shutdown");
    return go(drain);
}

static struct state answer(struct machine *m)
{
    static const char text[] = "Hello from server\n";
    ssize_t n =
        send(m->conn, text + m->sent, strlen(text) - m->sent, MSG_NOSIGNAL);
    if (n == -1 && errno != EINTR)
        return fail(m, "send");
    if (n > 0)
        m->sent += (size_t)n;
    return go(text[m->sent] != '\0' ? answer : end);
}

static struct state show(struct machine *m)
{
    fwrite(m->line, 1, m->length, stdout);
    putchar('\n');
    if (fflush(stdout) == EOF || ferror(stdout))
        return fail(m, "fflush");
    return go(answer);
}

/* Takes one byte: the machine is simple, not fast. */
static struct state hear(struct machine *m)
{
    char byte;
    ssize_t n = recv(m->conn, &byte, 1, 0);
    if (n == -1)
        return errno == EINTR ? go(hear) : fail(m, "recv");
    if (n == 0 || byte == '\n')
        return go(show);
    if (m->length == 1023) {
        errno = EMSGSIZE;
        return fail(m, "recv");
    }
    m->line[m->length++] = byte;
    return go(hear);
}

static struct state meet(struct machine *m)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    char text[INET_ADDRSTRLEN] = "";
    m->conn = accept(m->listener, (struct sockaddr *)&peer, &size);
    if (m->conn == -1 && (errno == EINTR || errno == ECONNABORTED))
        return go(meet);
    if (m->conn == -1)
        return fail(m, "accept");
    inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
    fprintf(stderr, "connection from %s:%u\n", text, ntohs(peer.sin_port));
    return go(hear);
}

static struct state announce(struct machine *m)
{
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    if (listen(m->listener, 128) == -1)
        return fail(m, "listen");
    if (getsockname(m->listener, (struct sockaddr *)&here, &size) == -1)
        return fail(m, "getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(here.sin_port));
    return go(meet);
}

static struct state name(struct machine *m)
{
    struct sockaddr_in here;
    int on = 1;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_port = htons((in_port_t)m->port);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(m->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return fail(m, "setsockopt");
    if (bind(m->listener, (struct sockaddr *)&here, sizeof here) == -1)
        return fail(m, "bind");
    return go(announce);
}

static struct state begin(struct machine *m)
{
    m->listener = socket(AF_INET, SOCK_STREAM, 0);
    return m->listener == -1 ? fail(m, "socket") : go(name);
}

static struct state usage(struct machine *m)
{
    fprintf(stderr, "usage: server [PORT]\n");
    m->status = 2;
    return go(NULL);
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    struct machine m;
    memset(&m, 0, sizeof m);
    m.listener = m.conn = -1;
    m.port = strtoul(text, NULL, 10);
    struct state state = go(begin);
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] ||
        m.port > 65535)
        state = go(usage);
    while (state.run != NULL)
        state = state.run(&m);
    return m.status;
}
