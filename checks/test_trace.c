/**
 * @file
 * Is the order of a trace true, are its times, and is what it infers? Looks at
 * programs whose order is known: this one, started again in different parts
 * under the witness; at records made by hand; and at the steps, where it holds
 * what is inferred against what a capture saw, and what they print when traced
 * against what they print when not. Usage: test_trace WITNESS.SO
 */
#define _GNU_SOURCE
#include "trace.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TURNS = 300,
    THREADS = 4,
    MANY = 10000,
    GAP_MS = 30,
    GAPS = 5,
    TRIES = 3
};

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

static pid_t start_part(const char *part, const struct log *log, int in,
                        int out)
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
    pid_t a = start_part(two ? "even" : part, &log[0], there[0], back[1]);
    pid_t b = two ? start_part("odd", &log[1], back[0], there[1]) : -1;
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

/* How many rows are drawn; adds up those that are not. */
static size_t count_drawn(const struct history *h, size_t rows, size_t *left)
{
    size_t drawn = 0;
    for (size_t i = 0; i < rows; i++, drawn++) {
        *left += row_skip(h, i, rows) - i;
        i = row_skip(h, i, rows);
    }
    return drawn;
}

static void test_many(void)
{
    struct history h;
    size_t rows = 0, left = 0;
    bool good = record(&h, "many", 16384);
    struct row *row = history_rows(&h, &rows);
    ok(good && rows == MANY + 1, "10000 calls are 10000 rows");
    ok(count_drawn(&h, rows, &left) == SHOWN_FIRST + SHOWN_LAST &&
           SHOWN_FIRST + SHOWN_LAST + left == rows,
       "of which few are drawn, and the others counted");
    h.whole = true;
    ok(count_drawn(&h, rows, &left) == rows, "or all, if that is asked for");
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

/* A call on a port. */
static struct witness_record on_port(enum witness_call call, uint64_t enter,
                                     uint64_t leave)
{
    struct witness_record r = {
        .call = (uint16_t)call, .fd = 3, .enter = enter, .leave = leave};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(8080)};
    r.address_size = sizeof in;
    memcpy(r.address, &in, sizeof in);
    return r;
}

/* A connection of which both sides are known. */
static void add_connection(struct history *h)
{
    struct witness_record s = {.call = WITNESS_SOCKET,
                               .a = AF_INET,
                               .b = SOCK_STREAM,
                               .result = 3,
                               .enter = 1,
                               .leave = 2},
                          b = on_port(WITNESS_BIND, 2, 3),
                          c = on_port(WITNESS_CONNECT, 10, 20),
                          l = {.call = WITNESS_LISTEN,
                               .fd = 3,
                               .enter = 3,
                               .leave = 4},
                          a = {.call = WITNESS_ACCEPT,
                               .fd = 3,
                               .result = 4,
                               .enter = 5,
                               .leave = 30};
    add(h, &s, ON_RIGHT);
    add(h, &b, ON_RIGHT);
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
           last->flags == TCP_RST,
       "close() with unread bytes sends a reset");
    free(row);
}

/* The arrows in one direction (two: in both) as words; data that follow each
 * other are one, for the kernel cuts them as it likes. */
static void arrows(const struct row *row, size_t rows, int lane, char *text,
                   size_t size)
{
    int64_t bytes = 0;
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i <= rows && n < size; i++) {
        unsigned f = i < rows ? row[i].flags : 0;
        if (i < rows && (row[i].kind != ROW_ARROW || (f & ARROW_AGAIN) ||
                         (lane != LANES && row[i].lane != (enum lane)lane)))
            continue;
        bytes += i < rows ? row[i].bytes : 0;
        if (i < rows && row[i].bytes > 0 && !(f & (TCP_FIN | TCP_RST)))
            continue;
        if (bytes > 0)
            n += (size_t)snprintf(text + n, size - n, "%lld bytes ",
                                  (long long)bytes);
        bytes = 0;
        if (i < rows && n < size)
            n += (size_t)snprintf(text + n, size - n, "%s ",
                                  f & TCP_RST   ? "RST"
                                  : f & TCP_FIN ? "FIN"
                                  : f & TCP_SYN ? "SYN"
                                                : "ACK");
    }
}

static struct segment made(uint64_t at, bool client, unsigned flags,
                           uint32_t sequence, uint32_t bytes)
{
    struct segment s = {
        at,   client ? 50000 : 8080, client ? 8080 : 50000, flags, sequence,
        bytes};
    return s;
}

/* Segments that were captured, though by hand. */
static void test_captured(void)
{
    struct witness_record left[8], right[8];
    struct segment s[] = {made(11, true, TCP_SYN, 7, 0),
                          made(12, true, TCP_SYN, 7, 0),
                          made(13, false, TCP_SYN | TCP_ACK, 4, 0),
                          made(14, true, TCP_ACK, 8, 0),
                          made(40, true, TCP_ACK, 8, 10),
                          made(41, true, TCP_ACK, 18, 5),
                          made(42, true, TCP_ACK, 18, 5),
                          made(43, false, TCP_ACK, 5, 1),
                          made(44, true, TCP_ACK | TCP_FIN, 23, 2)};
    struct history h = {
        .call = {left, right}, .segment = s, .segments = sizeof s / sizeof *s};
    char text[200] = "";
    size_t rows = 0;
    add_connection(&h);
    struct row *row = history_rows(&h, &rows);
    ok(h.captured, "segments that were captured are drawn");
    for (size_t i = 0; i < rows; i++)
        if (row[i].kind == ROW_ARROW) {
            size_t n = strlen(text);
            text[n++] = row[i].lane == ON_LEFT ? '>' : '<';
            row_text(&h, &row[i], text + n, sizeof text - n);
        }
    ok(strcmp(text,
              ">SYN>SYN again<SYN+ACK>ACK>15 bytes in 2 segments, no call "
              "seen>5 bytes again<1 byte, no call seen>2 bytes, FIN, no "
              "call seen") == 0,
       "... joined, counted, and told from those sent again");
    free(row);
    h.segments = 1;
    s[0].to = 9090;
    row = history_rows(&h, &rows);
    arrows(row, rows, LANES, text, sizeof text);
    ok(!h.captured && strcmp(text, "SYN SYN ACK ") == 0,
       "when the capture has missed a connection, all is inferred");
    free(row);
}

/* What is written by stdio is seen when the other side receives it. */
static void test_stdio(void)
{
    struct witness_record left[8], right[8];
    struct history h = {.call = {left, right}};
    struct witness_record opened = {.call = WITNESS_FDOPEN,
                                    .fd = 3,
                                    .enter = 40,
                                    .leave = 41},
                          ended = {.call = WITNESS_SHUTDOWN,
                                   .fd = 3,
                                   .a = SHUT_WR,
                                   .enter = 50,
                                   .leave = 51},
                          received = {.call = WITNESS_RECV,
                                      .fd = 4,
                                      .a = 99,
                                      .result = 18,
                                      .enter = 60,
                                      .leave = 70};
    char text[200];
    size_t rows = 0;
    add_connection(&h);
    add(&h, &opened, ON_LEFT);
    add(&h, &ended, ON_LEFT);
    add(&h, &received, ON_RIGHT);
    struct row *row = history_rows(&h, &rows);
    arrows(row, rows, ON_LEFT, text, sizeof text);
    ok(h.stdio[ON_LEFT] && strcmp(text, "SYN ACK 18 bytes FIN ") == 0,
       "what stdio has sent stands before the end of the stream");
    free(row);
}

/* --- programs against each other --------------------------------------------
 */

/** Commands; NULL: our peer, "": nobody. */
struct scene {
    const char *title, *server, *client, *like;
};

#define SERVER(step) "build/steps/" step "/server $PORT"
#define CLIENT(step) "build/steps/" step "/client 127.0.0.1 $PORT"

static const struct scene steps[] = {
    {"step 1", "build/steps/01-socket/server", "", NULL},
    {"step 2", SERVER("02-bind"), NULL, "silent"},
    {"step 3", SERVER("03-listen"), NULL, "stays"},
    {"step 4", SERVER("04-accept"), NULL, "silent"},
    {"step 5", SERVER("05-connect"), CLIENT("05-connect"), NULL},
    {"step 6", SERVER("06-send"), CLIENT("06-send"), NULL},
    {"step 7", SERVER("07-recv"), CLIENT("07-recv"), NULL},
    {"step 8", SERVER("08-close"), CLIENT("08-close"), NULL}};

static const struct scene company[] = {
    {"a client, byte by byte", SERVER("08-close"), NULL, "one-byte-at-a-time"},
    {"a client that only ends its side", SERVER("08-close"), NULL, "empty"},
    {"a client that stays", SERVER("07-recv"), NULL, "stays"},
    {"a client with a line too long", SERVER("08-close"), NULL, "line-1024"},
    {"a client that resets", SERVER("08-close"), NULL, "reset-mid-message"},
    {"a client that is gone", SERVER("07-recv"), NULL, "gone-before-reply"},
    {"a server, byte by byte", NULL, CLIENT("08-close"), "one-byte-at-a-time"},
    {"a server that only ends its side", NULL, CLIENT("08-close"), "empty"},
    {"a server that resets", NULL, CLIENT("08-close"), "reset-mid-message"},
    {"a server that answers at once", NULL, CLIENT("08-close"),
     "answers-at-once"}};

static struct stage stage;

static void set_side(enum lane lane, const char *command)
{
    struct actor *a = &stage.actor[lane];
    a->name = lane == ON_LEFT ? "client" : "server";
    if (command == NULL)
        stage_peer(&stage, lane);
    else
        snprintf(a->command, sizeof a->command, "%s", command);
}

/* Sets a scene, and runs it. To be ended by stage_close(). */
static bool play_scene(const struct scene *scene, bool alone)
{
    memset(&stage, 0, sizeof stage);
    snprintf(stage.witness, sizeof stage.witness, "%s", witness);
    stage.seconds = 20;
    stage.like = scene->like;
    stage.alone = alone;
    if (!stage_open(&stage))
        return false;
    set_side(ON_RIGHT, scene->server);
    set_side(ON_LEFT, scene->client);
    return stage_run(&stage) && (alone || stage_collect(&stage));
}

/* What is drawn of a conversation, once as it was captured and once as it is
 * inferred. @return 1: the same, 0: not, -1: nothing was captured */
static int compare_ways(void)
{
    char seen[500], inferred[500];
    size_t rows = 0, others = 0;
    int same = 1;
    struct row *row = history_rows(&stage.history, &rows);
    bool captured = stage.history.captured;
    stage.history.segments = 0;
    struct row *own = history_rows(&stage.history, &others);
    for (int lane = 0; lane < LANES; lane++) {
        arrows(row, rows, lane, seen, sizeof seen);
        arrows(own, others, lane, inferred, sizeof inferred);
        if (captured && strcmp(seen, inferred) != 0) {
            printf("# captured %s\n# inferred %s\n", seen, inferred);
            same = 0;
        }
    }
    free(row);
    free(own);
    return captured ? same : -1;
}

/* Tries a few times: what crosses at the same moment is answered now so, now
 * so, and a busy machine may lose what it captured. */
static void test_inference(const struct scene *scene)
{
    char what[100];
    int result = -1;
    for (int i = 0; i < TRIES && result != 1; i++) {
        result = play_scene(scene, false) ? compare_ways() : -1;
        stage_close(&stage);
    }
    snprintf(what, sizeof what, "what is inferred is what crosses: %s%s",
             scene->title,
             result == -1 ? " # SKIP nothing could be captured" : "");
    ok(result != 0, what);
}

/* What a scene's programs have said and how they ended, without ports. */
static void take_words(char *text, size_t size)
{
    size_t n = 0;
    for (int lane = 0; lane < LANES; lane++) {
        const struct actor *a = &stage.actor[lane];
        if (a->ours || !a->started)
            continue;
        n += (size_t)snprintf(text + n, size - n, "%s%s%d%d\n",
                              a->child.out.bytes, a->child.err.bytes,
                              a->child.ended, a->child.status);
    }
    char *to = text;
    for (const char *from = text; *from != '\0'; from++)
        if (!isdigit((unsigned char)*from) || to == text || to[-1] != ':')
            *to++ = *from;
    *to = '\0';
}

static void test_same(const struct scene *scene)
{
    char traced[2000] = "", alone[2000] = "", what[100];
    bool good = false;
    for (int i = 0; i < TRIES && !good; i++) {
        good = play_scene(scene, false);
        take_words(traced, sizeof traced);
        stage_close(&stage);
        good = play_scene(scene, true) && good;
        take_words(alone, sizeof alone);
        stage_close(&stage);
        good = good && alone[0] != '\0' && strcmp(traced, alone) == 0;
    }
    if (!good)
        printf("# traced:\n%s# alone:\n%s", traced, alone);
    snprintf(what, sizeof what, "traced it does as it does alone: %s",
             scene->title);
    ok(good, what);
}

static void test_scenes(void)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        test_same(&steps[i]);
        if (i > 0)
            test_inference(&steps[i]);
    }
    for (size_t i = 0; i < sizeof company / sizeof *company; i++)
        test_inference(&company[i]);
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
    test_captured();
    test_stdio();
    test_scenes();
    printf("1..%d\n", tests);
    return failures > 0;
}
