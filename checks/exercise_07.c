/**
 * @file
 * How the exercises of step 7 are judged.
 */
#define _GNU_SOURCE /* memmem */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

/* What explains what happened. These clients only receive, and so never do
   what a client of the lessons may do: receive before they have sent. And the
   end of their message is seldom a newline: the case knows better. */
static const char *explained(struct trial *t, const char *otherwise)
{
    if (made_no_calls(t))
        return "exercise-no-calls";
    const char *name = explain(t, otherwise);
    if (strcmp(name, "arguments-refused") == 0)
        return "exercise-other-program";
    if (strcmp(name, "recv-before-send") == 0 ||
        strcmp(name, "recv-single-call") == 0)
        name = otherwise != NULL ? otherwise : "";
    return name[0] != '\0' ? name : unwritten(t);
}

/* Has a sanitizer seen what went wrong? Then that is what is told. */
static bool reported(struct trial *t)
{
    char line[300];
    const char *name = over(t) ? NULL : sanitizer_name(t, line, sizeof line);
    if (name != NULL)
        fail(t,
             strstr(line, "param-overlap") != NULL ? "recv-memcpy-overlap"
                                                   : name,
             "not a word from the sanitizers", "%s", line);
    return name != NULL;
}

/* Runs the program with HOST PORT. Returns our end, or -1: it is over. */
static int visit(struct trial *t)
{
    char port[8], got[300];
    int listener = peer_listen(AF_INET, &t->port);
    if (listener == -1) {
        skip(t, "no listener: %s", strerror(errno));
        return -1;
    }
    snprintf(port, sizeof port, "%u", t->port);
    int fd = -1;
    if (start(t, "127.0.0.1", port)) {
        t->outcome =
            child_await(&t->child, listener, POLLIN, NULL, NULL, QUIET_MS);
        if (t->outcome == GOT_IT)
            fd = accept(listener, NULL, NULL);
        else
            fail(t, explained(t, ""), "a connection", "none; %s",
                 outcome_text(t, t->outcome, got, sizeof got));
    }
    close(listener);
    return fd;
}

/* --- bytes to send, and what they must make of them ---------------------- */

/** Bytes that grow; more than enough for every case here. */
struct bytes {
    size_t size;
    char at[16384];
};

static void add(struct bytes *b, const void *bytes, size_t size)
{
    if (size > sizeof b->at - b->size)
        abort();
    memcpy(b->at + b->size, bytes, size);
    b->size += size;
}

static void add_letters(struct bytes *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char letter = (char)('a' + chance(26));
        add(b, &letter, 1);
    }
}

/**
 * A piece of text as a pattern: x is a letter by chance, 0 a zero byte, ^ one
 * above 127, # 1023 letters, @ 63 of them; anything else stands for itself.
 */
static void add_pattern(struct bytes *b, const char *pattern)
{
    for (; *pattern != '\0'; pattern++) {
        char high = (char)(128 + chance(128));
        if (*pattern == 'x' || *pattern == '#' || *pattern == '@')
            add_letters(b, *pattern == 'x' ? 1 : *pattern == '#' ? 1023 : 63);
        else if (*pattern == '^')
            add(b, &high, 1);
        else
            add(b, *pattern == '0' ? "" : pattern, 1);
    }
}

/** What the peer sends, piece by piece, and how that is taken. */
struct talk {
    const char *what;          /* "sent three lines in one piece" */
    const char *const *pieces; /* patterns; NULL ends them */
    const char *fault;
    size_t cut;            /* the pieces go out so many bytes at a time */
    enum side side;        /* after the last piece */
    int error;             /* the program must fail with it */
    const char *diagnosis; /* when nothing tells more */
};

static void check_failed(struct trial *t, int error, const char *diagnosis)
{
    char text[100], expected[160], got[300];
    if (over(t) || reported(t))
        return;
    snprintf(text, sizeof text, "recv: %s\n", strerror(error));
    snprintf(expected, sizeof expected,
             "\"recv: %s\" (%s) on stderr and exit status 1", strerror(error),
             errno_name(error));
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    if (!t->child.ended)
        fail(t, diagnosis, expected, "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    else if (exited(&t->child, 0))
        fail(t,
             strstr(t->child.err.bytes, text) != NULL ? "error-exit-zero"
                                                      : diagnosis,
             expected, "exit status 0; stderr is %s", got);
    else if (strstr(t->child.err.bytes, text) == NULL)
        fail(t, t->child.err.length == 0 ? "error-without-text" : diagnosis,
             expected, "stderr is %s", got);
    else if (!exited(&t->child, 1))
        fail(t, diagnosis, expected, "%s",
             ending_text(&t->child, got, sizeof got));
}

/* --- to-the-end ---------------------------------------------------------- */

enum { ROOM = 65536 };

/** A stream of bytes by chance. */
struct stream {
    const char *what;
    size_t size, more; /* bytes, and about how many more by chance */
    size_t piece;      /* so many at a time; 0: at once */
    const char *fault;
    enum side side;
    int error;
    const char *diagnosis;
};

static uint32_t checksum(const char *bytes, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    return sum;
}

/* What recv() really brought; false if the witness cannot tell. */
static bool count_pieces(const struct trial *t, size_t *pieces, size_t *largest)
{
    *pieces = *largest = 0;
    if (!log_saw_calls(&t->log) || t->log.map->claimed > t->log.map->capacity)
        return false;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call != WITNESS_RECV || r->result <= 0 || (r->b & MSG_PEEK))
            continue;
        *pieces += 1;
        if ((size_t)r->result > *largest)
            *largest = (size_t)r->result;
    }
    return true;
}

/* Why the sum may be wrong. */
static const char *name_sum(struct trial *t, size_t size, size_t printed)
{
    const struct witness_record *last = log_last(&t->log, WITNESS_RECV, -1);
    const struct witness_record *first = log_first(&t->log, WITNESS_RECV, -1);
    if (last == NULL || printed == size)
        return "";
    blame(t, last);
    if (last->error != 0)
        return "recv-error-is-eof";
    if (last->result > 0)
        return first == last ? "recv-one-piece" : "recv-stops-before-eof";
    if (printed > size)
        return "recv-count-ignored";
    return "";
}

/* Each call must offer the room that the task says, and wait for no more than
   what is there: else the pieces are not those of the network. */
static void check_room(struct trial *t)
{
    for (size_t i = 0; !over(t) && i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call != WITNESS_RECV || (r->b & MSG_PEEK) != 0 ||
            (r->a == ROOM && (r->b & MSG_WAITALL) == 0))
            continue;
        blame(t, r);
        fail(t, "recv-room", "recv() with room for 65536 bytes, flags 0",
             "room for %lld bytes%s", (long long)r->a,
             (r->b & MSG_WAITALL) != 0 ? ", and MSG_WAITALL" : "");
    }
}

static void check_tally(struct trial *t, const char *bytes, size_t size)
{
    size_t have[3] = {0, 0, 0}, pieces, largest;
    unsigned sum = 0, right = (unsigned)checksum(bytes, size);
    char expected[160], got[200];
    quote_bytes(t->child.out.bytes, t->child.out.length, got, sizeof got);
    snprintf(expected, sizeof expected,
             "\"%zu bytes in ... pieces, the largest ..., checksum %08x\" on "
             "stdout",
             size, right);
    if (over(t))
        return;
    if (sscanf(t->child.out.bytes,
               "%zu bytes in %zu pieces, the largest %zu, checksum %x\n",
               &have[0], &have[1], &have[2], &sum) != 4)
        fail(t, "", expected, "%s", t->child.out.length > 0 ? got : "nothing");
    else if (have[0] != size || sum != right)
        fail(t,
             have[0] == size ? "recv-wrong-bytes" : name_sum(t, size, have[0]),
             expected, "%s", got);
    else if (count_pieces(t, &pieces, &largest) &&
             (have[1] != pieces || have[2] != largest)) {
        snprintf(expected, sizeof expected,
                 "%zu pieces, the largest %zu: so many calls of recv() brought "
                 "bytes, and so many at most",
                 pieces, largest);
        fail(t, have[1] == pieces + 1 ? "recv-end-counted" : "", expected, "%s",
             got);
    }
    check_room(t);
}

static void send_stream(struct trial *t, int fd, const struct stream *s,
                        const char *bytes, size_t size)
{
    did(t, "%s", s->what);
    peer_send(t, fd, bytes, size, s->piece);
    peer_end_side(&fd, s->side);
    char got[200];
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (!t->child.ended)
        fail(t, explained(t, s->diagnosis),
             "a program that ends with the stream", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    if (fd != -1)
        close(fd);
}

static void judge_stream(struct trial *t, const struct stream *s,
                         const char *bytes, size_t size)
{
    char got[200];
    if (!fault_happened(t))
        return;
    if (s->error != 0) {
        check_failed(t, s->error, s->diagnosis);
        if (t->child.out.length > 0)
            fail(t, s->diagnosis, "no sum on stdout after a failure",
                 "there is one");
        return;
    }
    if (!over(t) && !exited(&t->child, 0))
        fail(t, explained(t, s->diagnosis), "exit status 0", "%s",
             ending_text(&t->child, got, sizeof got));
    check_tally(t, bytes, size);
}

static void run_stream(struct trial *t)
{
    const struct stream *s = (const struct stream *)take_script(t);
    size_t size = s->size + (s->more > 0 ? chance((unsigned)s->more) : 0);
    char *bytes = (char *)malloc(size + 1);
    if (bytes == NULL)
        abort();
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)chance(256);
    if (size > 0)
        bytes[size / 2] = '\0';
    t->fault = s->fault;
    int fd = visit(t);
    if (fd != -1) {
        send_stream(t, fd, s, bytes, size);
        judge_stream(t, s, bytes, size);
    }
    free(bytes);
}

#define STREAM(...) (&(const struct stream){__VA_ARGS__})

static const struct check_case cases_to_the_end[] = {
    {"counts a stream that comes in one piece", CLIENT, 7, 7, WORKS, PLAIN,
     run_stream,
     STREAM(.what = "sent some bytes at once", .size = 2000, .more = 3000)},
    {"counts a stream that comes in many pieces", CLIENT, 7, 7, TALK, PLAIN,
     run_stream,
     STREAM(.what = "sent bytes, 700 at a time", .size = 20000, .more = 9000,
            .piece = 700, .diagnosis = "recv-one-piece")},
    {"counts a long stream", CLIENT, 7, 7, TALK, ASAN, run_stream,
     STREAM(.what = "sent a million bytes", .size = 1000000, .more = 9999)},
    {"takes an empty stream for 0 bytes", CLIENT, 7, 7, TALK, PLAIN, run_stream,
     STREAM(.what = "sent nothing and ended our side",
            .diagnosis = "recv-eof-is-error")},
    {"goes on when a signal interrupts recv()", CLIENT, 7, 7, TALK, PLAIN,
     run_stream,
     STREAM(.what = "sent some bytes", .size = 2000, .fault = "recv:eintr=1",
            .diagnosis = "recv-no-eintr")},
    {"reports a connection that is reset", CLIENT, 7, 7, TALK, PLAIN,
     run_stream,
     STREAM(.what = "sent bytes, then a reset", .size = 2000,
            .side = SIDE_RESETS, .error = ECONNRESET,
            .diagnosis = "recv-error-is-eof")},
    {"does not depend on what is in memory by chance", CLIENT, 7, 7, TALK,
     PATTERN, run_stream,
     STREAM(.what = "sent bytes, 700 at a time", .size = 9000, .piece = 700)},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- line-by-line -------------------------------------------------------- */

/* Adds what the program prints of a stream: all lines that are complete, and
   at the end also the rest. */
static void number_lines(struct bytes *out, const struct bytes *in, bool at_end)
{
    unsigned number = 0;
    out->size = 0;
    for (size_t at = 0; at < in->size;) {
        char head[16];
        const char *line = in->at + at;
        const char *end = (const char *)memchr(line, '\n', in->size - at);
        if (end == NULL && !at_end)
            return;
        size_t length = end != NULL ? (size_t)(end - line) : in->size - at;
        int n = snprintf(head, sizeof head, "%u: ", ++number);
        add(out, head, (size_t)n);
        add(out, line, length);
        add(out, "\n", 1);
        at += length + 1;
    }
}

static bool printed(const struct trial *t, const struct bytes *want)
{
    return t->child.out.total == want->size &&
           memcmp(t->child.out.bytes, want->at, want->size) == 0;
}

/* Waits until so much stands on stdout, or nothing more comes. */
static bool await_output(struct trial *t, size_t size)
{
    t->outcome = GOT_IT;
    while (t->child.out.total < size && t->outcome == GOT_IT)
        t->outcome = child_await(&t->child, t->child.out.fd, POLLIN, NULL, NULL,
                                 QUIET_MS);
    return t->child.out.total >= size;
}

static void differs(struct trial *t, const struct bytes *want, const char *name)
{
    char expected[400], got[300], end[200];
    quote_bytes(want->at, want->size, got, 250);
    snprintf(expected, sizeof expected, "on stdout by now: %s, %zu bytes", got,
             want->size);
    quote_bytes(t->child.out.bytes, t->child.out.length, got, 250);
    outcome_text(t, t->outcome, end, sizeof end);
    fail(t, name != NULL && name[0] != '\0' ? name : unwritten(t), expected,
         "%s, %zu bytes; %s", got, t->child.out.total, end);
}

/* Lines are missing: do they come when the stream goes on or ends? */
static const char *name_missing_lines(struct trial *t, int fd,
                                      const struct bytes *in,
                                      const char *otherwise)
{
    struct bytes all;
    if (t->child.ended || t->outcome != BLOCKED)
        return otherwise;
    const struct witness_record *r = log_pending(&t->log);
    number_lines(&all, in, true);
    shutdown(fd, SHUT_WR);
    blame(t, r);
    bool late = await_output(t, all.size) && printed(t, &all);
    return late ? "recv-rest-waits" : "recv-rest-dropped";
}

/* Does it print what has not come at all? */
static bool strays(const struct trial *t, const struct bytes *in)
{
    struct bytes all;
    number_lines(&all, in, true);
    return t->child.out.total > all.size ||
           memcmp(t->child.out.bytes, all.at, t->child.out.length) != 0;
}

/* Sends the pieces; after each the complete lines must be printed. */
static void send_lines(struct trial *t, int fd, const struct talk *s,
                       struct bytes *in)
{
    struct bytes want;
    for (size_t i = 0; s->pieces[i] != NULL && !over(t); i++) {
        size_t before = in->size;
        add_pattern(in, s->pieces[i]);
        peer_send(t, fd, in->at + before, in->size - before, s->cut);
        if (s->error != 0)
            continue;
        number_lines(&want, in, false);
        await_output(t, want.size);
        if (printed(t, &want) || reported(t))
            continue;
        differs(t, &want, ""); /* as it is now; then we try it out */
        const char *name = s->diagnosis;
        if (name == NULL)
            name = strays(t, in) ? "recv-kept-miscounted" : unwritten(t);
        snprintf(t->result->diagnosis, sizeof t->result->diagnosis, "%s",
                 name_missing_lines(t, fd, in, name));
    }
}

static void end_lines(struct trial *t, int *fd, const struct talk *s,
                      const struct bytes *in)
{
    struct bytes want;
    char got[200];
    peer_end_side(fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (s->error != 0) {
        check_failed(t, s->error, s->diagnosis);
        number_lines(&want, in, false);
        if (!over(t) && !printed(t, &want))
            differs(t, &want, s->diagnosis);
        return;
    }
    number_lines(&want, in, true);
    if (!over(t) && !t->child.ended)
        fail(t,
             t->child.out.total > want.size ? "recv-end-repeats"
                                            : explained(t, s->diagnosis),
             "a program that ends with the stream", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    if (!over(t) && !printed(t, &want) && !reported(t))
        differs(t, &want, s->diagnosis);
    if (!over(t) && !exited(&t->child, 0))
        fail(t, explained(t, s->diagnosis), "exit status 0", "%s",
             ending_text(&t->child, got, sizeof got));
}

static void run_lines(struct trial *t)
{
    const struct talk *s = (const struct talk *)take_script(t);
    struct bytes in = {0, ""};
    t->fault = s->fault;
    int fd = visit(t);
    if (fd == -1)
        return;
    did(t, "%s", s->what);
    send_lines(t, fd, s, &in);
    if (!over(t))
        end_lines(t, &fd, s, &in);
    if (!over(t))
        fault_happened(t);
    if (fd != -1)
        close(fd);
}

/* Many lines in one piece: how often did the program call recv()? */
static void run_few_calls(struct trial *t)
{
    run_lines(t);
    size_t calls = 0;
    for (size_t i = 0; i < log_count(&t->log); i++)
        calls += log_at(&t->log, i)->call == WITNESS_RECV;
    if (over(t) || calls <= 100)
        return;
    blame(t, log_first(&t->log, WITNESS_RECV, -1));
    fail(t, "recv-byte-by-byte",
         "a few calls of recv() for a stream in one piece", "%zu calls or more",
         calls);
}

#define PIECES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TALKS(...) (&(const struct talk){__VA_ARGS__})

static const struct check_case cases_line_by_line[] = {
    {"prints each line as soon as it is there", CLIENT, 7, 7, WORKS, PLAIN,
     run_lines,
     TALKS(.what = "sent three lines, each when the one before was printed",
           .pieces = PIECES("xxxxx\n", "xxx\n", "xxxxxxx\n"))},
    {"prints all lines of one piece at once", CLIENT, 7, 7, TALK, PLAIN,
     run_lines,
     TALKS(.what = "sent three lines in one piece, and stayed connected",
           .pieces = PIECES("xxx\nxxxxx\nxx\n"),
           .diagnosis = "recv-rest-dropped")},
    {"puts a line together from pieces", CLIENT, 7, 7, TALK, PLAIN, run_lines,
     TALKS(.what = "sent lines that are cut in the middle",
           .pieces = PIECES("xx", "xx\nxx", "xxx\nx", "x\nxxx\nxxx", "xx\n"),
           .diagnosis = "recv-rest-dropped")},
    {"takes the end of the stream for the end of the last line", CLIENT, 7, 7,
     TALK, PLAIN, run_lines,
     TALKS(.what = "ended our side without a newline behind the last line",
           .pieces = PIECES("xxx\nxxxx"), .diagnosis = "recv-last-line")},
    {"prints empty lines, and none at the end", CLIENT, 7, 7, TALK, PLAIN,
     run_lines,
     TALKS(.what = "sent lines some of which are empty",
           .pieces = PIECES("\n\nxxx\n\n"), .diagnosis = "recv-last-line")},
    {"has nothing to print of an empty stream", CLIENT, 7, 7, TALK, PLAIN,
     run_lines,
     TALKS(.what = "ended our side without a byte", .pieces = PIECES(""),
           .diagnosis = "recv-last-line")},
    {"prints bytes as they came, zero bytes too", CLIENT, 7, 7, TALK, PLAIN,
     run_lines,
     TALKS(.what = "sent lines with zero bytes and bytes above 127",
           .pieces = PIECES("x0x\r\n^0^\nx\n"),
           .diagnosis = "recv-strlen-length")},
    {"accepts lines of 1023 bytes", CLIENT, 7, 7, TALK, ASAN, run_lines,
     TALKS(.what = "sent short lines and lines of 1023 bytes in one piece",
           .pieces = PIECES("xx\n#\nx\n#\n#\nxx"),
           .diagnosis = "recv-line-limit")},
    {"accepts such a line also when its newline comes later", CLIENT, 7, 7,
     TALK, ASAN, run_lines,
     TALKS(.what = "sent 1023 bytes, and their newline when they were taken",
           .pieces = PIECES("#\n"), .cut = 1023,
           .diagnosis = "recv-line-limit")},
    {"refuses the 1024th byte of a line", CLIENT, 7, 7, TALK, ASAN, run_lines,
     TALKS(.what = "sent a short line and 1024 bytes without a newline, and "
                   "stayed connected",
           .pieces = PIECES("xx\n#x"), .side = SIDE_STAYS, .error = EMSGSIZE,
           .diagnosis = "recv-line-limit")},
    {"puts lines together from short counts", CLIENT, 7, 7, TALK, PLAIN,
     run_lines,
     TALKS(.what = "sent three lines in one piece",
           .pieces = PIECES("xxxx\nxxxxx\nx\n"), .fault = "recv:short=3",
           .diagnosis = "recv-rest-dropped")},
    {"goes on when a signal interrupts recv()", CLIENT, 7, 7, TALK, PLAIN,
     run_lines,
     TALKS(.what = "sent a line", .pieces = PIECES("xxxx\n"),
           .fault = "recv:eintr=1", .diagnosis = "recv-no-eintr")},
    {"reports a connection that is reset in the middle of a line", CLIENT, 7, 7,
     TALK, PLAIN, run_lines,
     TALKS(.what = "sent half a line, then a reset", .pieces = PIECES("xxx"),
           .side = SIDE_RESETS, .error = ECONNRESET,
           .diagnosis = "recv-error-is-eof")},
    {"does not depend on what is in memory by chance", CLIENT, 7, 7, TALK,
     PATTERN, run_lines,
     TALKS(.what = "sent lines that are cut in the middle",
           .pieces = PIECES("xx", "xx\nxx", "xxx\nx"))},
    {"receives as much as there is, not each byte alone", CLIENT, 7, 7, TALK,
     PLAIN, run_few_calls,
     TALKS(.what = "sent a few lines in one piece",
           .pieces = PIECES("@\n@\n@\n@\n@\n@\n@\n@\n"))},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- overflow ------------------------------------------------------------ */

/* Garbage behind the name: nothing ends the string. */
static const char *name_of_output(struct trial *t, const struct bytes *want,
                                  const char *otherwise)
{
    size_t name = want->size - 1;
    if (says_error(&t->child, EMSGSIZE))
        return "recv-name-limit";
    if (t->child.out.length >= want->size &&
        memcmp(t->child.out.bytes, want->at, name) == 0)
        return "recv-no-terminator";
    if (t->child.out.length == name &&
        memcmp(t->child.out.bytes, want->at, name - 1) == 0)
        return "recv-zero-byte-inside";
    return explained(t, otherwise);
}

static void judge_name(struct trial *t, const struct talk *s,
                       const struct bytes *want)
{
    char got[200];
    if (!over(t) && t->child.ended && !left_clean(t)) {
        if (strcmp(t->result->diagnosis, "recv-off-by-one") == 0)
            strcpy(t->result->diagnosis, "recv-zero-byte-outside");
    } else if (s->error != 0) {
        check_failed(t, s->error, s->diagnosis);
    } else if (!printed(t, want)) {
        differs(t, want, name_of_output(t, want, s->diagnosis));
    } else if (!exited(&t->child, 0)) {
        fail(t, explained(t, s->diagnosis), "exit status 0", "%s",
             ending_text(&t->child, got, sizeof got));
    }
    fault_happened(t);
}

static void run_name(struct trial *t)
{
    const struct talk *s = (const struct talk *)take_script(t);
    struct bytes in = {0, ""}, want = {0, ""};
    t->fault = s->fault;
    int fd = visit(t);
    if (fd == -1)
        return;
    add_pattern(&in, s->pieces[0]);
    add(&want, "hello, ", 7);
    add(&want, in.at, in.size);
    add(&want, "\n", 1);
    did(t, "%s", s->what);
    peer_send(t, fd, in.at, in.size, s->cut);
    peer_end_side(&fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    judge_name(t, s, &want);
    if (fd != -1)
        close(fd);
}

static const struct check_case cases_overflow[] = {
    {"greets by name", CLIENT, 7, 7, WORKS, PLAIN, run_name,
     TALKS(.what = "sent a name and ended our side",
           .pieces = PIECES("xxxxxxxx"))},
    {"accepts a name of 63 bytes", CLIENT, 7, 7, TALK, ASAN, run_name,
     TALKS(.what = "sent a name of 63 bytes", .pieces = PIECES("@"),
           .diagnosis = "recv-name-limit")},
    {"stays inside its buffer when a name has 64 bytes", CLIENT, 7, 7, TALK,
     ASAN, run_name,
     TALKS(.what = "sent a name of 64 bytes", .pieces = PIECES("@x"),
           .error = EMSGSIZE, .diagnosis = "recv-name-limit")},
    {"stays inside its buffer when a name has 10000 bytes", CLIENT, 7, 7, TALK,
     ASAN, run_name,
     TALKS(.what = "sent a name of about 10000 bytes",
           .pieces = PIECES("##########"), .error = EMSGSIZE,
           .diagnosis = "recv-name-limit")},
    {"puts a name together from pieces", CLIENT, 7, 7, TALK, PLAIN, run_name,
     TALKS(.what = "sent a name, three bytes at a time",
           .pieces = PIECES("xxxxxxxxxxxxxxxxxxxx"), .cut = 3,
           .diagnosis = "recv-one-piece")},
    {"takes an empty stream for an empty name", CLIENT, 7, 7, TALK, PATTERN,
     run_name,
     TALKS(.what = "ended our side without a byte", .pieces = PIECES(""),
           .diagnosis = "recv-no-terminator")},
    {"ends a name where it ends", CLIENT, 7, 7, TALK, PATTERN, run_name,
     TALKS(.what = "sent a name and ended our side",
           .pieces = PIECES("xxxxxxxx"), .diagnosis = "recv-no-terminator")},
    {"reports a failing recv()", CLIENT, 7, 7, TALK, PLAIN, run_name,
     TALKS(.what = "let recv() fail", .pieces = PIECES("xxxx"),
           .fault = "recv:fail=104", .error = ECONNRESET,
           .diagnosis = "recv-error-is-eof")},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

/* --- hostile-frame ------------------------------------------------------- */

enum { FRAME_MAX = 4096 };

/** A stream of frames: bodies as patterns, and a last header without one. */
struct frames {
    const char *what;
    const char *const *bodies; /* patterns */
    bool liar;                 /* then a header with this length … */
    uint32_t claimed;
    size_t delivered; /* … and so many bytes of its body */
    size_t headless;  /* or so many bytes of a header */
    size_t cut;       /* sent so many bytes at a time */
    const char *fault;
    enum side side;
    int error;
    const char *diagnosis;
};

static void add_number(struct bytes *b, uint32_t number)
{
    number = htonl(number);
    add(b, &number, sizeof number);
}

static void make_frames(const struct frames *s, struct bytes *in,
                        struct bytes *want)
{
    for (size_t i = 0; s->bodies[i] != NULL; i++) {
        struct bytes body = {0, ""};
        char head[30];
        add_pattern(&body, s->bodies[i]);
        add_number(in, (uint32_t)body.size);
        add(in, body.at, body.size);
        int n = snprintf(head, sizeof head, "%zu bytes: ", body.size);
        add(want, head, (size_t)n);
        add(want, body.at, body.size);
        add(want, "\n", 1);
    }
    if (s->liar)
        add_number(in, s->claimed);
    add_letters(in, s->delivered);
    add(in, "\0\0\0\5", s->headless);
}

/* Does it say 0 bytes of a frame that has some? */
static const char *name_frame(const struct trial *t, const struct frames *s)
{
    bool unset = strncmp(t->child.out.bytes, "0 bytes: ", 9) == 0 &&
                 s->bodies[0] != NULL && s->bodies[0][0] != '\0';
    return unset ? "frame-length-unset" : s->diagnosis;
}

/* Why a length that is too large is not refused as it should be. */
static const char *name_refusal(struct trial *t, const struct frames *s,
                                const struct bytes *want)
{
    const struct witness_record *r = log_last(&t->log, WITNESS_RECV, -1);
    if (s->error != EMSGSIZE)
        return s->diagnosis;
    if (exited(&t->child, 0) && printed(t, want))
        return "frame-refused-silently";
    if (t->child.ended || r == NULL || r->a < 1 || r->a > FRAME_MAX)
        return s->diagnosis;
    blame(t, r);
    return "frame-body-awaited";
}

static void judge_frames(struct trial *t, const struct frames *s,
                         const struct bytes *want)
{
    char got[200];
    if (!over(t) && t->child.ended && !left_clean(t)) {
        if (s->liar) /* what the sanitizer saw came of that */
            strcpy(t->result->diagnosis, s->diagnosis);
        return;
    }
    if (s->error != 0) {
        check_failed(t, s->error, name_refusal(t, s, want));
        if (!over(t) && !printed(t, want))
            differs(t, want, s->diagnosis);
        return;
    }
    if (says_error(&t->child, EMSGSIZE))
        differs(t, want,
                s->bodies[1] == NULL ? "frame-no-ntohl" : s->diagnosis);
    if (!over(t) && !t->child.ended)
        fail(t, explained(t, name_frame(t, s)),
             "a program that ends with the stream", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    if (!over(t) && !printed(t, want))
        differs(t, want, name_frame(t, s));
    if (!over(t) && !exited(&t->child, 0))
        fail(t, explained(t, s->diagnosis), "exit status 0", "%s",
             ending_text(&t->child, got, sizeof got));
}

static void run_frames(struct trial *t)
{
    const struct frames *s = (const struct frames *)take_script(t);
    struct bytes in = {0, ""}, want = {0, ""};
    make_frames(s, &in, &want);
    t->fault = s->fault;
    int fd = visit(t);
    if (fd == -1)
        return;
    did(t, "%s", s->what);
    peer_send(t, fd, in.at, in.size, s->cut);
    if (!await_output(t, want.size) && s->error == 0 && !t->child.ended)
        differs(t, &want, explained(t, name_frame(t, s)));
    peer_end_side(&fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    judge_frames(t, s, &want);
    fault_happened(t);
    if (fd != -1)
        close(fd);
}

#define FRAMES(...) (&(const struct frames){__VA_ARGS__})

static const struct check_case cases_hostile_frame[] = {
    {"prints a frame as soon as it is complete", CLIENT, 7, 7, WORKS, PLAIN,
     run_frames,
     FRAMES(.what = "sent a frame, stayed connected, then ended our side",
            .bodies = PIECES("xxxxxxxxxxxxxxxxxxxxx"))},
    {"tells frames apart that come in one piece", CLIENT, 7, 7, TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent three frames in one piece",
            .bodies = PIECES("xxxxx", "x", "@@@@@"),
            .diagnosis = "frame-boundary")},
    {"puts frames together from pieces", CLIENT, 7, 7, TALK, PLAIN, run_frames,
     FRAMES(.what = "sent two frames, one byte at a time",
            .bodies = PIECES("xxxxx", "xxx"), .cut = 1,
            .diagnosis = "frame-single-call")},
    {"puts frames together from short counts", CLIENT, 7, 7, TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent two frames", .bodies = PIECES("xxxxx", "xxx"),
            .fault = "recv:short=3", .diagnosis = "frame-single-call")},
    {"takes a length of 0 for an empty frame", CLIENT, 7, 7, TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent a frame, an empty one, and another",
            .bodies = PIECES("xxx", "", "xxxx"),
            .diagnosis = "frame-empty-is-end")},
    {"prints bytes as they came, zero bytes too", CLIENT, 7, 7, TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent frames with zero bytes and bytes above 127",
            .bodies = PIECES("x0x\r", "^0^\n"),
            .diagnosis = "recv-strlen-length")},
    {"accepts a body of 4096 bytes", CLIENT, 7, 7, TALK, ASAN, run_frames,
     FRAMES(.what = "sent a frame of 4096 bytes",
            .bodies = PIECES("####xxxx", "x"),
            .diagnosis = "frame-length-limit")},
    {"refuses a length of 4097", CLIENT, 7, 7, TALK, ASAN, run_frames,
     FRAMES(.what = "sent a frame, a length of 4097 and as many bytes",
            .bodies = PIECES("xx"), .liar = true, .claimed = 4097,
            .delivered = 4097, .error = EMSGSIZE,
            .diagnosis = "frame-length-trusted")},
    {"refuses a length of 4 GiB, at once", CLIENT, 7, 7, TALK, ASAN, run_frames,
     FRAMES(.what = "sent a length of 4294967295 and ten bytes, and stayed "
                    "connected",
            .bodies = PIECES(NULL), .liar = true, .claimed = 0xffffffff,
            .delivered = 10, .side = SIDE_STAYS, .error = EMSGSIZE,
            .diagnosis = "frame-length-signed")},
    {"refuses a length of 2 GiB, at once", CLIENT, 7, 7, TALK, ASAN, run_frames,
     FRAMES(.what = "sent a length of 2147483648 and 8000 bytes, and stayed "
                    "connected",
            .bodies = PIECES(NULL), .liar = true, .claimed = 0x80000000,
            .delivered = 8000, .side = SIDE_STAYS, .error = EMSGSIZE,
            .diagnosis = "frame-length-signed")},
    {"reports a stream that ends in the middle of a header", CLIENT, 7, 7, TALK,
     PATTERN, run_frames,
     FRAMES(.what = "sent a frame and half a header, and ended our side",
            .bodies = PIECES("xx"), .headless = 2, .error = EPROTO,
            .diagnosis = "frame-cut-short")},
    {"reports a stream that ends behind a header", CLIENT, 7, 7, TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent a length of 7, and ended our side",
            .bodies = PIECES(NULL), .liar = true, .claimed = 7, .error = EPROTO,
            .diagnosis = "frame-cut-short")},
    {"reports a stream that ends in the middle of a body", CLIENT, 7, 7, TALK,
     PLAIN, run_frames,
     FRAMES(.what = "sent a length of 7 and five bytes, and ended our side",
            .bodies = PIECES("xx"), .liar = true, .claimed = 7, .delivered = 5,
            .error = EPROTO, .diagnosis = "frame-cut-short")},
    {"reports a connection that is reset in the middle of a body", CLIENT, 7, 7,
     TALK, PLAIN, run_frames,
     FRAMES(.what = "sent a length of 7 and five bytes, then a reset",
            .bodies = PIECES(NULL), .liar = true, .claimed = 7, .delivered = 5,
            .side = SIDE_RESETS, .error = ECONNRESET,
            .diagnosis = "recv-error-is-eof")},
    {NULL, SERVER, 0, 0, WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_07[] = {
    {"07-recv/to-the-end", CLIENT, cases_to_the_end},
    {"07-recv/line-by-line", CLIENT, cases_line_by_line},
    {"07-recv/overflow", CLIENT, cases_overflow},
    {"07-recv/hostile-frame", CLIENT, cases_hostile_frame},
    {NULL, SERVER, NULL}};
