/**
 * @file
 * Is the order of a trace true, and are its times? Looks at programs whose
 * order is known: this one, started again in different parts under the
 * witness. Usage: test_trace WITNESS.SO
 */
#define _GNU_SOURCE
#include "trace.h"
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 300, THREADS = 4, MANY = 10000, GAP_MS = 30, GAPS = 5 };

/* --- the parts: each call carries its number in SO_RCVBUF ------------------
 */

static int number_socket;

static void say_number(int number)
{
    if (setsockopt(number_socket, SOL_SOCKET, SO_RCVBUF, &number,
                   sizeof number) == -1)
        exit(1);
}

/* Two processes take turns: a byte goes to and fro. */
static int take_turns(int in, int out, int first)
{
    char byte = 0;
    for (int i = first; i < TURNS; i += 2) {
        if (read(in, &byte, 1) != 1)
            return 1;
        say_number(i);
        if (write(out, &byte, 1) != 1 && i + 1 < TURNS)
            return 1;
    }
    return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_thread_turns(void *argument)
{
    int self = *(int *)argument;
    for (int i = self; i < TURNS; i += THREADS) {
        pthread_mutex_lock(&lock);
        while (turn != i)
            pthread_cond_wait(&changed, &lock);
        say_number(i);
        turn++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static int threads(void)
{
    pthread_t thread[THREADS];
    int self[THREADS];
    for (int i = 0; i < THREADS; i++) {
        self[i] = i;
        if (pthread_create(&thread[i], NULL, take_thread_turns, &self[i]) != 0)
            return 1;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    return 0;
}

static int gaps(void)
{
    for (int i = 0; i < GAPS; i++) {
        say_number(i);
        pthread_mutex_lock(&lock); /* a wait that is no recorded call */
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += GAP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        while (pthread_cond_timedwait(&changed, &lock, &until) != ETIMEDOUT)
            ;
        pthread_mutex_unlock(&lock);
    }
    return 0;
}

static int many(void)
{
    for (int i = 0; i < MANY; i++)
        say_number(i);
    return 0;
}

static int play(const char *part, int in, int out)
{
    number_socket = socket(AF_INET, SOCK_DGRAM, 0);
    if (strcmp(part, "even") == 0 || strcmp(part, "odd") == 0)
        return take_turns(in, out, part[0] == 'o');
    return strcmp(part, "threads") == 0 ? threads()
           : strcmp(part, "gaps") == 0  ? gaps()
                                        : many();
}

/* --- running them -----------------------------------------------------------
 */

static const char *self, *witness;
static int tests, failures;

static void ok(bool good, const char *what)
{
    failures += !good;
    printf("%sok %d - %s\n", good ? "" : "not ", ++tests, what);
}

static pid_t start(const char *part, const struct log *log, int in, int out)
{
    char ends[2][16];
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    snprintf(ends[0], sizeof ends[0], "%d", in);
    snprintf(ends[1], sizeof ends[1], "%d", out);
    setenv("LD_PRELOAD", witness, 1);
    setenv("WITNESS_LOG", log->path, 1);
    execl(self, self, "--part", part, ends[0], ends[1], (char *)NULL);
    _exit(127);
}

static bool ended_well(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* Runs one part, or two that take turns, and reads what was recorded. */
static bool record(struct history *h, const char *part, unsigned capacity)
{
    struct log log[LANES];
    int there[2], back[2];
    bool two = strcmp(part, "turns") == 0;
    memset(h, 0, sizeof *h);
    if (pipe(there) == -1 || pipe(back) == -1 || write(there[1], "", 1) != 1 ||
        log_open(&log[0], "/tmp", capacity) == -1 ||
        log_open(&log[1], "/tmp", capacity) == -1)
        return false;
    pid_t a = start(two ? "even" : part, &log[0], there[0], back[1]);
    pid_t b = two ? start("odd", &log[1], back[0], there[1]) : -1;
    bool good = ended_well(a) && (!two || ended_well(b));
    for (int i = 0; i < LANES; i++) {
        good = history_add(h, (enum lane)i, &log[i], false) == 0 && good;
        log_close(&log[i]);
        close(there[i]);
        close(back[i]);
    }
    return good;
}

/* True if the numbers come in order, all `count` of them. */
static bool in_order(const struct row *row, size_t rows, int count)
{
    int next = 0;
    int64_t last = -1;
    for (size_t i = 0; i < rows; i++) {
        if (row[i].call->call != WITNESS_SETSOCKOPT ||
            row[i].kind == ROW_BEGINS)
            continue;
        if (row[i].call->c != last + 1)
            return false;
        last = row[i].call->c;
        next++;
    }
    return next == count;
}

static bool times_rise(const struct row *row, size_t rows)
{
    for (size_t i = 1; i < rows; i++)
        if (row[i].at < row[i - 1].at)
            return false;
    return true;
}

static void test_order(const char *part, int count, const char *what)
{
    struct history h;
    size_t rows = 0;
    bool good = record(&h, part, 16384);
    struct row *row = history_rows(&h, &rows);
    ok(good && row != NULL && in_order(row, rows, count), what);
    ok(row != NULL && times_rise(row, rows), "... and its times rise");
    free(row);
    history_free(&h);
}

static void test_times(void)
{
    struct history h;
    size_t rows = 0;
    bool good = record(&h, "gaps", 100);
    struct row *row = history_rows(&h, &rows);
    good = good && row != NULL && rows == GAPS + 1;
    for (size_t i = 2; good && i < rows; i++) {
        uint64_t gap = row[i].at - row[i - 1].at;
        good = gap >= GAP_MS * UINT64_C(999000) && gap < UINT64_C(2000000000);
    }
    ok(good, "calls 30 ms apart are drawn 30 ms apart");
    free(row);
    history_free(&h);
}

static void test_many(void)
{
    struct history h;
    size_t rows = 0, drawn = 0, left_out = 0;
    bool good = record(&h, "many", 16384);
    struct row *row = history_rows(&h, &rows);
    for (size_t i = 0; i < rows; i++, drawn++) {
        left_out += row_skip(i, rows) - i;
        i = row_skip(i, rows);
    }
    ok(good && rows == MANY + 1, "10000 calls are 10000 rows");
    ok(drawn == SHOWN_FIRST + SHOWN_LAST && drawn + left_out == rows,
       "of which few are drawn, and the others counted");
    free(row);
    history_free(&h);
    good = record(&h, "many", 1000);
    ok(good && h.calls[ON_LEFT] == 1000 && h.unrecorded == MANY + 1 - 1000,
       "with room for 1000 the others are counted");
    history_free(&h);
}

/* --- records by hand --------------------------------------------------------
 */

static void add(struct history *h, struct witness_record *r, enum lane lane)
{
    r->done = 1;
    r->pid = r->tid = 1 + (int)lane;
    h->call[lane][h->calls[lane]++] = *r;
}

/* A connection of which both sides are known. */
static void add_connection(struct history *h)
{
    struct witness_record
        s = {.call = WITNESS_SOCKET,
             .a = AF_INET,
             .b = SOCK_STREAM,
             .result = 3,
             .enter = 1,
             .leave = 2},
        l = {.call = WITNESS_LISTEN, .fd = 3, .enter = 3, .leave = 4},
        a = {.call = WITNESS_ACCEPT,
             .fd = 3,
             .result = 4,
             .enter = 5,
             .leave = 30},
        c = {.call = WITNESS_CONNECT, .fd = 3, .enter = 10, .leave = 20};
    add(h, &s, ON_RIGHT);
    add(h, &l, ON_RIGHT);
    add(h, &a, ON_RIGHT);
    s.enter = 6;
    s.leave = 7;
    add(h, &s, ON_LEFT);
    add(h, &c, ON_LEFT);
}

/* The last row for which a call is the reason, or -1. */
static int last_row(const struct row *row, size_t rows, bool arrow,
                    enum witness_call call)
{
    int last = -1;
    for (size_t i = 0; i < rows; i++)
        if ((row[i].kind == ROW_ARROW) == arrow && row[i].call->call == call)
            last = (int)i;
    return last;
}

/* recv() returns before the send() does that woke it. */
static void test_overlap(bool normal)
{
    struct witness_record left[8], right[8];
    struct history h = {.call = {left, right}, .normal = normal};
    struct witness_record send = {.call = WITNESS_SEND,
                                  .fd = 3,
                                  .a = 18,
                                  .result = 18,
                                  .enter = 100,
                                  .leave = 200},
                          recv = {.call = WITNESS_RECV,
                                  .fd = 4,
                                  .a = 99,
                                  .result = 18,
                                  .enter = 90,
                                  .leave = 150};
    size_t rows = 0;
    add_connection(&h);
    add(&h, &send, ON_LEFT);
    add(&h, &recv, ON_RIGHT);
    struct row *row = history_rows(&h, &rows);
    int sent = last_row(row, rows, false, WITNESS_SEND);
    int crossed = last_row(row, rows, true, WITNESS_SEND);
    int received = last_row(row, rows, false, WITNESS_RECV);
    ok(sent >= 0 && sent < crossed && crossed < received &&
           row[crossed].bytes == 18,
       normal ? "so it is in the normal order"
              : "what is sent stands above what is received");
    ok(rows > 0 && strcmp(row[rows - 1].state[ON_RIGHT], "ESTABLISHED") == 0,
       "... and the connection is established");
    free(row);
}

/* close() with unread bytes is a reset, and so it is drawn. */
static void test_reset(void)
{
    struct witness_record left[8], right[8];
    struct history h = {.call = {left, right}};
    struct witness_record send = {.call = WITNESS_SEND,
                                  .fd = 3,
                                  .a = 18,
                                  .result = 18,
                                  .enter = 100,
                                  .leave = 110},
                          end = {.call = WITNESS_CLOSE,
                                 .fd = 4,
                                 .enter = 120,
                                 .leave = 130};
    size_t rows = 0;
    add_connection(&h);
    add(&h, &send, ON_LEFT);
    add(&h, &end, ON_RIGHT);
    struct row *row = history_rows(&h, &rows);
    const struct row *last = rows > 0 ? &row[rows - 1] : NULL;
    ok(last != NULL && last->kind == ROW_ARROW && last->lane == ON_RIGHT &&
           last->flag != NULL && strcmp(last->flag, "RST") == 0,
       "close() with unread bytes sends a reset");
    free(row);
}

int main(int argc, char *argv[])
{
    if (argc == 5 && strcmp(argv[1], "--part") == 0)
        return play(argv[2], atoi(argv[3]), atoi(argv[4]));
    if (argc != 2) {
        fprintf(stderr, "usage: test_trace WITNESS.SO\n");
        return 2;
    }
    self = argv[0];
    witness = realpath(argv[1], NULL);
    printf("TAP version 13\n");
    test_order("turns", TURNS, "two processes that take turns, in their order");
    test_order("threads", TURNS,
               "four threads that take turns, in their order");
    test_times();
    test_many();
    test_overlap(false);
    test_overlap(true);
    test_reset();
    printf("1..%d\n", tests);
    return failures > 0;
}
