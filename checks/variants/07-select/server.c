/*
 * Style: one select() watches the listener and then the guest; a loop of events
 * in one function, with an `enum` for where the conversation is.
 * Right: the set is made anew each time, only what is ready is asked, and the
 * loop is left by one door behind which everything is closed.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum where { AT_THE_DOOR, LISTENING, ANSWERING, DONE, LOST };

static char line[1024];
static size_t used;

static enum where lost(const char *call)
{
    perror(call);
    return LOST;
}

static enum where meet(int listener, int *guest)
{
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    *guest = accept(listener, (struct sockaddr *)&a, &size);
    if (*guest == -1 && (errno == EINTR || errno == ECONNABORTED))
        return AT_THE_DOOR;
    if (*guest == -1)
        return lost("accept");
    fprintf(stderr, "connection from %s:%u\n", inet_ntoa(a.sin_addr),
            ntohs(a.sin_port) + 0u);
    return LISTENING;
}

static enum where hear(int guest)
{
    ssize_t n = recv(guest, line + used, sizeof line - used, 0);
    if (n == -1)
        return errno == EINTR ? LISTENING : lost("recv");
    const char *end = (const char *)memchr(line + used, '\n', (size_t)n);
    used = end != NULL ? (size_t)(end - line) : used + (size_t)n;
    if (used == sizeof line) {
        errno = EMSGSIZE;
        return lost("recv");
    }
    if (end == NULL && n > 0)
        return LISTENING;
    if (fwrite(line, 1, used, stdout) < used || putchar('\n') == EOF ||
        fflush(stdout) == EOF)
        return lost("fwrite");
    return ANSWERING;
}

static enum where answer(int guest)
{
    static const char *rest = "Hello from server\n";
    ssize_t n = send(guest, rest, strlen(rest), MSG_NOSIGNAL);
    if (n == -1 && errno != EINTR)
        return lost("send");
    rest += n == -1 ? 0 : n;
    if (*rest != '\0')
        return ANSWERING;
    if (puts("Hello message sent") == EOF || fflush(stdout) == EOF)
        return lost("puts");
    return DONE;
}

static int run(int listener)
{
    enum where where = AT_THE_DOOR;
    int guest = -1;
    while (where != DONE && where != LOST) {
        int fd = where == AT_THE_DOOR ? listener : guest;
        fd_set set;
        FD_ZERO(&set);
        if (fd >= FD_SETSIZE) { /* select() could not watch it */
            errno = EMFILE;
            where = lost("select");
            break;
        }
        FD_SET(fd, &set);
        int n = select(fd + 1, where == ANSWERING ? NULL : &set,
                       where == ANSWERING ? &set : NULL, NULL, NULL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            where = lost("select");
        else if (where == AT_THE_DOOR)
            where = meet(listener, &guest);
        else
            where = where == LISTENING ? hear(guest) : answer(guest);
    }
    if (guest != -1 && close(guest) == -1 && errno != EINTR)
        where = lost("close");
    return where == DONE ? 0 : 1;
}

static enum where open_door(int fd, unsigned long port)
{
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    int on = 1;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons((in_port_t)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return lost("setsockopt");
    if (bind(fd, (struct sockaddr *)&a, sizeof a) == -1)
        return lost("bind");
    if (listen(fd, 5) == -1)
        return lost("listen");
    if (getsockname(fd, (struct sockaddr *)&a, &size) == -1)
        return lost("getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(a.sin_port) + 0u);
    return AT_THE_DOOR;
}

int main(int argc, char *argv[])
{
    const char *text = argc > 1 ? argv[1] : "8080";
    unsigned long port = strtoul(text, NULL, 10);
    if (argc > 2 || *text == '\0' || text[strspn(text, "0123456789")] ||
        port > 65535) {
        fprintf(stderr, "usage: server [PORT]\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1) {
        lost("socket");
        return 1;
    }
    int status = open_door(listener, port) == LOST ? 1 : run(listener);
    if (close(listener) == -1 && errno != EINTR) {
        lost("close");
        status = 1;
    }
    return status;
}
