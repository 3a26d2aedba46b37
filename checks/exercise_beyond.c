/**
 * @file
 * How the exercises that come after step 8 are judged.
 */
#define _GNU_SOURCE /* memmem */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a program may do nothing here, in ms, when it has work. */
enum { SILENCE_MS = 500 };

/* A number below `limit`, by chance. */
static unsigned chance(unsigned limit)
{
    static uint64_t state;
    if (state == 0)
        state = now_ns() ^ (uint64_t)getpid() << 32;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % limit;
}

/*
 * The script of a case, which has a form of its own here. It is taken off the
 * case, for explain() would read it as a struct script.
 */
static const void *take_script(struct trial *t)
{
    static struct check_case asked;
    asked = *t->asked;
    const void *script = asked.script;
    asked.script = NULL;
    t->asked = &asked;
    return script;
}

/* A word of so many letters by chance, as a string. */
static void make_word(char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        word[i] = (char)('a' + chance(26));
    word[length] = '\0';
}

/* Blames a call, and names the mistake that it shows. */
static const char *shown_by(struct trial *t, const struct witness_record *r,
                            const char *name)
{
    blame(t, r);
    return name;
}

/*
 * What the program itself tells, when it is dead or burns the processor; else
 * `otherwise`. (explain() knows the programs of the lessons, and not these.)
 */
static const char *name_death(struct trial *t, const char *otherwise)
{
    char line[300];
    const char *name = sanitizer_name(t, line, sizeof line);
    const struct witness_record *p = log_last(&t->log, WITNESS_POLL, -1);
    const struct witness_record *r = log_last(&t->log, WITNESS_RECV, -1);
    if (name != NULL)
        return name;
    if (t->child.ended && WIFSIGNALED(t->child.status))
        return WTERMSIG(t->child.status) == SIGPIPE
                   ? shown_by(t, log_last(&t->log, WITNESS_SEND, -1),
                              "send-sigpipe")
                   : "memory-error";
    if (t->child.ended && log_failed(&t->log, WITNESS_POLL, EINTR) != NULL &&
        says_error(&t->child, EINTR))
        return shown_by(t, log_failed(&t->log, WITNESS_POLL, EINTR),
                        "poll-no-eintr");
    if (t->outcome != SPINNING)
        return otherwise;
    if (p != NULL && p->a == 0)
        return shown_by(t, p, "busy-wait");
    if (r != NULL && r->done && r->result == 0 && r->error == 0)
        return shown_by(t, r, "recv-eof-not-seen");
    return shown_by(t, p, "busy-wait");
}

/* A report of a sanitizer tells more than what came of it. */
static void check_memory(struct trial *t)
{
    if (t->asked->build == ASAN && child_await_end(&t->child, 60) == GOT_IT)
        left_clean(t);
}

/* The program must have ended with this status. */
static void check_ending(struct trial *t, int status, const char *diagnosis)
{
    char expected[80], got[200];
    if (over(t) || exited(&t->child, status))
        return;
    snprintf(expected, sizeof expected, "exit status %d", status);
    fail(t, name_death(t, diagnosis), expected, "%s",
         outcome_text(t, t->outcome, got, sizeof got));
}

/* It must say "CALL: TEXT" on stderr, and end with status 1. */
static void check_error(struct trial *t, const char *call, int error,
                        const char *diagnosis)
{
    char text[100], expected[160], got[200], said[100];
    check_memory(t);
    if (over(t))
        return;
    snprintf(text, sizeof text, "%s: %s\n", call, strerror(error));
    snprintf(expected, sizeof expected,
             "\"%s: %s\" (%s) on stderr and exit status 1", call,
             strerror(error), errno_name(error));
    quote_bytes(t->child.err.bytes, t->child.err.length, said, sizeof said);
    outcome_text(t, t->outcome, got, sizeof got);
    if (t->child.ended && strstr(t->child.err.bytes, text) == NULL)
        fail(t, name_death(t, diagnosis), expected, "stderr is %s; %s", said,
             got);
    check_ending(t, 1,
                 exited(&t->child, 0) && t->child.err.length > 0
                     ? "error-exit-zero"
                     : diagnosis);
}

/* --- many-clients -------------------------------------------------------- */

enum { LINE_SIZE = 128 };

/** One of the clients that we play. */
struct guest {
    int fd;
    char line[LINE_SIZE];
    size_t size; /* of the line, its newline included */
    size_t sent;
};

/* Sends so much of the line, and waits until that is taken (or is not). */
static void say(struct trial *t, struct guest *g, size_t n)
{
    if (n > g->size - g->sent)
        n = g->size - g->sent;
    peer_send(t, g->fd, g->line + g->sent, n, n);
    g->sent += n;
}

/* Why is a client not answered, or not as it should be? */
static const char *name_neglect(struct trial *t, const struct guest *g)
{
    const struct witness_record *waits = log_pending(&t->log);
    const struct witness_record *full =
        log_failed(&t->log, WITNESS_ACCEPT, EMFILE);
    if (full != NULL)
        return shown_by(t, full, "close-connection-leaked");
    if (!t->child.ended && t->outcome == BLOCKED && waits != NULL &&
        waits->call != WITNESS_POLL)
        return shown_by(t, waits, "poll-waits-for-one");
    const char *name = name_death(t, "");
    if (name[0] != '\0')
        return name;
    if (t->child.ended)
        return "poll-client-ends-server";
    if (t->heard_size == g->size && memcmp(t->heard, g->line, g->size) == 0)
        return "close-no-half-close";
    if (t->heard_size > 0 && t->heard_size < g->size &&
        memmem(g->line, g->size, t->heard, t->heard_size) != NULL)
        return "recv-single-call";
    return t->heard_size > 0 ? "poll-one-buffer" : "";
}

/* A client with a line of so many bytes; 0: some. @return false: it is over */
static bool come(struct trial *t, struct guest *g, size_t size)
{
    char got[200];
    g->size = size > 0 ? size : 9 + chance(40);
    g->sent = 0;
    make_word(g->line, g->size - 1);
    g->line[g->size - 1] = '\n';
    g->fd = peer_connect(t->port);
    if (g->fd != -1)
        return true;
    t->heard_size = 0;
    t->outcome = child_await_end(&t->child, 60);
    fail(t, name_neglect(t, g), "a server that is there for the next client",
         "no connection; %s", outcome_text(t, t->outcome, got, sizeof got));
    return false;
}

/* It must get its line back, and the end of the stream, with its side open. */
static bool is_answered(struct trial *t, const struct guest *g)
{
    char expected[200], got[160], end[200], line[80];
    t->heard_size = 0;
    enum stream_end how = peer_read(t, g->fd, false, SILENCE_MS);
    if (how == STREAM_ENDED && t->heard_size == g->size &&
        memcmp(t->heard, g->line, g->size) == 0)
        return true;
    if (how != STREAM_OPEN) /* why did it end? */
        t->outcome = child_await_end(&t->child, 60);
    quote_bytes(g->line, g->size, line, sizeof line);
    snprintf(expected, sizeof expected,
             "the line %s as an answer, and the end of the stream", line);
    quote_bytes(t->heard, t->heard_size, got, sizeof got);
    fail(t, name_neglect(t, g), expected, "%s%s; %s",
         t->heard_size > 0 ? got : "nothing",
         how == STREAM_RESET ? " and a reset" : "",
         t->child.ended || how == STREAM_OPEN
             ? outcome_text(t, t->outcome, end, sizeof end)
             : "the server is still there");
    return false;
}

/* One client from its connection to its end. */
static bool serve_guest(struct trial *t)
{
    struct guest g;
    if (!come(t, &g, 0))
        return false;
    say(t, &g, g.size);
    if (!is_answered(t, &g))
        return false; /* still connected: its last calls are to be shown */
    close(g.fd);
    return true;
}

/* Enter ends the server, with everything closed. */
static void press_enter(struct trial *t)
{
    if (over(t))
        return;
    did(t, "pressed Enter");
    child_type(&t->child, "\n");
    t->outcome = child_await_end(&t->child, SILENCE_MS);
    const struct witness_record *waits = log_pending(&t->log);
    bool elsewhere = waits != NULL && waits->call != WITNESS_POLL;
    check_ending(t, 0, elsewhere ? "poll-waits-for-one" : "");
}

static void run_one_guest(struct trial *t)
{
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    did(t, "connected, sent a line, and waited for it to come back");
    if (serve_guest(t) && fault_happened(t))
        press_enter(t);
}

static void run_interrupted(struct trial *t)
{
    t->fault = "poll:eintr=2";
    run_one_guest(t);
}

/* A client whose line takes its time, and others who are in a hurry. */
static void run_slow(struct trial *t)
{
    struct guest slow;
    if (!start(t, NULL, NULL) || !await_ready(t) || !come(t, &slow, 0))
        return;
    did(t, "sent the first byte of a line; a second client sent a whole one");
    for (int i = 0; i < 3 && !over(t); i++) {
        say(t, &slow, 1);
        serve_guest(t);
    }
    while (!over(t) && slow.sent < slow.size)
        say(t, &slow, 1);
    if (!over(t))
        did(t, "sent the rest of the first, byte by byte");
    if (over(t) || !is_answered(t, &slow))
        return;
    close(slow.fd);
    press_enter(t);
}

/* Many at a time, each with a half line, who finish in another order. */
static void run_crowd(struct trial *t)
{
    enum { CROWD = 20 };
    struct guest g[CROWD];
    int there = 0;
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    did(t,
        "connected %d clients, let each send the half of a line, and the "
        "last one finish first",
        CROWD);
    for (; there < CROWD && come(t, &g[there], there == 0 ? LINE_SIZE : 0);
         there++)
        say(t, &g[there], g[there].size / 2);
    for (int i = there; i-- > 0 && !over(t);) {
        say(t, &g[i], g[i].size);
        is_answered(t, &g[i]);
    }
    if (!over(t) && log_first(&t->log, WITNESS_FORK, -1) != NULL)
        fail(t, "", "one process", "the server called fork()");
    while (!over(t) && there > 0)
        close(g[--there].fd);
    press_enter(t);
}

/* A client that goes in the middle of its line. */
static bool vanish(struct trial *t, enum side side)
{
    struct guest g;
    if (!come(t, &g, 0))
        return false;
    say(t, &g, 5);
    peer_end_side(&g.fd, side);
    return true;
}

static void run_vanished(struct trial *t)
{
    static const enum side ways[] = {SIDE_RESETS, SIDE_CLOSES};
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    for (size_t i = 0; i < sizeof ways / sizeof *ways && !over(t); i++) {
        t->result->did[0] = '\0';
        did(t, "sent five bytes, then %s; then another client sent a line",
            ways[i] == SIDE_RESETS ? "a reset" : "the end of the stream");
        if (vanish(t, ways[i]))
            serve_guest(t);
    }
    press_enter(t);
}

/* The answer finds nobody. */
static void run_gone(struct trial *t)
{
    struct guest g;
    t->fault = "send:gone@1";
    if (!start(t, NULL, NULL) || !await_ready(t) || !come(t, &g, 0))
        return;
    did(t, "sent a line and was gone before the answer; then another client "
           "sent a line");
    say(t, &g, g.size);
    peer_read(t, g.fd, false, SILENCE_MS);
    close(g.fd);
    if (serve_guest(t) && fault_happened(t))
        press_enter(t);
}

static void run_turnover(struct trial *t)
{
    t->open_files = 12;
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    did(t,
        "allowed it %d descriptors; 24 clients came, and two of three went "
        "before the end of their line",
        t->open_files);
    for (int i = 0; i < 8 && !over(t); i++)
        if (vanish(t, SIDE_CLOSES) && vanish(t, SIDE_RESETS))
            serve_guest(t);
    press_enter(t);
}

/* Nothing happens: it must sleep. Then Enter, with a client there. */
static void run_silence(struct trial *t)
{
    struct guest g;
    char got[200];
    if (!start(t, NULL, NULL) || !await_ready(t) || !vanish(t, SIDE_CLOSES) ||
        !come(t, &g, 0))
        return;
    did(t, "let one client go and one stay, both without a line");
    t->outcome = child_await(&t->child, -1, 0, NULL, NULL, 60);
    if (t->outcome == SPINNING || t->child.ended)
        fail(t, name_death(t, ""), "a server that sleeps in poll()", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    press_enter(t);
    close(g.fd);
}

/* A line without end: this client has to go, and the others are served. */
static void run_endless_line(struct trial *t)
{
    char bytes[1000], got[200];
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    int fd = connect_to_server(t);
    if (fd == -1)
        return;
    memset(bytes, 'x', sizeof bytes);
    did(t, "sent 1000 bytes without a newline");
    peer_send(t, fd, bytes, sizeof bytes, 0);
    enum stream_end end = peer_read(t, fd, false, SILENCE_MS);
    check_memory(t);
    if (end == STREAM_OPEN || t->heard_size > 0)
        fail(t, name_death(t, ""), "the end of this connection, and no answer",
             "%zu bytes; %s", t->heard_size,
             outcome_text(t, t->outcome, got, sizeof got));
    close(fd);
    if (!over(t) && serve_guest(t))
        press_enter(t);
}

static const struct check_case cases_many_clients[] = {
    {"gives a client its line back", SERVER, 9, 9, WORKS, PLAIN, run_one_guest,
     NULL},
    {"does not let a slow client hold up the others", SERVER, 9, 9, TALK, PLAIN,
     run_slow, NULL},
    {"keeps the lines of many clients apart", SERVER, 9, 9, TALK, PLAIN,
     run_crowd, NULL},
    {"goes on when a client vanishes", SERVER, 9, 9, TALK, PLAIN, run_vanished,
     NULL},
    {"goes on when an answer finds nobody", SERVER, 9, 9, TALK, PLAIN, run_gone,
     NULL},
    {"sleeps while nothing happens", SERVER, 9, 9, TALK, PLAIN, run_silence,
     NULL},
    {"closes the descriptors of those who have gone", SERVER, 9, 9, TALK, PLAIN,
     run_turnover, NULL},
    {"goes on when a signal interrupts poll()", SERVER, 9, 9, TALK, PLAIN,
     run_interrupted, NULL},
    {"does not touch memory that is not its own", SERVER, 9, 9, TALK, ASAN,
     run_endless_line, NULL},
    {"does not depend on what is in memory by chance", SERVER, 9, 9, TALK,
     PATTERN, run_crowd, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- datagrams ----------------------------------------------------------- */

enum { ANSWER_MAX = 512, TRIES = 3, PATIENCE_MS = 100 };

/** How we play the server that is asked. */
struct lookup {
    const char *what; /* "answered" */
    size_t question;  /* letters in the text; 0: it is empty */
    size_t answer;    /* bytes in the answer */
    int lost;         /* so many questions are not answered */
    bool stranger;    /* somebody else sends something first */
    bool second;      /* a second datagram follows the answer */
    const char *fault;
    const char *diagnosis; /* when nothing tells more */
};

/** A socket of ours for datagrams, and where the program can be reached. */
struct office {
    int fd;
    struct sockaddr_in asker;
    int questions; /* that have come */
};

/* A socket on a free port of 127.0.0.1. */
static int open_datagram(unsigned *port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd != -1 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == -1) {
        close(fd);
        fd = -1;
    }
    *port = fd != -1 ? own_port(fd) : 0;
    return fd;
}

/* Starts the program with our port and the text. */
static bool open_office(struct trial *t, struct office *o, const char *text)
{
    char port[8];
    memset(o, 0, sizeof *o);
    o->fd = open_datagram(&t->port);
    if (o->fd == -1) {
        skip(t, "no socket: %s", strerror(errno));
        return false;
    }
    snprintf(port, sizeof port, "%u", t->port);
    return start(t, port, text);
}

static void reply(const struct office *o, int fd, const char *bytes,
                  size_t size)
{
    sendto(fd, bytes, size, 0, (const struct sockaddr *)&o->asker,
           sizeof o->asker);
}

/* Why is there no question, or not another one? */
static const char *name_silence(struct trial *t, const struct office *o,
                                const char *text)
{
    const struct witness_record *waits = log_pending(&t->log);
    if (o->questions == 0 && *text == '\0')
        return "datagram-empty-not-sent";
    if (o->questions == 0)
        return name_death(t, "");
    if (!t->child.ended)
        return shown_by(t, waits, "datagram-no-limit");
    return name_death(t, "datagram-no-retry");
}

/* A question must come, and be the text. */
static bool is_asked(struct trial *t, struct office *o, const char *text)
{
    char bytes[200], expected[160], got[200];
    socklen_t size = sizeof o->asker;
    t->outcome = child_await(&t->child, o->fd, POLLIN, NULL, NULL, SILENCE_MS);
    ssize_t n =
        t->outcome != GOT_IT
            ? -1
            : recvfrom(o->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC,
                       (struct sockaddr *)&o->asker, &size);
    snprintf(expected, sizeof expected, "a datagram with the text, %zu bytes%s",
             strlen(text), o->questions > 0 ? ", once more" : "");
    if (n == -1) {
        fail(t, name_silence(t, o, text), expected, "none; %s",
             outcome_text(t, t->outcome, got, sizeof got));
        return false;
    }
    o->questions++;
    if ((size_t)n == strlen(text) && memcmp(bytes, text, (size_t)n) == 0)
        return true;
    quote_bytes(bytes, (size_t)n < sizeof bytes ? (size_t)n : sizeof bytes, got,
                100);
    fail(t, n == (ssize_t)strlen(text) + 1 ? "send-terminating-nul" : "",
         expected, "%zd bytes: %s", n, got);
    return false;
}

/* Each question but the first must have waited for its time. */
static void check_patience(struct trial *t)
{
    const struct witness_record *last = NULL;
    for (size_t i = 0; i < log_count(&t->log) && !over(t); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call != WITNESS_SEND)
            continue;
        unsigned ms =
            last != NULL ? (unsigned)((r->enter - last->enter) / 1000000) : 0;
        if (last != NULL && ms + 5 < PATIENCE_MS) {
            blame(t, r);
            fail(t, "datagram-impatient",
                 "100 ms for an answer, before the question is sent again",
                 "it was sent again after %u ms", ms);
        }
        last = r;
    }
}

/* "N bytes: ANSWER", and nothing else. */
static void check_printed(struct trial *t, const struct lookup *s,
                          const char *answer)
{
    char want[ANSWER_MAX + 40], expected[300], got[200];
    size_t n = (size_t)snprintf(want, sizeof want, "%zu bytes: ", s->answer);
    check_memory(t);
    memcpy(want + n, answer, s->answer);
    n += s->answer;
    want[n++] = '\n';
    if (over(t) ||
        (t->child.out.total == n && memcmp(t->child.out.bytes, want, n) == 0))
        return;
    quote_bytes(want, n, got, 100);
    snprintf(expected, sizeof expected, "on stdout: %s", got);
    quote_bytes(t->child.out.bytes, t->child.out.length, got, 100);
    fail(t, name_death(t, s->diagnosis), expected, "%s%s",
         t->child.out.total > 0 ? got : "nothing; ",
         t->child.out.total > 0 ? ""
                                : outcome_text(t, t->outcome, got, sizeof got));
}

/* What the server does once it means to answer. */
static void give_answer(struct trial *t, const struct office *o,
                        const struct lookup *s, const char *answer)
{
    unsigned port;
    int stranger = s->stranger ? open_datagram(&port) : -1;
    did(t, "%s", s->what);
    if (stranger != -1) {
        reply(o, stranger, "not from me", 11);
        close(stranger);
    }
    reply(o, o->fd, answer, s->answer);
    if (s->second)
        reply(o, o->fd, "and this", 8);
}

static void run_lookup(struct trial *t)
{
    const struct lookup *s = (const struct lookup *)take_script(t);
    struct office o;
    char text[80], answer[1024];
    make_word(text, s->question);
    for (size_t i = 0; i < s->answer; i++)
        answer[i] = (char)chance(256);
    t->fault = s->fault;
    if (open_office(t, &o, text)) {
        while (o.questions <= s->lost && is_asked(t, &o, text))
            ;
        if (!over(t)) {
            give_answer(t, &o, s, answer);
            t->outcome = child_await_end(&t->child, SILENCE_MS);
        }
        if (s->answer > ANSWER_MAX)
            check_error(t, "recvfrom", EMSGSIZE, s->diagnosis);
        else if (fault_happened(t))
            check_printed(t, s, answer);
        check_ending(t, s->answer > ANSWER_MAX, s->diagnosis);
        check_patience(t);
    }
    if (o.fd != -1)
        close(o.fd);
}

/* Nobody answers; the question must come three times, and no more. */
static void stay_silent(struct trial *t, struct office *o, const char *text)
{
    while (o->questions < TRIES && is_asked(t, o, text))
        ;
    if (over(t))
        return;
    t->outcome = child_await(&t->child, o->fd, POLLIN, NULL, NULL, SILENCE_MS);
    if (t->outcome == GOT_IT)
        fail(t, "datagram-no-limit", "the question three times in all",
             "it came again");
}

/* Nobody answers, but somebody else keeps sending. */
static void keep_sending(struct trial *t, const struct office *o)
{
    uint64_t begin = now_ns();
    unsigned port;
    int stranger = open_datagram(&port);
    while (!t->child.ended && now_ns() - begin < scaled_ms(900)) {
        reply(o, stranger, "not from me", 11);
        t->outcome = child_await(&t->child, -1, 0, NULL, NULL, 40);
    }
    close(stranger);
    if (!t->child.ended)
        fail(t, "datagram-wait-restarted",
             "the end, after three times 100 ms without an answer",
             "it is still there after 900 ms");
}

static void run_no_answer(struct trial *t)
{
    const struct lookup *s = (const struct lookup *)take_script(t);
    struct office o;
    char text[20];
    make_word(text, 10);
    if (open_office(t, &o, text) && is_asked(t, &o, text)) {
        did(t, "%s", s->what);
        if (s->stranger)
            keep_sending(t, &o);
        else
            stay_silent(t, &o, text);
        check_error(t, "recvfrom", ETIMEDOUT,
                    t->child.out.total > 0 ? "datagram-wrong-sender"
                                           : "datagram-no-limit");
        check_patience(t);
    }
    if (o.fd != -1)
        close(o.fd);
}

/* A text that no datagram has room for. */
static void run_too_much(struct trial *t)
{
    enum { SIZE = 70000 };
    static char text[SIZE + 1];
    struct office o;
    make_word(text, SIZE);
    if (open_office(t, &o, text)) {
        t->result->did[0] = '\0';
        did(t, "ran ./datagrams with a text of %d bytes", SIZE);
        t->outcome = child_await_end(&t->child, SILENCE_MS);
        check_error(t, "sendto", EMSGSIZE, "send-unchecked");
    }
    if (o.fd != -1)
        close(o.fd);
}

#define LOOKUP(...) (&(const struct lookup){__VA_ARGS__})

static const struct check_case cases_datagrams[] = {
    {"asks, and prints the answer", CLIENT, 9, 9, WORKS, PLAIN, run_lookup,
     LOOKUP(.what = "answered", .question = 12, .answer = 40, .diagnosis = "")},
    {"takes one datagram for one answer", CLIENT, 9, 9, TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered, and sent another datagram behind it",
            .question = 12, .answer = 40, .second = true,
            .diagnosis = "datagram-boundary")},
    {"takes an empty datagram for an answer", CLIENT, 9, 9, TALK, PLAIN,
     run_lookup,
     LOOKUP(.what = "answered with an empty datagram", .question = 12,
            .diagnosis = "datagram-empty-is-end")},
    {"sends an empty text as an empty datagram", CLIENT, 9, 9, TALK, PLAIN,
     run_lookup, LOOKUP(.what = "answered", .answer = 40, .diagnosis = "")},
    {"takes an answer of 512 bytes", CLIENT, 9, 9, TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered 512 bytes", .question = 12, .answer = ANSWER_MAX,
            .diagnosis = "datagram-limit")},
    {"reports an answer of 513 bytes", CLIENT, 9, 9, TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered 513 bytes", .question = 12,
            .answer = ANSWER_MAX + 1, .diagnosis = "datagram-truncated")},
    {"takes no answer from a stranger", CLIENT, 9, 9, TALK, PLAIN, run_lookup,
     LOOKUP(.what = "let another socket send something first, and answered",
            .question = 12, .answer = 40, .stranger = true,
            .diagnosis = "datagram-wrong-sender")},
    {"asks again when an answer is lost", CLIENT, 9, 9, TALK, PLAIN, run_lookup,
     LOOKUP(.what = "let two questions get lost and answered the third",
            .question = 12, .answer = 40, .lost = 2,
            .diagnosis = "datagram-no-retry")},
    {"gives up after three questions", CLIENT, 9, 9, TALK, PLAIN, run_no_answer,
     LOOKUP(.what = "did not answer")},
    {"does not wait longer because of a stranger", CLIENT, 9, 9, TALK, PLAIN,
     run_no_answer,
     LOOKUP(.what = "did not answer, but let another socket send something "
                    "about every 40 ms",
            .stranger = true)},
    {"goes on when a signal interrupts poll()", CLIENT, 9, 9, TALK, PLAIN,
     run_lookup,
     LOOKUP(.what = "answered", .question = 12, .answer = 40,
            .fault = "poll:eintr=1", .diagnosis = "")},
    {"reports a text that no datagram has room for", CLIENT, 9, 9, TALK, PLAIN,
     run_too_much, NULL},
    {"does not touch memory that is not its own", CLIENT, 9, 9, TALK, ASAN,
     run_lookup,
     LOOKUP(.what = "answered 600 bytes", .question = 12, .answer = 600,
            .diagnosis = "datagram-truncated")},
    {"does not depend on what is in memory by chance", CLIENT, 9, 9, TALK,
     PATTERN, run_lookup,
     LOOKUP(.what = "let another socket send something first, and answered",
            .question = 12, .answer = 40, .stranger = true,
            .diagnosis = "datagram-wrong-sender")},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- http ---------------------------------------------------------------- */

enum { HEAD_MAX = 1024 };

static const char the_page[] = "<!doctype html>\n<p>A naïve café server</p>\n";

/** A request, and the answer that it must get. */
struct request {
    const char *what; /* "a head of 5000 bytes"; NULL: it is shown */
    const char *head; /* the bytes; a # stands for letters by chance */
    size_t head_size; /* 0: strlen(head) */
    size_t filled_to; /* # is so long that the head has this size; 0: short */
    size_t piece;     /* bytes at a time; 0: all at once */
    enum side side;   /* then */
    int status;       /* of the answer; 0: the program must fail */
    const char *fault;
    const char *diagnosis; /* when nothing tells more */
};

static size_t make_request(const struct request *s, char *bytes, size_t size)
{
    size_t length = s->head_size > 0 ? s->head_size : strlen(s->head);
    const char *fill = (const char *)memchr(s->head, '#', length);
    if (fill == NULL) {
        memcpy(bytes, s->head, length);
        return length;
    }
    size_t before = (size_t)(fill - s->head), after = length - before - 1;
    size_t letters =
        s->filled_to > 0 ? s->filled_to - before - after : 5 + chance(20);
    if (before + letters + after >= size)
        abort();
    memcpy(bytes, s->head, before);
    make_word(bytes + before, letters);
    memcpy(bytes + before + letters, fill + 1, after);
    return before + letters + after;
}

/* Why is the answer not what it should be? */
static const char *name_answer(struct trial *t, const struct request *s)
{
    const char *name = name_death(t, "");
    const struct witness_record *waits = log_pending(&t->log);
    const char *end = (const char *)memchr(t->heard, '\n', t->heard_size);
    if (name[0] != '\0')
        return name;
    if (t->heard_size == 0 && !t->child.ended && waits != NULL &&
        waits->call == WITNESS_RECV && s->diagnosis[0] == '\0')
        return shown_by(t, waits, "http-waits-for-end");
    if (end != NULL && (end == t->heard || end[-1] != '\r'))
        return "http-no-crlf";
    return s->diagnosis;
}

static void fail_answer(struct trial *t, const char *name, const char *expected,
                        const char *what)
{
    char got[260], end[200];
    quote_bytes(t->heard, t->heard_size, got, sizeof got);
    outcome_text(t, t->outcome, end, sizeof end);
    fail(t, name, expected, "%s%s%s", what,
         t->heard_size > 0 ? got : "nothing; ", t->heard_size > 0 ? "" : end);
}

/* The value of Content-Length; -1: there is none. */
static long content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");
    return at != NULL ? strtol(at + 17, NULL, 10) : -1;
}

/* Head and body must agree, and the body be what was asked for. */
static void check_body(struct trial *t, const struct request *s,
                       const char *body)
{
    size_t size = t->heard_size - (size_t)(body - t->heard);
    char expected[100], what[80];
    snprintf(expected, sizeof expected,
             "a line \"Content-Length: %zu\": the body has so many bytes",
             size);
    long length = content_length(t->heard);
    snprintf(what, sizeof what, "it says %ld: ", length);
    if (size > 0 && body[size - 1] == '\0')
        fail_answer(t, "send-terminating-nul",
                    "a body without a zero byte at its end", "");
    else if (length != (long)size)
        fail_answer(t, s->fault != NULL ? s->diagnosis : "http-length",
                    expected, length == -1 ? "no such line: " : what);
    else if (strcasestr(t->heard, "\r\nContent-Type: text/html") == NULL)
        fail_answer(t, "", "a line \"Content-Type: text/html; charset=utf-8\"",
                    "");
    else if (s->status == 200 &&
             (size != sizeof the_page - 1 ||
              memcmp(body, the_page, sizeof the_page - 1) != 0))
        fail_answer(t, s->diagnosis, "the page, after the empty line", "");
}

static void check_answer(struct trial *t, const struct request *s,
                         enum stream_end end)
{
    char expected[100], status[8];
    snprintf(expected, sizeof expected,
             "HTTP/1.0 %d or HTTP/1.1 %d, lines that end with \\r\\n, and an "
             "empty one",
             s->status, s->status);
    snprintf(status, sizeof status, " %d ", s->status);
    if (t->heard_size >= sizeof t->heard) /* so much is wrong in any case */
        t->heard_size = sizeof t->heard - 1;
    t->heard[t->heard_size] = '\0';
    const char *line_end = strstr(t->heard, "\r\n");
    const char *empty = strstr(t->heard, "\r\n\r\n");
    bool begins = strncmp(t->heard, "HTTP/1.", 7) == 0 && line_end != NULL;
    if (!begins || strncmp(t->heard + 8, status, 5) != 0)
        fail_answer(t, name_answer(t, s), expected, "");
    else if (empty == NULL)
        fail_answer(t,
                    content_length(t->heard) == -1 ? name_answer(t, s)
                                                   : "http-no-empty-line",
                    expected, "");
    else
        check_body(t, s, empty + 4);
    if (!over(t) && end != STREAM_ENDED)
        fail(t, end == STREAM_RESET ? "close-unread-data" : "",
             "the end of the stream after the answer", "%s",
             end == STREAM_RESET ? "a reset" : "it stays open");
}

/* Sends the request, and looks at the answer. */
static void talk_http(struct trial *t, const struct request *s, int *fd)
{
    char bytes[8192], shown[160];
    size_t size = make_request(s, bytes, sizeof bytes);
    quote_bytes(bytes, size, shown, sizeof shown);
    did(t, "sent %s", s->what != NULL ? s->what : shown);
    peer_send(t, *fd, bytes, size, s->piece);
    peer_end_side(fd, s->side);
    if (s->status == 0)
        return;
    enum stream_end end = peer_read(t, *fd, false, SILENCE_MS);
    check_memory(t);
    if (!over(t))
        check_answer(t, s, end);
}

/* One request to a program of its own. */
static void make_visit(struct trial *t, const struct request *s)
{
    t->fault = s->fault;
    t->result->did[0] = '\0';
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    int fd = connect_to_server(t);
    if (fd == -1)
        return;
    talk_http(t, s, &fd);
    if (over(t))
        return; /* still connected: its last calls are to be shown */
    if (fd != -1)
        close(fd);
    t->outcome = child_await_end(&t->child, SILENCE_MS);
    if (s->status == 0)
        check_error(t, "recv", ECONNRESET, s->diagnosis);
    else if (fault_happened(t))
        check_ending(t, 0, s->diagnosis);
}

static void run_request(struct trial *t)
{
    make_visit(t, (const struct request *)take_script(t));
}

/* Each of these is nonsense in another way. */
static void run_nonsense(struct trial *t)
{
    static const char *const heads[] = {
        "#\r\n\r\n",
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET /#\r\nHost: 127.0.0.1\r\n\r\n",
        "GET # HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET / HTTX/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET /# and more HTTP/1.1\r\n\r\n",
        "GETT / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads && !over(t); i++) {
        struct request s = {.head = heads[i],
                            .side = SIDE_STAYS,
                            .status = 400,
                            .diagnosis = "http-status"};
        make_visit(t, &s);
    }
}

#define REQUEST(...) (&(const struct request){__VA_ARGS__})
#define LIKE_A_BROWSER                                                         \
    " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: #\r\nAccept: */*\r\n\r\n"

static const struct check_case cases_http[] = {
    {"answers GET / with the page", SERVER, 9, 9, WORKS, PLAIN, run_request,
     REQUEST(.what = "a request for /, and left our side open",
             .head = "GET /" LIKE_A_BROWSER, .side = SIDE_STAYS, .status = 200,
             .diagnosis = "")},
    {"answers 404 when asked for another page", SERVER, 9, 9, TALK, PLAIN,
     run_request,
     REQUEST(.what = "a request for another page",
             .head = "GET /# HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
             .side = SIDE_STAYS, .status = 404, .diagnosis = "http-status")},
    {"answers 400 to nonsense", SERVER, 9, 9, TALK, PLAIN, run_nonsense, NULL},
    {"answers a head of one line", SERVER, 9, 9, TALK, PLAIN, run_request,
     REQUEST(.what = "\"GET / HTTP/1.0\" and an empty line",
             .head = "GET / HTTP/1.0\r\n\r\n", .side = SIDE_STAYS,
             .status = 200, .diagnosis = "http-status")},
    {"waits for the empty line, in pieces", SERVER, 9, 9, TALK, PLAIN,
     run_request,
     REQUEST(.what = "a request for /, byte by byte",
             .head = "GET /" LIKE_A_BROWSER, .piece = 1, .side = SIDE_STAYS,
             .status = 200, .diagnosis = "recv-single-call")},
    {"takes a head of 1024 bytes", SERVER, 9, 9, TALK, PLAIN, run_request,
     REQUEST(.what = "a request for /, with a head of 1024 bytes",
             .head = "GET /" LIKE_A_BROWSER, .filled_to = HEAD_MAX,
             .side = SIDE_STAYS, .status = 200,
             .diagnosis = "http-head-limit")},
    {"answers 400 when the stream ends in the head", SERVER, 9, 9, TALK, PLAIN,
     run_request,
     REQUEST(.what = "a request for / without the empty line, and ended "
                     "our side",
             .head = "GET / HTTP/1.1\r\nHost: #\r\n", .status = 400,
             .diagnosis = "http-cut-off")},
    {"answers 400 to a zero byte", SERVER, 9, 9, TALK, PLAIN, run_request,
     REQUEST(.what = "a head with a zero byte in it",
             .head = "GET / HTTP/1.1\r\nHost: \0#\r\n\r\n", .head_size = 28,
             .side = SIDE_STAYS, .status = 400,
             .diagnosis = "recv-strlen-length")},
    {"sends the rest when send() takes only a part", SERVER, 9, 9, TALK, PLAIN,
     run_request,
     REQUEST(.what = "a request for /", .head = "GET /" LIKE_A_BROWSER,
             .side = SIDE_STAYS, .status = 200, .fault = "send:short=7",
             .diagnosis = "send-short-count-ignored")},
    {"goes on when a signal interrupts recv()", SERVER, 9, 9, TALK, PLAIN,
     run_request,
     REQUEST(.what = "a request for /", .head = "GET /" LIKE_A_BROWSER,
             .side = SIDE_STAYS, .status = 200, .fault = "recv:eintr=1",
             .diagnosis = "recv-no-eintr")},
    {"reports a reset in the head", SERVER, 9, 9, TALK, PLAIN, run_request,
     REQUEST(.what = "the half of a head, and a reset",
             .head = "GET / HTTP/1.1\r\n", .piece = 16, .side = SIDE_RESETS,
             .diagnosis = "recv-error-is-eof")},
    {"refuses a head of more than 1024 bytes", SERVER, 9, 9, TALK, ASAN,
     run_request,
     REQUEST(.what = "a head of 5000 bytes, 700 at a time",
             .head = "GET /" LIKE_A_BROWSER, .filled_to = 5000, .piece = 700,
             .side = SIDE_STAYS, .status = 400,
             .diagnosis = "http-head-limit")},
    {"does not depend on what is in memory by chance", SERVER, 9, 9, TALK,
     PATTERN, run_request,
     REQUEST(.what = "a request for /, in pieces of 10 bytes",
             .head = "GET /" LIKE_A_BROWSER, .piece = 10, .side = SIDE_STAYS,
             .status = 200, .diagnosis = "")},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_beyond[] = {
    {"beyond/many-clients", SERVER, cases_many_clients},
    {"beyond/datagrams", CLIENT, cases_datagrams},
    {"beyond/http", SERVER, cases_http},
    {NULL, SERVER, NULL}};
