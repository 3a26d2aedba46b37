/*
 * Style: a thread of its own holds the conversation, as in a server for many;
 * the main thread closes the listener meanwhile, then joins it.
 * Right: the thread owns the descriptor it was given, its result comes back in
 * the same structure. (glibc before 2.34 needs -pthread on the command line.)
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct guest {
    pthread_t thread;
    int fd;
    int status;
};

static int complain(const char *call, int error)
{
    fprintf(stderr, "%s: %s\n", call, strerror(error));
    return 1;
}

static int hang_up(int fd)
{
    return close(fd) == -1 && errno != EINTR ? complain("close", errno) : 0;
}

static int print(const char *text, size_t length)
{
    flockfile(stdout);
    size_t n = fwrite(text, 1, length, stdout);
    int failed = n < length || putc_unlocked('\n', stdout) == EOF ||
                 fflush(stdout) == EOF;
    int error = errno;
    funlockfile(stdout);
    return failed ? complain("fwrite", error) : 0;
}

static int hear(int fd)
{
    char text[1024];
    size_t length = 0, scanned = 0;
    do {
        ssize_t n = recv(fd, text + length, sizeof text - length, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return complain("recv", errno);
        if (n == 0)
            return print(text, length);
        for (length += (size_t)n; scanned < length; scanned++)
            if (text[scanned] == '\n')
                return print(text, scanned);
    } while (length < sizeof text);
    return complain("recv", EMSGSIZE);
}

static int answer(int fd)
{
    char text[] = "Hello from server\n";
    for (size_t at = 0; at < strlen(text);) {
        ssize_t n = send(fd, text + at, strlen(text) - at, MSG_NOSIGNAL);
        if (n == -1 && errno != EINTR)
            return complain("send", errno);
        at += n == -1 ? 0 : (size_t)n;
    }
    return print("Hello message sent", 18);
}

static int linger(int fd)
{
    char rest[1024];
    struct pollfd p = {fd, POLLIN, 0};
    if (shutdown(fd, SHUT_WR) == -1)
        return complain("shutdown", errno);
    for (;;) {
        int n = poll(&p, 1, 1000);
        if (n == -1 && errno != EINTR)
            return complain("poll", errno);
        if (n == 0)
            return 0;
        ssize_t got = n == -1 ? 1 : recv(fd, rest, sizeof rest, 0);
        if (got == 0)
            return 0;
        if (got == -1 && errno != EINTR)
            return complain("recv", errno);
    }
}

/* The thread: talks to the guest and sees to the door. */
static void *attend(void *argument)
{
    struct guest *guest = (struct guest *)argument;
    guest->status = hear(guest->fd) || answer(guest->fd) || linger(guest->fd);
    if (hang_up(guest->fd) != 0)
        guest->status = 1;
    return NULL;
}

static int accept_guest(int listener)
{
    struct sockaddr_storage peer;
    struct sockaddr_in *in = (struct sockaddr_in *)&peer;
    char name[INET_ADDRSTRLEN] = "";
    int fd;
    do {
        socklen_t size = sizeof peer;
        fd = accept(listener, (struct sockaddr *)&peer, &size);
    } while (fd == -1 && (errno == EINTR || errno == ECONNABORTED));
    if (fd == -1)
        return -complain("accept", errno);
    inet_ntop(AF_INET, &in->sin_addr, name, sizeof name);
    fprintf(stderr, "connection from %s:%u\n", name,
            (unsigned)ntohs(in->sin_port));
    return fd;
}

static int start(int listener, unsigned long port)
{
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    int yes = 1;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_port = htons((in_port_t)port);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1)
        return complain("setsockopt", errno);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) == -1)
        return complain("bind", errno);
    if (listen(listener, SOMAXCONN) == -1)
        return complain("listen", errno);
    if (getsockname(listener, (struct sockaddr *)&here, &size) == -1)
        return complain("getsockname", errno);
    fprintf(stderr, "listening on 127.0.0.1:%u\n",
            (unsigned)ntohs(here.sin_port));
    return 0;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    size_t digits = strspn(text, "0123456789");
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || digits == 0 || text[digits] != '\0' || port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return complain("socket", errno);
    struct guest guest;
    guest.fd = start(listener, port) != 0 ? -1 : accept_guest(listener);
    if (guest.fd == -1)
        return hang_up(listener) | 1;

    int error = pthread_create(&guest.thread, NULL, attend, &guest);
    int status = hang_up(listener);
    if (error != 0) {
        hang_up(guest.fd);
        return complain("pthread_create", error);
    }
    error = pthread_join(guest.thread, NULL);
    if (error != 0)
        return complain("pthread_join", error);
    return status | guest.status;
}
