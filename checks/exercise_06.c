/**
 * @file
 * How the exercises of step 6 are judged.
 */
#define _GNU_SOURCE
#include "exercise.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reads to the end of the program's stream, and waits for its own end. */
static void read_to_end(struct trial *t, int fd)
{
    if (peer_read(t, fd, false, QUIET_MS) != STREAM_OPEN)
        t->outcome = child_await_end(&t->child, QUIET_MS);
    close(fd);
}

/* It must have ended well. */
static void check_sent(struct trial *t)
{
    bool killed = t->child.ended && WIFSIGNALED(t->child.status);
    check_status(t, 0, killed ? explained(t, "") : unwritten(t));
}

/* It must have failed in send(), with this error. */
static void check_failed(struct trial *t, int error, const char *diagnosis)
{
    blame(t, log_failed(&t->log, WITNESS_SEND, 0));
    check_error(t, "send", error, diagnosis);
}

/* Which of the two errors that a lost connection gives. */
static int lost(const struct trial *t)
{
    return says_error(&t->child, ECONNRESET) ? ECONNRESET : EPIPE;
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
    const char *number =
        size >= HEADER
            ? name_number((const unsigned char *)have, (uint32_t)length)
            : unwritten(t);
    if (size == HEADER + length + 1 && have[size - 1] == '\0')
        return number[0] == '\0' ? "send-terminating-nul" : number;
    if (is_short)
        return "send-short-count-ignored";
    if (length > 0 && size >= length &&
        memcmp(have + size - length, text, length) == 0)
        return name_header(have, size - length, length);
    return number;
}

static void check_frame(struct trial *t, const char *text, size_t length)
{
    char want[TEXT_MAX + HEADER];
    uint32_t number = htonl((uint32_t)length);
    memcpy(want, &number, HEADER);
    memcpy(want + HEADER, text, length);
    if (has_heard(t, want, HEADER + length))
        return;
    fail_at(t, first_call(t, WITNESS_SEND), name_frame(t, text, length),
            phrase("the %zu bytes %s", HEADER + length,
                   quoted(want, HEADER + length, 120)),
            "%zu bytes: %s; %s", t->heard_size, what_came(t, 200),
            its_state(t));
}

/* Runs the program with a text; returns our end of the connection, or -1. */
static int receive_frame(struct trial *t, char *text, size_t length)
{
    make_word(text, length);
    return let_visit(t, open_listener(t), text);
}

static void run_frame(struct trial *t)
{
    const struct text *s = (const struct text *)take_script(t);
    char text[TEXT_MAX], report[300];
    size_t length = s->length + (s->more > 0 ? chance((unsigned)s->more) : 0);
    t->fault = s->fault;
    int fd = receive_frame(t, text, length);
    if (length > 60) /* the report need not show all of a long text */
        snprintf(t->result->did, CAPTION,
                 "ran ./frame %u with a text of %zu bytes", t->port, length);
    if (fd == -1)
        return;
    did(t, "read to the end of its stream");
    read_to_end(t, fd);
    if (s->length >= TEXT_LONG && sanitizer_name(t, report, sizeof report))
        fail(t, "frame-room", "not a word from the sanitizers", "%s", report);
    check_frame(t, text, length);
    check_stdout(t, phrase("frame with %zu bytes of text sent\n", length), "");
    check_sent(t);
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
    read_to_end(t, fd);
    if (!fault_happened(t))
        return;
    check_failed(t, lost(t), "send-unchecked");
    check_stdout(t, "", "send-said-before-sent");
}

#define TEXT(...) (&(const struct text){__VA_ARGS__})

static const struct check_case cases_frame[] = {
    {"sends the length in network byte order, then the text", CLIENT_WORKS,
     PLAIN, run_frame, TEXT(20, 20, NULL)},
    {"sends a text of more than 255 bytes", CLIENT_TALK, PLAIN, run_frame,
     TEXT(258, 500, NULL)},
    {"sends a text of some thousand bytes", CLIENT_TALK, ASAN, run_frame,
     TEXT(TEXT_LONG, 900, NULL)},
    {"sends an empty text as a length of 0", CLIENT_TALK, PLAIN, run_frame,
     TEXT(0, 0, NULL)},
    {"sends the rest when send() takes only a part", CLIENT_TALK, PLAIN,
     run_frame, TEXT(20, 20, "send:short=3")},
    {"sends only memory that is its own", CLIENT_TALK, ASAN, run_frame,
     TEXT(20, 20, "send:short=3")},
    {MEMORY_BY_CHANCE, CLIENT_TALK, PATTERN, run_frame, TEXT(20, 20, NULL)},
    {"survives a peer that is gone, and reports it", CLIENT_TALK, PLAIN,
     run_frame_failure, "send:short=3,send:gone@2"},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- vanished-peer ------------------------------------------------------- */

enum { LINES = 100 };

/* Runs the program with HOST PORT; a buffer of 0 bytes: the usual one. */
static int visit(struct trial *t, int receive_buffer)
{
    int listener = open_listener(t);
    if (receive_buffer > 0) /* what it accepts inherits it */
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                   sizeof receive_buffer);
    return let_visit(t, listener, NULL);
}

/* How many whole lines have come, numbered from 1; fails if they are not. */
static unsigned count_lines(struct trial *t)
{
    unsigned count = 0;
    for (size_t at = 0; at < t->heard_size; count++) {
        const char *want = phrase("%u\n", count + 1);
        size_t n = strlen(want);
        if (at + n > t->heard_size || memcmp(t->heard + at, want, n) != 0) {
            fail(t, "", "the numbers 1, 2, 3 and so on, each on a line",
                 "something else behind %u", count);
            return count;
        }
        at += n;
    }
    return count;
}

/* The last line of the program: how many it has sent. */
static void check_count(struct trial *t, unsigned count)
{
    check_stdout(t, phrase("%u of %u lines sent\n", count, LINES), "");
}

static void run_all_lines(struct trial *t)
{
    int fd = visit(t, 0);
    if (fd == -1)
        return;
    did(t, "read to the end of its stream");
    read_to_end(t, fd);
    unsigned lines = count_lines(t);
    if (lines != LINES)
        fail(t, "", "100 lines, 1 to 100", "%u lines", lines);
    check_count(t, lines);
    check_sent(t);
}

/* The connection is gone when the program sends a line, by chance which. */
static void run_gone(struct trial *t)
{
    unsigned last = 1 + chance(LINES - 1);
    t->fault = phrase("send:gone@%u", last + 1);
    int fd = visit(t, 0);
    if (fd == -1)
        return;
    did(t, "let the connection be gone when it sends line %u", last + 1);
    read_to_end(t, fd);
    if (!fault_happened(t))
        return;
    check_failed(t, EPIPE, "send-unchecked");
    check_count(t, count_lines(t));
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
    check_failed(t, lost(t), "send-unchecked");
    if (!prints(&t->child.out, " of 100 lines sent\n"))
        fail(t, "", "\"... of 100 lines sent\" on stdout", "no such line");
}

static const struct check_case cases_vanished_peer[] = {
    {"sends its lines to a peer that stays", CLIENT_WORKS, PLAIN, run_all_lines,
     NULL},
    {"survives a connection that is gone, and reports it", CLIENT_TALK, PLAIN,
     run_gone, NULL},
    {"survives a peer that closes after one line", CLIENT_TALK, PLAIN,
     run_closed, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

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
    call s = last_call(t, WITNESS_SEND);
    if (s == NULL || t->log.map->claimed > t->log.map->capacity ||
        s->error == EAGAIN || s->error == EWOULDBLOCK)
        return;
    fail_at(t, s, "send-stops-early",
            "a last send() that fails with EAGAIN: no more room",
            "the last send() took %lld of %lld bytes, and there was room left",
            (long long)s->result, (long long)s->a);
}

static void check_sum(struct trial *t, int fd)
{
    long arrived = read_all(fd), said = -1;
    bool number = sscanf(t->child.out.bytes, "%ld", &said) == 1;
    if (number && arrived == 0)
        fail(t, "send-stops-early", "bytes that fill the buffers",
             "it says %ld bytes, and none arrived", said);
    else if (number && arrived > 0 && said != arrived)
        fail(t, said < arrived ? "send-minus-one-added" : "send-counts-offered",
             "the number of bytes that we could read afterwards",
             "it says %ld bytes, and %ld arrived", said, arrived);
    check_stdout(t, phrase("%ld bytes sent, none of them read\n", arrived), "");
}

/* Why does it not end? */
static const char *name_stuck(struct trial *t, call pending)
{
    if (t->outcome == SPINNING)
        return "send-full-not-seen";
    return pending != NULL && pending->call == WITNESS_SEND ? "send-blocks"
                                                            : "";
}

static void run_fill(struct trial *t)
{
    t->fault = (const char *)take_script(t);
    int fd = visit(t, 8192 + (int)chance(65536));
    if (fd == -1)
        return;
    did(t, "accepted its connection, read nothing until it had ended, then "
           "everything");
    t->child.cpu_max /= 3; /* it has little to do */
    t->outcome = child_await_end(&t->child, QUIET_MS);
    call s = log_pending(&t->log);
    if (!t->child.ended) {
        fail_at(t, s, name_stuck(t, s),
                "a program that ends though nobody reads", "%s", its_state(t));
    } else if (says_error(&t->child, EAGAIN)) {
        fail_at(t, log_failed(&t->log, WITNESS_SEND, EAGAIN),
                "send-full-is-error", "a sum of bytes, and exit status 0",
                "\"%s\" on stderr", strerror(EAGAIN));
    } else {
        check_sent(t);
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
    t->fault = b->fault;
    int fd = visit(t, 0);
    if (fd == -1)
        return;
    did(t, "%s", b->what);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    close(fd);
    if (!fault_happened(t))
        return;
    if (exited(&t->child, 0))
        fail(t, "send-error-is-full",
             phrase("\"send: %s\" and exit status 1", strerror(b->error)),
             "it exited with status 0, as if the buffer were full");
    check_failed(t, b->error, "send-error-is-full");
    check_stdout(t, "", "send-error-is-full");
}

#define BREAKAGE(...) (&(const struct breakage){__VA_ARGS__})

static const struct check_case cases_full_buffer[] = {
    {"counts what the kernel takes while nobody reads", CLIENT_WORKS, PLAIN,
     run_fill, NULL},
    {"counts what was taken, not what was offered", CLIENT_TALK, PLAIN,
     run_fill, "send:short=900"},
    {"tells a failure from a full buffer", CLIENT_TALK, PLAIN, run_broken,
     BREAKAGE("let its second send() fail with ECONNRESET", "send:fail=104@2",
              ECONNRESET)},
    {"survives a peer that is gone, and reports it", CLIENT_TALK, PLAIN,
     run_broken,
     BREAKAGE("let the peer be gone at its second send()", "send:gone@2",
              EPIPE)},
    {"sends only memory that is its own", CLIENT_TALK, ASAN, run_fill, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_06[] = {
    {"06-send/frame", CLIENT, cases_frame},
    {"06-send/vanished-peer", CLIENT, cases_vanished_peer},
    {"06-send/full-buffer", CLIENT, cases_full_buffer},
    {NULL, SERVER, NULL}};
