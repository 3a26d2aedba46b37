/**
 * @file
 * Exercise: a server that serves one client after another, until Ctrl-C.
 *
 * Usage: until-ctrl-c
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <signal.h>     /* sigaction, sigprocmask */
#include <stdio.h>      /* fprintf, perror, printf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset */
#include <sys/select.h> /* pselect */
#include <sys/socket.h> /* socket and its family, shutdown */
#include <unistd.h>     /* close */

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
 * Makes a listener on a free port of 127.0.0.1 and says where it listens.
 * @return a descriptor, or -1
 */
static int open_listener(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
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

/** Set by the signal handler, the only thing that one may do safely. */
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

/**
 * Lets SIGINT (Ctrl-C) and SIGTERM (kill) set `stopped`, but holds them back
 * except while wait_readable() waits.
 * @param waiting  gets the signal mask for that time, which blocks neither
 * @return 0, or -1
 */
static int catch_signals(sigset_t *waiting)
{
    /* SOLUTION: sigaction() with sa_flags 0, without SA_RESTART: pselect()
       must come back when the handler has run. Blocked signals are not lost,
       they wait. The mask as it was before lets them through again. */
    struct sigaction action;
    sigset_t both;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    if (sigaction(SIGINT, &action, NULL) == -1 ||
        sigaction(SIGTERM, &action, NULL) == -1)
        return fail("sigaction");
    if (sigprocmask(SIG_BLOCK, &both, waiting) == -1)
        return fail("sigprocmask");
    return 0;
    /* SOLUTION end */
}

/**
 * Waits until a socket can be read or accepted from.
 * @return 1, 0 when a signal has stopped us, now or before, or -1
 */
static int wait_readable(int fd, const sigset_t *waiting)
{
    /* SOLUTION: pselect() changes the mask and goes to sleep in one step. With
       select() a signal could come between the look at `stopped` and the call,
       and then nothing would wake it: the program would need a second Ctrl-C,
       once in a thousand times. */
    while (!stopped) {
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(fd, &readable);
        if (pselect(fd + 1, &readable, NULL, NULL, NULL, waiting) == 1)
            return 1;
        if (errno != EINTR)
            return fail("pselect");
    }
    return 0;
    /* SOLUTION end */
}

/** Tells a client its number, and waits for its end. @return 0, or -1 */
static int serve(int conn, unsigned number, const sigset_t *waiting)
{
    char text[40], rest[1024];
    int length = snprintf(text, sizeof text, "you are client %u\n", number);
    /* so few bytes always find room in a new connection */
    if (send(conn, text, (size_t)length, MSG_NOSIGNAL) == -1)
        return fail("send");
    if (shutdown(conn, SHUT_WR) == -1)
        return fail("shutdown");
    while (wait_readable(conn, waiting) == 1)
        if (recv(conn, rest, sizeof rest, 0) <= 0)
            break;
    return 0;
}

/** Serves clients until a signal comes. @return 0, or -1 */
static int serve_all(int listener, const sigset_t *waiting)
{
    unsigned clients = 0;
    int ready;
    while ((ready = wait_readable(listener, waiting)) == 1) {
        int conn = accept(listener, NULL, NULL);
        if (conn == -1 && errno == ECONNABORTED)
            continue; /* that client gave up while it was in the queue */
        if (conn == -1)
            return fail("accept");
        serve(conn, ++clients, waiting); /* its failure is its own affair */
        close_socket(conn);
    }
    printf("served %u clients\n", clients);
    return ready;
}

int main(int argc, char *argv[])
{
    sigset_t waiting;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: until-ctrl-c\n");
        return 2;
    }
    if (catch_signals(&waiting) == -1)
        return EXIT_FAILURE;
    int listener = open_listener();
    if (listener == -1)
        return EXIT_FAILURE;
    int result = serve_all(listener, &waiting);
    if (close_socket(listener) == -1)
        result = -1;
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
