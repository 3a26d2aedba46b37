/**
 * @file
 * Does child.c keep its word? It starts this program again in the part of
 * every kind of bad child, and looks whether each is ended in time, reported
 * truly, and leaves no orphan.
 */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the parts ----------------------------------------------------------- */

static _Noreturn int hang(void)
{
    for (;;)
        pause();
}

static _Noreturn int spin(void)
{
    for (volatile unsigned i = 0;; i++)
        ;
}

static int deaf(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    return hang();
}

static int forks(void)
{
    if (fork() == 0)
        hang();
    return hang();
}

/* The parent ends at once; its child has left the session and lives on. */
static int escapes(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0)
            hang();
        hang();
    }
    return 0;
}

static int holds_pipe(void)
{
    puts("the parent ends, its child keeps stdout open");
    fflush(stdout);
    if (fork() == 0)
        hang();
    return 7;
}

static int floods(void)
{
    static char line[4096];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 10000; i++)
        if (write(STDOUT_FILENO, line, sizeof line) == -1)
            return 1;
    return 0;
}

static _Noreturn int floods_for_ever(void)
{
    for (;;)
        floods();
}

static int crashes(void)
{
    raise(SIGSEGV);
    return 0;
}

static int says_late(void)
{
    usleep(200000);
    fputs("listening on 127.0.0.1:1\n", stderr);
    return hang();
}

static int reads_line(void)
{
    char line[20];
    return fgets(line, sizeof line, stdin) != NULL && line[0] == '\n' ? 5 : 6;
}

static int has_no_stdin(void)
{
    char c;
    return read(STDIN_FILENO, &c, 1) == -1 && errno == EBADF ? 5 : 6;
}

static int sleeps_then_ends(void)
{
    usleep(700000);
    return 3;
}

static int chatters(void)
{
    while (usleep(5000) == 0)
        fputc('.', stderr);
    return 0;
}

static int finds_no_room(void)
{
    return write(STDOUT_FILENO, "x", 1) == -1 && errno == ENOSPC ? 5 : 6;
}

static int has_been_typed(void)
{
    char line[20];
    return read(STDIN_FILENO, line, sizeof line) == 2 &&
                   read(STDIN_FILENO, line, sizeof line) == 0
               ? 5
               : 6;
}

static int has_little_room(void)
{
    return write(STDOUT_FILENO, "one\ntwo\n", 8) == 6 &&
                   write(STDOUT_FILENO, "o\n", 2) == -1 && errno == EFBIG
               ? 5
               : 6;
}

static int two_lines(void)
{
    bool written = write(STDOUT_FILENO, "one\n", 4) == 4 &&
                   write(STDOUT_FILENO, "two\n", 4) == 4;
    return written ? 5 : 6;
}

struct part {
    const char *name;
    int (*play)(void);
};

static const struct part parts[] = {{"hang", hang},
                                    {"spin", spin},
                                    {"deaf", deaf},
                                    {"forks", forks},
                                    {"escapes", escapes},
                                    {"holds_pipe", holds_pipe},
                                    {"floods", floods},
                                    {"floods_for_ever", floods_for_ever},
                                    {"crashes", crashes},
                                    {"says_late", says_late},
                                    {"reads_line", reads_line},
                                    {"has_no_stdin", has_no_stdin},
                                    {"sleeps_then_ends", sleeps_then_ends},
                                    {"chatters", chatters},
                                    {"finds_no_room", finds_no_room},
                                    {"has_been_typed", has_been_typed},
                                    {"has_little_room", has_little_room},
                                    {"two_lines", two_lines}};

/* --- the tests -------------------------------------------------------------
 */

static const char *self;
static int number, failures;

static void ok(bool holds, const char *what)
{
    printf("%sok %d - %s\n", holds ? "" : "not ", ++number, what);
    fflush(stdout);
    failures += !holds;
}

static struct child play_in(const char *part, enum streams streams, size_t room)
{
    struct child child;
    struct launch l = {.argv = {self, part}, .streams = streams, .room = room};
    if (child_start(&child, &l) == -1)
        ok(false, "the program starts");
    return child;
}

static struct child play(const char *part, enum streams streams)
{
    return play_in(part, streams, 0);
}

/* Plays a part, waits for its end and expects this outcome; then ends it. */
static struct child ends_as(const char *part, enum outcome expected,
                            const char *what)
{
    uint64_t start = now_ns();
    struct child child = play(part, INPUT_OPEN);
    enum outcome got = child_await_end(&child, 500);
    bool in_time = now_ns() - start < 30000000000u;
    struct child seen = child;
    child_end(&child);
    child_sweep();
    ok(got == expected && in_time, what);
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
       "and leaves no process behind");
    return seen;
}

static void test_ends(void)
{
    ends_as("hang", BLOCKED, "a child that hangs is BLOCKED");
    ends_as("spin", SPINNING, "a child that spins is SPINNING");
    ends_as("deaf", BLOCKED, "a child that ignores SIGTERM is BLOCKED");
    ends_as("forks", BLOCKED, "a child that forks and hangs is BLOCKED");
    ends_as("floods_for_ever", SPINNING, "a flood without end is SPINNING");
    struct child c = ends_as("escapes", GOT_IT,
                             "a child whose child leaves "
                             "the session has ENDED");
    ok(WIFEXITED(c.status) && WEXITSTATUS(c.status) == 0, "with its status 0");
    c = ends_as("holds_pipe", GOT_IT,
                "an open pipe does not keep a child alive");
    ok(WIFEXITED(c.status) && WEXITSTATUS(c.status) == 7, "with its status 7");
    c = ends_as("crashes", GOT_IT, "a child that crashes has ENDED");
    ok(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGSEGV, "by SIGSEGV");
    c = ends_as("floods", GOT_IT, "40 MB of output are read to the end");
    ok(c.out.total == 40960000 && c.out.length == OUTPUT_KEPT,
       "counted whole and kept in part");
}

static void test_waiting(void)
{
    struct child c = play("says_late", INPUT_OPEN);
    ok(child_await(&c, -1, 0, &c.err, "listening on", 2000) == GOT_IT,
       "a line is awaited, and comes");
    child_end(&c);
    c = play("sleeps_then_ends", INPUT_OPEN);
    ok(child_await_end(&c, 2000) == GOT_IT && WEXITSTATUS(c.status) == 3,
       "a nap is no hang");
    child_end(&c);
    c = play("chatters", INPUT_OPEN);
    uint64_t start = now_ns();
    ok(child_watch(&c, 200) && now_ns() - start >= 200000000u &&
           c.err.total > 0,
       "one that is never quiet is watched for as long as was said");
    child_end(&c);
    c = play("reads_line", INPUT_OPEN);
    child_type(&c, "\n");
    ok(!child_watch(&c, 20000) && WEXITSTATUS(c.status) == 5,
       "one that ends is watched no longer");
    child_end(&c);
}

static void test_input(void)
{
    struct child c = play("reads_line", INPUT_OPEN);
    child_type(&c, "\n");
    ok(child_await_end(&c, 2000) == GOT_IT && WEXITSTATUS(c.status) == 5,
       "what is typed arrives");
    child_end(&c);
    c = play("reads_line", INPUT_OPEN);
    child_type(&c, NULL);
    ok(child_await_end(&c, 2000) == GOT_IT && WEXITSTATUS(c.status) == 6,
       "the end of input arrives");
    child_end(&c);
    c = play("has_no_stdin", INPUT_CLOSED);
    ok(child_await_end(&c, 2000) == GOT_IT && WEXITSTATUS(c.status) == 5,
       "closed input is closed");
    child_end(&c);
    c = play("has_been_typed", INPUT_TYPED);
    ok(child_await_end(&c, 2000) == GOT_IT && WEXITSTATUS(c.status) == 5,
       "what was typed before, and the end of input, are there");
    child_end(&c);
    if (access(FULL_DEVICE, W_OK) == 0) {
        c = play("finds_no_room", OUTPUT_FULL);
        ok(child_await_end(&c, 2000) == GOT_IT && WEXITSTATUS(c.status) == 5,
           "a full stdout is full");
        child_end(&c);
    }
}

static void test_short_output(void)
{
    struct child c = play_in("has_little_room", OUTPUT_SHORT, 6);
    ok(child_await_end(&c, 2000) == GOT_IT && WEXITSTATUS(c.status) == 5,
       "a stdout with little room takes a part, and then nothing");
    child_end(&c);
}

static void test_held_output(void)
{
    struct child c = play_in("two_lines", OUTPUT_HELD, 4);
    ok(child_await_end(&c, 500) == BLOCKED && c.out.total == 0,
       "who prints more than there is room for waits");
    child_release(&c);
    ok(child_await(&c, -1, 0, &c.out, "two", 2000) == GOT_IT &&
           strncmp(c.out.bytes, "one\ntwo\n", 8) == 0,
       "and goes on when its output is read, from the first byte");
    child_end(&c);
}

static void test_missing(void)
{
    struct child c;
    struct launch l = {.argv = {"/no/such/program"}};
    ok(child_start(&c, &l) == -1 && errno == ENOENT,
       "a program that is not there gives ENOENT");
}

int main(int argc, char *argv[])
{
    self = "/proc/self/exe";
    if (argc == 2) {
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            if (strcmp(parts[i].name, argv[1]) == 0)
                return parts[i].play();
        return 99;
    }
    signal(SIGPIPE, SIG_IGN);
    child_adopt_orphans();
    test_ends();
    test_waiting();
    test_input();
    test_short_output();
    test_held_output();
    test_missing();
    printf("1..%d\n", number);
    return failures > 0;
}
