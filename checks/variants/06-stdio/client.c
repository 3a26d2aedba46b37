/*
 * Style: a stream on a duplicate of the socket, fprintf() of one byte at a
 * time; SIGPIPE is ignored. Right: the stream has no buffer, so what a signal
 * kept back is known and written again; stream and socket are closed each once.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int whine(const char *call)
{
    perror(call);
    return EXIT_FAILURE;
}

static int send_text(FILE *out, const char *text)
{
    setbuf(out, NULL);
    for (; *text != '\0'; text++)
        while (fprintf(out, "%c", *text) < 0) {
            if (errno != EINTR)
                return whine("fprintf");
            clearerr(out);
        }
    if (printf("Hello message sent\n") < 0 || fflush(stdout) == EOF)
        return whine("printf");
    return EXIT_SUCCESS;
}

static int greet(int sock)
{
    int twin = dup(sock);
    if (twin == -1)
        return whine("dup");
    FILE *out = fdopen(twin, "w");
    if (out == NULL) {
        whine("fdopen");
        close(twin);
        return EXIT_FAILURE;
    }
    int status = send_text(out, "Hello from client\n");
    if (fclose(out) == EOF && errno != EINTR)
        status = whine("fclose");
    return status;
}

static int wait_connected(int sock)
{
    struct pollfd p = {sock, POLLOUT, 0};
    int error;
    socklen_t size = sizeof error;
    while (poll(&p, 1, -1) == -1)
        if (errno != EINTR)
            return whine("poll");
    if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        return whine("getsockopt");
    errno = error;
    return error == 0 ? EXIT_SUCCESS : whine("connect");
}

static int try_address(const struct addrinfo *to)
{
    int sock = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (sock == -1) {
        whine("socket");
        return -1;
    }
    int status = EXIT_SUCCESS;
    if (connect(sock, to->ai_addr, to->ai_addrlen) == -1)
        status = errno == EINTR ? wait_connected(sock) : whine("connect");
    if (status == EXIT_SUCCESS)
        return sock;
    close(sock);
    return -1;
}

static int tell(const struct addrinfo *to)
{
    char host[64], port[8];
    int error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host,
                            port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0)
        fprintf(stderr, "getnameinfo: %s\n", gai_strerror(error));
    else if (strchr(host, ':') != NULL)
        fprintf(stderr, "connected to [%s]:%s\n", host, port);
    else
        fprintf(stderr, "connected to %s:%s\n", host, port);
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const char *port = argc > 2 ? argv[2] : "8080";
    unsigned long number = strtoul(port, NULL, 10);
    if (argc > 3 || port[strspn(port, "0123456789")] || number == 0 ||
        number > 65535) {
        fprintf(stderr, "usage: client [HOST [PORT]]\n");
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return whine("signal");
    struct addrinfo hints, *list, *to;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error =
        getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", port, &hints, &list);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
        return EXIT_FAILURE;
    }
    int sock = -1, status = EXIT_FAILURE;
    for (to = list; to != NULL; to = to->ai_next)
        if ((sock = try_address(to)) != -1)
            break;
    if (sock != -1)
        status = tell(to);
    freeaddrinfo(list);
    if (status == EXIT_SUCCESS)
        status = greet(sock);
    if (sock != -1 && close(sock) == -1 && errno != EINTR)
        status = whine("close");
    return status;
}
