/*
 * Style: a stream on the socket, made by fdopen(), without a buffer; SIGPIPE is
 * ignored. Right: without a buffer each byte is either sent or known not to be,
 * so a signal loses none; fclose() closes the descriptor, once.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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
    if (setvbuf(out, NULL, _IONBF, 0) != 0)
        return whine("setvbuf");
    while (*text != '\0')
        if (fputc(*text, out) != EOF)
            text++;
        else if (errno == EINTR)
            clearerr(out);
        else
            return whine("fputc");
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return whine("fflush");
    return EXIT_SUCCESS;
}

static int greet(int conn)
{
    FILE *out = fdopen(conn, "w");
    if (out == NULL) {
        whine("fdopen");
        close(conn);
        return EXIT_FAILURE;
    }
    int status = send_text(out, "Hello from server\n");
    if (fclose(out) == EOF && errno != EINTR)
        status = whine("fclose");
    return status;
}

static int await_guest(int listener)
{
    for (;;) {
        struct sockaddr_in who;
        socklen_t size = sizeof who;
        int conn = accept(listener, (struct sockaddr *)&who, &size);
        if (conn != -1) {
            fprintf(stderr, "connection from %s:%d\n", inet_ntoa(who.sin_addr),
                    ntohs(who.sin_port));
            return greet(conn);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return whine("accept");
    }
}

static int set_up(int listener, unsigned long port)
{
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    int on = 1;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_port = htons((in_port_t)port);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return whine("setsockopt");
    if (bind(listener, (struct sockaddr *)&here, sizeof here) == -1)
        return whine("bind");
    if (listen(listener, SOMAXCONN) == -1)
        return whine("listen");
    if (getsockname(listener, (struct sockaddr *)&here, &size) == -1)
        return whine("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(here.sin_port));
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || !*text || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return whine("signal");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        return whine("socket");
    int status = set_up(listener, port);
    if (status == EXIT_SUCCESS)
        status = await_guest(listener);
    if (close(listener) == -1 && errno != EINTR)
        status = whine("close");
    return status;
}
