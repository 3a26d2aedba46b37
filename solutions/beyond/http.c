/**
 * @file
 * Exercise: a server that answers one HTTP request.
 *
 * Usage: http
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdio.h>      /* fprintf, perror, snprintf */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE */
#include <string.h>     /* memset, memchr, strstr, … */
#include <sys/socket.h> /* socket and its family, shutdown */
#include <sys/time.h>   /* struct timeval */
#include <unistd.h>     /* close */

enum { HEAD_MAX = 1024 };

/** The page at "/". In UTF-8 it has more bytes than letters. */
static const char page[] = "<!doctype html>\n<p>A naïve café server</p>\n";

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

/**
 * Sends all of it, however many calls that takes: send() may accept less than
 * it was offered, and what it accepted is queued here, not read over there.
 * @param length  in bytes
 * @return 0, or -1
 */
static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) { /* MSG_NOSIGNAL: EPIPE rather than death by SIGPIPE */
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("send");
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

/**
 * Receives the head of a request: its lines up to the empty one, as a string;
 * more bytes may follow in it.
 * @return 1, 0 if this is no head (too long, cut off, a zero byte), or -1
 */
static int receive_head(int conn, char head[HEAD_MAX + 1])
{
    /* SOLUTION: the empty line ends a head, not the end of the stream: the
       client leaves its side open. It comes in any pieces, perhaps with a cut
       between \r and \n, so all that is there is searched each time. */
    size_t used = 0;
    while (used < HEAD_MAX) {
        ssize_t n = recv(conn, head + used, HEAD_MAX - used, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return fail("recv");
        used += (size_t)n;
        head[used] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL)
            return 1;
        if (n == 0 || memchr(head, '\0', used) != NULL)
            return 0;
    }
    return 0;
    /* SOLUTION end */
}

/**
 * Reads the first line of a head: "GET TARGET HTTP/1.0", or 1.1.
 * @return the status of the answer: 200 for the target "/", 404 for any other
 *         that begins with "/", 400 for any other line
 */
static int status_of(const char *head)
{
    /* SOLUTION: each test looks no further than the one before has proved the
       string to be, for a string ends at the latest with its zero byte. */
    if (strncmp(head, "GET /", 5) != 0)
        return 400;
    const char *target = head + 4;
    size_t length = strcspn(target, " \r\n");
    const char *version = target + length;
    if (strncmp(version, " HTTP/1.0\r\n", 11) != 0 &&
        strncmp(version, " HTTP/1.1\r\n", 11) != 0)
        return 400;
    return length == 1 ? 200 : 404;
    /* SOLUTION end */
}

/**
 * Sends an answer: status line, Content-Type, Content-Length, the empty line,
 * and the page or the reason for which there is none.
 * @param status  200, 404 or 400
 * @return 0, or -1
 */
static int answer(int conn, int status)
{
    /* SOLUTION: every line ends with \r\n, and Content-Length counts the bytes
       of the body: not its letters, and not the zero byte. With HTTP/1.0 we
       promise nothing that we cannot keep, such as a second request. */
    const char *reason = status == 200   ? "OK"
                         : status == 404 ? "Not Found"
                                         : "Bad Request";
    const char *body = status == 200 ? page : reason;
    char head[200];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.0 %d %s\r\n"
                     "Content-Type: text/html; charset=utf-8\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     status, reason, strlen(body));
    if (send_all(conn, head, (size_t)n) == -1)
        return -1;
    return send_all(conn, body, strlen(body));
    /* SOLUTION end */
}

/**
 * Serves one client. Then drops what it still sends, up to its end or a second
 * of silence: closed with bytes unread, the answer could be lost.
 * @return 0, or -1
 */
static int serve(int conn)
{
    struct timeval second = {1, 0};
    char head[HEAD_MAX + 1];
    int whole = receive_head(conn, head);
    if (whole == -1 || answer(conn, whole == 1 ? status_of(head) : 400) == -1)
        return -1;
    if (shutdown(conn, SHUT_WR) == -1)
        return fail("shutdown");
    if (setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second) == -1)
        return fail("setsockopt");
    while (recv(conn, head, HEAD_MAX, 0) > 0)
        ;
    return 0;
}

int main(int argc, char *argv[])
{
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: http\n");
        return 2;
    }
    int listener = open_listener();
    if (listener == -1)
        return EXIT_FAILURE;
    int conn = accept(listener, NULL, NULL);
    int result = conn == -1 ? fail("accept") : serve(conn);
    if (conn != -1 && close_socket(conn) == -1)
        result = -1;
    close_socket(listener);
    return result == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
