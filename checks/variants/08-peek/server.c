/*
 * Style: looks before it takes. MSG_PEEK shows what has come without taking it;
 * then exactly that much is taken, never a byte behind the newline.
 * Right: what was shown is always taken, so the next peek does not spin.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
    char bytes[1024];
    size_t length;
};

static int say(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return -1;
}

static ssize_t try_recv(int fd, void *to, size_t room, int flags)
{
    ssize_t n;
    do
        n = recv(fd, to, room, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        say("recv");
    return n;
}

/* Takes bytes that were seen: this is not the end of the stream. */
static int take(int fd, struct message *m, size_t count)
{
    while (count > 0) {
        ssize_t n = try_recv(fd, m->bytes + m->length, count, 0);
        if (n <= 0)
            return -1;
        m->length += (size_t)n;
        count -= (size_t)n;
    }
    return 0;
}

static int get_message(int fd, struct message *m)
{
    m->length = 0;
    while (m->length < sizeof m->bytes) {
        char *seen = m->bytes + m->length;
        ssize_t n = try_recv(fd, seen, sizeof m->bytes - m->length, MSG_PEEK);
        if (n <= 0)
            return (int)n;
        const char *newline = (const char *)memchr(seen, '\n', (size_t)n);
        size_t count = newline ? (size_t)(newline - seen) + 1 : (size_t)n;
        if (take(fd, m, count) < 0)
            return -1;
        if (newline) {
            m->length--;
            return 0;
        }
    }
    errno = EMSGSIZE;
    return say("recv");
}

static int show(const struct message *m)
{
    if (fwrite(m->bytes, 1, m->length, stdout) < m->length)
        return say("fwrite");
    if (fputc('\n', stdout) == EOF)
        return say("fputc");
    return fflush(stdout) == EOF ? say("fflush") : 0;
}

static int put_message(int fd, const char *text)
{
    static const struct message sent = {"Hello message sent", 18};
    size_t left = strlen(text);
    for (ssize_t n; left > 0; text += n, left -= (size_t)n) {
        n = send(fd, text, left, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return say("send");
        if (n < 0)
            n = 0;
    }
    return show(&sent);
}

static int part(int fd)
{
    struct pollfd p;
    char rest[256];
    ssize_t n = 1;
    if (shutdown(fd, SHUT_WR) < 0)
        return say("shutdown");
    p.fd = fd;
    p.events = POLLIN;
    while (n > 0) {
        int ready = poll(&p, 1, 1000);
        if (ready == 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return say("poll");
        if (ready > 0)
            n = try_recv(fd, rest, sizeof rest, 0);
    }
    return (int)n;
}

static int welcome(int listener)
{
    struct sockaddr_in sin;
    socklen_t len;
    int fd;
    do {
        len = sizeof sin;
        fd = accept(listener, (struct sockaddr *)&sin, &len);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return say("accept");
    uint8_t ip[4];
    memcpy(ip, &sin.sin_addr, sizeof ip);
    fprintf(stderr, "connection from %d.%d.%d.%d:%d\n", ip[0], ip[1], ip[2],
            ip[3], ntohs(sin.sin_port));
    return fd;
}

static int prepare(int fd, unsigned long port)
{
    struct sockaddr_in sin;
    socklen_t len = sizeof sin;
    int yes = 1;
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t)port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0)
        return say("setsockopt");
    if (bind(fd, (struct sockaddr *)&sin, sizeof sin) < 0)
        return say("bind");
    if (listen(fd, 10) < 0)
        return say("listen");
    if (getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
        return say("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(sin.sin_port));
    return 0;
}

static int shut(int fd)
{
    return close(fd) < 0 && errno != EINTR ? say("close") : 0;
}

int main(int argc, char *argv[])
{
    const char *text = argc == 2 ? argv[1] : "8080";
    size_t digits = strspn(text, "0123456789");
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || !digits || text[digits] || port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    struct message m;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0)
        return say("socket") < 0;
    int status = -1;
    int fd = prepare(listener, port) < 0 ? -1 : welcome(listener);
    if (fd >= 0 && get_message(fd, &m) == 0 && show(&m) == 0 &&
        put_message(fd, "Hello from server\n") == 0)
        status = part(fd);
    if (fd >= 0 && shut(fd) < 0)
        status = -1;
    if (shut(listener) < 0)
        status = -1;
    return status < 0;
}
