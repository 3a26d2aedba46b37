/**
 * @file
 * How the exercises that come after step 8 are judged.
 */
#define _GNU_SOURCE /* memmem */
#include "exercise.h"

#include <errno.h>
#include <netinet/udp.h> /* UDP_SEGMENT */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a program may do nothing here, in ms, when it has work. */
enum { SILENCE_MS = 500 };

/*
 * What the program itself tells, when it is dead or burns the processor; else
 * `otherwise`. (explain() knows the programs of the lessons, and not these.)
 */
static const char *name_death(struct trial *t, const char *otherwise)
{
    char line[300];
    const char *name = sanitizer_name(t, line, sizeof line);
    call p = last_call(t, WITNESS_POLL);
    call r = last_call(t, WITNESS_RECV);
    if (name != NULL)
        return name;
    if (t->child.ended && WIFSIGNALED(t->child.status))
        return WTERMSIG(t->child.status) == SIGPIPE
                   ? shown_by(t, last_call(t, WITNESS_SEND), "send-sigpipe")
                   : "memory-error";
    if (t->child.ended && log_failed(&t->log, WITNESS_POLL, EINTR) != NULL &&
        says_error(&t->child, EINTR))
        return shown_by(t, log_failed(&t->log, WITNESS_POLL, EINTR),
                        "poll-no-eintr");
    if (t->outcome != SPINNING && t->outcome != TOO_LONG)
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
static void check_exit(struct trial *t, int status, const char *diagnosis)
{
    if (!over(t) && !exited(&t->child, status))
        check_status(t, status, name_death(t, diagnosis));
}

/* It must have failed, and said so; but a sanitizer may know better. */
static void check_failed(struct trial *t, const char *function, int error,
                         const char *diagnosis)
{
    check_memory(t);
    if (!over(t))
        check_error(t, function, error, name_death(t, diagnosis));
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
    call waits = log_pending(&t->log);
    call full = log_failed(&t->log, WITNESS_ACCEPT, EMFILE);
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
    if (has_heard(t, g->line, g->size))
        return "close-no-half-close";
    if (t->heard_size > 0 && t->heard_size < g->size &&
        memmem(g->line, g->size, t->heard, t->heard_size) != NULL)
        return "recv-single-call";
    return t->heard_size > 0 ? "poll-one-buffer" : "";
}

/* A client with a line of so many bytes; 0: some. @return false: it is over */
static bool come(struct trial *t, struct guest *g, size_t size)
{
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
         "no connection; %s", its_state(t));
    return false;
}

/* It must get its line back, and the end of the stream, with its side open. */
static bool is_answered(struct trial *t, const struct guest *g)
{
    t->heard_size = 0;
    enum stream_end how = peer_read(t, g->fd, false, SILENCE_MS);
    if (how == STREAM_ENDED && has_heard(t, g->line, g->size))
        return true;
    if (how != STREAM_OPEN) /* why did it end? */
        t->outcome = child_await_end(&t->child, 60);
    fail(t, name_neglect(t, g),
         phrase("the line %s as an answer, and the end of the stream",
                quoted(g->line, g->size, 80)),
         "%s%s; %s", t->heard_size > 0 ? what_came(t, 160) : "nothing",
         how == STREAM_RESET ? " and a reset" : "",
         t->child.ended || how == STREAM_OPEN ? its_state(t)
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
static void finish(struct trial *t)
{
    if (over(t))
        return;
    press_enter(t);
    t->outcome = child_await_end(&t->child, SILENCE_MS);
    call waits = log_pending(&t->log);
    bool elsewhere = waits != NULL && waits->call != WITNESS_POLL;
    check_exit(t, 0, elsewhere ? "poll-waits-for-one" : "");
}

static bool start_server(struct trial *t)
{
    return start(t, NULL, NULL) && await_ready(t);
}

static void run_one_guest(struct trial *t)
{
    if (!start_server(t))
        return;
    did(t, "connected, sent a line, and waited for it to come back");
    if (serve_guest(t) && fault_happened(t))
        finish(t);
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
    if (!start_server(t) || !come(t, &slow, 0))
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
    finish(t);
}

/* Many at a time, each with a half line, who finish in another order. */
static void run_crowd(struct trial *t)
{
    enum { CROWD = 20 };
    struct guest g[CROWD];
    int there = 0;
    if (!start_server(t))
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
    if (!over(t) && first_call(t, WITNESS_FORK) != NULL)
        fail(t, "", "one process", "the server called fork()");
    while (!over(t) && there > 0)
        close(g[--there].fd);
    finish(t);
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
    if (!start_server(t))
        return;
    for (size_t i = 0; i < sizeof ways / sizeof *ways && !over(t); i++) {
        t->result->did[0] = '\0';
        did(t, "sent five bytes, then %s; then another client sent a line",
            ways[i] == SIDE_RESETS ? "a reset" : "the end of the stream");
        if (vanish(t, ways[i]))
            serve_guest(t);
    }
    finish(t);
}

/* The answer finds nobody. */
static void run_gone(struct trial *t)
{
    struct guest g;
    t->fault = "send:gone@1";
    if (!start_server(t) || !come(t, &g, 0))
        return;
    did(t, "sent a line and was gone before the answer; then another client "
           "sent a line");
    say(t, &g, g.size);
    peer_read(t, g.fd, false, SILENCE_MS);
    close(g.fd);
    if (serve_guest(t) && fault_happened(t))
        finish(t);
}

static void run_turnover(struct trial *t)
{
    t->open_files = 12;
    if (!start_server(t))
        return;
    did(t,
        "allowed it %d descriptors; 24 clients came, and two of three went "
        "before the end of their line",
        t->open_files);
    for (int i = 0; i < 8 && !over(t); i++)
        if (vanish(t, SIDE_CLOSES) && vanish(t, SIDE_RESETS))
            serve_guest(t);
    finish(t);
}

/* Nothing happens: it must sleep. Then Enter, with a client there. */
static void run_silence(struct trial *t)
{
    struct guest g;
    if (!start_server(t) || !vanish(t, SIDE_CLOSES) || !come(t, &g, 0))
        return;
    did(t, "let one client go and one stay, both without a line");
    t->outcome = child_await(&t->child, -1, 0, NULL, NULL, 60);
    if (t->outcome != BLOCKED)
        fail(t, name_death(t, ""), "a server that sleeps in poll()", "%s",
             its_state(t));
    finish(t);
    close(g.fd);
}

/* A line without end: this client has to go, and the others are served. */
static void run_endless_line(struct trial *t)
{
    char bytes[1000];
    int fd = start_and_connect(t);
    if (fd == -1)
        return;
    memset(bytes, 'x', sizeof bytes);
    did(t, "sent 1000 bytes without a newline");
    peer_send(t, fd, bytes, sizeof bytes, 0);
    enum stream_end end = peer_read(t, fd, false, SILENCE_MS);
    check_memory(t);
    if (end == STREAM_OPEN || t->heard_size > 0)
        fail(t, name_death(t, ""), "the end of this connection, and no answer",
             "%zu bytes; %s", t->heard_size, its_state(t));
    close(fd);
    if (!over(t) && serve_guest(t))
        finish(t);
}

static const struct check_case cases_many_clients[] = {
    {"gives a client its line back", SERVER_WORKS, PLAIN, run_one_guest, NULL},
    {"does not let a slow client hold up the others", SERVER_TALK, PLAIN,
     run_slow, NULL},
    {"keeps the lines of many clients apart", SERVER_TALK, PLAIN, run_crowd,
     NULL},
    {"goes on when a client vanishes", SERVER_TALK, PLAIN, run_vanished, NULL},
    {"goes on when an answer finds nobody", SERVER_TALK, PLAIN, run_gone, NULL},
    {"sleeps while nothing happens", SERVER_TALK, PLAIN, run_silence, NULL},
    {"closes the descriptors of those who have gone", SERVER_TALK, PLAIN,
     run_turnover, NULL},
    {"goes on when a signal interrupts poll()", SERVER_TALK, PLAIN,
     run_interrupted, NULL},
    {FOREIGN_MEMORY, SERVER_TALK, ASAN, run_endless_line, NULL},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_crowd, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

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
    int questions;     /* that have come */
    uint64_t answered; /* when */
};

/* A socket for datagrams, on a free port of 127.0.0.1. */
static int open_datagram(void)
{
    return hold_ipv4(SOCK_DGRAM, INADDR_LOOPBACK, 0);
}

/* Starts the program with our port and the text. */
static bool open_office(struct trial *t, struct office *o, const char *text)
{
    memset(o, 0, sizeof *o);
    o->fd = open_datagram();
    if (o->fd == -1) {
        skip(t, "no socket: %s", strerror(errno));
        return false;
    }
    t->port = own_port(o->fd);
    return start(t, phrase("%u", t->port), text);
}

static ssize_t reply(const struct office *o, int fd, const char *bytes,
                     size_t size)
{
    return sendto(fd, bytes, size, 0, (const struct sockaddr *)&o->asker,
                  sizeof o->asker);
}

/*
 * Sends an answer and a shorter datagram behind it, in one call (Linux 4.18):
 * both are there before the program can read. @return false if it cannot be
 */
static bool reply_twice(const struct office *o, const char *bytes, size_t size)
{
    char both[ANSWER_MAX + 8];
    int segment = (int)size;
    memcpy(both, bytes, size);
    memcpy(both + size, "and this", 8);
    return setsockopt(o->fd, IPPROTO_UDP, UDP_SEGMENT, &segment,
                      sizeof segment) == 0 &&
           reply(o, o->fd, both, size + 8) != -1;
}

/* Why is there no question, or not another one? */
static const char *name_silence(struct trial *t, const struct office *o,
                                const char *text)
{
    call waits = log_pending(&t->log);
    if (o->questions == 0 && *text == '\0')
        return "datagram-empty-not-sent";
    if (o->questions == 0)
        return name_death(t, unwritten(t));
    if (!t->child.ended)
        return shown_by(t, waits, "datagram-no-limit");
    return name_death(t, "datagram-no-retry");
}

/* A question must come, and be the text. */
static bool is_asked(struct trial *t, struct office *o, const char *text)
{
    char bytes[200];
    size_t length = strlen(text), room = sizeof bytes;
    socklen_t size = sizeof o->asker;
    const char *expected =
        phrase("a datagram with the text, %zu bytes%s", length,
               o->questions > 0 ? ", once more" : "");
    t->outcome = child_await(&t->child, o->fd, POLLIN, NULL, NULL, SILENCE_MS);
    ssize_t got = t->outcome != GOT_IT
                      ? -1
                      : recvfrom(o->fd, bytes, room, MSG_DONTWAIT | MSG_TRUNC,
                                 (struct sockaddr *)&o->asker, &size);
    if (got == -1) {
        fail(t, name_silence(t, o, text), expected, "none; %s", its_state(t));
        return false;
    }
    size_t n = (size_t)got;
    o->questions++;
    if (n != length || memcmp(bytes, text, n) != 0)
        fail(t, n == length + 1 ? "send-terminating-nul" : "", expected,
             "%zu bytes: %s", n, quoted(bytes, n < room ? n : room, 100));
    return !over(t);
}

/* Each question but the first must have waited for its time. */
static void check_patience(struct trial *t)
{
    call last = first_call(t, WITNESS_SEND);
    call r = last != NULL ? next_call(t, last) : NULL;
    for (; r != NULL; last = r, r = next_call(t, r)) {
        unsigned ms = (unsigned)((r->enter - last->enter) / 1000000);
        if (ms + 5 < PATIENCE_MS)
            fail_at(t, r, "datagram-impatient",
                    "100 ms for an answer, before the question is sent again",
                    "it was sent again after %u ms", ms);
    }
}

/* "N bytes: ANSWER" and nothing else, and a good end. */
static void check_printed(struct trial *t, const struct lookup *s,
                          const char *answer)
{
    char want[ANSWER_MAX + 40];
    size_t n = (size_t)snprintf(want, sizeof want, "%zu bytes: ", s->answer);
    memcpy(want + n, answer, s->answer);
    n += s->answer;
    want[n++] = '\n';
    check_memory(t);
    if ((s->fault != NULL && !fault_happened(t)) || over(t))
        return;
    if (!printed(t, want, n))
        fail(t, name_death(t, s->diagnosis),
             phrase("on stdout: %s", quoted(want, n, 100)), "%s; %s",
             its_output(t), its_state(t));
    check_exit(t, 0, s->diagnosis);
}

/* What the server does once it means to answer. */
static void give_answer(struct trial *t, struct office *o,
                        const struct lookup *s, const char *answer)
{
    int stranger = s->stranger ? open_datagram() : -1;
    did(t, "%s", s->what);
    if (stranger != -1) {
        reply(o, stranger, "not from me", 11);
        close(stranger);
    }
    if (!s->second)
        reply(o, o->fd, answer, s->answer);
    else if (!reply_twice(o, answer, s->answer))
        skip(t, "two datagrams cannot be sent at once: %s", strerror(errno));
    o->answered = now_ns();
}

/* Has the program given up, and did we answer when its time was nearly over? */
static bool was_late(const struct trial *t, const struct office *o,
                     const struct lookup *s)
{
    call r = first_call(t, WITNESS_SEND);
    for (int i = 0; r != NULL && i < s->lost; i++)
        r = next_call(t, r);
    return over(t) && t->child.out.total == 0 && r != NULL &&
           o->answered > r->enter + PATIENCE_MS / 2 * 1000000ull;
}

/* Returns false if it has to be tried again. */
static bool look_up(struct trial *t, const struct lookup *s)
{
    struct office o;
    char text[80], answer[1024];
    make_word(text, s->question);
    for (size_t i = 0; i < s->answer; i++)
        answer[i] = (char)chance(256);
    if (open_office(t, &o, text)) {
        while (o.questions <= s->lost && is_asked(t, &o, text))
            ;
        if (!over(t)) {
            give_answer(t, &o, s, answer);
            t->outcome = child_await_end(&t->child, SILENCE_MS);
        }
        check_patience(t);
        if (s->answer > ANSWER_MAX)
            check_failed(t, "recvfrom", EMSGSIZE, s->diagnosis);
        else
            check_printed(t, s, answer);
    }
    close_if_open(o.fd);
    return !was_late(t, &o, s);
}

/* An answer that is not to be lost finds the program waiting: it has time. */
static void run_lookup(struct trial *t)
{
    const struct lookup *s = (const struct lookup *)take_script(t);
    if (s->lost == 0)
        t->fault = phrase("poll:slow=5,setsockopt:slow=5%s%s",
                          s->fault != NULL ? "," : "",
                          s->fault != NULL ? s->fault : "");
    for (int tries = 0; tries < 20; tries++) {
        memset(t->result, 0, sizeof *t->result);
        if (look_up(t, s))
            return;
    }
    memset(t->result, 0, sizeof *t->result);
    skip(t, "this machine is too busy to answer within 100 ms");
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

/*
 * Nobody answers, but somebody else keeps sending.
 * @param slow  how many times longer a wait lasts in which nothing comes
 * @return false if we came too seldom, on this machine, to prolong a wait
 */
static bool keep_sending(struct trial *t, const struct office *o, unsigned slow)
{
    uint64_t wait = slow * PATIENCE_MS * 1000000ull, longest = 0;
    uint64_t begin = now_ns(), now = begin;
    uint64_t limit = scaled_ms(10 * slow * PATIENCE_MS);
    int stranger = open_datagram();
    while (!t->child.ended && now - begin < limit) {
        uint64_t before = now;
        reply(o, stranger, "not from me", 11);
        child_watch(&t->child, 40);
        now = now_ns();
        longest = now - before > longest ? now - before : longest;
    }
    close(stranger);
    if (!t->child.ended)
        fail(t, "datagram-wait-restarted",
             "the end, after the question has been sent three times",
             "it is still there after %llu ms",
             (unsigned long long)(now - begin) / 1000000);
    return longest < wait / 2;
}

/* Returns false if it has to be tried again, with longer waits. */
static bool give_no_answer(struct trial *t, const struct lookup *s,
                           unsigned slow)
{
    struct office o;
    char text[20];
    bool came = true;
    make_word(text, 10);
    if (s->stranger)
        t->fault = phrase("poll:slow=%u,setsockopt:slow=%u", slow, slow);
    if (open_office(t, &o, text) && is_asked(t, &o, text)) {
        did(t, "%s", s->what);
        if (s->stranger)
            came = keep_sending(t, &o, slow);
        else
            stay_silent(t, &o, text);
        check_failed(t, "recvfrom", ETIMEDOUT,
                     t->child.out.total > 0 ? "datagram-wrong-sender"
                                            : "datagram-no-limit");
        check_patience(t);
    }
    close_if_open(o.fd);
    return came || over(t);
}

static void run_no_answer(struct trial *t)
{
    const struct lookup *s = (const struct lookup *)take_script(t);
    for (unsigned slow = 3; slow < 100; slow *= 3) {
        memset(t->result, 0, sizeof *t->result);
        if (give_no_answer(t, s, slow))
            return;
    }
    skip(t, "this machine is too busy to send something every 40 ms");
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
        check_failed(t, "sendto", EMSGSIZE, "send-unchecked");
    }
    close_if_open(o.fd);
}

#define LOOKUP(...) (&(const struct lookup){__VA_ARGS__})

static const struct check_case cases_datagrams[] = {
    {"asks, and prints the answer", CLIENT_WORKS, PLAIN, run_lookup,
     LOOKUP(.what = "answered", .question = 12, .answer = 40, .diagnosis = "")},
    {"takes one datagram for one answer", CLIENT_TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered, and sent another datagram behind it",
            .question = 12, .answer = 40, .second = true,
            .diagnosis = "datagram-boundary")},
    {"takes an empty datagram for an answer", CLIENT_TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered with an empty datagram", .question = 12,
            .diagnosis = "datagram-empty-is-end")},
    {"sends an empty text as an empty datagram", CLIENT_TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered", .answer = 40, .diagnosis = "")},
    {"takes an answer of 512 bytes", CLIENT_TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered 512 bytes", .question = 12, .answer = ANSWER_MAX,
            .diagnosis = "datagram-limit")},
    {"reports an answer of 513 bytes", CLIENT_TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered 513 bytes", .question = 12,
            .answer = ANSWER_MAX + 1, .diagnosis = "datagram-truncated")},
    {"takes no answer from a stranger", CLIENT_TALK, PLAIN, run_lookup,
     LOOKUP(.what = "let another socket send something first, and answered",
            .question = 12, .answer = 40, .stranger = true,
            .diagnosis = "datagram-wrong-sender")},
    {"asks again when an answer is lost", CLIENT_TALK, PLAIN, run_lookup,
     LOOKUP(.what = "let two questions get lost and answered the third",
            .question = 12, .answer = 40, .lost = 2,
            .diagnosis = "datagram-no-retry")},
    {"gives up after three questions", CLIENT_TALK, PLAIN, run_no_answer,
     LOOKUP(.what = "did not answer")},
    {"does not wait longer because of a stranger", CLIENT_TALK, PLAIN,
     run_no_answer,
     LOOKUP(.what = "did not answer, but let another socket send something "
                    "about every 40 ms",
            .stranger = true)},
    {"goes on when a signal interrupts poll()", CLIENT_TALK, PLAIN, run_lookup,
     LOOKUP(.what = "answered", .question = 12, .answer = 40,
            .fault = "poll:eintr=1", .diagnosis = "")},
    {"reports a text that no datagram has room for", CLIENT_TALK, PLAIN,
     run_too_much, NULL},
    {FOREIGN_MEMORY, CLIENT_TALK, ASAN, run_lookup,
     LOOKUP(.what = "answered 600 bytes", .question = 12, .answer = 600,
            .diagnosis = "datagram-truncated")},
    {MEMORY_BY_CHANCE, CLIENT_TALK, PATTERN, run_lookup,
     LOOKUP(.what = "let another socket send something first, and answered",
            .question = 12, .answer = 40, .stranger = true,
            .diagnosis = "datagram-wrong-sender")},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

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
    const char *name = name_death(t, t->heard_size == 0 ? unwritten(t) : "");
    call waits = log_pending(&t->log);
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
    fail(t, name, expected, "%s%s", what,
         t->heard_size > 0 ? what_came(t, 260)
                           : phrase("nothing; %s", its_state(t)));
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
    long length = content_length(t->heard);
    if (size > 0 && body[size - 1] == '\0')
        fail_answer(t, "send-terminating-nul",
                    "a body without a zero byte at its end", "");
    else if (length != (long)size)
        fail_answer(t, s->fault != NULL ? s->diagnosis : "http-length",
                    phrase("a line \"Content-Length: %zu\": the body has so "
                           "many bytes",
                           size),
                    length == -1 ? "no such line: "
                                 : phrase("it says %ld: ", length));
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
    const char *expected = phrase("HTTP/1.0 %d or HTTP/1.1 %d, lines that end "
                                  "with \\r\\n, and an empty one",
                                  s->status, s->status);
    if (t->heard_size >= sizeof t->heard) /* so much is wrong in any case */
        t->heard_size = sizeof t->heard - 1;
    t->heard[t->heard_size] = '\0';
    const char *empty = strstr(t->heard, "\r\n\r\n");
    bool begins = strncmp(t->heard, "HTTP/1.", 7) == 0 &&
                  strstr(t->heard, "\r\n") != NULL;
    if (!begins || strncmp(t->heard + 8, phrase(" %d ", s->status), 5) != 0)
        fail_answer(t, name_answer(t, s), expected, "");
    else if (empty == NULL)
        fail_answer(t,
                    content_length(t->heard) == -1 ? name_answer(t, s)
                                                   : "http-no-empty-line",
                    expected, "");
    else
        check_body(t, s, empty + 4);
    if (end != STREAM_ENDED)
        fail(t, end == STREAM_RESET ? "close-unread-data" : "",
             "the end of the stream after the answer", "%s",
             end == STREAM_RESET ? "a reset" : "it stays open");
}

/* Sends the request, and looks at the answer. */
static void talk_http(struct trial *t, const struct request *s, int *fd)
{
    char bytes[8192];
    size_t size = make_request(s, bytes, sizeof bytes);
    did(t, "sent %s", s->what != NULL ? s->what : quoted(bytes, size, 160));
    peer_send(t, *fd, bytes, size, s->piece);
    peer_end_side(fd, s->side);
    if (s->status == 0)
        return;
    enum stream_end end = peer_read(t, *fd, false, SILENCE_MS);
    if (end != STREAM_OPEN && t->heard_size == 0) /* how does it end? */
        t->outcome = child_await_end(&t->child, SILENCE_MS);
    check_memory(t);
    if (!over(t))
        check_answer(t, s, end);
}

/* One request to a program of its own. */
static void make_visit(struct trial *t, const struct request *s)
{
    t->fault = s->fault;
    t->result->did[0] = '\0';
    int fd = start_and_connect(t);
    if (fd == -1)
        return;
    talk_http(t, s, &fd);
    if (over(t))
        return; /* still connected: its last calls are to be shown */
    close_if_open(fd);
    t->outcome = child_await_end(&t->child, SILENCE_MS);
    if (s->status == 0)
        check_failed(t, "recv", ECONNRESET, s->diagnosis);
    else if (fault_happened(t))
        check_exit(t, 0, s->diagnosis);
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
    {"answers GET / with the page", SERVER_WORKS, PLAIN, run_request,
     REQUEST(.what = "a request for /, and left our side open",
             .head = "GET /" LIKE_A_BROWSER, .side = SIDE_STAYS, .status = 200,
             .diagnosis = "")},
    {"answers 404 when asked for another page", SERVER_TALK, PLAIN, run_request,
     REQUEST(.what = "a request for another page",
             .head = "GET /# HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
             .side = SIDE_STAYS, .status = 404, .diagnosis = "http-status")},
    {"answers 400 to nonsense", SERVER_TALK, PLAIN, run_nonsense, NULL},
    {"answers a head of one line", SERVER_TALK, PLAIN, run_request,
     REQUEST(.what = "\"GET / HTTP/1.0\" and an empty line",
             .head = "GET / HTTP/1.0\r\n\r\n", .side = SIDE_STAYS,
             .status = 200, .diagnosis = "http-status")},
    {"waits for the empty line, in pieces", SERVER_TALK, PLAIN, run_request,
     REQUEST(.what = "a request for /, byte by byte",
             .head = "GET /" LIKE_A_BROWSER, .piece = 1, .side = SIDE_STAYS,
             .status = 200, .diagnosis = "recv-single-call")},
    {"takes a head of 1024 bytes", SERVER_TALK, PLAIN, run_request,
     REQUEST(.what = "a request for /, with a head of 1024 bytes",
             .head = "GET /" LIKE_A_BROWSER, .filled_to = HEAD_MAX,
             .side = SIDE_STAYS, .status = 200,
             .diagnosis = "http-head-limit")},
    {"answers 400 when the stream ends in the head", SERVER_TALK, PLAIN,
     run_request,
     REQUEST(.what = "a request for / without the empty line, and ended "
                     "our side",
             .head = "GET / HTTP/1.1\r\nHost: #\r\n", .status = 400,
             .diagnosis = "http-cut-off")},
    {"answers 400 to a zero byte", SERVER_TALK, PLAIN, run_request,
     REQUEST(.what = "a head with a zero byte in it",
             .head = "GET / HTTP/1.1\r\nHost: \0#\r\n\r\n", .head_size = 28,
             .side = SIDE_STAYS, .status = 400,
             .diagnosis = "recv-strlen-length")},
    {"sends the rest when send() takes only a part", SERVER_TALK, PLAIN,
     run_request,
     REQUEST(.what = "a request for /", .head = "GET /" LIKE_A_BROWSER,
             .side = SIDE_STAYS, .status = 200, .fault = "send:short=7",
             .diagnosis = "send-short-count-ignored")},
    {"goes on when a signal interrupts recv()", SERVER_TALK, PLAIN, run_request,
     REQUEST(.what = "a request for /", .head = "GET /" LIKE_A_BROWSER,
             .side = SIDE_STAYS, .status = 200, .fault = "recv:eintr=1",
             .diagnosis = "recv-no-eintr")},
    {"reports a reset in the head", SERVER_TALK, PLAIN, run_request,
     REQUEST(.what = "the half of a head, and a reset",
             .head = "GET / HTTP/1.1\r\n", .piece = 16, .side = SIDE_RESETS,
             .diagnosis = "recv-error-is-eof")},
    {"refuses a head of more than 1024 bytes", SERVER_TALK, ASAN, run_request,
     REQUEST(.what = "a head of 5000 bytes, 700 at a time",
             .head = "GET /" LIKE_A_BROWSER, .filled_to = 5000, .piece = 700,
             .side = SIDE_STAYS, .status = 400,
             .diagnosis = "http-head-limit")},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_request,
     REQUEST(.what = "a request for /, in pieces of 10 bytes",
             .head = "GET /" LIKE_A_BROWSER, .piece = 10, .side = SIDE_STAYS,
             .status = 200, .diagnosis = "")},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_beyond[] = {
    {"beyond/many-clients", SERVER, cases_many_clients},
    {"beyond/datagrams", CLIENT, cases_datagrams},
    {"beyond/http", SERVER, cases_http},
    {NULL, SERVER, NULL}};
