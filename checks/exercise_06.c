/**
 * @file
 * How the exercises of step 6 are judged.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
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

/* What explains what happened, also where that can be in exercises only. */
static const char *explained(struct trial *t, const char *otherwise)
{
    if (made_no_calls(t))
        return "exercise-no-calls";
    const char *name = explain(t, otherwise);
    if (strcmp(name, "arguments-refused") == 0)
        return "exercise-other-program";
    return name[0] != '\0' ? name : unwritten(t);
}

/* Takes the connection of the program. Returns -1 if the trial is over. */
static int accept_program(struct trial *t, int listener)
{
    char expected[100], got[300];
    t->outcome = child_await(&t->child, listener, POLLIN, NULL, NULL, QUIET_MS);
    if (t->outcome == GOT_IT)
        return accept(listener, NULL, NULL);
    snprintf(expected, sizeof expected, "a connection to 127.0.0.1:%u",
             t->port);
    fail(t, explained(t, ""), expected, "none; %s",
         outcome_text(t, t->outcome, got, sizeof got));
    return -1;
}

/* Did SIGPIPE end it? */
static bool killed_by_sigpipe(const struct trial *t)
{
    return t->child.ended && WIFSIGNALED(t->child.status) &&
           WTERMSIG(t->child.status) == SIGPIPE;
}

/* The program must end with this status. */
static void check_status(struct trial *t, int status, const char *diagnosis)
{
    char expected[80], got[200];
    if (over(t) || exited(&t->child, status))
        return;
    snprintf(expected, sizeof expected, "exit status %d", status);
    if (killed_by_sigpipe(t)) {
        blame(t, log_last(&t->log, WITNESS_SEND, -1));
        diagnosis = "send-sigpipe";
    } else if (status == 1 && exited(&t->child, 0) && t->child.err.length > 0) {
        diagnosis = "error-exit-zero";
    } else if (status == 0) {
        diagnosis = unwritten(t);
    }
    fail(t, diagnosis, expected, "%s",
         outcome_text(t, t->outcome, got, sizeof got));
}

/* It must say "send: " and the text of one of these errors on stderr. */
static void check_error(struct trial *t, int error, int other)
{
    char text[100], expected[160], got[300];
    if (over(t) || killed_by_sigpipe(t)) /* the status tells more */
        return;
    snprintf(text, sizeof text, "send: %s\n", strerror(error));
    snprintf(expected, sizeof expected, "\"send: %s\" on stderr",
             strerror(error));
    if (strstr(t->child.err.bytes, text) != NULL)
        return;
    snprintf(text, sizeof text, "send: %s\n", strerror(other));
    if (strstr(t->child.err.bytes, text) != NULL)
        return;
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    blame(t, log_failed(&t->log, WITNESS_SEND, 0));
    fail(t,
         strstr(t->child.out.bytes, strerror(error)) != NULL ? "error-on-stdout"
         : exited(&t->child, 1) && t->child.err.length == 0
             ? "error-without-text"
             : "send-unchecked",
         expected, "stderr is %s", t->child.err.length > 0 ? got : "empty");
}

static void check_stdout(struct trial *t, const char *want,
                         const char *diagnosis)
{
    char expected[300], got[280];
    if (over(t) || strcmp(t->child.out.bytes, want) == 0)
        return;
    quote_bytes(want, strlen(want), got, sizeof got);
    snprintf(expected, sizeof expected, "on stdout: %s", got);
    quote_bytes(t->child.out.bytes, t->child.out.length, got, sizeof got);
    fail(t, diagnosis, expected, "%s", t->child.out.length > 0 ? got : "\"\"");
}

/* --- frame --------------------------------------------------------------- */

/* A text to send, made of letters by chance. */
struct text {
    size_t length; /* bytes, with about as many more by chance */
    size_t more;
    const char *fault; /* WITNESS_FAULT */
};

enum { HEADER = 4, TEXT_MAX = 4000, TEXT_LONG = 3000 };

/* What a header of 4 bytes looks like that is wrong. */
static const char *name_number(const unsigned char *have, uint32_t length)
{
    uint32_t number, host_order;
    memcpy(&host_order, have, HEADER);
    number = ntohl(host_order);
    if (host_order == length)
        return "frame-host-order";
    if (number == length + 1)
        return "frame-counts-nul";
    if (number == length + HEADER)
        return "frame-counts-header";
    return number == length << 16 ? "frame-htons" : "";
}

/* What is wrong with the bytes before the text. */
static const char *name_header(const char *have, size_t size, size_t length)
{
    size_t digits = 0;
    while (digits < size && have[digits] >= '0' && have[digits] <= '9')
        digits++;
    if (size > 0 && digits == size)
        return "frame-length-as-text";
    if (size == 0)
        return "frame-no-header";
    return size == HEADER
               ? name_number((const unsigned char *)have, (uint32_t)length)
               : "frame-header-size";
}

/* What is wrong with the bytes that came. */
static const char *name_frame(const struct trial *t, const char *text,
                              size_t length)
{
    size_t size = t->heard_size;
    const char *have = t->heard;
    bool is_short = t->fault != NULL && strstr(t->fault, "short") != NULL;
    if (size > sizeof t->heard)
        return "";
    if (size == HEADER + length + 1 && have[size - 1] == '\0') {
        const char *name =
            name_number((const unsigned char *)have, (uint32_t)length);
        return name[0] == '\0' ? "send-terminating-nul" : name;
    }
    if (is_short)
        return "send-short-count-ignored";
    if (length > 0 && size >= length &&
        memcmp(have + size - length, text, length) == 0)
        return name_header(have, size - length, length);
    return size >= HEADER
               ? name_number((const unsigned char *)have, (uint32_t)length)
               : unwritten(t);
}

static void check_frame(struct trial *t, const char *text, size_t length)
{
    char want[TEXT_MAX + HEADER], expected[CAPTION], got[300], end[200];
    uint32_t number = htonl((uint32_t)length);
    size_t kept =
        t->heard_size < sizeof t->heard ? t->heard_size : sizeof t->heard;
    memcpy(want, &number, HEADER);
    memcpy(want + HEADER, text, length);
    if (over(t) ||
        (t->heard_size == HEADER + length && memcmp(t->heard, want, kept) == 0))
        return;
    quote_bytes(want, HEADER + length, got, 120);
    snprintf(expected, sizeof expected, "the %zu bytes %s", HEADER + length,
             got);
    quote_bytes(t->heard, kept, got, 200);
    blame(t, log_first(&t->log, WITNESS_SEND, -1));
    fail(t, name_frame(t, text, length), expected, "%zu bytes: %s; %s",
         t->heard_size, got, outcome_text(t, t->outcome, end, sizeof end));
}

/* Runs the program with a text; returns our end of the connection, or -1. */
static int receive_frame(struct trial *t, char *text, size_t length)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    char port[8];
    for (size_t i = 0; i < length; i++)
        text[i] = letters[chance(sizeof letters - 1)];
    text[length] = '\0';
    int listener = peer_listen(AF_INET, &t->port);
    snprintf(port, sizeof port, "%u", t->port);
    if (listener == -1) {
        skip(t, "no listener: %s", strerror(errno));
        return -1;
    }
    int fd = start(t, port, text) ? accept_program(t, listener) : -1;
    close(listener);
    return fd;
}

static void run_frame(struct trial *t)
{
    const struct text *s = (const struct text *)take_script(t);
    char text[TEXT_MAX], sent[80], report[300];
    size_t length = s->length + (s->more > 0 ? chance((unsigned)s->more) : 0);
    t->fault = s->fault;
    int fd = receive_frame(t, text, length);
    if (length > 60) /* the report need not show all of a long text */
        snprintf(t->result->did, CAPTION,
                 "ran ./frame %u with a text of %zu "
                 "bytes",
                 t->port, length);
    if (fd == -1)
        return;
    did(t, "read to the end of its stream");
    if (peer_read(t, fd, false, QUIET_MS) != STREAM_OPEN)
        t->outcome = child_await_end(&t->child, QUIET_MS);
    close(fd);
    if (s->length >= TEXT_LONG && sanitizer_name(t, report, sizeof report))
        fail(t, "frame-room", "not a word from the sanitizers", "%s", report);
    snprintf(sent, sizeof sent, "frame with %zu bytes of text sent\n", length);
    check_frame(t, text, length);
    check_stdout(t, sent, "");
    check_status(t, 0, "");
    fault_happened(t);
}

static void run_frame_failure(struct trial *t)
{
    char text[32];
    t->fault = (const char *)take_script(t);
    int fd = receive_frame(t, text, 20);
    if (fd == -1)
        return;
    did(t, "let send() take three bytes, and then the connection be gone");
    peer_read(t, fd, false, QUIET_MS);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    close(fd);
    if (!fault_happened(t))
        return;
    check_error(t, EPIPE, ECONNRESET);
    check_status(t, 1, "send-unchecked");
    check_stdout(t, "", "send-said-before-sent");
}

#define TEXT(...) (&(const struct text){__VA_ARGS__})

static const struct check_case cases_frame[] = {
    {"sends the length in network byte order, then the text", CLIENT, 6, 6,
     WORKS, PLAIN, run_frame, TEXT(20, 20, NULL)},
    {"sends a text of more than 255 bytes", CLIENT, 6, 6, TALK, PLAIN,
     run_frame, TEXT(258, 500, NULL)},
    {"sends a text of some thousand bytes", CLIENT, 6, 6, TALK, ASAN, run_frame,
     TEXT(TEXT_LONG, 900, NULL)},
    {"sends an empty text as a length of 0", CLIENT, 6, 6, TALK, PLAIN,
     run_frame, TEXT(0, 0, NULL)},
    {"sends the rest when send() takes only a part", CLIENT, 6, 6, TALK, PLAIN,
     run_frame, TEXT(20, 20, "send:short=3")},
    {"sends only memory that is its own", CLIENT, 6, 6, TALK, ASAN, run_frame,
     TEXT(20, 20, "send:short=3")},
    {"does not depend on what is in memory by chance", CLIENT, 6, 6, TALK,
     PATTERN, run_frame, TEXT(20, 20, NULL)},
    {"survives a peer that is gone, and reports it", CLIENT, 6, 6, TALK, PLAIN,
     run_frame_failure, "send:short=3,send:gone@2"},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- vanished-peer ------------------------------------------------------- */

enum { LINES = 100 };

/* Runs the program with HOST PORT. Returns our end, or -1; see `listener`. */
static int visit(struct trial *t, int receive_buffer)
{
    char port[8];
    int listener = peer_listen(AF_INET, &t->port);
    snprintf(port, sizeof port, "%u", t->port);
    if (listener == -1) {
        skip(t, "no listener: %s", strerror(errno));
        return -1;
    }
    if (receive_buffer > 0) /* what it accepts inherits it */
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                   sizeof receive_buffer);
    int fd = start(t, "127.0.0.1", port) ? accept_program(t, listener) : -1;
    close(listener);
    return fd;
}

/* How many whole lines have come, numbered from 1; fails if they are not. */
static unsigned count_lines(struct trial *t)
{
    unsigned count = 0;
    char want[16];
    for (size_t at = 0; at < t->heard_size;) {
        int n = snprintf(want, sizeof want, "%u\n", count + 1);
        if (at + (size_t)n > t->heard_size ||
            memcmp(t->heard + at, want, (size_t)n) != 0) {
            fail(t, "", "the numbers 1, 2, 3 and so on, each on a line",
                 "something else behind %u", count);
            return count;
        }
        at += (size_t)n;
        count++;
    }
    return count;
}

static void run_all_lines(struct trial *t)
{
    char sent[60];
    int fd = visit(t, 0);
    if (fd == -1)
        return;
    did(t, "read to the end of its stream");
    peer_read(t, fd, false, QUIET_MS);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    close(fd);
    unsigned lines = count_lines(t);
    if (lines != LINES)
        fail(t, "", "100 lines, 1 to 100", "%u lines", lines);
    snprintf(sent, sizeof sent, "%u of %u lines sent\n", lines, LINES);
    check_stdout(t, sent, "");
    check_status(t, 0, "");
}

/* The connection is gone when the program sends a line, by chance which. */
static void run_gone(struct trial *t)
{
    char fault[40], sent[60];
    unsigned last = 1 + chance(LINES - 1);
    snprintf(fault, sizeof fault, "send:gone@%u", last + 1);
    t->fault = fault;
    int fd = visit(t, 0);
    if (fd == -1)
        return;
    did(t, "let the connection be gone when it sends line %u", last + 1);
    peer_read(t, fd, false, QUIET_MS);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    close(fd);
    if (!fault_happened(t))
        return;
    check_error(t, EPIPE, EPIPE);
    check_status(t, 1, "send-unchecked");
    snprintf(sent, sizeof sent, "%u of %u lines sent\n", count_lines(t), LINES);
    check_stdout(t, sent, "");
}

/* A real peer that takes one line and closes; the program pauses meanwhile. */
static void run_closed(struct trial *t)
{
    int fd = visit(t, 0);
    if (fd == -1)
        return;
    did(t, "read one line, and closed the connection");
    peer_read(t, fd, true, QUIET_MS);
    close(fd);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    check_error(t, EPIPE, ECONNRESET);
    check_status(t, 1, "send-unchecked");
    if (strstr(t->child.out.bytes, " of 100 lines sent\n") == NULL)
        fail(t, "", "\"... of 100 lines sent\" on stdout", "no such line");
}

static const struct check_case cases_vanished_peer[] = {
    {"sends its lines to a peer that stays", CLIENT, 6, 6, WORKS, PLAIN,
     run_all_lines, NULL},
    {"survives a connection that is gone, and reports it", CLIENT, 6, 6, TALK,
     PLAIN, run_gone, NULL},
    {"survives a peer that closes after one line", CLIENT, 6, 6, TALK, PLAIN,
     run_closed, NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- full-buffer --------------------------------------------------------- */

/* Reads what the program has left for us. @return bytes, or -1: a reset */
static long read_all(int fd)
{
    static char bytes[65536];
    long sum = 0;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, 2000) != 1)
            return -1;
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n == 0)
            return sum;
        if (n == -1)
            return -1;
        sum += n;
    }
}

/* Did the program go on until the kernel refused? */
static void check_full(struct trial *t)
{
    const struct witness_record *s = log_last(&t->log, WITNESS_SEND, -1);
    if (over(t) || s == NULL || t->log.map->claimed > t->log.map->capacity)
        return;
    if (s->error == EAGAIN || s->error == EWOULDBLOCK)
        return;
    blame(t, s);
    fail(t, "send-stops-early",
         "a last send() that fails with EAGAIN: no more room",
         "the last send() took %lld of %lld bytes, and there was room left",
         (long long)s->result, (long long)s->a);
}

static void check_sum(struct trial *t, int fd)
{
    char sent[80];
    long arrived = read_all(fd), printed = -1;
    bool number = sscanf(t->child.out.bytes, "%ld", &printed) == 1;
    if (number && arrived == 0)
        fail(t, "send-stops-early", "bytes that fill the buffers",
             "it says %ld bytes, and none arrived", printed);
    else if (number && arrived > 0 && printed != arrived)
        fail(t,
             printed < arrived ? "send-minus-one-added" : "send-counts-offered",
             "the number of bytes that we could read afterwards",
             "it says %ld bytes, and %ld arrived", printed, arrived);
    snprintf(sent, sizeof sent, "%ld bytes sent, none of them read\n", arrived);
    check_stdout(t, sent, "");
}

static void run_fill(struct trial *t)
{
    char got[200];
    t->fault = (const char *)take_script(t);
    int fd = visit(t, 8192 + (int)chance(65536));
    if (fd == -1)
        return;
    did(t, "accepted its connection, read nothing until it had ended, then "
           "everything");
    t->child.cpu_max /= 3; /* it has little to do */
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (!t->child.ended) {
        const struct witness_record *s = log_pending(&t->log);
        blame(t, s);
        fail(t,
             t->outcome == SPINNING                 ? "send-full-not-seen"
             : s != NULL && s->call == WITNESS_SEND ? "send-blocks"
                                                    : "",
             "a program that ends though nobody reads", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    } else if (says_error(&t->child, EAGAIN)) {
        blame(t, log_failed(&t->log, WITNESS_SEND, EAGAIN));
        fail(t, "send-full-is-error", "a sum of bytes, and exit status 0",
             "\"%s\" on stderr", strerror(EAGAIN));
    } else {
        check_status(t, 0, "");
        check_sum(t, fd);
        check_full(t);
        fault_happened(t);
    }
    close(fd);
}

/** A connection that breaks in the middle: that is not a full buffer. */
struct breakage {
    const char *what;
    const char *fault;
    int error;
};

static void run_broken(struct trial *t)
{
    const struct breakage *b = (const struct breakage *)take_script(t);
    char expected[100];
    t->fault = b->fault;
    int fd = visit(t, 0);
    if (fd == -1)
        return;
    did(t, "%s", b->what);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    close(fd);
    if (!fault_happened(t))
        return;
    snprintf(expected, sizeof expected, "\"send: %s\" and exit status 1",
             strerror(b->error));
    if (exited(&t->child, 0))
        fail(t, "send-error-is-full", expected,
             "it exited with status 0, as if the buffer were full");
    check_error(t, b->error, b->error);
    check_status(t, 1, "send-error-is-full");
    check_stdout(t, "", "send-error-is-full");
}

#define BREAKAGE(...) (&(const struct breakage){__VA_ARGS__})

static const struct check_case cases_full_buffer[] = {
    {"counts what the kernel takes while nobody reads", CLIENT, 6, 6, WORKS,
     PLAIN, run_fill, NULL},
    {"counts what was taken, not what was offered", CLIENT, 6, 6, TALK, PLAIN,
     run_fill, "send:short=900"},
    {"tells a failure from a full buffer", CLIENT, 6, 6, TALK, PLAIN,
     run_broken,
     BREAKAGE("let its second send() fail with ECONNRESET", "send:fail=104@2",
              ECONNRESET)},
    {"survives a peer that is gone, and reports it", CLIENT, 6, 6, TALK, PLAIN,
     run_broken,
     BREAKAGE("let the peer be gone at its second send()", "send:gone@2",
              EPIPE)},
    {"sends only memory that is its own", CLIENT, 6, 6, TALK, ASAN, run_fill,
     NULL},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_06[] = {
    {"06-send/frame", CLIENT, cases_frame},
    {"06-send/vanished-peer", CLIENT, cases_vanished_peer},
    {"06-send/full-buffer", CLIENT, cases_full_buffer},
    {NULL, SERVER, NULL}};
