/*
 * Style: the message lies in a file in memory, and sendfile() takes it to the
 * connection; accept() is waited for by recursion. Right: sendfile() moves the
 * offset by what was sent, and is made again until that is all.
 */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

struct fds {
    int file, listener, conn;
};

static int no(const char *call)
{
    perror(call);
    return -1;
}

static int make_file(struct fds *f, const char *text)
{
    size_t n = strlen(text);
    f->file = memfd_create("message", MFD_CLOEXEC);
    if (f->file == -1)
        return no("memfd_create");
    while (n > 0) {
        ssize_t w = write(f->file, text, n);
        if (w == -1 && errno != EINTR)
            return no("write");
        if (w > 0) {
            text += w;
            n -= (size_t)w;
        }
    }
    return 0;
}

static int make_listener(struct fds *f, unsigned port)
{
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    int on = 1;
    f->listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (f->listener == -1)
        return no("socket");
    if (setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return no("setsockopt");
    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_port = htons((in_port_t)port);
    inet_aton("127.0.0.1", &in.sin_addr);
    if (bind(f->listener, (struct sockaddr *)&in, sizeof in) == -1)
        return no("bind");
    if (listen(f->listener, SOMAXCONN) == -1)
        return no("listen");
    if (getsockname(f->listener, (struct sockaddr *)&in, &size) == -1)
        return no("getsockname");
    fprintf(stderr, "listening on %s:%u\n", inet_ntoa(in.sin_addr),
            (unsigned)ntohs(in.sin_port));
    return 0;
}

static int wait_client(struct fds *f)
{
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    f->conn = accept(f->listener, (struct sockaddr *)&in, &size);
    if (f->conn == -1) {
        if (errno == EINTR || errno == ECONNABORTED)
            return wait_client(f);
        return no("accept");
    }
    fprintf(stderr, "connection from %s:%u\n", inet_ntoa(in.sin_addr),
            (unsigned)ntohs(in.sin_port));
    return 0;
}

static int send_file(struct fds *f, off_t size)
{
    off_t at = 0;
    while (at < size)
        if (sendfile(f->conn, f->file, &at, (size_t)(size - at)) == -1 &&
            errno != EINTR)
            return no("sendfile");
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return no("puts");
    return 0;
}

static int end(int fd)
{
    return fd != -1 && close(fd) == -1 && errno != EINTR ? no("close") : 0;
}

int main(int argc, char *argv[])
{
    static const char text[] = "Hello from server\n";
    struct fds f = {-1, -1, -1};
    struct sigaction ignore;
    unsigned port;
    char number[6];
    const char *digits = argc == 2 ? argv[1] : "8080";
    int used = 0;
    while (digits[0] == '0' && digits[1] != '\0')
        digits++;
    if (argc > 2 || sscanf(digits, "%5[0-9]%n", number, &used) != 1 ||
        digits[used] != '\0' || (port = (unsigned)atoi(number)) > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &ignore, NULL) == -1) {
        no("sigaction");
        return EXIT_FAILURE;
    }
    int result = 0;
    if (make_file(&f, text) || make_listener(&f, port) || wait_client(&f) ||
        send_file(&f, (off_t)strlen(text)))
        result = -1;
    if (end(f.conn) | end(f.listener) | end(f.file))
        result = -1;
    return result ? EXIT_FAILURE : EXIT_SUCCESS;
}
