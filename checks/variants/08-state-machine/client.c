/*
 * Style: a machine whose input is bytes. A table tells, for each state and each
 * kind of input (byte, newline, end), the next state and what to do.
 * Right: every pair of state and input has its entry, so nothing that a peer
 * can send is forgotten: no newline, too much, bytes behind the line.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum input { BYTE, NEWLINE, END, INPUTS };
enum state { LINE, REST, DONE };
enum action { KEEP, PRINT, DROP };

static const struct {
    enum state next;
    enum action action;
} table[DONE][INPUTS] = {
    /*          BYTE          NEWLINE        END */
    /* LINE */ {{LINE, KEEP}, {REST, PRINT}, {DONE, PRINT}},
    /* REST */ {{REST, DROP}, {REST, DROP}, {DONE, DROP}},
};

struct line {
    char bytes[1023];
    size_t count;
};

static int wrong(const char *call)
{
    perror(call);
    return -1;
}

static int act(struct line *line, enum action action, char byte)
{
    switch (action) {
    case KEEP:
        if (line->count == sizeof line->bytes) {
            errno = EMSGSIZE;
            return wrong("recv");
        }
        line->bytes[line->count++] = byte;
        return 0;
    case PRINT:
        fwrite(line->bytes, 1, line->count, stdout);
        putchar('\n');
        if (fflush(stdout) == EOF || ferror(stdout))
            return wrong("fflush");
        return 0;
    case DROP:
        break;
    }
    return 0;
}

static int hear(int conn)
{
    struct line line;
    enum state state = LINE;
    line.count = 0;
    while (state != DONE) {
        char chunk[1024] = "";
        ssize_t n = recv(conn, chunk, sizeof chunk, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return wrong("recv");
        ssize_t i = 0;
        do {
            enum input input = n == 0 ? END : chunk[i] == '\n' ? NEWLINE : BYTE;
            if (act(&line, table[state][input].action, chunk[i]) == -1)
                return -1;
            state = table[state][input].next;
        } while (++i < n);
    }
    return 0;
}

static int tell(int conn, const char *text)
{
    const char *const end = text + strlen(text);
    while (text < end) {
        ssize_t n = send(conn, text, (size_t)(end - text), MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return wrong("send");
        text += n;
    }
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return wrong("puts");
    return shutdown(conn, SHUT_WR) == -1 ? wrong("shutdown") : 0;
}

enum phase { START, WAITING, ASKING, CONNECTED, BROKEN };

/* Connecting as a machine too: connect(), and after a signal poll(). */
static int reach(int fd, const struct addrinfo *to)
{
    enum phase phase = START;
    const char *call = "connect";
    struct pollfd p = {fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    while (phase < CONNECTED) {
        if (phase == START) {
            int done = connect(fd, to->ai_addr, to->ai_addrlen) == 0;
            phase = done ? CONNECTED : errno == EINTR ? WAITING : BROKEN;
        } else if (phase == WAITING) {
            call = "poll";
            if (poll(&p, 1, -1) == 1)
                phase = ASKING;
            else if (errno != EINTR)
                phase = BROKEN;
        } else {
            call = "getsockopt";
            if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0) {
                call = "connect";
                errno = error;
            }
            phase = errno == 0 ? CONNECTED : BROKEN;
        }
    }
    return phase == BROKEN ? wrong(call) : 0;
}

static int name(const struct addrinfo *to)
{
    char host[64], port[8];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) {
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        return -1;
    }
    int v6 = to->ai_family == AF_INET6;
    fprintf(stderr, "connected to %s%s%s:%s\n", v6 ? "[" : "", host,
            v6 ? "]" : "", port);
    return 0;
}

static int dial(const struct addrinfo *to)
{
    for (; to != NULL; to = to->ai_next) {
        int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (fd == -1) {
            wrong("socket");
        } else if (reach(fd, to) == 0 && name(to) == 0) {
            return fd;
        } else {
            close(fd);
        }
    }
    return -1;
}

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    int conn = dial(list);
    freeaddrinfo(list);
    if (conn == -1)
        return 1;
    int result = tell(conn, "Hello from client\n");
    if (result == 0)
        result = hear(conn);
    if (close(conn) == -1 && errno != EINTR)
        result = wrong("close");
    return result == 0 ? 0 : 1;
}
