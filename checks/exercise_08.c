/**
 * @file
 * How the exercises of step 8 are judged.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* A program that gives up at once, without a word, is still the starter. */
static const char *unwritten(const struct trial *t)
{
    bool silent = t->child.out.total == 0 && t->child.err.total == 0;
    return silent && exited(&t->child, 1) ? "exercise-unwritten" : "";
}

/* A program that ends well, and has not made one of the calls it is about. */
static bool made_no_calls(const struct trial *t)
{
    return exited(&t->child, 0) && t->log.map != NULL &&
           t->log.map->attached > 0 && !log_saw_calls(&t->log);
}

/* What the lessons' programs must do, and these need not, explains nothing. */
static const char *in_exercises(const struct trial *t, const char *name,
                                const char *otherwise)
{
    if (strcmp(name, "arguments-refused") == 0)
        return "exercise-other-program";
    if (strcmp(name, "send-before-recv") == 0 ||
        strcmp(name, "accept-missing") == 0)
        name = otherwise;
    return name[0] != '\0' ? name : unwritten(t);
}

static const char *explained(struct trial *t, const char *otherwise)
{
    if (made_no_calls(t))
        return "exercise-no-calls";
    return in_exercises(t, explain(t, otherwise), otherwise);
}

/* The same for a name that await_ready() or connect_to_server() has given. */
static void name_start(struct trial *t)
{
    char *name = t->result->diagnosis;
    const char *better = in_exercises(t, name, "");
    if (strcmp(name, better) != 0)
        snprintf(name, sizeof t->result->diagnosis, "%s", better);
}

/* The program must have ended with this status. */
static void check_ending(struct trial *t, int status, const char *diagnosis)
{
    char expected[80], got[200];
    if (over(t) || exited(&t->child, status))
        return;
    snprintf(expected, sizeof expected, "exit status %d", status);
    fail(t, explained(t, diagnosis), expected, "%s",
         outcome_text(t, t->outcome, got, sizeof got));
}

/* It must say "CALL: TEXT" on stderr, and end with status 1. */
static void check_error(struct trial *t, const char *call, int error,
                        const char *diagnosis)
{
    char text[100], expected[160], got[300];
    if (over(t))
        return;
    snprintf(text, sizeof text, "%s: %s\n", call, strerror(error));
    snprintf(expected, sizeof expected, "\"%s: %s\" on stderr", call,
             strerror(error));
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    if (!t->child.ended)
        fail(t, diagnosis, expected, "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    else if (strstr(t->child.err.bytes, text) == NULL)
        fail(t,
             exited(&t->child, 1) && t->child.err.length == 0
                 ? "error-without-text"
                 : diagnosis,
             expected, "stderr is %s", got);
    else if (exited(&t->child, 0))
        fail(t, "error-exit-zero", "exit status 1", "exit status 0");
    check_ending(t, 1, diagnosis);
}

static bool await_connection(struct trial *t, int listener, int *fd)
{
    char got[300];
    t->outcome = child_await(&t->child, listener, POLLIN, NULL, NULL, QUIET_MS);
    *fd = t->outcome == GOT_IT ? accept(listener, NULL, NULL) : -1;
    if (*fd == -1)
        fail(t, explained(t, ""), "a connection", "none; %s",
             outcome_text(t, t->outcome, got, sizeof got));
    return *fd != -1;
}

/* --- half-close ---------------------------------------------------------- */

/** A question and its answer, both by chance. */
struct asking {
    const char *what; /* what we do after the end of the question */
    size_t question, answer, piece;
    enum side side;
    const char *fault;
    const char *call; /* that fails … */
    int error;        /* … with this */
    const char *diagnosis;
};

/* How else than with SHUT_WR it may have ended its side. */
static const char *name_end(struct trial *t, const char *otherwise)
{
    const struct witness_record *r = log_failed(&t->log, WITNESS_RECV, EBADF);
    const struct witness_record *s = log_first(&t->log, WITNESS_SHUTDOWN, -1);
    bool wrong_side = s != NULL && s->a == SHUT_RD;
    if (r != NULL || wrong_side)
        blame(t, r != NULL ? r : s);
    return r != NULL    ? "close-for-half-close"
           : wrong_side ? "close-wrong-side"
                        : otherwise;
}

/* Reads the question, until the stream has ended. */
static bool hear(struct trial *t, int fd, const char *want)
{
    char got[200];
    size_t size = strlen(want);
    enum stream_end end = peer_read(t, fd, false, QUIET_MS);
    if (end == STREAM_OPEN)
        fail(t,
             t->heard_size == size ? name_end(t, "close-no-half-close")
                                   : explained(t, ""),
             "the text and the end of the stream", "%zu bytes, and no end; %s",
             t->heard_size, outcome_text(t, t->outcome, got, sizeof got));
    else if (t->heard_size != size || memcmp(t->heard, want, size) != 0) {
        if (t->heard_size == 0) /* has it given up? */
            child_await_end(&t->child, QUIET_MS / 10);
        quote_bytes(t->heard, t->heard_size, got, 100);
        fail(t,
             t->heard_size == size + 1 && t->heard[size] == '\0'
                 ? "send-terminating-nul"
                 : explained(t, ""),
             "the text of the second argument, and nothing more",
             "%zu bytes in place of %zu: %s", t->heard_size, size, got);
    }
    return !over(t);
}

static void check_answer(struct trial *t, const char *answer, size_t size)
{
    char expected[200], got[100];
    if (over(t) || (t->child.out.total == size &&
                    memcmp(t->child.out.bytes, answer, size) == 0))
        return;
    quote_bytes(answer, size, got, 60);
    snprintf(expected, sizeof expected, "on stdout: %s, %zu bytes", got, size);
    quote_bytes(t->child.out.bytes, t->child.out.length, got, 60);
    bool part = t->child.out.total < size &&
                memcmp(t->child.out.bytes, answer, t->child.out.length) == 0;
    const struct witness_record *last = log_last(&t->log, WITNESS_RECV, -1);
    const char *name = name_end(t, "");
    if (name[0] == '\0' && part && last != NULL && last->result > 0) {
        blame(t, last);
        name = last == log_first(&t->log, WITNESS_RECV, -1)
                   ? "recv-one-piece"
                   : "recv-stops-before-eof";
    }
    if (name[0] == '\0')
        name = explained(t, t->child.out.total > 0 ? "answer-changed" : "");
    fail(t, name, expected, "%s, %zu bytes", got, t->child.out.total);
}

static void answer(struct trial *t, int *fd, const struct asking *s)
{
    char bytes[4096];
    for (size_t i = 0; i < s->answer; i++)
        bytes[i] = (char)chance(256);
    did(t, "read to the end of its stream, then %s", s->what);
    peer_send(t, *fd, bytes, s->answer, s->piece);
    peer_end_side(fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (s->call != NULL) {
        check_error(t, s->call, s->error, s->diagnosis);
        return;
    }
    if (t->child.ended)
        check_answer(t, bytes, s->answer);
    check_ending(t, 0, s->diagnosis);
}

static void run_asking(struct trial *t)
{
    const struct asking *s = (const struct asking *)take_script(t);
    char port[8], question[60];
    int fd = -1, listener = peer_listen(AF_INET, &t->port);
    snprintf(port, sizeof port, "%u", t->port);
    make_word(question, s->question + (s->question > 0 ? chance(20) : 0));
    t->fault = s->fault;
    if (listener == -1) {
        skip(t, "no listener: %s", strerror(errno));
        return;
    }
    if (start(t, port, question) && await_connection(t, listener, &fd)) {
        if (hear(t, fd, question))
            answer(t, &fd, s);
        fault_happened(t);
    }
    close(listener);
    if (fd != -1)
        close(fd);
}

/* The call that ends our side fails. */
static void run_no_shutdown(struct trial *t)
{
    char port[8];
    int fd = -1, listener = peer_listen(AF_INET, &t->port);
    snprintf(port, sizeof port, "%u", t->port);
    t->fault = "shutdown:fail=107";
    if (listener == -1) {
        skip(t, "no listener: %s", strerror(errno));
        return;
    }
    if (start(t, port, "question") && await_connection(t, listener, &fd)) {
        did(t, "let shutdown() fail");
        t->outcome = child_await_end(&t->child, QUIET_MS);
        if (fault_happened(t))
            check_error(t, "shutdown", ENOTCONN, "close-shutdown-unchecked");
        close(fd);
    }
    close(listener);
}

#define ASKING(...) (&(const struct asking){__VA_ARGS__})

static const struct check_case cases_half_close[] = {
    {"sends, ends its side, and prints the answer", CLIENT, 8, 8, WORKS, PLAIN,
     run_asking,
     ASKING(.what = "answered", .question = 20, .answer = 50, .diagnosis = "")},
    {"prints an answer of many pieces, to its end", CLIENT, 8, 8, TALK, PLAIN,
     run_asking,
     ASKING(.what = "answered in pieces of 300 bytes", .question = 20,
            .answer = 4000, .piece = 300, .diagnosis = "recv-one-piece")},
    {"ends its side also after an empty text", CLIENT, 8, 8, TALK, PLAIN,
     run_asking,
     ASKING(.what = "answered", .question = 0, .answer = 50, .diagnosis = "")},
    {"prints nothing of an empty answer", CLIENT, 8, 8, TALK, PLAIN, run_asking,
     ASKING(.what = "ended our side, too", .question = 20,
            .diagnosis = "recv-eof-is-error")},
    {"sends the rest when send() takes only a part", CLIENT, 8, 8, TALK, PLAIN,
     run_asking,
     ASKING(.what = "answered", .question = 20, .answer = 50,
            .fault = "send:short=5", .diagnosis = "send-short-count-ignored")},
    {"goes on when a signal interrupts recv()", CLIENT, 8, 8, TALK, PLAIN,
     run_asking,
     ASKING(.what = "answered", .question = 20, .answer = 50,
            .fault = "recv:eintr=1", .diagnosis = "recv-no-eintr")},
    {"reports a reset in the answer", CLIENT, 8, 8, TALK, PLAIN, run_asking,
     ASKING(.what = "sent a part of the answer and a reset", .question = 20,
            .answer = 50, .side = SIDE_RESETS, .call = "recv",
            .error = ECONNRESET, .diagnosis = "recv-error-is-eof")},
    {"reports a failing shutdown()", CLIENT, 8, 8, TALK, PLAIN, run_no_shutdown,
     NULL},
    {"does not touch memory that is not its own", CLIENT, 8, 8, TALK, ASAN,
     run_asking,
     ASKING(.what = "answered at length", .question = 30, .answer = 4096,
            .diagnosis = "")},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- lost-reply ---------------------------------------------------------- */

enum { REPLY_SIZE = 1000000, DRIP_MS = 150, SILENCE_MS = 1500 };

/** A client of lost-reply. */
struct visit {
    const char *what;
    size_t more;    /* bytes behind the one that is the request */
    enum side side; /* after them */
    bool late;      /* it reads only when the server has ended */
};

/* Reads the reply; fails if it is not whole, or does not end well. */
static void check_reply(struct trial *t, int fd, char byte)
{
    static char bytes[65536];
    size_t count = 0;
    ssize_t n;
    bool same = true;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        n = poll(&p, 1, 2000) == 1 ? recv(fd, bytes, sizeof bytes, 0) : -1;
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            same = same && bytes[i] == byte;
        count += (size_t)n;
    }
    if (n == 0 && count == REPLY_SIZE && same)
        return;
    bool reset = n == -1 && errno == ECONNRESET;
    fail(t, reset ? "close-unread-data" : "",
         "1000000 bytes, each as the first we sent, and the end of the stream",
         "%zu bytes%s, then %s", count, same ? "" : ", some of them others",
         n == 0 ? "the end of the stream" : strerror(errno));
}

/* Does it call recv() though poll() has said that the time is up? */
static const char *name_late(const struct trial *t)
{
    const struct witness_record *before = NULL;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_RECV && before != NULL &&
            before->call == WITNESS_POLL && before->done && before->result == 0)
            return "close-poll-ignored";
        before = r;
    }
    return "close-waits-too-long";
}

static void visit_server(struct trial *t, int fd, const struct visit *v)
{
    char bytes[3000], got[200];
    make_word(bytes, v->more + 1);
    did(t, "%s", v->what);
    peer_send(t, fd, bytes, v->more + 1, 0);
    peer_end_side(&fd, v->side);
    if (v->late) {
        t->outcome = child_await_end(&t->child, SILENCE_MS);
        if (!t->child.ended)
            fail(t, name_late(t),
                 "a server that waits for our end for a second at most", "%s",
                 outcome_text(t, t->outcome, got, sizeof got));
        else if (says_error(&t->child, EAGAIN))
            fail(t, name_late(t), "a server that ends when the time is up",
                 "\"recv: %s\" on stderr", strerror(EAGAIN));
    }
    if (!over(t))
        check_reply(t, fd, bytes[0]);
    close(fd);
    t->outcome = child_await_end(&t->child, SILENCE_MS);
}

static void run_visit(struct trial *t)
{
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    int fd = connect_to_server(t);
    if (fd == -1)
        return;
    visit_server(t, fd, (const struct visit *)take_script(t));
    check_ending(t, 0, "");
}

/* The calls of a server whose client ends its side after the reply. */
static void check_turns(struct trial *t)
{
    bool replied = false, ended = false, done = false;
    for (size_t i = 0; i < log_count(&t->log) && !over(t); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        bool waits = r->call == WITNESS_POLL || r->call == WITNESS_RECV ||
                     r->call == WITNESS_SLEEP;
        replied = replied || r->call == WITNESS_SEND;
        ended = ended || (r->call == WITNESS_SHUTDOWN && r->a != SHUT_RD);
        if (!replied || !waits)
            continue;
        blame(t, r);
        if (!ended)
            fail(t, "close-no-half-close",
                 "shutdown(fd, SHUT_WR) behind the reply, before it waits",
                 "it waits first, in %.16s()", r->function);
        if (done)
            fail(t, "close-waits-after-end",
                 "a server that is done when recv() has returned 0",
                 "then it calls %.16s()", r->function);
        done = r->call == WITNESS_RECV && r->done && r->result == 0;
    }
}

/* A client that waits for the server's end before it ends its own side. */
static void run_in_turn(struct trial *t)
{
    char bytes[100];
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    int fd = connect_to_server(t);
    if (fd == -1)
        return;
    did(t, "asked, read to the end of the reply, and then ended our side");
    make_word(bytes, 20);
    peer_send(t, fd, bytes, 20, 0);
    check_reply(t, fd, bytes[0]);
    close(fd);
    t->outcome = child_await_end(&t->child, SILENCE_MS);
    check_turns(t);
    check_ending(t, 0, "");
}

/* Sends a byte now and then; returns when the server has ended, or is late. */
static void drip(struct trial *t, int fd)
{
    uint64_t begin = now_ns();
    while (!t->child.ended && now_ns() - begin < 1600000000u) {
        child_await(&t->child, -1, 0, NULL, NULL, DRIP_MS);
        send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* A client that keeps sending a little must not hold the server. */
static void run_drip(struct trial *t)
{
    char request = (char)('a' + chance(26));
    if (!start(t, NULL, NULL) || !await_ready(t))
        return;
    int fd = connect_to_server(t);
    if (fd == -1)
        return;
    did(t, "asked, and then sent a byte about every %d ms without an end",
        DRIP_MS);
    send(fd, &request, 1, MSG_NOSIGNAL);
    drip(t, fd);
    if (!t->child.ended)
        fail(t, "close-waits-too-long",
             "a server that ends a second after its reply, whatever we send",
             "it is still there after 1.6 s");
    check_ending(t, 0, "");
    close(fd);
}

#define VISIT(...) (&(const struct visit){__VA_ARGS__})

static const struct check_case cases_lost_reply[] = {
    {"replies to a client that sends only its request", SERVER, 8, 8, WORKS,
     PLAIN, run_visit,
     VISIT(.what = "sent one byte, ended our side, and read")},
    {"ends its side first, and is done when the client has", SERVER, 8, 8, TALK,
     PLAIN, run_in_turn, NULL},
    {"lets a late reader have all of the reply", SERVER, 8, 8, TALK, PLAIN,
     run_visit,
     VISIT(.what = "sent 2001 bytes, ended our side, and read only when the "
                   "server was gone",
           .more = 2000, .late = true)},
    {"does not wait for a silent client for ever", SERVER, 8, 8, TALK, PLAIN,
     run_visit,
     VISIT(.what = "sent 2001 bytes, did not end our side, and read only when "
                   "the server was gone",
           .more = 2000, .side = SIDE_STAYS, .late = true)},
    {"waits for a second in all, not for a second of silence", SERVER, 8, 8,
     TALK, PLAIN, run_drip, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- until-ctrl-c -------------------------------------------------------- */

/** What happens to a server that serves until a signal comes. */
struct stay {
    const char *what;
    int signal_number;
    unsigned clients; /* served before, and so many more by chance */
    bool guest;       /* a client stays connected, and silent */
    int open_files;
    const char *fault;
};

/* One client from its connection to its end. */
static bool serve_one(struct trial *t, unsigned number)
{
    char want[40], got[100];
    int n = snprintf(want, sizeof want, "you are client %u\n", number);
    int fd = connect_to_server(t);
    if (fd == -1)
        return false;
    t->heard_size = 0;
    peer_end_side(&fd, SIDE_ENDS);
    enum stream_end end = peer_read(t, fd, false, QUIET_MS);
    close(fd);
    if (end == STREAM_ENDED && t->heard_size == (size_t)n &&
        memcmp(t->heard, want, t->heard_size) == 0)
        return true;
    quote_bytes(want, (size_t)n, got, sizeof got);
    const struct witness_record *a = log_failed(&t->log, WITNESS_ACCEPT, 0);
    bool unwatched = log_first(&t->log, WITNESS_ACCEPT, -1) == NULL &&
                     log_first(&t->log, WITNESS_POLL, -1) == NULL &&
                     t->outcome == BLOCKED;
    blame(t, a);
    fail(t,
         a != NULL && a->error == EMFILE ? "close-connection-leaked"
         : unwatched                     ? "select-not-watched"
                                         : "",
         got, "%zu bytes; %s", t->heard_size,
         t->child.ended ? "the server has ended" : "the server is still there");
    return false;
}

/* A client that does not end its side, and has been told its number. */
static int let_in(struct trial *t)
{
    int fd = connect_to_server(t);
    if (fd != -1)
        peer_read(t, fd, true, QUIET_MS);
    return fd;
}

/* Which mistake keeps a server from ending when a signal has come? */
static const char *name_deafness(struct trial *t)
{
    const struct witness_record *waits = log_pending(&t->log);
    const struct witness_record *s = NULL;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_SIGNAL && r->a != SIGPIPE)
            s = r;
    }
    blame(t, waits != NULL ? waits : s);
    if (t->fault != NULL)
        return "signal-lost";
    const struct witness_record *woken =
        log_failed(&t->log, WITNESS_POLL, EINTR);
    if (woken != NULL && waits != NULL && woken->fd != waits->fd)
        return "signal-forgotten";
    return s == NULL ? "" : "signal-not-seen";
}

static void check_stopped(struct trial *t, const struct stay *s,
                          unsigned clients)
{
    char expected[100], got[200], line[60];
    snprintf(line, sizeof line, "served %u clients\n", clients);
    snprintf(expected, sizeof expected,
             "\"served %u clients\" on stdout and exit status 0", clients);
    t->outcome = child_await_end(&t->child, 600);
    if (!t->child.ended)
        fail(t, name_deafness(t), expected, "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    else if (WIFSIGNALED(t->child.status))
        fail(t,
             WTERMSIG(t->child.status) == s->signal_number ? "signal-default"
                                                           : "",
             expected, "it %s", ending_text(&t->child, got, sizeof got));
    else if (strcmp(t->child.out.bytes, line) != 0) {
        quote_bytes(t->child.out.bytes, t->child.out.length, got, sizeof got);
        fail(t, exited(&t->child, 0) ? "signal-exits-at-once" : "", expected,
             "stdout is %s; %s", got, t->child.err.bytes);
    }
    check_ending(t, 0, "signal-is-failure");
}

/* Waits until the program sleeps, or is held up by a fault. */
static void let_settle(struct trial *t)
{
    child_await(&t->child, -1, 0, NULL, NULL, 60);
}

static void run_stay(struct trial *t)
{
    const struct stay *s = (const struct stay *)take_script(t);
    unsigned clients = s->clients + (s->clients > 0 ? chance(4) : 0);
    int guest = -1;
    t->fault = s->fault;
    t->open_files = s->open_files;
    bool served = start(t, NULL, NULL) && await_ready(t);
    for (unsigned i = 1; i <= clients && served; i++)
        served = serve_one(t, i);
    if (!served) {
        name_start(t);
        return;
    }
    if (s->guest && (guest = let_in(t)) == -1)
        return;
    let_settle(t);
    if (t->child.ended)
        fail(t, "", "a server that stays until a signal comes",
             "it has ended by itself");
    did(t, "%s", s->what);
    kill(t->child.pid, s->signal_number);
    check_stopped(t, s, clients + s->guest);
    if (guest != -1)
        close(guest);
}

#define STAY(...) (&(const struct stay){__VA_ARGS__})

static const struct check_case cases_until_ctrl_c[] = {
    {"serves clients in turn, until SIGINT", SERVER, 8, 8, WORKS, PLAIN,
     run_stay,
     STAY(.what = "served some clients, and sent SIGINT",
          .signal_number = SIGINT, .clients = 3)},
    {"ends on SIGTERM as well", SERVER, 8, 8, TALK, PLAIN, run_stay,
     STAY(.what = "sent SIGTERM before any client came",
          .signal_number = SIGTERM)},
    {"ends while a silent client is connected", SERVER, 8, 8, TALK, PLAIN,
     run_stay,
     STAY(.what = "connected, said nothing, and sent SIGINT",
          .signal_number = SIGINT, .guest = true)},
    {"leaves no descriptor open from client to client", SERVER, 8, 8, TALK,
     PLAIN, run_stay,
     STAY(.what = "allowed it 12 descriptors, served more clients than that, "
                  "and sent SIGINT",
          .signal_number = SIGINT, .clients = 20, .open_files = 12)},
    {"loses no signal that comes just before it waits", SERVER, 8, 8, TALK,
     PLAIN, run_stay,
     STAY(.what = "held it up on its way into accept() or select(), and sent "
                  "SIGINT meanwhile",
          .signal_number = SIGINT, .fault = "accept:delay=400,poll:delay=400")},
    {"does not depend on what is in memory by chance", SERVER, 8, 8, TALK,
     PATTERN, run_stay,
     STAY(.what = "served some clients, and sent SIGTERM",
          .signal_number = SIGTERM, .clients = 2)},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- time-wait ----------------------------------------------------------- */

/** A line of the program: who closed first, and what became of the ports. */
struct remains {
    unsigned server, client;
    char server_state[8], client_state[8]; /* "taken", "free" */
};

/* What the kernel knows of a local port: bits of its states; 0: nothing. */
static bool kernel_states(unsigned port, unsigned peer, unsigned *exactly,
                          unsigned *any)
{
    char line[300];
    FILE *f = fopen("/proc/net/tcp", "r");
    *exactly = *any = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        unsigned local, remote, state;
        if (sscanf(line, " %*d: %*x:%x %*x:%x %x", &local, &remote, &state) !=
                3 ||
            local != port)
            continue;
        *any |= 1u << state;
        if (remote == peer)
            *exactly |= 1u << state;
    }
    if (f != NULL)
        fclose(f);
    return f != NULL;
}

static bool read_remains(struct trial *t, const char *who, struct remains *r)
{
    char format[120], expected[160], got[300];
    snprintf(format, sizeof format,
             "%s closes first: port %%u of the server is %%7[a-z], port %%u of "
             "the client is %%7[a-z]",
             who);
    snprintf(expected, sizeof expected,
             "\"%s closes first: port ... of the server is ..., port ... of "
             "the client is ...\" on stdout",
             who);
    snprintf(got, sizeof got, "%s closes first", who);
    const char *line = strstr(t->child.out.bytes, got);
    if (line != NULL && sscanf(line, format, &r->server, r->server_state,
                               &r->client, r->client_state) == 4)
        return true;
    quote_bytes(t->child.out.bytes, t->child.out.length, got, sizeof got);
    fail(t, unwritten(t), expected, "stdout is %s", got);
    return false;
}

/* Did the program ask bind() about this port, and was this the answer? */
static void check_asked(struct trial *t, unsigned port, const char *said)
{
    const struct witness_record *asked = NULL;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_BIND && record_port(r) == port)
            asked = r;
    }
    if (over(t) || !log_saw_calls(&t->log))
        return;
    char expected[100];
    snprintf(expected, sizeof expected,
             "the answer of bind() about port %u of 127.0.0.1", port);
    if (asked == NULL)
        fail(t, "port-not-asked", expected, "bind() was never asked");
    else if ((asked->error == EADDRINUSE) != (strcmp(said, "taken") == 0)) {
        blame(t, asked);
        fail(t, "port-not-asked", expected, "\"%s\", but bind() said: %s", said,
             asked->error != 0 ? strerror(asked->error) : "success");
    }
}

/* The end that closed first keeps its port; the other one gives it back. */
static void check_remains(struct trial *t, const char *who)
{
    struct remains r;
    if (over(t) || !read_remains(t, who, &r))
        return;
    bool server_first = strcmp(who, "server") == 0;
    unsigned first = server_first ? r.server : r.client;
    unsigned second = server_first ? r.client : r.server;
    const char *said = server_first ? r.server_state : r.client_state;
    const char *other = server_first ? r.client_state : r.server_state;
    unsigned of_first, of_second, any;
    char expected[200];
    enum { TIME_WAIT = 1 << 6 };
    if (!kernel_states(second, first, &of_second, &any) ||
        !kernel_states(first, second, &of_first, &any)) {
        skip(t, "/proc/net/tcp cannot be read here");
        return;
    }
    snprintf(expected, sizeof expected,
             "the %s's end, port %u, in TIME_WAIT: it is to close first", who,
             first);
    if (of_first != TIME_WAIT)
        fail(t,
             (of_second & TIME_WAIT) != 0      ? "close-wrong-order"
             : of_first == 0 && of_second == 0 ? "close-no-time-wait"
                                               : "",
             expected, "%s",
             (of_second & TIME_WAIT) != 0 ? "the other end is in TIME_WAIT"
             : of_first == 0 ? "the kernel keeps nothing of this connection"
                             : "the connection has not ended");
    check_asked(t, r.server, r.server_state);
    check_asked(t, r.client, r.client_state);
    if (strcmp(said, "taken") != 0)
        fail(t, "", "a port in TIME_WAIT is taken",
             "port %u of the %s is said to be %s", first, who, said);
    kernel_states(second, first, &of_second, &any);
    if (strcmp(other, "free") != 0 && any == 0)
        fail(t, "", "the port of the end that closed second is free",
             "port %u is said to be %s", second, other);
}

/** The ends of a connection, as the calls go by. */
struct ends {
    int client, server; /* descriptors; server -1: none, or both are closed */
    int first;          /* the one that ended its side first, or -1 */
    bool seen;          /* the other has seen that */
};

static bool is_end(const struct ends *e, const struct witness_record *r)
{
    return e->server != -1 && (r->fd == e->client || r->fd == e->server);
}

/* Takes one more call. @return false if it closes too soon */
static bool follow(struct ends *e, const struct witness_record *r)
{
    bool over = r->call == WITNESS_CLOSE;
    if (r->call == WITNESS_CONNECT)
        e->client = r->fd;
    else if (r->call == WITNESS_ACCEPT)
        *e = (struct ends){e->client, (int)r->result, -1, false};
    else if (is_end(e, r) && e->first == -1)
        e->first = over || r->call == WITNESS_SHUTDOWN ? r->fd : -1;
    else if (is_end(e, r) && r->fd != e->first) {
        e->seen = e->seen || (r->call == WITNESS_RECV && r->result == 0) ||
                  (r->call == WITNESS_POLL && r->result > 0);
        if (over)
            e->server = -1;
        return e->seen || !over;
    }
    return true;
}

/* Before the second end is closed, it must have seen the end of the first. */
static void check_awaited(struct trial *t)
{
    struct ends e = {-1, -1, -1, false};
    for (size_t i = 0; i < log_count(&t->log) && !over(t); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (follow(&e, r))
            continue;
        blame(t, r);
        fail(t, "close-not-awaited",
             "recv() = 0 on the second end before it is closed",
             "descriptor %d closed without having seen the end of the other",
             r->fd);
    }
}

/* A socket that is still open belongs to no connection here. */
static void check_sockets(struct trial *t)
{
    int fd;
    if (over(t) || !log_left_socket(&t->log, &fd))
        return;
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->call == WITNESS_SOCKET &&
            log_at(&t->log, i)->result == fd)
            blame(t, log_at(&t->log, i));
    fail(t, "socket-leaked", "every descriptor closed when the program ends",
         "descriptor %d was still open at the end", fd);
}

static void run_time_wait(struct trial *t)
{
    char got[200];
    if (!start(t, NULL, NULL))
        return;
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (!t->child.ended)
        fail(t, explained(t, ""), "a program that ends by itself", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    check_remains(t, "server");
    check_remains(t, "client");
    check_awaited(t);
    check_ending(t, 0, "");
    check_sockets(t);
}

/* The second bind() is the first that asks about a port. */
static void run_bind_failure(struct trial *t)
{
    t->fault = "bind:fail=13@2";
    if (!start(t, NULL, NULL))
        return;
    did(t, "let bind() fail with EACCES when it is asked about a port");
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (fault_happened(t))
        check_error(t, "bind", EACCES, "bind-errors-confused");
}

static const struct check_case cases_time_wait[] = {
    {"shows which end keeps its port", SERVER, 8, 8, WORKS, PLAIN,
     run_time_wait, NULL},
    {"takes no other failure of bind() for a port that is taken", SERVER, 8, 8,
     TALK, PLAIN, run_bind_failure, NULL},
    {"does not depend on what is in memory by chance", SERVER, 8, 8, TALK,
     PATTERN, run_time_wait, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- most-copied-server and most-copied-client --------------------------- */

/*
 * All mistakes are looked for in one case, so that the student learns how many
 * are left. Each has a probe, which runs the program once or more. It does not
 * end the trial: what it finds goes into a finding.
 */

enum { PROBE_MS = 300 };

struct finding {
    const char *name; /* of the mistake; NULL: it is not there */
    char expected[200];
    char got[300];
};

static const char from_server[] = "Hello from server";
static const char from_client[] = "Hello from client";
static const char sent_line[] = "Hello message sent\n";

static void found(struct finding *f, const char *name, const char *expected,
                  const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void found(struct finding *f, const char *name, const char *expected,
                  const char *format, ...)
{
    va_list args;
    if (f->name != NULL)
        return;
    f->name = name;
    snprintf(f->expected, sizeof f->expected, "%s", expected);
    va_start(args, format);
    vsnprintf(f->got, sizeof f->got, format, args);
    va_end(args);
}

static bool prints(const struct output *o, const char *text)
{
    return o->length > 0 && strstr(o->bytes, text) != NULL;
}

/* How the program ended, and what it said: for `got`. */
static const char *ending_words(struct trial *t, char *text, size_t size)
{
    char end[200], out[60], err[60];
    outcome_text(t, t->outcome, end, sizeof end);
    quote_bytes(t->child.out.bytes, t->child.out.length, out, sizeof out);
    quote_bytes(t->child.err.bytes, t->child.err.length, err, sizeof err);
    snprintf(text, size, "%s; stdout %s, stderr %s", end, out, err);
    return text;
}

/* Starts the server with a port. @return true once it listens */
static bool listens(struct trial *t, const char *port)
{
    static const char line[] = "listening on 127.0.0.1:";
    t->result->did[0] = '\0';
    if (!start(t, port, NULL))
        return false;
    t->outcome = child_await(&t->child, -1, 0, &t->child.err, line, PROBE_MS);
    const char *at = strstr(t->child.err.bytes, line);
    t->port = at != NULL ? (unsigned)strtoul(at + strlen(line), NULL, 10) : 0;
    return at != NULL;
}

/* A talk with the server: we send, end our side, and read to the end. */
static void talk_to_server(struct trial *t, const char *bytes, size_t size,
                           size_t piece)
{
    if (!listens(t, "0"))
        return;
    int fd = peer_connect(t->port);
    if (fd == -1)
        return;
    did(t, "sent %zu bytes%s and ended our side", size,
        piece > 0 ? ", one at a time," : "");
    peer_send(t, fd, bytes, size, piece);
    peer_end_side(&fd, SIDE_ENDS);
    peer_read(t, fd, false, PROBE_MS);
    t->outcome = child_await_end(&t->child, PROBE_MS);
    close(fd);
}

/* A talk with the client: we answer at once or later, and end our side. */
static void talk_to_client(struct trial *t, const char *host, int listener,
                           const char *bytes, size_t size, size_t piece)
{
    char port[8];
    snprintf(port, sizeof port, "%u", t->port);
    t->result->did[0] = '\0';
    if (!start(t, host, port))
        return;
    t->outcome = child_await(&t->child, listener, POLLIN, NULL, NULL, PROBE_MS);
    int fd = t->outcome == GOT_IT ? accept(listener, NULL, NULL) : -1;
    if (fd == -1)
        return;
    did(t, "answered %zu bytes%s and ended our side", size,
        piece > 0 ? ", one at a time," : "");
    peer_send(t, fd, bytes, size, piece);
    peer_end_side(&fd, SIDE_ENDS);
    peer_read(t, fd, false, PROBE_MS);
    t->outcome = child_await_end(&t->child, PROBE_MS);
    close(fd);
}

/* A talk with whichever of the two is judged. */
static void talk(struct trial *t, const char *bytes, size_t size, size_t piece)
{
    if (t->asked->role == SERVER) {
        talk_to_server(t, bytes, size, piece);
        return;
    }
    t->port = 0;
    int listener = peer_listen(AF_INET, &t->port);
    talk_to_client(t, "127.0.0.1", listener, bytes, size, piece);
    if (listener != -1)
        close(listener);
}

static const char *usual(const struct trial *t)
{
    return t->asked->role == SERVER ? from_client : from_server;
}

static void usual_talk(struct trial *t)
{
    talk(t, usual(t), strlen(usual(t)), 0);
}

/* --- probes for both */

/* atoi() makes 0 of all of these, and that would be any port. */
static void probe_port(struct trial *t, struct finding *f)
{
    static const char *const wrong[] = {"abc", "65536", "", "0x50"};
    char got[300];
    bool server = t->asked->role == SERVER;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        t->result->did[0] = '\0';
        if (!start(t, server ? wrong[i] : "127.0.0.1",
                   server ? NULL : wrong[i]))
            return;
        t->outcome =
            child_await(&t->child, -1, 0, &t->child.err, "listening", PROBE_MS);
        if (!exited(&t->child, 2))
            found(f, "bind-port-atoi", "a usage line and exit status 2",
                  "the port \"%s\" is not refused: %s", wrong[i],
                  ending_words(t, got, sizeof got));
    }
}

/* A call that fails must be reported on stderr, with status 1. */
static void judge_report(struct trial *t, struct finding *f, const char *call,
                         int error)
{
    char text[100], expected[160], got[300];
    snprintf(text, sizeof text, "%s: %s\n", call, strerror(error));
    snprintf(expected, sizeof expected,
             "\"%s: %s\" on stderr and exit status 1", call, strerror(error));
    ending_words(t, got, sizeof got);
    if (!t->child.ended)
        found(f, t->asked->role == SERVER ? "bind-unchecked" : "", expected,
              "%s", got);
    else if (!prints(&t->child.err, text))
        found(f,
              t->child.out.length > 0 ? "error-on-stdout"
                                      : "error-without-text",
              expected, "%s", got);
    else if (!exited(&t->child, 1))
        found(f, exited(&t->child, 0) ? "error-exit-zero" : "error-exit-status",
              expected, "%s", got);
}

static void probe_report(struct trial *t, struct finding *f)
{
    char port[8];
    unsigned number = 0;
    bool server = t->asked->role == SERVER;
    int holder = peer_listen(AF_INET, &number);
    snprintf(port, sizeof port, "%u", number);
    if (!server) { /* keep the port, but listen no more */
        struct sockaddr_in address;
        socklen_t size = sizeof address;
        close(holder);
        holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        memset(&address, 0, sizeof address);
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        bind(holder, (struct sockaddr *)&address, size);
        snprintf(port, sizeof port, "%u", own_port(holder));
    }
    t->result->did[0] = '\0';
    if (start(t, server ? port : "127.0.0.1", server ? NULL : port)) {
        did(t, server ? "with that port in use" : "with nobody listening");
        t->outcome =
            child_await(&t->child, -1, 0, &t->child.err, "listening", PROBE_MS);
        judge_report(t, f, server ? "bind" : "connect",
                     server ? EADDRINUSE : ECONNREFUSED);
    }
    close(holder);
}

/* What the program should have printed of a message. */
static void judge_message(struct trial *t, struct finding *f,
                          const char *message, size_t size, const char *name)
{
    char want[1200], expected[200], got[300], shown[160];
    bool server = t->asked->role == SERVER;
    size_t n = (size_t)snprintf(want, sizeof want, "%s%.*s\n%s",
                                server ? "" : sent_line, (int)size, message,
                                server ? sent_line : "");
    if (t->child.out.total == n && memcmp(t->child.out.bytes, want, n) == 0 &&
        exited(&t->child, 0))
        return;
    quote_bytes(want, n, shown, sizeof shown);
    snprintf(expected, sizeof expected, "stdout %s and exit status 0", shown);
    found(f, name, expected, "%s", ending_words(t, got, sizeof got));
}

static void probe_pieces(struct trial *t, struct finding *f)
{
    talk(t, usual(t), strlen(usual(t)), 1);
    judge_message(t, f, usual(t), strlen(usual(t)), "recv-one-piece");
}

/* 1023 bytes are a message, the 1024th is too much. */
static void probe_room(struct trial *t, struct finding *f)
{
    char message[1024], got[300];
    memset(message, 'x', sizeof message);
    talk(t, message, 1023, 0);
    judge_message(t, f, message, 1023, "recv-message-limit");
    if (f->name != NULL)
        return;
    talk(t, message, 1024, 0);
    if (prints(&t->child.err, strerror(EMSGSIZE)) && exited(&t->child, 1))
        return;
    bool whole = t->child.out.total >= 1024;
    found(f, whole ? "recv-no-terminator" : "recv-message-limit",
          "\"recv: Message too long\" on stderr and exit status 1", "%s",
          ending_words(t, got, sizeof got));
}

static void probe_recv_failure(struct trial *t, struct finding *f)
{
    char got[300];
    t->fault = "recv:fail=104";
    usual_talk(t);
    t->fault = NULL;
    did(t, "let recv() fail");
    ending_words(t, got, sizeof got);
    if (!exited(&t->child, 1) || !says_error(&t->child, ECONNRESET))
        found(f, "recv-unchecked",
              "\"recv: Connection reset by peer\" and exit status 1", "%s",
              got);
}

static void probe_send_failure(struct trial *t, struct finding *f)
{
    char got[300];
    t->fault = "send:fail=104";
    usual_talk(t);
    t->fault = NULL;
    did(t, "let send() fail");
    ending_words(t, got, sizeof got);
    if (prints(&t->child.out, "Hello message sent"))
        found(f, "send-unchecked", "no \"Hello message sent\"", "%s", got);
    else if (!exited(&t->child, 1) || !says_error(&t->child, ECONNRESET))
        found(f, "send-unchecked",
              "\"send: Connection reset by peer\" and exit status 1", "%s",
              got);
}

static void probe_short_send(struct trial *t, struct finding *f)
{
    bool server = t->asked->role == SERVER;
    const char *want = server ? from_server : from_client;
    char expected[100], got[200];
    t->fault = "send:short=5";
    usual_talk(t);
    t->fault = NULL;
    did(t, "let send() take five bytes at a time");
    snprintf(expected, sizeof expected, "\"%s\" over the connection", want);
    quote_bytes(t->heard, t->heard_size, got, sizeof got);
    if (t->heard_size != strlen(want) ||
        memcmp(t->heard, want, t->heard_size) != 0)
        found(f, "send-short-count-ignored", expected, "%s", got);
}

static void probe_gone(struct trial *t, struct finding *f)
{
    char got[300];
    t->fault = "send:gone";
    usual_talk(t);
    t->fault = NULL;
    did(t, "let the connection be gone when it sends");
    ending_words(t, got, sizeof got);
    if (t->child.ended && WIFSIGNALED(t->child.status)) {
        blame(t, log_last(&t->log, WITNESS_SEND, -1));
        found(f, "send-sigpipe", "\"send: Broken pipe\" and exit status 1",
              "%s", got);
    }
}

/* --- probes for the server */

/* A second server must not get the port of the first. */
static void probe_options(struct trial *t, struct finding *f)
{
    char port[16];
    stop(t); /* nothing of it may be in the copy */
    struct trial second = *t;
    if (!listens(t, "0"))
        return;
    snprintf(port, sizeof port, "%u", t->port);
    if (listens(&second, port))
        found(f, "bind-options-ored",
              "\"bind: Address already in use\" from a second server on the "
              "same port",
              "both say that they listen on port %s", port);
    stop(&second);
}

static void probe_loopback(struct trial *t, struct finding *f)
{
    struct sockaddr_in other;
    if (!listens(t, "0"))
        return;
    memset(&other, 0, sizeof other);
    other.sin_family = AF_INET;
    other.sin_port = htons((uint16_t)t->port);
    other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    did(t, "tried to have port %u of 127.0.0.2 for ourselves", t->port);
    if (bind(fd, (struct sockaddr *)&other, sizeof other) == -1) {
        blame(t, log_first(&t->log, WITNESS_BIND, -1));
        found(f, "bind-any-address", "a server on 127.0.0.1 only",
              "it has the port on every address: the network can reach it");
    }
    close(fd);
}

static void probe_server_leak(struct trial *t, struct finding *f)
{
    int left;
    usual_talk(t);
    if (!log_left_socket(&t->log, &left))
        return;
    const struct witness_record *l = log_first(&t->log, WITNESS_LISTEN, left);
    blame(t, l);
    found(f, l != NULL ? "close-listener-leaked" : "close-connection-leaked",
          "every descriptor closed at the end",
          "descriptor %d was still open%s", left,
          l != NULL ? ": the listener" : "");
}

/* --- probes for the client */

static bool has_ipv6(void)
{
    unsigned port = 0;
    int fd = peer_listen(AF_INET6, &port);
    if (fd != -1)
        close(fd);
    return fd != -1;
}

static void probe_family(struct trial *t, struct finding *f)
{
    char got[300];
    if (has_ipv6()) {
        t->port = 0;
        int listener = peer_listen(AF_INET6, &t->port);
        talk_to_client(t, "::1", listener, from_server, strlen(from_server), 0);
        close(listener);
        if (!exited(&t->child, 0))
            found(f, "connect-ipv4-only", "a connection to ::1, over IPv6",
                  "%s", ending_words(t, got, sizeof got));
    }
    t->fault = "getaddrinfo:two"; /* without getaddrinfo(): one address */
    usual_talk(t);
    t->fault = NULL;
    did(t, "gave the host another address, which refuses");
    if (!exited(&t->child, 0))
        found(f, "connect-first-address-only",
              "a connection to the second "
              "address",
              "%s", ending_words(t, got, sizeof got));
}

static void probe_client_leak(struct trial *t, struct finding *f)
{
    int left;
    usual_talk(t);
    if (!log_left_socket(&t->log, &left))
        return;
    const struct witness_record *zero = log_first(&t->log, WITNESS_CLOSE, 0);
    blame(t, zero);
    found(f,
          zero != NULL ? "connect-result-as-descriptor"
                       : "close-connection-leaked",
          "the socket closed at the end", "descriptor %d was still open%s",
          left, zero != NULL ? ", and 0, stdin, was closed" : "");
}

/* The peer waits for the line, or for the end, before it answers. */
static void probe_waiting(struct trial *t, struct finding *f, bool for_line)
{
    char port[8], got[300];
    t->port = 0;
    int listener = peer_listen(AF_INET, &t->port);
    snprintf(port, sizeof port, "%u", t->port);
    t->result->did[0] = '\0';
    if (!start(t, "127.0.0.1", port))
        return;
    t->outcome = child_await(&t->child, listener, POLLIN, NULL, NULL, PROBE_MS);
    int fd = t->outcome == GOT_IT ? accept(listener, NULL, NULL) : -1;
    if (fd != -1 && for_line) {
        did(t, "waited for \"Hello message sent\" before we answered");
        t->outcome = child_await(&t->child, -1, 0, &t->child.out,
                                 "Hello message sent", PROBE_MS);
        if (t->outcome != GOT_IT)
            found(f, "output-not-flushed",
                  "\"Hello message sent\" before the client waits", "%s",
                  ending_words(t, got, sizeof got));
    } else if (fd != -1) {
        did(t, "read to the end of its stream before we answered");
        if (peer_read(t, fd, false, PROBE_MS) == STREAM_OPEN)
            found(f, "close-no-half-close", "the end of the client's stream",
                  "%zu bytes, and no end: it waits for us, and we for it",
                  t->heard_size);
    }
    if (fd != -1)
        close(fd);
    close(listener);
}

static void probe_flush(struct trial *t, struct finding *f)
{
    probe_waiting(t, f, true);
}

static void probe_end(struct trial *t, struct finding *f)
{
    probe_waiting(t, f, false);
}

/* --- all of them */

typedef void probe(struct trial *t, struct finding *f);

static probe *const server_probes[] = {
    probe_options,    probe_loopback, probe_port,         probe_report,
    probe_pieces,     probe_room,     probe_recv_failure, probe_send_failure,
    probe_short_send, probe_gone,     probe_server_leak,  NULL};

static probe *const client_probes[] = {probe_client_leak,
                                       probe_family,
                                       probe_port,
                                       probe_report,
                                       probe_send_failure,
                                       probe_short_send,
                                       probe_gone,
                                       probe_flush,
                                       probe_end,
                                       probe_pieces,
                                       probe_room,
                                       probe_recv_failure,
                                       NULL};

/* Runs the first of them that found something once more, for the report. */
static void report_left(struct trial *t, probe *first, const char *names,
                        unsigned left, unsigned all)
{
    struct finding f;
    memset(&f, 0, sizeof f);
    first(t, &f);
    if (f.name == NULL)
        snprintf(f.got, sizeof f.got, "it depends: run this check again");
    fail(t, f.name != NULL ? f.name : "", f.expected,
         "%s. %u of %u mistakes %s left: %s", f.got, left, all,
         left == 1 ? "is" : "are", names);
}

static void run_probes(struct trial *t)
{
    probe *const *probes =
        t->asked->role == SERVER ? server_probes : client_probes;
    probe *first = NULL;
    char names[400] = "";
    unsigned left = 0, all = 0;
    for (; probes[all] != NULL && !over(t); all++) {
        struct finding f;
        memset(&f, 0, sizeof f);
        probes[all](t, &f);
        if (f.name == NULL)
            continue;
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", n > 0 ? ", " : "",
                 f.name);
        if (left++ == 0)
            first = probes[all];
    }
    if (first != NULL && !over(t))
        report_left(t, first, names, left, all);
    else if (!over(t)) /* what the last probe leaves open is no matter here */
        t->result->verdict = PASSED;
}

/* What is open is closed on every path. */
static void run_failing(struct trial *t)
{
    t->fault = "recv:fail=104";
    usual_talk(t);
    did(t, "let recv() fail");
    fault_happened(t);
}

/* The famous output, with a message by chance. */
static void run_famous(struct trial *t)
{
    char message[60] = "Hello from ", expected[200], got[300];
    bool server = t->asked->role == SERVER;
    struct finding f;
    memset(&f, 0, sizeof f);
    make_word(message + strlen(message), 6 + chance(20));
    talk(t, message, strlen(message), 0);
    judge_message(t, &f, message, strlen(message), "");
    const char *want = server ? from_server : from_client;
    quote_bytes(t->heard, t->heard_size, got, sizeof got);
    snprintf(expected, sizeof expected,
             "over the connection: \"%s\", %zu bytes, and the end", want,
             strlen(want));
    if (f.name != NULL)
        fail(t, explain(t, f.name), f.expected, "%s", f.got);
    else if (t->heard_size != strlen(want) ||
             memcmp(t->heard, want, strlen(want)) != 0)
        fail(t, "message-ends-with-stream", expected, "%s, %zu bytes", got,
             t->heard_size);
    else if (t->asked->track == WORKS) /* what it leaves open comes later */
        t->result->verdict = PASSED;
}

/* A case of its own, so that it can be skipped by name. */
static void run_ipv6_client(struct trial *t)
{
    char got[300];
    if (!has_ipv6()) {
        skip(t, "this machine has no IPv6");
        return;
    }
    int listener = peer_listen(AF_INET6, &t->port);
    talk_to_client(t, "::1", listener, from_server, strlen(from_server), 0);
    close(listener);
    if (!exited(&t->child, 0))
        fail(t, "connect-ipv4-only", "a connection to ::1, over IPv6", "%s",
             ending_words(t, got, sizeof got));
}

static const struct check_case cases_most_copied_server[] = {
    {"prints the famous lines", SERVER, 8, 8, WORKS, PLAIN, run_famous, NULL},
    {"has none of its eleven mistakes left", SERVER, 8, 8, TALK, PLAIN,
     run_probes, NULL},
    {"closes what is open also when a call fails", SERVER, 8, 8, TALK, PLAIN,
     run_failing, NULL},
    {"can be restarted at once", SERVER, 8, 8, TALK, PLAIN, run_restart, NULL},
    {"does not touch memory that is not its own", SERVER, 8, 8, TALK, ASAN,
     run_famous, NULL},
    {"does not depend on what is in memory by chance", SERVER, 8, 8, TALK,
     PATTERN, run_famous, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

static const struct check_case cases_most_copied_client[] = {
    {"prints the famous lines", CLIENT, 8, 8, WORKS, PLAIN, run_famous, NULL},
    {"has none of its twelve mistakes left", CLIENT, 8, 8, TALK, PLAIN,
     run_probes, NULL},
    {"closes what is open also when a call fails", CLIENT, 8, 8, TALK, PLAIN,
     run_failing, NULL},
    {"reaches a server on IPv6", CLIENT, 8, 8, TALK, PLAIN, run_ipv6_client,
     NULL},
    {"does not touch memory that is not its own", CLIENT, 8, 8, TALK, ASAN,
     run_famous, NULL},
    {"does not depend on what is in memory by chance", CLIENT, 8, 8, TALK,
     PATTERN, run_famous, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_08[] = {
    {"08-close/half-close", CLIENT, cases_half_close},
    {"08-close/lost-reply", SERVER, cases_lost_reply},
    {"08-close/until-ctrl-c", SERVER, cases_until_ctrl_c},
    {"08-close/time-wait", SERVER, cases_time_wait},
    {"08-close/most-copied-server", SERVER, cases_most_copied_server},
    {"08-close/most-copied-client", CLIENT, cases_most_copied_client},
    {NULL, SERVER, NULL}};
