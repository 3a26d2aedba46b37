/**
 * @file
 * Exercise: a server that serves many clients at once, in one process.
 *
 * Usage: many-clients   (Enter ends it)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <poll.h>       /* poll */
#include <stdio.h>      /* fprintf, perror */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memchr, memset */
#include <sys/socket.h> /* socket and its family, shutdown */
#include <unistd.h>     /* close, STDIN_FILENO */

/* Places: stdin, the listener, then the clients. */
enum { INPUT, LISTENER, FIRST, PLACES = 64, LINE_SIZE = 128 };

/** What is known of a client. */
struct client {
    char line[LINE_SIZE];
    size_t used;  /**< bytes of its line that have come */
    int answered; /**< 1: only its end is awaited */
};

/** All that is waited for, and who is behind it: at the same place. */
struct hall {
    struct pollfd watched[PLACES];
    struct client client[PLACES];
    nfds_t count; /**< places taken */
};

/**
 * Says which call failed and why, while errno still knows.
 * @param call  the name of the function that failed
 * @return -1, so that a caller can write `return fail("bind");`
 */
static int fail(const char *call)
{
    perror(call);
    return -1;
}

/**
 * Closes a socket. Interrupted, it is closed all the same on Linux: a second
 * close() could hit a descriptor that another thread has just been given.
 * @return 0, or -1
 */
static int close_socket(int fd)
{
    if (close(fd) == -1 && errno != EINTR)
        return fail("close");
    return 0;
}

/**
 * Makes a listener on a free port of 127.0.0.1 and says where it listens; its
 * accept() never waits.
 * @return a descriptor, or -1
 */
static int open_listener(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return fail("socket");
    if (bind(fd, (struct sockaddr *)&address, size) == -1)
        fail("bind");
    else if (listen(fd, SOMAXCONN) == -1)
        fail("listen");
    else if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        fail("getsockname");
    else {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
        return fd;
    }
    close_socket(fd);
    return -1;
}

/** Gives a descriptor, and the client behind it, the next free place. */
static void take_place(struct hall *hall, int fd)
{
    struct pollfd watched = {fd, POLLIN, 0};
    memset(&hall->client[hall->count], 0, sizeof hall->client[0]);
    hall->watched[hall->count++] = watched;
}

/** Accepts a client; one too many is closed at once. @return 0, or -1 */
static int let_in(struct hall *hall)
{
    int conn = accept(hall->watched[LISTENER].fd, NULL, NULL);
    if (conn == -1 && (errno == EAGAIN || errno == ECONNABORTED))
        return 0; /* that client gave up while it was in the queue */
    if (conn == -1)
        return fail("accept");
    if (hall->count == PLACES)
        return close_socket(conn);
    take_place(hall, conn);
    return 0;
}

/** Closes a client's socket; the last client in the hall takes its place. */
static void show_out(struct hall *hall, nfds_t place)
{
    close_socket(hall->watched[place].fd);
    hall->count--;
    hall->watched[place] = hall->watched[hall->count];
    hall->client[place] = hall->client[hall->count];
}

/**
 * Takes what has come from a client. When its line is complete, sends it back,
 * newline included, and ends our side; then nothing but its end matters.
 * @return 1, or 0 if it has gone or must go: its end, a failure, a full line
 */
static int hear(int conn, struct client *client)
{
    /* SOLUTION: one recv() for each word of poll(), and what it brings is kept:
       the rest may come in an hour, and meanwhile the others are served. Their
       failures are their own affair. So few bytes always find room in a new
       connection. To close at once would be wrong: bytes behind the line would
       make that a reset, and the answer could be lost. */
    if (client->answered)
        client->used = 0; /* what still comes is dropped */
    ssize_t n = recv(conn, client->line + client->used,
                     LINE_SIZE - client->used, MSG_DONTWAIT);
    if (n == -1)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0 || client->answered)
        return n > 0;
    client->used += (size_t)n;
    char *newline = (char *)memchr(client->line, '\n', client->used);
    if (newline == NULL)
        return client->used < LINE_SIZE;
    size_t length = (size_t)(newline - client->line) + 1;
    client->answered = 1;
    ssize_t sent =
        send(conn, client->line, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent != -1 && shutdown(conn, SHUT_WR) != -1;
    /* SOLUTION end */
}

/** Serves whoever has something for us, until stdin does. @return 0, or -1 */
static int serve_all(struct hall *hall)
{
    /* SOLUTION: poll() is the only call that waits, and it waits for all. From
       the back, for show_out() moves the last one, which has had its turn.
       `revents` may hold POLLHUP or POLLERR, which nobody has asked for. */
    for (;;) {
        int ready = poll(hall->watched, hall->count, -1);
        if (ready == -1 && errno == EINTR)
            continue;
        if (ready == -1)
            return fail("poll");
        if (hall->watched[INPUT].revents != 0)
            return 0;
        for (nfds_t i = hall->count; i-- > FIRST;)
            if (hall->watched[i].revents != 0 &&
                !hear(hall->watched[i].fd, &hall->client[i]))
                show_out(hall, i);
        if (hall->watched[LISTENER].revents != 0 && let_in(hall) == -1)
            return -1;
    }
    /* SOLUTION end */
}

int main(int argc, char *argv[])
{
    static struct hall hall;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: many-clients\n");
        return 2;
    }
    int listener = open_listener();
    if (listener == -1)
        return EXIT_FAILURE;
    take_place(&hall, STDIN_FILENO);
    take_place(&hall, listener);
    int result = serve_all(&hall);
    while (hall.count > FIRST)
        show_out(&hall, hall.count - 1);
    close_socket(listener);
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
