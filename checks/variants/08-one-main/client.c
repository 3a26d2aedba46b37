/*
 * Style: everything in one main(), from top to bottom, nested as deep as the
 * good case goes. Right: the error branches fall through to the bottom, where
 * the list is freed and the socket closed, whatever happened before.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    const char *port = argc > 2 ? argv[2] : "8080";
    const char *failed;
    const char message[] = "Hello from client\n";
    struct addrinfo hints, *list = NULL, *to;
    char host[64], number[8], line[1024];
    size_t length = 0, sent = 0;
    ssize_t n = 0;
    int sock = -1, error, status = 1, ended = 0;
    socklen_t size = sizeof error;

    if (argc > 3 || strtoul(port, NULL, 10) - 1 > 65534 ||
        port[strspn(port, "0123456789")] != '\0') {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }

    /* Find the server. */
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    error = getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return 1;
    }
    for (to = list; to != NULL; to = to->ai_next) {
        sock = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
        if (sock == -1) {
            perror("socket");
            continue;
        }
        failed = "connect";
        error = connect(sock, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
        if (error == EINTR) { /* a signal; the connection goes on by itself */
            struct pollfd writable = {sock, POLLOUT, 0};
            while (error == EINTR)
                error = poll(&writable, 1, -1) == -1 ? errno : 0;
            if (error != 0)
                failed = "poll";
            else if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &size)) {
                error = errno;
                failed = "getsockopt";
            }
        }
        if (error == 0)
            break;
        fprintf(stderr, "%s: %s\n", failed, strerror(error));
        close(sock);
        sock = -1;
    }

    /* Talk. */
    if (sock != -1) {
        error =
            getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host, number,
                        sizeof number, NI_NUMERICHOST | NI_NUMERICSERV);
        if (error != 0) {
            fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
        } else {
            if (to->ai_family == AF_INET6)
                fprintf(stderr, "connected to [%s]:%s\n", host, number);
            else
                fprintf(stderr, "connected to %s:%s\n", host, number);
            while (sent < sizeof message - 1) {
                n = send(sock, message + sent, sizeof message - 1 - sent,
                         MSG_NOSIGNAL);
                if (n == -1 && errno != EINTR)
                    break;
                sent += n == -1 ? 0 : (size_t)n;
            }
            if (sent < sizeof message - 1) {
                perror("send");
            } else if (puts("Hello message sent") == EOF ||
                       fflush(stdout) == EOF) {
                perror("fflush");
            } else if (shutdown(sock, SHUT_WR) == -1) {
                perror("shutdown");
            } else {
                /* Listen until the newline, the end, or too much. */
                while (!ended && length < sizeof line) {
                    n = recv(sock, line + length, 1, 0);
                    if (n == -1 && errno == EINTR)
                        continue;
                    ended = n < 1 || line[length] == '\n';
                    length += !ended;
                }
                if (!ended) {
                    errno = EMSGSIZE;
                    perror("recv");
                } else if (n == -1) {
                    perror("recv");
                } else if (fwrite(line, 1, length, stdout) < length ||
                           putchar('\n') == EOF || fflush(stdout) == EOF) {
                    perror("fflush");
                } else {
                    while (n > 0 || (n == -1 && errno == EINTR))
                        n = recv(sock, line, sizeof line, 0);
                    if (n == 0)
                        status = 0;
                    else
                        perror("recv");
                }
            }
        }
    }

    freeaddrinfo(list);
    if (sock != -1 && close(sock) == -1 && errno != EINTR) {
        perror("close");
        status = 1;
    }
    return status;
}
