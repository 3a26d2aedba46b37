/**
 * @file
 * What every case uses: starting the program, saying what happened, and
 * looking at what it leaves behind.
 */
#define _GNU_SOURCE /* memmem */
#include "check.h"
#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void append(char *text, size_t size, const char *format, va_list args)
{
    size_t at = strlen(text);
    if (at + 1 < size)
        vsnprintf(text + at, size - at, format, args);
}

void did(struct trial *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (t->result->did[0] != '\0')
        strncat(t->result->did, ", ", CAPTION - strlen(t->result->did) - 1);
    append(t->result->did, CAPTION, format, args);
    va_end(args);
}

void fail(struct trial *t, const char *diagnosis, const char *expected,
          const char *format, ...)
{
    if (over(t))
        return;
    va_list args;
    va_start(args, format);
    t->result->verdict = FAILED;
    snprintf(t->result->diagnosis, sizeof t->result->diagnosis, "%s",
             diagnosis);
    snprintf(t->result->expected, CAPTION, "%s", expected);
    append(t->result->got, CAPTION, format, args);
    va_end(args);
}

void skip(struct trial *t, const char *format, ...)
{
    if (over(t))
        return;
    va_list args;
    va_start(args, format);
    t->result->verdict = SKIPPED;
    append(t->result->got, CAPTION, format, args);
    va_end(args);
}

bool over(const struct trial *t)
{
    return t->result->verdict != UNKNOWN;
}

/* "NAME=VALUE" that lives as long as this process, which is one trial. */
static const char *setting(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = (char *)malloc(size);
    if (text != NULL)
        snprintf(text, size, "%s=%s", name, value);
    return text;
}

static void prepare(struct trial *t, struct launch *l)
{
    size_t n = 0;
    l->directory = t->directory;
    l->setenv[n++] = "LC_ALL=C"; /* messages of strerror() as we know them */
    l->setenv[n++] = "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1";
    /* What only a dead frame of the stack points to was not freed either. */
    l->setenv[n++] = "LSAN_OPTIONS=exitcode=0:use_stacks=0:use_registers=0";
    l->setenv[n++] =
        t->subject->leak_sanitizer
            ? "ASAN_OPTIONS=verify_asan_link_order=0"
            : "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0";
    if (t->asked->build == PATTERN)
        l->setenv[n++] = "MALLOC_PERTURB_=1"; /* 0xfe too, see mallopt(3) */
    l->setenv[n++] = setting("WITNESS_FAULT", t->fault != NULL ? t->fault : "");
    if (t->subject->witness[0] != '\0') {
        l->setenv[n++] = setting("LD_PRELOAD", t->subject->witness);
        l->setenv[n++] = setting("WITNESS_LOG", t->log.path);
    }
}

/* valgrind and its options go before the program. */
static void add_valgrind(struct trial *t, struct launch *l, const char *program)
{
    const char *a = l->argv[1], *b = l->argv[2]; /* never three of them */
    char *log = (char *)malloc(PATH_SIZE + 40);
    if (log == NULL)
        abort();
    snprintf(log, PATH_SIZE + 40, "--log-file=%s/valgrind.log", t->directory);
    const char *argv[] = {"valgrind",
                          "--leak-check=full",
                          "--track-fds=yes",
                          "--show-leak-kinds=all",
                          log,
                          program,
                          a,
                          b,
                          NULL};
    memcpy(l->argv, argv, sizeof argv);
    l->setenv[1] = "TMPDIR=."; /* its files outlive a kill, not our directory */
    l->setenv[2] = NULL;
}

const char *program_name(const struct subject *subject, enum role role)
{
    const char *slash =
        subject->exercise != NULL ? strchr(subject->exercise->name, '/') : NULL;
    if (slash != NULL)
        return slash + 1;
    return role == SERVER ? "server" : "client";
}

/* "ran ./client 127.0.0.1 80", as it would be typed. */
static void say_command(struct trial *t, const char *const argv[])
{
    char line[200];
    int n = snprintf(line, sizeof line, "ran ./%s",
                     program_name(t->subject, t->asked->role));
    for (size_t i = 1; i < 4 && argv[i] != NULL; i++) {
        const char *quote =
            argv[i][0] == '\0' || strchr(argv[i], ' ') != NULL ? "\"" : "";
        if (n > 0 && n < (int)sizeof line)
            n += snprintf(line + n, sizeof line - (size_t)n, " %s%.60s%s",
                          quote, argv[i], quote);
    }
    did(t, "%s", line);
}

/*
 * The program that a case is put to. What a peer or a fault does to it is seen
 * in the plain one too, where the compiler has no AddressSanitizer.
 */
static const char *program_of(const struct trial *t)
{
    const char(*made)[PATH_SIZE] = t->subject->program[t->asked->role];
    bool plain = t->asked->build == ASAN && t->asked->track == TALK &&
                 made[ASAN][0] == '\0';
    return made[plain ? PLAIN : t->asked->build];
}

bool start(struct trial *t, const char *a, const char *b)
{
    const char *program = program_of(t);
    t->argument = a;
    struct launch launch = {.argv = {program, a, b, t->extra},
                            .directory = t->directory,
                            .streams = t->streams,
                            .open_files = t->open_files,
                            .room = t->room};
    say_command(t, launch.argv);
    stop(t);
    if (program[0] == '\0') {
        skip(t, "%s", t->subject->missing[t->asked->role][t->asked->build]);
        return false;
    }
    if (log_open(&t->log, t->directory, 2048) == -1) {
        skip(t, "no log for the witness: %s", strerror(errno));
        return false;
    }
    prepare(t, &launch);
    if (t->valgrind)
        add_valgrind(t, &launch, program);
    if (child_start(&t->child, &launch) == -1) {
        skip(t, "the program could not be started: %s", strerror(errno));
        return false;
    }
    if (t->streams == INPUT_TYPED)
        did(t, "typed a line and ended its standard input");
    t->child.cpu_max *= t->valgrind ? 10 : t->asked->build == ASAN ? 2 : 1;
    return true;
}

void stop(struct trial *t)
{
    t->disturbed = met_stranger(t);
    child_end(&t->child);
    log_close(&t->log);
    t->culprit = NULL;
    t->heard_size = t->sent = t->guests = 0;
}

const char *ending_text(const struct child *child, char *text, size_t size)
{
    if (!child->ended)
        snprintf(text, size, "was still running");
    else if (WIFEXITED(child->status))
        snprintf(text, size, "exited with status %d",
                 WEXITSTATUS(child->status));
    else
        snprintf(text, size, "was killed by signal %d, %s",
                 WTERMSIG(child->status), strsignal(WTERMSIG(child->status)));
    return text;
}

const char *outcome_text(const struct trial *t, enum outcome outcome,
                         char *text, size_t size)
{
    const struct witness_record *r = log_pending(&t->log);
    switch (outcome) {
    case BLOCKED:
        if (r != NULL)
            snprintf(text, size, "your program still waits, in %.16s()",
                     r->function);
        else
            snprintf(text, size, "your program still waits, without end");
        break;
    case SPINNING:
        snprintf(text, size,
                 "your program runs in a circle: it does not end "
                 "and uses all of a processor");
        break;
    case TOO_LONG:
        snprintf(text, size, "your program went on and on");
        break;
    default: {
        char ending[100];
        snprintf(text, size, "your program %s",
                 ending_text(&t->child, ending, sizeof ending));
    }
    }
    return text;
}

bool says_error(const struct child *child, int error)
{
    return strstr(child->err.bytes, strerror(error)) != NULL;
}

bool exited(const struct child *child, int status)
{
    return child->ended && WIFEXITED(child->status) &&
           WEXITSTATUS(child->status) == status;
}

void blame(struct trial *t, const struct witness_record *record)
{
    if (record != NULL)
        t->culprit = record;
}

/* Asks addr2line for the line that the culprit was called from. */
static void find_line(struct trial *t)
{
    const char *program = program_of(t);
    if (t->culprit == NULL || t->culprit->from == 0 ||
        t->result->where[0] != '\0')
        return;
    char address[32];
    snprintf(address, sizeof address, "0x%llx",
             (unsigned long long)t->culprit->from);
    struct launch launch = {
        .argv = {"addr2line", "-s", "-e", program, address}};
    struct child tool;
    if (child_start(&tool, &launch) == -1)
        return;
    if (child_await_end(&tool, 5000) == GOT_IT && tool.out.bytes[0] != '?') {
        tool.out.bytes[strcspn(tool.out.bytes, "\n (")] = '\0';
        snprintf(t->result->where, sizeof t->result->where, "%.150s",
                 tool.out.bytes);
    }
    child_end(&tool);
}

/* The lines of the log around its end, or around the culprit. */
static void keep_calls(struct trial *t)
{
    enum { SHOWN = 8 };
    size_t n = log_count(&t->log), at = 0;
    size_t first = n > SHOWN ? n - SHOWN : 0;
    if (t->culprit != NULL) {
        size_t i = (size_t)(t->culprit - log_at(&t->log, 0));
        if (i < first)
            first = i > 2 ? i - 2 : 0;
    }
    char *to = t->result->calls;
    for (size_t i = first; i < n && i < first + SHOWN; i++) {
        char line[300];
        record_format(log_at(&t->log, i), line, sizeof line);
        int w = snprintf(to + at, sizeof t->result->calls - at, "%s%s\n",
                         log_at(&t->log, i) == t->culprit ? "> " : "  ", line);
        at += w > 0 ? (size_t)w : 0;
        if (at >= sizeof t->result->calls)
            return;
    }
}

void keep_evidence(struct trial *t)
{
    struct result *r = t->result;
    char out[260], err[260];
    if (t->child.out.bytes == NULL)
        return;
    quote_bytes(t->child.out.bytes, t->child.out.length, out, sizeof out);
    quote_bytes(t->child.err.bytes, t->child.err.length, err, sizeof err);
    snprintf(r->said, sizeof r->said, "stdout %s  stderr %s",
             t->child.out.length > 0 ? out : "nothing",
             t->child.err.length > 0 ? err : "nothing");
    find_line(t);
    keep_calls(t);
}

/* The last call before `before` (NULL: of all) that opened this descriptor. */
static const struct witness_record *opener(const struct trial *t, int fd,
                                           const struct witness_record *before)
{
    for (size_t i = log_count(&t->log); i > 0; i--) {
        const struct witness_record *r = log_at(&t->log, i - 1);
        if ((before == NULL || r < before) && r->result == fd &&
            (r->call == WITNESS_SOCKET || r->call == WITNESS_ACCEPT ||
             r->call == WITNESS_DUP))
            return r;
    }
    return NULL;
}

/* A name for the socket that was left open. */
static const char *leak_name(struct trial *t, int fd, bool failed)
{
    const struct witness_record *o = opener(t, fd, NULL);
    blame(t, o);
    while (o != NULL && o->call == WITNESS_DUP) /* of which one? */
        o = opener(t, o->fd, o);
    if (t->asked->role == CLIENT) {
        const struct witness_record *c = log_last(&t->log, WITNESS_CONNECT, fd);
        bool decided =
            t->asked->run == run_refused ||
            (c != NULL && c->error != EINPROGRESS && c->error != EINTR);
        if (c != NULL && c->error != 0 && decided)
            return "connect-attempt-leaked";
    }
    if (failed)
        return "close-leak-on-error";
    if (t->subject->exercise == NULL && t->subject->step == 1)
        return "socket-leaked";
    if (o != NULL && o->call == WITNESS_ACCEPT)
        return "close-connection-leaked";
    if (log_first(&t->log, WITNESS_LISTEN, fd) != NULL ||
        t->asked->role == SERVER)
        return "close-listener-leaked";
    const struct witness_record *zero = log_first(&t->log, WITNESS_CLOSE, 0);
    return zero != NULL ? "connect-result-as-descriptor"
                        : "close-connection-leaked";
}

static void check_descriptors(struct trial *t)
{
    int fd;
    if (log_left_socket(&t->log, &fd)) {
        bool failed = !exited(&t->child, 0);
        const char *name = leak_name(t, fd, failed);
        fail(t, name, "every descriptor closed when the program ends",
             "descriptor %d was still open at the end%s", fd,
             failed ? " of this failure" : "");
        return;
    }
    if (t->asked->build == PLAIN && log_left_other(&t->log, &fd)) {
        fail(t, "close-descriptor-leaked",
             "every descriptor closed when the program ends",
             "descriptor %d, which is no socket, was still open at the end",
             fd);
        return;
    }
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if ((r->call == WITNESS_CLOSE || r->call == WITNESS_FCLOSE) &&
            r->error == EBADF && !r->injected && r->fd >= 0) {
            blame(t, r);
            fail(t, "close-twice", "each descriptor closed once",
                 "%.16s() of descriptor %d failed with EBADF: it was closed "
                 "already",
                 r->function, r->fd);
            return;
        }
    }
}

static void check_lists(struct trial *t)
{
    const struct witness_record *open = NULL;
    if (t->log.map == NULL || !t->log.map->ended ||
        t->log.map->claimed > t->log.map->capacity)
        return;
    size_t made = 0, freed = 0;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_GETADDRINFO && r->result == 0) {
            made++;
            open = r;
        }
        freed += r->call == WITNESS_FREEADDRINFO;
    }
    if (made > freed) {
        blame(t, open);
        fail(t, "connect-list-leaked",
             "freeaddrinfo() once for each list of getaddrinfo()",
             "getaddrinfo() made %zu, freeaddrinfo() freed %zu", made, freed);
    }
}

/* "server.c:123" out of a sanitizer's stack, its first line in the source. */
static void find_source_line(struct trial *t, const char *report)
{
    const char *source = t->subject->source[t->asked->role];
    const char *name = strrchr(source, '/');
    name = name != NULL ? name + 1 : source;
    char needle[80];
    snprintf(needle, sizeof needle, "%.70s:", name);
    const char *at = strstr(report, needle);
    if (at != NULL)
        snprintf(
            t->result->where, sizeof t->result->where, "%.*s",
            (int)(strlen(needle) + strspn(at + strlen(needle), "0123456789")),
            at);
}

/* The library function that touched the memory; "": the program itself did. */
static void first_frame(const char *report, char *frame, size_t size)
{
    const char *at = strstr(report, "#0 ");
    snprintf(frame, size, "%.*s", at != NULL ? (int)strcspn(at, "\n") : 0,
             at != NULL ? at : "");
    if (strstr(frame, ".c:") != NULL && strstr(frame, "sanitizer") == NULL)
        frame[0] = '\0';
}

static bool has_any(const char *text, const char *const words[])
{
    for (; *words != NULL; words++)
        if (strstr(text, *words) != NULL)
            return true;
    return false;
}

/* The size of the local that was overrun, in bytes; 0: it was no local. */
static int overrun_local(const char *report)
{
    const char *at = strstr(report, "overflows this variable");
    int from, to;
    while (at != NULL && at > report && at[-1] != '\n')
        at--;
    return at != NULL && sscanf(at, " [%d, %d)", &from, &to) == 2 ? to - from
                                                                  : 0;
}

/* The same for memory from malloc(). */
static int overrun_block(const char *report)
{
    const char *at = strstr(report, " after ");
    int size;
    return at != NULL && sscanf(at, " after %d-byte region", &size) == 1 ? size
                                                                         : 0;
}

/* The program itself wrote behind a local of that size, or behind a block. */
static const char *overrun_name(const struct trial *t, const char *report,
                                int room)
{
    int whole = room > 0 ? room : overrun_block(report);
    size_t received = log_received(&t->log);
    if (strstr(report, "WRITE of size 1 ") == NULL)
        return whole > 1 && received > (size_t)whole ? "recv-overflow"
                                                     : "memory-error";
    return whole > 0 && received > (size_t)whole + 1 ? "recv-no-bound"
                                                     : "recv-off-by-one";
}

static const char *asan_name(const struct trial *t, const char *report)
{
    static const char *const copies[] = {"strcpy",  "strcat",  "printf",
                                         "scanf",   "gets",    "memcpy",
                                         "strncpy", "memmove", NULL};
    static const char *const receives[] = {"recv", "read", NULL};
    static const char *const sends[] = {"send", " in write", NULL};
    char frame[200], headline[200];
    bool writes = strstr(report, "WRITE of size") != NULL;
    first_frame(report, frame, sizeof frame);
    if (strstr(report, "use-after-free") != NULL &&
        strstr(report, "freeaddrinfo") != NULL)
        return "connect-list-used-after-free";
    snprintf(headline, sizeof headline, "%.*s", (int)strcspn(report, "\n"),
             report);
    if (strstr(headline, "overflow") == NULL || t->asked->run == run_long_host)
        return "memory-error";
    if (strstr(report, "18-byte region") != NULL && writes)
        return "send-no-room-for-nul";
    if (has_any(frame, copies))
        return writes ? "recv-overflow" : "memory-error";
    const struct witness_record *r = log_first(&t->log, WITNESS_RECV, -1);
    int room = overrun_local(report);
    if (has_any(frame, receives) && room == (int)sizeof(char *))
        return "recv-address-of-pointer";
    if (has_any(frame, receives) && r != NULL && r->a == 1)
        return "recv-no-bound";
    if (has_any(frame, receives))
        return room > 0 && r != NULL && r->a == room + 1 ? "recv-off-by-one"
                                                         : "recv-size-too-big";
    if (strstr(report, "#0 ") == NULL && writes) /* the stack is no more */
        return "recv-size-too-big";
    if (has_any(frame, sends))
        return "send-full-length-again";
    if (strstr(frame, "strlen") != NULL || !writes)
        return r == NULL ? "send-no-room-for-nul" : "recv-no-terminator";
    return overrun_name(t, report, room);
}

static const char *ubsan_name(const struct trial *t, const char *report)
{
    int index, size;
    const char *bounds = strstr(report, "index ");
    if (bounds == NULL ||
        sscanf(bounds, "index %d out of bounds for type 'char [%d]", &index,
               &size) != 2 ||
        index != size)
        return "memory-error";
    return log_received(&t->log) > (size_t)size + 1 ? "recv-no-bound"
                                                    : "recv-off-by-one";
}

/* Its last recv() failed, on our behalf: the -1 is a length or an index. */
static bool went_on_with_minus_one(const struct trial *t)
{
    const struct witness_record *r = log_last(&t->log, WITNESS_RECV, -1);
    return r != NULL && r->injected && r->error != 0 && r->error != EINTR;
}

const char *sanitizer_name(struct trial *t, char *line, size_t size)
{
    const char *err = t->child.err.bytes, *report;
    if (err == NULL)
        return NULL;
    if ((report = strstr(err, "ERROR: AddressSanitizer")) != NULL) {
        snprintf(line, size, "%.*s", (int)strcspn(report + 7, "\n"),
                 report + 7);
        find_source_line(t, report);
        return went_on_with_minus_one(t) ? "recv-unchecked"
                                         : asan_name(t, report);
    }
    if ((report = strstr(err, "runtime error:")) != NULL) {
        snprintf(line, size, "%.*s", (int)strcspn(report, "\n"), report);
        find_source_line(t, err);
        return went_on_with_minus_one(t) ? "recv-unchecked"
                                         : ubsan_name(t, report);
    }
    if ((report = strstr(err, "ERROR: LeakSanitizer")) != NULL) {
        const char *what = strstr(report, "leak of ");
        snprintf(line, size, "%.*s",
                 what != NULL ? (int)strcspn(what, "\n") : 0,
                 what != NULL ? what : "");
        find_source_line(t, report);
        return strstr(report, "getaddrinfo") != NULL ? "connect-list-leaked"
                                                     : "memory-leaked";
    }
    return NULL;
}

static void check_sanitizers(struct trial *t)
{
    char line[300];
    const char *name = sanitizer_name(t, line, sizeof line);
    if (name != NULL)
        fail(t, name, "not a word from the sanitizers", "%s", line);
}

/*
 * A connection that a signal interrupted goes on: it is waited for, not made
 * again. And after a failed attempt the state of a socket is unspecified.
 */
static void check_connects(struct trial *t)
{
    const struct witness_record *last = NULL;
    bool done = false;
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_POLL || r->call == WITNESS_GETSOCKOPT ||
            (last != NULL && r->call == WITNESS_CLOSE && r->fd == last->fd))
            last = NULL;
        if (r->call != WITNESS_CONNECT)
            continue;
        if (t->subject->exercise == NULL && t->asked->role == CLIENT && done) {
            blame(t, r);
            fail(t, "connect-goes-on", "no more attempts once one has answered",
                 "connect() was called again after it had succeeded");
            return;
        }
        done = r->done && r->error == 0; /* some exercises connect again */
        if (last != NULL && last->fd == r->fd && last->error != 0) {
            bool signal = last->error == EINTR;
            blame(t, r);
            fail(t,
                 signal ? "connect-retried-after-eintr"
                        : "connect-same-socket-again",
                 signal ? "a wait for the connection that is under way"
                        : "a new socket for each attempt",
                 "connect() was called again on descriptor %d after %s", r->fd,
                 errno_name(last->error));
            return;
        }
        last = r;
    }
}

/* getsockopt() succeeds without room for an answer, and gives none. */
static void check_options(struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call != WITNESS_GETSOCKOPT || !r->done || r->error != 0 ||
            r->bytes_size > 0)
            continue;
        blame(t, r);
        fail(t, "socket-length-unset", "room for the value of the option",
             "the length that getsockopt() was given is 0");
        return;
    }
}

bool left_clean(struct trial *t)
{
    if (!over(t))
        check_sanitizers(t);
    if (!over(t))
        check_connects(t);
    if (!over(t))
        check_descriptors(t);
    if (!over(t))
        check_lists(t);
    if (!over(t))
        check_options(t);
    return !over(t);
}
