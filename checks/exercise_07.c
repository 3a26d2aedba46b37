/**
 * @file
 * How the exercises of step 7 are judged.
 */
#define _GNU_SOURCE /* memmem */
#include "exercise.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Has a sanitizer seen what went wrong? Then that is what is told. */
static bool reported(struct trial *t)
{
    char line[300];
    const char *name = over(t) ? NULL : sanitizer_name(t, line, sizeof line);
    if (name != NULL && strstr(line, "param-overlap") != NULL)
        name = "recv-memcpy-overlap";
    if (name != NULL)
        fail(t, name, "not a word from the sanitizers", "%s", line);
    return name != NULL;
}

/* The program must have failed, and nothing else must have been seen. */
static void check_failed(struct trial *t, int error, const char *diagnosis)
{
    if (!reported(t))
        check_error(t, "recv", error, diagnosis);
}

/* The stream has ended, and so must the program. */
static void check_ended(struct trial *t, const char *diagnosis)
{
    if (!over(t) && !t->child.ended)
        fail(t, explained(t, diagnosis), "a program that ends with the stream",
             "%s", its_state(t));
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

static void add_text(struct bytes *b, const char *text)
{
    add(b, text, strlen(text));
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
    for (call r = first_call(t, WITNESS_RECV); r != NULL; r = next_call(t, r)) {
        if (r->result <= 0 || (r->b & MSG_PEEK))
            continue;
        *pieces += 1;
        if ((size_t)r->result > *largest)
            *largest = (size_t)r->result;
    }
    return true;
}

/* Why the sum may be wrong. */
static const char *name_sum(struct trial *t, size_t size, size_t said)
{
    call last = last_call(t, WITNESS_RECV);
    call first = first_call(t, WITNESS_RECV);
    if (last == NULL || said == size)
        return "";
    blame(t, last);
    if (last->error != 0)
        return "recv-error-is-eof";
    if (last->result > 0)
        return first == last ? "recv-one-piece" : "recv-stops-before-eof";
    return said > size ? "recv-count-ignored" : "";
}

/* Each call must offer the room that the task says, and wait for no more than
   what is there: else the pieces are not those of the network. */
static void check_room(struct trial *t)
{
    call r = first_call(t, WITNESS_RECV);
    while (r != NULL && ((r->b & MSG_PEEK) != 0 ||
                         (r->a == ROOM && (r->b & MSG_WAITALL) == 0)))
        r = next_call(t, r);
    if (r != NULL)
        fail_at(t, r, "recv-room", "recv() with room for 65536 bytes, flags 0",
                "room for %lld bytes%s", (long long)r->a,
                (r->b & MSG_WAITALL) != 0 ? ", and MSG_WAITALL" : "");
}

static void check_tally(struct trial *t, const char *bytes, size_t size)
{
    size_t have[3] = {0, 0, 0}, pieces, largest;
    unsigned sum = 0, right = (unsigned)checksum(bytes, size);
    const char *expected = phrase("\"%zu bytes in ... pieces, the largest ..., "
                                  "checksum %08x\" on stdout",
                                  size, right);
    if (over(t))
        return;
    if (sscanf(t->child.out.bytes,
               "%zu bytes in %zu pieces, the largest %zu, checksum %x\n",
               &have[0], &have[1], &have[2], &sum) != 4)
        fail(t, "", expected, "%s", its_output(t));
    else if (have[0] != size || sum != right)
        fail(t,
             have[0] == size ? "recv-wrong-bytes" : name_sum(t, size, have[0]),
             expected, "%s", its_output(t));
    else if (count_pieces(t, &pieces, &largest) &&
             (have[1] != pieces || have[2] != largest))
        fail(t, have[1] == pieces + 1 ? "recv-end-counted" : "",
             phrase("%zu pieces, the largest %zu: so many calls of recv() "
                    "brought bytes, and so many at most",
                    pieces, largest),
             "%s", its_output(t));
    check_room(t);
}

static void send_stream(struct trial *t, int fd, const struct stream *s,
                        const char *bytes, size_t size)
{
    did(t, "%s", s->what);
    peer_send(t, fd, bytes, size, s->piece);
    peer_end_side(&fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    check_ended(t, s->diagnosis);
    close_if_open(fd);
}

static void judge_stream(struct trial *t, const struct stream *s,
                         const char *bytes, size_t size)
{
    if (!fault_happened(t))
        return;
    if (s->error == 0) {
        check_ending(t, 0, s->diagnosis);
        check_tally(t, bytes, size);
        return;
    }
    check_failed(t, s->error, s->diagnosis);
    if (t->child.out.length > 0)
        fail(t, s->diagnosis, "no sum on stdout after a failure",
             "there is one");
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
    int fd = let_visit(t, open_listener(t), NULL);
    if (fd != -1) {
        send_stream(t, fd, s, bytes, size);
        judge_stream(t, s, bytes, size);
    }
    free(bytes);
}

#define STREAM(...) (&(const struct stream){__VA_ARGS__})

static const struct check_case cases_to_the_end[] = {
    {"counts a stream that comes in one piece", CLIENT_WORKS, PLAIN, run_stream,
     STREAM(.what = "sent some bytes at once", .size = 2000, .more = 3000)},
    {"counts a stream that comes in many pieces", CLIENT_TALK, PLAIN,
     run_stream,
     STREAM(.what = "sent bytes, 700 at a time", .size = 20000, .more = 9000,
            .piece = 700, .diagnosis = "recv-one-piece")},
    {"counts a long stream", CLIENT_TALK, ASAN, run_stream,
     STREAM(.what = "sent a million bytes", .size = 1000000, .more = 9999)},
    {"takes an empty stream for 0 bytes", CLIENT_TALK, PLAIN, run_stream,
     STREAM(.what = "sent nothing and ended our side",
            .diagnosis = "recv-eof-is-error")},
    {"goes on when a signal interrupts recv()", CLIENT_TALK, PLAIN, run_stream,
     STREAM(.what = "sent some bytes", .size = 2000, .fault = "recv:eintr=1",
            .diagnosis = "recv-no-eintr")},
    {"reports a connection that is reset", CLIENT_TALK, PLAIN, run_stream,
     STREAM(.what = "sent bytes, then a reset", .size = 2000,
            .side = SIDE_RESETS, .error = ECONNRESET,
            .diagnosis = "recv-error-is-eof")},
    {MEMORY_BY_CHANCE, CLIENT_TALK, PATTERN, run_stream,
     STREAM(.what = "sent bytes, 700 at a time", .size = 9000, .piece = 700)},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- line-by-line -------------------------------------------------------- */

/* What the program prints of a stream: all lines that are complete, and at the
   end also the rest. */
static struct bytes number_lines(const struct bytes *in, bool at_end)
{
    struct bytes out = {0, ""};
    unsigned number = 0;
    for (size_t at = 0; at < in->size;) {
        const char *line = in->at + at;
        const char *end = (const char *)memchr(line, '\n', in->size - at);
        if (end == NULL && !at_end)
            return out;
        size_t length = end != NULL ? (size_t)(end - line) : in->size - at;
        add_text(&out, phrase("%u: ", ++number));
        add(&out, line, length);
        add_text(&out, "\n");
        at += length + 1;
    }
    return out;
}

/* Has it printed this, and nothing else? */
static bool has_printed(const struct trial *t, const struct bytes *want)
{
    return printed(t, want->at, want->size);
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

/* Fails, unless just this has been printed by now. */
static void check_printed(struct trial *t, const struct bytes *want,
                          const char *name)
{
    if (over(t) || has_printed(t, want))
        return;
    fail(t, name != NULL && name[0] != '\0' ? name : unwritten(t),
         phrase("on stdout by now: %s, %zu bytes",
                quoted(want->at, want->size, 250), want->size),
         "%s, %zu bytes; %s", its_output(t), t->child.out.total, its_state(t));
}

/* Lines are missing: do they come when the stream goes on or ends? */
static const char *name_missing_lines(struct trial *t, int fd,
                                      const struct bytes *in,
                                      const char *otherwise)
{
    if (t->child.ended || t->outcome != BLOCKED)
        return otherwise;
    call r = log_pending(&t->log);
    struct bytes all = number_lines(in, true);
    shutdown(fd, SHUT_WR);
    blame(t, r);
    bool late = await_output(t, all.size) && has_printed(t, &all);
    return late ? "recv-rest-waits" : "recv-rest-dropped";
}

/* Does it print what has not come at all? */
static bool strays(const struct trial *t, const struct bytes *in)
{
    struct bytes all = number_lines(in, true);
    return t->child.out.total > all.size ||
           memcmp(t->child.out.bytes, all.at, t->child.out.length) != 0;
}

/* Sends the pieces; after each the complete lines must be printed. */
static void send_lines(struct trial *t, int fd, const struct talk *s,
                       struct bytes *in)
{
    for (size_t i = 0; s->pieces[i] != NULL && !over(t); i++) {
        size_t before = in->size;
        add_pattern(in, s->pieces[i]);
        peer_send(t, fd, in->at + before, in->size - before, s->cut);
        if (s->error != 0)
            continue;
        struct bytes want = number_lines(in, false);
        await_output(t, want.size);
        if (has_printed(t, &want) || reported(t))
            continue;
        check_printed(t, &want, ""); /* as it is now; then we try it out */
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
    struct bytes want = number_lines(in, s->error == 0);
    peer_end_side(fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (s->error != 0) {
        check_failed(t, s->error, s->diagnosis);
        check_printed(t, &want, s->diagnosis);
        return;
    }
    if (!t->child.ended && t->child.out.total > want.size)
        fail(t, "recv-end-repeats", "a program that ends with the stream", "%s",
             its_state(t));
    check_ended(t, s->diagnosis);
    if (!has_printed(t, &want) && !reported(t))
        check_printed(t, &want, s->diagnosis);
    check_ending(t, 0, s->diagnosis);
}

static void run_lines(struct trial *t)
{
    const struct talk *s = (const struct talk *)take_script(t);
    struct bytes in = {0, ""};
    t->fault = s->fault;
    int fd = let_visit(t, open_listener(t), NULL);
    if (fd == -1)
        return;
    did(t, "%s", s->what);
    send_lines(t, fd, s, &in);
    if (!over(t))
        end_lines(t, &fd, s, &in);
    if (!over(t))
        fault_happened(t);
    close_if_open(fd);
}

/* Many lines in one piece: how often did the program call recv()? */
static void run_few_calls(struct trial *t)
{
    run_lines(t);
    size_t calls = count_calls(t, WITNESS_RECV);
    if (calls > 100)
        fail_at(t, first_call(t, WITNESS_RECV), "recv-byte-by-byte",
                "a few calls of recv() for a stream in one piece",
                "%zu calls or more", calls);
}

#define PIECES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TALKS(...) (&(const struct talk){__VA_ARGS__})

static const struct check_case cases_line_by_line[] = {
    {"prints each line as soon as it is there", CLIENT_WORKS, PLAIN, run_lines,
     TALKS(.what = "sent three lines, each when the one before was printed",
           .pieces = PIECES("xxxxx\n", "xxx\n", "xxxxxxx\n"))},
    {"prints all lines of one piece at once", CLIENT_TALK, PLAIN, run_lines,
     TALKS(.what = "sent three lines in one piece, and stayed connected",
           .pieces = PIECES("xxx\nxxxxx\nxx\n"),
           .diagnosis = "recv-rest-dropped")},
    {"puts a line together from pieces", CLIENT_TALK, PLAIN, run_lines,
     TALKS(.what = "sent lines that are cut in the middle",
           .pieces = PIECES("xx", "xx\nxx", "xxx\nx", "x\nxxx\nxxx", "xx\n"),
           .diagnosis = "recv-rest-dropped")},
    {"takes the end of the stream for the end of the last line", CLIENT_TALK,
     PLAIN, run_lines,
     TALKS(.what = "ended our side without a newline behind the last line",
           .pieces = PIECES("xxx\nxxxx"), .diagnosis = "recv-last-line")},
    {"prints empty lines, and none at the end", CLIENT_TALK, PLAIN, run_lines,
     TALKS(.what = "sent lines some of which are empty",
           .pieces = PIECES("\n\nxxx\n\n"), .diagnosis = "recv-last-line")},
    {"has nothing to print of an empty stream", CLIENT_TALK, PLAIN, run_lines,
     TALKS(.what = "ended our side without a byte", .pieces = PIECES(""),
           .diagnosis = "recv-last-line")},
    {"prints bytes as they came, zero bytes too", CLIENT_TALK, PLAIN, run_lines,
     TALKS(.what = "sent lines with zero bytes and bytes above 127",
           .pieces = PIECES("x0x\r\n^0^\nx\n"),
           .diagnosis = "recv-strlen-length")},
    {"accepts lines of 1023 bytes", CLIENT_TALK, ASAN, run_lines,
     TALKS(.what = "sent short lines and lines of 1023 bytes in one piece",
           .pieces = PIECES("xx\n#\nx\n#\n#\nxx"),
           .diagnosis = "recv-line-limit")},
    {"accepts such a line also when its newline comes later", CLIENT_TALK, ASAN,
     run_lines,
     TALKS(.what = "sent 1023 bytes, and their newline when they were taken",
           .pieces = PIECES("#\n"), .cut = 1023,
           .diagnosis = "recv-line-limit")},
    {"refuses the 1024th byte of a line", CLIENT_TALK, ASAN, run_lines,
     TALKS(.what = "sent a short line and 1024 bytes without a newline, and "
                   "stayed connected",
           .pieces = PIECES("xx\n#x"), .side = SIDE_STAYS, .error = EMSGSIZE,
           .diagnosis = "recv-line-limit")},
    {"puts lines together from short counts", CLIENT_TALK, PLAIN, run_lines,
     TALKS(.what = "sent three lines in one piece",
           .pieces = PIECES("xxxx\nxxxxx\nx\n"), .fault = "recv:short=3",
           .diagnosis = "recv-rest-dropped")},
    {"goes on when a signal interrupts recv()", CLIENT_TALK, PLAIN, run_lines,
     TALKS(.what = "sent a line", .pieces = PIECES("xxxx\n"),
           .fault = "recv:eintr=1", .diagnosis = "recv-no-eintr")},
    {"reports a connection that is reset in the middle of a line", CLIENT_TALK,
     PLAIN, run_lines,
     TALKS(.what = "sent half a line, then a reset", .pieces = PIECES("xxx"),
           .side = SIDE_RESETS, .error = ECONNRESET,
           .diagnosis = "recv-error-is-eof")},
    {MEMORY_BY_CHANCE, CLIENT_TALK, PATTERN, run_lines,
     TALKS(.what = "sent lines that are cut in the middle",
           .pieces = PIECES("xx", "xx\nxx", "xxx\nx"))},
    {"receives as much as there is, not each byte alone", CLIENT_TALK, PLAIN,
     run_few_calls,
     TALKS(.what = "sent a few lines in one piece",
           .pieces = PIECES("@\n@\n@\n@\n@\n@\n@\n@\n"))},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

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
    if (!over(t) && t->child.ended && !left_clean(t)) {
        if (strcmp(t->result->diagnosis, "recv-off-by-one") == 0)
            strcpy(t->result->diagnosis, "recv-zero-byte-outside");
    } else if (s->error != 0) {
        check_failed(t, s->error, s->diagnosis);
    } else if (!has_printed(t, want)) {
        check_printed(t, want, name_of_output(t, want, s->diagnosis));
    } else {
        check_ending(t, 0, s->diagnosis);
    }
    fault_happened(t);
}

static void run_name(struct trial *t)
{
    const struct talk *s = (const struct talk *)take_script(t);
    struct bytes in = {0, ""}, want = {0, ""};
    t->fault = s->fault;
    int fd = let_visit(t, open_listener(t), NULL);
    if (fd == -1)
        return;
    add_pattern(&in, s->pieces[0]);
    add_text(&want, "hello, ");
    add(&want, in.at, in.size);
    add_text(&want, "\n");
    did(t, "%s", s->what);
    peer_send(t, fd, in.at, in.size, s->cut);
    peer_end_side(&fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    judge_name(t, s, &want);
    close_if_open(fd);
}

static const struct check_case cases_overflow[] = {
    {"greets by name", CLIENT_WORKS, PLAIN, run_name,
     TALKS(.what = "sent a name and ended our side",
           .pieces = PIECES("xxxxxxxx"))},
    {"accepts a name of 63 bytes", CLIENT_TALK, ASAN, run_name,
     TALKS(.what = "sent a name of 63 bytes", .pieces = PIECES("@"),
           .diagnosis = "recv-name-limit")},
    {"stays inside its buffer when a name has 64 bytes", CLIENT_TALK, ASAN,
     run_name,
     TALKS(.what = "sent a name of 64 bytes", .pieces = PIECES("@x"),
           .error = EMSGSIZE, .diagnosis = "recv-name-limit")},
    {"stays inside its buffer when a name has 10000 bytes", CLIENT_TALK, ASAN,
     run_name,
     TALKS(.what = "sent a name of about 10000 bytes",
           .pieces = PIECES("##########"), .error = EMSGSIZE,
           .diagnosis = "recv-name-limit")},
    {"puts a name together from pieces", CLIENT_TALK, PLAIN, run_name,
     TALKS(.what = "sent a name, three bytes at a time",
           .pieces = PIECES("xxxxxxxxxxxxxxxxxxxx"), .cut = 3,
           .diagnosis = "recv-one-piece")},
    {"takes an empty stream for an empty name", CLIENT_TALK, PATTERN, run_name,
     TALKS(.what = "ended our side without a byte", .pieces = PIECES(""),
           .diagnosis = "recv-no-terminator")},
    {"ends a name where it ends", CLIENT_TALK, PATTERN, run_name,
     TALKS(.what = "sent a name and ended our side",
           .pieces = PIECES("xxxxxxxx"), .diagnosis = "recv-no-terminator")},
    {"reports a failing recv()", CLIENT_TALK, PLAIN, run_name,
     TALKS(.what = "let recv() fail", .pieces = PIECES("xxxx"),
           .fault = "recv:fail=104", .error = ECONNRESET,
           .diagnosis = "recv-error-is-eof")},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

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
        add_pattern(&body, s->bodies[i]);
        add_number(in, (uint32_t)body.size);
        add(in, body.at, body.size);
        add_text(want, phrase("%zu bytes: ", body.size));
        add(want, body.at, body.size);
        add_text(want, "\n");
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
    call r = last_call(t, WITNESS_RECV);
    if (s->error != EMSGSIZE)
        return s->diagnosis;
    if (exited(&t->child, 0) && has_printed(t, want))
        return "frame-refused-silently";
    if (t->child.ended || r == NULL || r->a < 1 || r->a > FRAME_MAX)
        return s->diagnosis;
    return shown_by(t, r, "frame-body-awaited");
}

static void judge_frames(struct trial *t, const struct frames *s,
                         const struct bytes *want)
{
    if (!over(t) && t->child.ended && !left_clean(t)) {
        if (s->liar) /* what the sanitizer saw came of that */
            strcpy(t->result->diagnosis, s->diagnosis);
        return;
    }
    if (s->error != 0) {
        check_failed(t, s->error, name_refusal(t, s, want));
        check_printed(t, want, s->diagnosis);
        return;
    }
    if (says_error(&t->child, EMSGSIZE))
        check_printed(t, want,
                      s->bodies[1] == NULL ? "frame-no-ntohl" : s->diagnosis);
    check_ended(t, name_frame(t, s));
    check_printed(t, want, name_frame(t, s));
    check_ending(t, 0, s->diagnosis);
}

static void run_frames(struct trial *t)
{
    const struct frames *s = (const struct frames *)take_script(t);
    struct bytes in = {0, ""}, want = {0, ""};
    make_frames(s, &in, &want);
    t->fault = s->fault;
    int fd = let_visit(t, open_listener(t), NULL);
    if (fd == -1)
        return;
    did(t, "%s", s->what);
    peer_send(t, fd, in.at, in.size, s->cut);
    if (!await_output(t, want.size) && s->error == 0 && !t->child.ended)
        check_printed(t, &want, explained(t, name_frame(t, s)));
    peer_end_side(&fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    judge_frames(t, s, &want);
    fault_happened(t);
    close_if_open(fd);
}

#define FRAMES(...) (&(const struct frames){__VA_ARGS__})

static const struct check_case cases_hostile_frame[] = {
    {"prints a frame as soon as it is complete", CLIENT_WORKS, PLAIN,
     run_frames,
     FRAMES(.what = "sent a frame, stayed connected, then ended our side",
            .bodies = PIECES("xxxxxxxxxxxxxxxxxxxxx"))},
    {"tells frames apart that come in one piece", CLIENT_TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent three frames in one piece",
            .bodies = PIECES("xxxxx", "x", "@@@@@"),
            .diagnosis = "frame-boundary")},
    {"puts frames together from pieces", CLIENT_TALK, PLAIN, run_frames,
     FRAMES(.what = "sent two frames, one byte at a time",
            .bodies = PIECES("xxxxx", "xxx"), .cut = 1,
            .diagnosis = "frame-single-call")},
    {"puts frames together from short counts", CLIENT_TALK, PLAIN, run_frames,
     FRAMES(.what = "sent two frames", .bodies = PIECES("xxxxx", "xxx"),
            .fault = "recv:short=3", .diagnosis = "frame-single-call")},
    {"takes a length of 0 for an empty frame", CLIENT_TALK, PLAIN, run_frames,
     FRAMES(.what = "sent a frame, an empty one, and another",
            .bodies = PIECES("xxx", "", "xxxx"),
            .diagnosis = "frame-empty-is-end")},
    {"prints bytes as they came, zero bytes too", CLIENT_TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent frames with zero bytes and bytes above 127",
            .bodies = PIECES("x0x\r", "^0^\n"),
            .diagnosis = "recv-strlen-length")},
    {"accepts a body of 4096 bytes", CLIENT_TALK, ASAN, run_frames,
     FRAMES(.what = "sent a frame of 4096 bytes",
            .bodies = PIECES("####xxxx", "x"),
            .diagnosis = "frame-length-limit")},
    {"refuses a length of 4097", CLIENT_TALK, ASAN, run_frames,
     FRAMES(.what = "sent a frame, a length of 4097 and as many bytes",
            .bodies = PIECES("xx"), .liar = true, .claimed = 4097,
            .delivered = 4097, .error = EMSGSIZE,
            .diagnosis = "frame-length-trusted")},
    {"refuses a length of 4 GiB, at once", CLIENT_TALK, ASAN, run_frames,
     FRAMES(.what = "sent a length of 4294967295 and ten bytes, and stayed "
                    "connected",
            .bodies = PIECES(NULL), .liar = true, .claimed = 0xffffffff,
            .delivered = 10, .side = SIDE_STAYS, .error = EMSGSIZE,
            .diagnosis = "frame-length-signed")},
    {"refuses a length of 2 GiB, at once", CLIENT_TALK, ASAN, run_frames,
     FRAMES(.what = "sent a length of 2147483648 and 8000 bytes, and stayed "
                    "connected",
            .bodies = PIECES(NULL), .liar = true, .claimed = 0x80000000,
            .delivered = 8000, .side = SIDE_STAYS, .error = EMSGSIZE,
            .diagnosis = "frame-length-signed")},
    {"reports a stream that ends in the middle of a header", CLIENT_TALK,
     PATTERN, run_frames,
     FRAMES(.what = "sent a frame and half a header, and ended our side",
            .bodies = PIECES("xx"), .headless = 2, .error = EPROTO,
            .diagnosis = "frame-cut-short")},
    {"reports a stream that ends behind a header", CLIENT_TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent a length of 7, and ended our side",
            .bodies = PIECES(NULL), .liar = true, .claimed = 7, .error = EPROTO,
            .diagnosis = "frame-cut-short")},
    {"reports a stream that ends in the middle of a body", CLIENT_TALK, PLAIN,
     run_frames,
     FRAMES(.what = "sent a length of 7 and five bytes, and ended our side",
            .bodies = PIECES("xx"), .liar = true, .claimed = 7, .delivered = 5,
            .error = EPROTO, .diagnosis = "frame-cut-short")},
    {"reports a connection that is reset in the middle of a body", CLIENT_TALK,
     PLAIN, run_frames,
     FRAMES(.what = "sent a length of 7 and five bytes, then a reset",
            .bodies = PIECES(NULL), .liar = true, .claimed = 7, .delivered = 5,
            .side = SIDE_RESETS, .error = ECONNRESET,
            .diagnosis = "recv-error-is-eof")},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_07[] = {
    {"07-recv/to-the-end", CLIENT, cases_to_the_end},
    {"07-recv/line-by-line", CLIENT, cases_line_by_line},
    {"07-recv/overflow", CLIENT, cases_overflow},
    {"07-recv/hostile-frame", CLIENT, cases_hostile_frame},
    {NULL, SERVER, NULL}};
