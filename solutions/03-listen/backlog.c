/**
 * @file
 * Exercise: how many clients get in while nobody accepts. Listens; after Enter
 * it plays the clients as well, until the queue is full; after Enter it ends.
 *
 * Usage: backlog BACKLOG   (0 to 99)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <fcntl.h>      /* fcntl */
#include <netinet/in.h> /* the internet domain */
#include <poll.h>       /* poll */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE, atoi */
#include <string.h>     /* memset, strlen, strspn */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close, read */

enum { CLIENTS_MAX = 120, PATIENCE_MS = 300 };

/** Says which call failed and why. @return -1 */
static int fail(const char *call)
{
    perror(call);
    return -1;
}

/** Closes a socket; an interrupted close() has closed it. @return 0, or -1 */
static int close_socket(int fd)
{
    if (close(fd) == -1 && errno != EINTR)
        return fail("close");
    return 0;
}

/** Waits until somebody presses Enter, or nothing more can be read. */
static void wait_for_enter(void)
{
    char c = 0;
    ssize_t n;
    do
        n = read(STDIN_FILENO, &c, 1);
    while ((n == 1 && c != '\n') || (n == -1 && errno == EINTR));
}

/** Binds to 127.0.0.1 and a free port, and asks which. @return 0, or -1 */
static int bind_loopback(int fd, struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)address, sizeof *address) == -1)
        return fail("bind");
    if (getsockname(fd, (struct sockaddr *)address, &size) == -1)
        return fail("getsockname");
    return 0;
}

/** Makes a listener of a socket, with that backlog. @return 0, or -1 */
static int start_listening(int fd, int backlog)
{
    /* SOLUTION: the number is passed on as it is; the kernel counts. */
    return listen(fd, backlog) == -1 ? fail("listen") : 0;
    /* SOLUTION end */
}

/**
 * Connects a socket, but does not wait longer than PATIENCE_MS. (Step 5 is
 * about connect().)
 * @return 1: it is connected, 0: nobody has let it in, -1: a failure
 */
static int connect_client(int fd, const struct sockaddr_in *to)
{
    if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
        return fail("fcntl");
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
        return 1;
    if (errno != EINPROGRESS)
        return fail("connect");
    struct pollfd connected = {fd, POLLOUT, 0};
    int ready = poll(&connected, 1, PATIENCE_MS);
    if (ready < 1)
        return ready == 0 ? 0 : fail("poll");
    int error;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return fail("getsockopt");
    errno = error;
    return error == 0 ? 1 : fail("connect");
}

/**
 * Connects one client after the other, each on a new socket, until one of them
 * is not let in. The sockets stand in client[] and stay open: the caller
 * closes them, also after a failure.
 * @return how many clients were let in, or -1 after a failure
 */
static int fill_queue(const struct sockaddr_in *to, int client[CLIENTS_MAX])
{
    /* SOLUTION: the loop ends when a client is kept waiting, that is, when the
     * kernel says so by its silence. On Linux that is the backlog and one more
     * (listen(2) does not tell). A failure is not a full queue. */
    for (int n = 0; n < CLIENTS_MAX; n++) {
        client[n] = socket(AF_INET, SOCK_STREAM, 0);
        if (client[n] == -1)
            return fail("socket");
        int in = connect_client(client[n], to);
        if (in != 1)
            return in == 0 ? n : -1;
    }
    return CLIENTS_MAX;
    /* SOLUTION end */
}

/** What becomes of a backlog. @return 0, or -1 */
static int serve(int listener, int backlog)
{
    struct sockaddr_in address;
    int client[CLIENTS_MAX];
    if (bind_loopback(listener, &address) == -1 ||
        start_listening(listener, backlog) == -1)
        return -1;
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    wait_for_enter();
    for (int i = 0; i < CLIENTS_MAX; i++)
        client[i] = -1;
    int result = fill_queue(&address, client);
    if (result != -1) {
        printf("backlog %d: let in %d\n", backlog, result);
        fflush(stdout);
        wait_for_enter();
    }
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (client[i] != -1 && close_socket(client[i]) == -1)
            result = -1;
    return result;
}

int main(int argc, char *argv[])
{
    if (argc != 2 || strlen(argv[1]) < 1 || strlen(argv[1]) > 2 ||
        strspn(argv[1], "0123456789") != strlen(argv[1])) {
        fprintf(stderr, "usage: backlog BACKLOG   (0 to 99)\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1) {
        fail("socket");
        return EXIT_FAILURE;
    }
    int result = serve(listener, atoi(argv[1]));
    if (close_socket(listener) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
