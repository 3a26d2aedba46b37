/*
 * Style: everything in one main(), from top to bottom, with one flag that says
 * whether all is still well. Right: nothing is done once the flag is down, and
 * the two descriptors are closed at one place, whatever happened before.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    const char *failed = NULL; /* the call that went wrong, if one did */
    const char reply[] = "Hello from server\n";
    struct sockaddr_in address;
    struct timeval one_second = {1, 0};
    socklen_t size = sizeof address;
    char line[1024];
    size_t length = 0, sent = 0, i;
    ssize_t n;
    int listener, conn = -1, yes = 1, complete = 0;
    unsigned long port = strtoul(text, NULL, 10);

    for (i = 0; text[i] >= '0' && text[i] <= '9'; i++)
        ;
    if (argc > 2 || i == 0 || text[i] != '\0' || port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }

    /* The listener. */
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        failed = "socket";
    if (!failed &&
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1)
        failed = "setsockopt";
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (!failed && bind(listener, (struct sockaddr *)&address, size) == -1)
        failed = "bind";
    if (!failed && listen(listener, 1024) == -1)
        failed = "listen";
    if (!failed &&
        getsockname(listener, (struct sockaddr *)&address, &size) == -1)
        failed = "getsockname";
    if (!failed)
        fprintf(stderr, "listening on 127.0.0.1:%hu\n",
                ntohs(address.sin_port));

    /* The guest. */
    while (!failed && conn == -1) {
        size = sizeof address;
        conn = accept(listener, (struct sockaddr *)&address, &size);
        if (conn == -1 && errno != EINTR && errno != ECONNABORTED)
            failed = "accept";
    }
    if (!failed)
        fprintf(stderr, "connection from %s:%hu\n", inet_ntoa(address.sin_addr),
                ntohs(address.sin_port));

    /* The message. */
    while (!failed && !complete) {
        n = recv(conn, line + length, sizeof line - length, 0);
        if (n == -1) {
            if (errno != EINTR)
                failed = "recv";
            continue;
        }
        complete = n == 0;
        for (i = length + (size_t)n; length < i && !complete; length++)
            if (line[length] == '\n') {
                complete = 1;
                break;
            }
        if (length == sizeof line) {
            errno = EMSGSIZE;
            failed = "recv";
        }
    }
    if (!failed) {
        fwrite(line, 1, length, stdout);
        fwrite("\n", 1, 1, stdout);
        if (fflush(stdout) != 0 || ferror(stdout))
            failed = "fflush";
    }

    /* The reply. */
    while (!failed && reply[sent] != '\0') {
        n = send(conn, reply + sent, sizeof reply - 1 - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += (size_t)n;
        else if (errno != EINTR)
            failed = "send";
    }
    if (!failed && (puts("Hello message sent") == EOF || fflush(stdout) != 0))
        failed = "fflush";

    /* The end: at most a second of silence. */
    if (!failed && shutdown(conn, SHUT_WR) == -1)
        failed = "shutdown";
    if (!failed && setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &one_second,
                              sizeof one_second) == -1)
        failed = "setsockopt";
    complete = 0;
    while (!failed && !complete) {
        n = recv(conn, line, sizeof line, 0);
        complete = n == 0 || (n == -1 && errno == EAGAIN);
        if (n == -1 && errno != EAGAIN && errno != EINTR)
            failed = "recv";
    }

    if (failed)
        perror(failed);
    if (conn != -1 && close(conn) == -1 && errno != EINTR)
        perror(failed = "close");
    if (listener != -1 && close(listener) == -1 && errno != EINTR)
        perror(failed = "close");
    return failed != NULL;
}
