/**
 * @file
 * Exercise: a client that asks by UDP, where datagrams get lost.
 *
 * Usage: datagrams PORT TEXT   (to 127.0.0.1)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <poll.h>       /* poll */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, fwrite */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset, strlen */
#include <sys/socket.h> /* socket, sendto, recvfrom */
#include <time.h>       /* clock_gettime */
#include <unistd.h>     /* close */

enum { ANSWER_MAX = 512, TRIES = 3, PATIENCE_MS = 100 };

/** An answer: one datagram. */
struct answer {
    char bytes[ANSWER_MAX];
    size_t size; /**< may be 0 */
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
 * Reads a port number: digits only, 0 to 65535. (strtol() would also take
 * " 80", "+80" and "-1"; atoi() takes anything.)
 * @return 0, or -1 if the text is not a port
 */
static int parse_port(const char *text, uint16_t *port)
{
    unsigned value = 0;
    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > 65535)
            return -1;
    }
    *port = (uint16_t)value;
    return 0;
}

/** Milliseconds on a clock that nobody sets back. */
static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/**
 * Waits until there is a datagram, also across signals.
 * @param end  when to give up, as of now_ms()
 * @return 1, 0 when it is that time, or -1
 */
static int wait_until(int fd, long end)
{
    struct pollfd watched = {fd, POLLIN, 0};
    for (;;) {
        long left = end - now_ms();
        int ready = poll(&watched, 1, left > 0 ? (int)left : 0);
        if (ready != -1)
            return ready;
        if (errno != EINTR)
            return fail("poll");
    }
}

/**
 * Waits for the answer of the server, and of nobody else.
 * @param end  when to give up, as of now_ms()
 * @return 1, 0 when it is that time, or -1; EMSGSIZE if it is too large
 */
static int receive_answer(int fd, const struct sockaddr_in *server, long end,
                          struct answer *answer)
{
    /* SOLUTION: one recvfrom() is one datagram. 0 bytes are an answer, too: a
       datagram may be empty, and nothing ends here. What has no room would be
       lost without a word: MSG_TRUNC makes the result the real size. Anybody
       can send us something, hence the look at the sender; and the time runs on
       meanwhile. (connect() would let the kernel look, and works for UDP.) */
    int ready;
    while ((ready = wait_until(fd, end)) == 1) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t n =
            recvfrom(fd, answer->bytes, ANSWER_MAX, MSG_TRUNC | MSG_DONTWAIT,
                     (struct sockaddr *)&from, &size);
        if (n == -1 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n == -1)
            return fail("recvfrom");
        if (from.sin_addr.s_addr != server->sin_addr.s_addr ||
            from.sin_port != server->sin_port)
            continue;
        answer->size = (size_t)n;
        errno = EMSGSIZE;
        return n > ANSWER_MAX ? fail("recvfrom") : 1;
    }
    return ready;
    /* SOLUTION end */
}

/**
 * Sends the text as one datagram, which may be empty, and receives the answer.
 * If none comes within PATIENCE_MS, sends it again, TRIES times in all.
 * @return 0, or -1; ETIMEDOUT if no answer came
 */
static int ask(int fd, const struct sockaddr_in *server, const char *text,
               struct answer *answer)
{
    /* SOLUTION: no loop as in send_all(): a datagram goes out whole or not at
       all, and that loop would never send an empty one. A lost question and a
       lost answer look the same from here; so the server may hear it twice. */
    for (int i = 0; i < TRIES; i++) {
        if (sendto(fd, text, strlen(text), 0, (const struct sockaddr *)server,
                   sizeof *server) == -1)
            return fail("sendto");
        int result = receive_answer(fd, server, now_ms() + PATIENCE_MS, answer);
        if (result != 0)
            return result == 1 ? 0 : -1;
    }
    errno = ETIMEDOUT;
    return fail("recvfrom");
    /* SOLUTION end */
}

/** Prints an answer: its size, and its bytes as they are. @return 0, or -1 */
static int print_answer(const struct answer *answer)
{
    printf("%zu bytes: ", answer->size);
    fwrite(answer->bytes, 1, answer->size, stdout);
    putchar('\n');
    return fflush(stdout) == EOF ? fail("fflush") : 0;
}

int main(int argc, char *argv[])
{
    struct sockaddr_in server;
    struct answer answer;
    uint16_t port;
    if (argc != 3 || parse_port(argv[1], &port) == -1 || port == 0) {
        fprintf(stderr, "usage: datagrams PORT TEXT   (1 to 65535)\n");
        return 2;
    }
    memset(&server, 0, sizeof server);
    server.sin_family = AF_INET;
    server.sin_port = htons(port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd == -1) {
        fail("socket");
        return EXIT_FAILURE;
    }
    int result = ask(fd, &server, argv[2], &answer);
    if (result == 0)
        result = print_answer(&answer);
    if (close(fd) == -1)
        result = fail("close");
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
