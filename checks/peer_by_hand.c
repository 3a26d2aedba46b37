/**
 * @file
 * `check peer`: the difficult peers by hand. It plays the other side of a
 * student's own program and says what it does and what it gets. With --quiet
 * it plays for the trace and says nothing.
 */
#define _GNU_SOURCE
#include "trace.h"
#include "peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/** When a peer that is a server answers. */
enum answer { AT_NEWLINE, AT_END, AT_ONCE };

enum { CLIENT_ONLY = 1, SERVER_ONLY = 2, SILENCE_S = 10 };

/** How a peer behaves. Unset members: as the plain one does. */
struct manner {
    const char *name, *what;
    unsigned only;      /* CLIENT_ONLY, SERVER_ONLY, 0: both */
    size_t fill;        /* this many 'x' before … */
    const char *bytes;  /* … what it sends; NULL: the usual line */
    size_t size;        /* 0: strlen(bytes) */
    size_t piece;       /* bytes at a time; 0: all at once */
    bool mute;          /* sends nothing */
    enum side side;     /* what it does to its side then */
    bool late;          /* reads a second later */
    bool second;        /* (client) a second connection stands beside it */
    enum answer answer; /* (server) */
};

static const struct manner manners[] = {
    {.name = "normal", .what = "one line, then the end of its side"},
    {.name = "one-byte-at-a-time",
     .what = "one line, byte by byte",
     .piece = 1},
    {.name = "in-pieces",
     .what = "a longer line, seven bytes at a time",
     .bytes = "A line that is longer than the usual one, in pieces\n",
     .piece = 7},
    {.name = "no-newline",
     .what = "a line without newline, then the end",
     .bytes = "Hello without newline"},
    {.name = "empty",
     .what = "nothing, then the end of its side",
     .mute = true},
    {.name = "stays",
     .what = "one line, then silence, connection open",
     .side = SIDE_STAYS},
    {.name = "more-after-newline",
     .what = "two lines and more, at once",
     .bytes = "first line\nsecond line\nthird"},
    {.name = "reset-mid-message",
     .what = "three bytes, then a reset",
     .bytes = "Hel",
     .side = SIDE_RESETS},
    {.name = "reset-after-message",
     .what = "one line, then a reset",
     .side = SIDE_RESETS},
    {.name = "gone-before-reply",
     .what = "one line, then closes, unread",
     .only = CLIENT_ONLY,
     .side = SIDE_CLOSES},
    {.name = "late-reader",
     .what = "one line; reads a second later",
     .late = true},
    {.name = "silent",
     .what = "nothing at all, connection open",
     .mute = true,
     .side = SIDE_STAYS},
    {.name = "line-1023",
     .what = "the longest line that is allowed",
     .fill = 1023,
     .bytes = "\n"},
    {.name = "line-1024",
     .what = "a line one byte too long",
     .fill = 1024,
     .bytes = "\n"},
    {.name = "line-100000",
     .what = "a line a hundred times too long",
     .fill = 100000,
     .bytes = "\n"},
    {.name = "zero-bytes",
     .what = "a line with zero bytes in it",
     .bytes = "a\0b\0c\n",
     .size = 6},
    {.name = "percent",
     .what = "a line that is no format: %x %s%n",
     .bytes = "100%x %s%n\n"},
    {.name = "high-bytes",
     .what = "a line of bytes above 127",
     .bytes = "\303\251\377\200\n"},
    {.name = "second-client",
     .what = "a second, silent client beside it",
     .only = CLIENT_ONLY,
     .second = true},
    {.name = "reads-to-end-first",
     .what = "answers at the end of the stream",
     .only = SERVER_ONLY,
     .answer = AT_END},
    {.name = "answers-at-once",
     .what = "answers before it has read",
     .only = SERVER_ONLY,
     .answer = AT_ONCE},
};

enum { MANNERS = sizeof manners / sizeof *manners };

static bool quiet; /* plays for the trace */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list args;
    if (quiet)
        return;
    va_start(args, format);
    printf("peer: ");
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
}

static void say_bytes(const char *did, const char *bytes, size_t n)
{
    char text[60];
    quote_bytes(bytes, n, text, sizeof text);
    say("%s %zu byte%s: %s", did, n, n == 1 ? "" : "s", text);
}

static void on_alarm(int number)
{
    (void)number; /* only interrupts the call */
}

static void wait_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Sends all, piece by piece. @return false if the connection is gone */
static bool send_pieces(const struct manner *m, int fd, const char *bytes,
                        size_t size)
{
    int yes = 1;
    if (m->piece > 0) /* each piece at once, in a segment of its own */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    for (size_t sent = 0; sent < size;) {
        size_t n =
            m->piece > 0 && m->piece < size - sent ? m->piece : size - sent;
        ssize_t done = send(fd, bytes + sent, n, MSG_NOSIGNAL);
        if (done == -1) {
            say("send: %s",
                errno == EINTR ? "no room, for 10 seconds" : strerror(errno));
            return false;
        }
        say_bytes("sent", bytes + sent, (size_t)done);
        sent += (size_t)done;
        if (m->piece > 0)
            wait_ms(quiet ? 10 : 200);
    }
    return true;
}

static bool speak(const struct manner *m, int fd, const char *usual)
{
    const char *bytes = m->bytes != NULL ? m->bytes : usual;
    size_t tail = m->size > 0 ? m->size : strlen(bytes), size = m->fill + tail;
    if (m->mute)
        return true;
    char *whole = (char *)malloc(size);
    if (whole == NULL)
        return false;
    memset(whole, 'x', m->fill);
    memcpy(whole + m->fill, bytes, tail);
    bool ok = send_pieces(m, fd, whole, size);
    free(whole);
    return ok;
}

/* Reads to the first newline or to the end. @return false if it has ended */
static bool listen_to(int fd, bool newline)
{
    char bytes[1024];
    for (;;) {
        alarm(SILENCE_S);
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        alarm(0);
        if (n == 0)
            say("end of the stream: the program has ended its side");
        if (n == -1)
            say("recv: %s",
                errno == EINTR ? "silence, for 10 seconds" : strerror(errno));
        if (n <= 0)
            return false;
        say_bytes("received", bytes, (size_t)n);
        if (newline && memchr(bytes, '\n', (size_t)n) != NULL)
            return true;
    }
}

/* What is done to our side after speaking; fd is -1 if it is closed then. */
static void end_side(const struct manner *m, int *fd)
{
    static const char *const words[] = {[SIDE_ENDS] = "ended our side",
                                        [SIDE_STAYS] = "say no more, and stay",
                                        [SIDE_RESETS] = "reset the connection",
                                        [SIDE_CLOSES] =
                                            "closed the connection"};
    peer_end_side(fd, m->side);
    say("%s", words[m->side]);
}

static int finish(int fd, bool late)
{
    if (late && fd != -1) {
        say("read nothing for a second");
        wait_ms(1000);
    }
    if (fd != -1) {
        listen_to(fd, false);
        close(fd);
    }
    return 0;
}

static int connect_plainly(unsigned port)
{
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd != -1 && connect(fd, (struct sockaddr *)&to, sizeof to) == -1) {
        say("connect: %s", strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static int play_client(const struct manner *m, unsigned port)
{
    int second = -1, fd = connect_plainly(port);
    if (fd == -1)
        return 1;
    say("connected to 127.0.0.1:%u", port);
    if (m->second && (second = connect_plainly(port)) != -1)
        say("connected a second time");
    if (speak(m, fd, "Hello from client\n"))
        end_side(m, &fd);
    finish(fd, m->late);
    if (second != -1)
        close(second);
    return 0;
}

static int play_server(const struct manner *m, unsigned port)
{
    int listener = peer_listen(AF_INET, &port);
    if (listener == -1) {
        fprintf(stderr, "peer: port %u: %s\n", port, strerror(errno));
        return 2;
    }
    say("listening on 127.0.0.1:%u", port);
    int fd = accept(listener, NULL, NULL);
    close(listener);
    if (fd == -1) {
        say("accept: %s", strerror(errno));
        return 1;
    }
    say("accepted a connection");
    if (m->answer != AT_ONCE && m->side != SIDE_RESETS && !m->mute)
        listen_to(fd, m->answer == AT_NEWLINE);
    if (speak(m, fd, "Hello from server\n"))
        end_side(m, &fd);
    return finish(fd, m->late);
}

int list_manners(void)
{
    for (int i = 0; i < MANNERS; i++)
        printf("  %-20s %s%s\n", manners[i].name, manners[i].what,
               manners[i].only == CLIENT_ONLY   ? " (AS=client)"
               : manners[i].only == SERVER_ONLY ? " (AS=server)"
                                                : "");
    return 0;
}

static const struct manner *find_manner(const char *name, bool client)
{
    for (int i = 0; i < MANNERS; i++)
        if (strcmp(manners[i].name, name) == 0 &&
            manners[i].only != (client ? SERVER_ONLY : CLIENT_ONLY))
            return &manners[i];
    return NULL;
}

bool is_manner(const char *like, bool client)
{
    return find_manner(like, client) != NULL;
}

/* --as client|server [--port P] [--like NAME] [--quiet] */
int command_peer(int argc, char *argv[])
{
    const char *as = "", *like = "normal", *port = "8080";
    struct sigaction interrupt;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--quiet") == 0)
            quiet = true;
        else if (i + 1 < argc && strcmp(argv[i], "--as") == 0)
            as = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--like") == 0)
            like = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--port") == 0)
            port = argv[++i];
        else
            return -1;
    if (strcmp(like, "list") == 0)
        return list_manners();
    bool client = strcmp(as, "client") == 0;
    if (!client && strcmp(as, "server") != 0) {
        fprintf(stderr, "peer: AS=client or AS=server? LIKE=list tells what "
                        "both can do\n");
        return 2;
    }
    const struct manner *m = find_manner(like, client);
    if (m == NULL) {
        fprintf(stderr, "peer: no %s behaves like \"%s\"; LIKE=list\n", as,
                like);
        return 2;
    }
    memset(&interrupt, 0, sizeof interrupt);
    interrupt.sa_handler = on_alarm; /* without SA_RESTART */
    sigaction(SIGALRM, &interrupt, NULL);
    unsigned number = (unsigned)strtoul(port, NULL, 10);
    return (client ? play_client : play_server)(m, number);
}
