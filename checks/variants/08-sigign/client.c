/*
 * Style: SIGPIPE is blocked with sigprocmask(), so send() needs no flags: the
 * signal stays pending and dies with the program. stdout is line-buffered by
 * setvbuf(); the message goes out in two parts. Right: a lost peer is EPIPE,
 * which every part looks for, and two calls make one line of the stream.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int report(const char *function)
{
    fprintf(stderr, "%s: %s\n", function, strerror(errno));
    return 0;
}

static int send_part(int fd, const char *text)
{
    const char *end = strchr(text, '\0');
    for (ssize_t n = 0; text < end; text += n) {
        n = send(fd, text, (size_t)(end - text), 0);
        if (n < 0 && errno != EINTR)
            return report("send");
        if (n < 0)
            n = 0;
    }
    return 1;
}

/* Prints a line, newline included; a failed flush only shows in ferror(). */
static int print(const char *line, size_t length)
{
    if (fwrite(line, 1, length, stdout) < length || ferror(stdout))
        return report("fwrite");
    return 1;
}

static int receive_message(int fd)
{
    char line[1024], chunk[1024];
    size_t length = 0;
    int open = 1;
    for (;;) {
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n < 0 && errno != EINTR)
            return report("recv");
        if (n == 0)
            break;
        for (ssize_t i = 0; open && i < n; i++) {
            line[length++] = chunk[i];
            open = chunk[i] != '\n';
            if (open && length == sizeof line) {
                errno = EMSGSIZE;
                return report("recv");
            }
            if (!open && !print(line, length))
                return 0;
        }
    }
    if (!open)
        return 1;
    line[length++] = '\n'; /* the stream ended, and the line with it */
    return print(line, length);
}

static int talk(int fd)
{
    if (!send_part(fd, "Hello from ") || !send_part(fd, "client\n"))
        return 0;
    if (printf("Hello message sent\n") < 0 || ferror(stdout))
        return report("printf");
    if (shutdown(fd, SHUT_WR) < 0)
        return report("shutdown");
    return receive_message(fd);
}

static void print_name(const struct addrinfo *to)
{
    char text[INET6_ADDRSTRLEN] = "";
    const void *bytes = &((const struct sockaddr_in *)to->ai_addr)->sin_addr;
    const char *form = "connected to %s:%d\n";
    in_port_t port = ((const struct sockaddr_in *)to->ai_addr)->sin_port;
    if (to->ai_family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *)to->ai_addr)->sin6_addr;
        port = ((const struct sockaddr_in6 *)to->ai_addr)->sin6_port;
        form = "connected to [%s]:%d\n";
    }
    inet_ntop(to->ai_family, bytes, text, sizeof text);
    fprintf(stderr, form, text, ntohs(port));
}

static int wait_connected(int fd)
{
    struct pollfd item = {fd, POLLOUT, 0};
    int n, error = 0;
    socklen_t size = sizeof error;
    while ((n = poll(&item, 1, -1)) < 0 && errno == EINTR)
        continue;
    if (n < 0)
        return report("poll");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return report("getsockopt");
    errno = error;
    return error == 0 || report("connect");
}

/* Returns 1 if the conversation was held, 0 if it failed, -1 if none began. */
static int attempt(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd < 0)
        return report("socket") - 1;
    int good = connect(fd, to->ai_addr, to->ai_addrlen) == 0;
    if (!good)
        good = errno == EINTR ? wait_connected(fd) : report("connect");
    if (!good) {
        close(fd);
        return -1;
    }
    print_name(to);
    good = talk(fd);
    if (close(fd) < 0 && errno != EINTR)
        good = report("close");
    return good;
}

static int run(const char *host, const char *port)
{
    struct addrinfo hints, *list, *to;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int result = getaddrinfo(host, port, &hints, &list);
    if (result != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(result));
        return 0;
    }
    result = -1;
    for (to = list; to != NULL && result < 0; to = to->ai_next)
        result = attempt(to);
    freeaddrinfo(list);
    return result > 0;
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] != '\0' || number < 1 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    sigset_t pipes;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    if (sigprocmask(SIG_BLOCK, &pipes, NULL) < 0)
        return !report("sigprocmask");
    if (setvbuf(stdout, NULL, _IOLBF, BUFSIZ) != 0)
        return !report("setvbuf");
    return !run(argc > 1 ? argv[1] : "127.0.0.1", port);
}
