/*
 * Style: sendmsg() and recvmsg(), the most general pair, with MSG_NOSIGNAL, and
 * SO_RCVTIMEO for the second of silence: it is set only after the reply, so the
 * message itself may take its time, and it starts again with every call.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static bool failed(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return false;
}

static bool get_port(const char *text, uint16_t *port)
{
    uint32_t value = 0;
    const char *p = text;
    while (*p >= '0' && *p <= '9' && value <= UINT16_MAX)
        value = value * 10 + (uint32_t)(*p++ - '0');
    *port = (uint16_t)value;
    return p != text && *p == '\0' && value <= UINT16_MAX;
}

static bool send_bytes(int fd, char *bytes, size_t count)
{
    struct iovec part = {bytes, count};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    while (part.iov_len > 0) {
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return failed("sendmsg");
        part.iov_base = (char *)part.iov_base + n;
        part.iov_len -= (size_t)n;
    }
    return true;
}

/* As recvmsg(), made again after a signal. */
static ssize_t receive(int fd, char *to, size_t room)
{
    struct iovec part = {to, room};
    struct msghdr message;
    ssize_t n;
    do {
        memset(&message, 0, sizeof message);
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        n = recvmsg(fd, &message, 0);
    } while (n == -1 && errno == EINTR);
    return n;
}

static bool print(const char *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, stdout) != count)
        return failed("fwrite");
    if (putchar('\n') == EOF)
        return failed("putchar");
    return fflush(stdout) == 0 || failed("fflush");
}

static bool take_line(int fd)
{
    char line[1024];
    size_t used = 0;
    for (;;) {
        ssize_t n = receive(fd, line + used, sizeof line - used);
        if (n == -1)
            return failed("recvmsg");
        for (size_t end = used + (size_t)n; used < end; used++)
            if (line[used] == '\n')
                return print(line, used);
        if (n == 0)
            return print(line, used);
        if (used == sizeof line) {
            errno = EMSGSIZE;
            return failed("recv");
        }
    }
}

static bool drain(int fd)
{
    const struct timeval second = {1, 0};
    char rest[64];
    ssize_t n;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second) == -1)
        return failed("setsockopt");
    while ((n = receive(fd, rest, sizeof rest)) > 0)
        continue;
    if (n == 0 || errno == EAGAIN || errno == EWOULDBLOCK)
        return true;
    return failed("recvmsg");
}

static bool converse(int fd)
{
    char reply[] = "Hello from server\n";
    if (!take_line(fd) || !send_bytes(fd, reply, sizeof reply - 1) ||
        !print("Hello message sent", 18))
        return false;
    if (shutdown(fd, SHUT_WR) == -1)
        return failed("shutdown");
    return drain(fd);
}

static bool done_with(int fd)
{
    return close(fd) == 0 || errno == EINTR || failed("close");
}

static bool accept_one(int listener)
{
    struct sockaddr_in peer;
    int fd;
    do {
        socklen_t size = sizeof peer;
        fd = accept(listener, (struct sockaddr *)&peer, &size);
    } while (fd == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (fd == -1)
        return failed("accept");
    fprintf(stderr, "connection from %s:%u\n", inet_ntoa(peer.sin_addr),
            (unsigned)ntohs(peer.sin_port));
    bool good = converse(fd);
    return done_with(fd) && good;
}

static bool set_up(int listener, uint16_t port)
{
    int on = 1;
    struct sockaddr_in self;
    socklen_t size = sizeof self;
    memset(&self, 0, sizeof self);
    self.sin_family = AF_INET;
    self.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &self.sin_addr); /* cannot fail */
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return failed("setsockopt");
    if (bind(listener, (struct sockaddr *)&self, sizeof self) == -1)
        return failed("bind");
    if (listen(listener, 5) == -1)
        return failed("listen");
    if (getsockname(listener, (struct sockaddr *)&self, &size) == -1)
        return failed("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n",
            (unsigned)ntohs(self.sin_port));
    return true;
}

int main(int argc, char *argv[])
{
    uint16_t port = 8080;
    if (argc > 2 || (argc == 2 && !get_port(argv[1], &port))) {
        fprintf(stderr, "usage: %s [PORT]\n", argv[0]);
        return 2;
    }
    int listener = socket(PF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (listener == -1)
        return failed("socket") ? 0 : 1;
    bool good = set_up(listener, port) && accept_one(listener);
    return done_with(listener) && good ? EXIT_SUCCESS : EXIT_FAILURE;
}
