/**
 * @file
 * `check trace`: runs a program, and a peer for it, under the witness until
 * both have ended or only wait, and has it drawn (trace.h).
 */
#define _GNU_SOURCE
#include "trace.h"
#include "peer.h"
#include "suite.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 16384, IDLE_MS = 60, LOOK_MS = 250, PATIENCE_LOOKS = 15 };

/* --- faults -----------------------------------------------------------------
 */

/** A fault under the name students know it by. */
struct fault {
    const char *name;
    enum lane lane; /* who it happens to, where there are two */
    const char *witness, *what;
};

static const struct fault faults[] = {
    {"short-send", ON_LEFT, "send:short=5",
     "send() takes 5 bytes a call at most"},
    {"short-recv", ON_RIGHT, "recv:short=3", "recv() gives 3 bytes at most"},
    {"eintr-accept", ON_RIGHT, "accept:eintr=1",
     "a signal interrupts accept()"},
    {"eintr-connect", ON_LEFT, "connect:eintr=1",
     "a signal interrupts connect()"},
    {"eintr-send", ON_LEFT, "send:eintr=1", "a signal interrupts send()"},
    {"eintr-recv", ON_RIGHT, "recv:eintr=1", "a signal interrupts recv()"},
    {"eintr-poll", ON_RIGHT, "poll:eintr=1", "a signal interrupts poll()"},
    {"eintr-close", ON_LEFT, "close:eintr=1", "a signal interrupts close()"},
    {"gone-peer", ON_LEFT, "send:gone", "the connection is gone at send()"},
    {"reset", ON_RIGHT, "recv:fail=104", "recv() fails with ECONNRESET"},
    {"reset-send", ON_LEFT, "send:fail=104", "send() fails with ECONNRESET"},
    {"refused-first", ON_LEFT, "getaddrinfo:two",
     "the first of two addresses refuses"},
    {"refused", ON_LEFT, "connect:fail=111", "connect() fails, ECONNREFUSED"},
    {"slow-listen", ON_RIGHT, "listen:delay=300",
     "listen() comes 300 ms later"},
    {"slow-accept", ON_RIGHT, "accept:delay=300",
     "accept() comes 300 ms later"},
    {"slow-recv", ON_RIGHT, "recv:delay=300", "each recv() comes 300 ms later"},
    {"no-descriptor", ON_RIGHT, "accept:fail=24", "accept() fails with EMFILE"},
    {"port-taken", ON_RIGHT, "bind:fail=98", "bind() fails with EADDRINUSE"},
};

enum { FAULTS = sizeof faults / sizeof *faults };

static int list_faults(void)
{
    printf("FAULT=name; client:name and server:name choose the side\n");
    for (int i = 0; i < FAULTS; i++)
        printf("  %-14s %-6s  %s\n", faults[i].name,
               faults[i].lane == ON_LEFT ? "client" : "server", faults[i].what);
    return 0;
}

const char *fault_name(const char *witness_fault)
{
    for (int i = 0; i < FAULTS; i++)
        if (strcmp(faults[i].witness, witness_fault) == 0)
            return faults[i].name;
    return NULL;
}

/* --- what is to be traced ----------------------------------------------------
 */

/** One side: a command for the shell, or none. */
struct actor {
    char command[2 * PATH_SIZE];
    const char *name;
    const char *fault; /* WITNESS_FAULT */
    bool ours;         /* the repository's own peer */
    struct child child;
    struct log log;
    bool started, seen_end;
};

/** What the command line asks for. */
struct wish {
    const char *fault, *like, *svg, *args, *file, *seconds;
    bool normal, ascii;
};

struct stage {
    struct actor actor[LANES]; /* ON_RIGHT starts first, for it may listen */
    struct wish wish;
    char title[120];
    char directory[PATH_SIZE], witness[PATH_SIZE];
    char program[PATH_SIZE]; /* "", or one to be removed in the end */
    unsigned port;
    int epoll, timer;
    unsigned seconds;
    uint64_t limit; /* when they are up */
    bool cut;       /* ended by us */
    struct history history;
};

static int complain(const char *what)
{
    fprintf(stderr, "trace: %s: %s\n", what, strerror(errno));
    return 2;
}

static bool has_command(const struct stage *s, enum lane lane)
{
    return s->actor[lane].command[0] != '\0' && !s->actor[lane].ours;
}

/* Finds the fault by name and gives it to the side it concerns. */
static bool set_fault(struct stage *s)
{
    const char *name = s->wish.fault;
    if (name == NULL)
        return true;
    bool chosen =
        strncmp(name, "client:", 7) == 0 || strncmp(name, "server:", 7) == 0;
    enum lane lane = name[0] == 'c' ? ON_LEFT : ON_RIGHT;
    name += chosen ? 7 : 0;
    for (int i = 0; i < FAULTS; i++) {
        if (strcmp(faults[i].name, name) != 0)
            continue;
        if (!chosen)
            lane = faults[i].lane;
        if (!has_command(s, lane))
            lane = lane == ON_LEFT ? ON_RIGHT : ON_LEFT;
        s->actor[lane].fault = faults[i].witness;
        return true;
    }
    fprintf(stderr, "trace: there is no fault \"%s\"; FAULT=list\n", name);
    return false;
}

static void set_peer(struct stage *s, enum lane lane)
{
    struct actor *a = &s->actor[lane];
    const char *slash = strrchr(s->witness, '/');
    const char *like = s->wish.like != NULL ? s->wish.like : "normal";
    if (strncmp(like, "client:", 7) == 0 || strncmp(like, "server:", 7) == 0)
        like += 7;
    a->ours = true;
    a->name = "peer";
    snprintf(a->command, sizeof a->command,
             "'%.*s/check' peer --as %s --port %u --like %s --quiet",
             (int)(slash - s->witness), s->witness,
             lane == ON_LEFT ? "client" : "server", s->port, like);
}

/* --- running -----------------------------------------------------------------
 */

static void watch(const struct stage *s, int fd)
{
    struct epoll_event e;
    memset(&e, 0, sizeof e);
    e.events = EPOLLIN;
    if (fd != -1)
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

static bool start_actor(struct stage *s, enum lane lane)
{
    struct actor *a = &s->actor[lane];
    char shell[2 * PATH_SIZE + 8], fault[100], preload[PATH_SIZE + 20];
    char path[300], port[20];
    if (log_open(&a->log, s->directory, CAPACITY) == -1)
        return complain("no log for the witness"), false;
    snprintf(shell, sizeof shell, "exec %s", a->command);
    snprintf(fault, sizeof fault, "WITNESS_FAULT=%s",
             a->fault != NULL ? a->fault : "");
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", s->witness);
    snprintf(path, sizeof path, "WITNESS_LOG=%s", a->log.path);
    snprintf(port, sizeof port, "PORT=%u", s->port);
    struct launch l = {{"/bin/sh", "-c", shell},
                       {fault, preload, path, port},
                       NULL,
                       INPUT_OPEN,
                       0};
    if (child_start(&a->child, &l) == -1)
        return complain("/bin/sh"), false;
    a->started = true;
    watch(s, a->child.pidfd);
    watch(s, a->child.out.fd);
    watch(s, a->child.err.fd);
    return true;
}

/* Notes the end of a side where it belongs in time: now. */
static void note_end(struct stage *s, enum lane lane)
{
    struct actor *a = &s->actor[lane];
    char words[64];
    int status = a->child.status;
    if (!a->started || !a->child.ended || a->seen_end)
        return;
    a->seen_end = true;
    if (WIFEXITED(status))
        snprintf(words, sizeof words, "exit(%d)", WEXITSTATUS(status));
    else
        snprintf(words, sizeof words, "killed by signal %d, %s",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, a->child.pidfd, NULL);
    history_note(&s->history, lane, now_ns(), words);
}

/* Waits a moment. True if neither side shows any sign of life. */
static bool all_quiet(struct stage *s)
{
    bool quiet = true;
    for (int lane = 0; lane < LANES; lane++) {
        struct actor *a = &s->actor[lane];
        struct itimerspec soon = {{0, 0}, {0, LOOK_MS * 1000000L}};
        if (!a->started || a->child.ended)
            continue;
        timerfd_settime(s->timer, 0, &soon, NULL);
        quiet = child_await(&a->child, s->epoll, POLLIN, NULL, NULL, IDLE_MS) ==
                    BLOCKED &&
                quiet;
        note_end(s, ON_LEFT);
        note_end(s, ON_RIGHT);
    }
    return quiet;
}

static bool running(const struct actor *a)
{
    return a->started && !a->child.ended;
}

/* The port that a program listens on or has bound; 0: none yet. */
static unsigned port_of(const struct log *log)
{
    unsigned port = 0;
    for (size_t i = 0; i < log_count(log); i++) {
        const struct witness_record *r = log_at(log, i);
        bool tells = r->call == WITNESS_BIND || r->call == WITNESS_GETSOCKNAME;
        if (tells && r->done && r->error == 0 && record_port(r) != 0)
            port = record_port(r);
    }
    return port;
}

/* A program that waits, but in no call the witness knows: for its input. */
static bool wants_input(const struct actor *a)
{
    return running(a) && !a->ours && a->child.input != -1 &&
           log_pending(&a->log) == NULL;
}

/* A wait that ends by itself. */
static bool has_deadline(const struct log *log)
{
    for (size_t i = 0; i < log_count(log); i++) {
        const struct witness_record *r = log_at(log, i);
        bool timed = r->call == WITNESS_POLL || r->call == WITNESS_SLEEP;
        if (!r->done && (r->injected || (timed && r->a >= 0)))
            return true;
    }
    return false;
}

/* Ends the input of a program that waits for it. */
static bool end_input(struct stage *s)
{
    for (int lane = 0; lane < LANES; lane++)
        if (wants_input(&s->actor[lane])) {
            history_note(&s->history, (enum lane)lane, now_ns(),
                         "(its standard input ends)");
            child_type(&s->actor[lane].child, NULL);
            return true;
        }
    return false;
}

/* Goes on until both have ended, or nothing happens any more. */
static void run_to_the_end(struct stage *s)
{
    int looks = 0;
    while (running(&s->actor[ON_LEFT]) || running(&s->actor[ON_RIGHT])) {
        bool timed = has_deadline(&s->actor[ON_LEFT].log) ||
                     has_deadline(&s->actor[ON_RIGHT].log);
        if (!all_quiet(s) || timed || end_input(s))
            looks = 0;
        else
            looks++;
        if (looks > PATIENCE_LOOKS || now_ns() > s->limit)
            break;
    }
    s->cut = running(&s->actor[ON_LEFT]) || running(&s->actor[ON_RIGHT]);
}

/* Runs both sides: the second as soon as the first has nothing to do. */
static bool run(struct stage *s)
{
    struct actor *first = &s->actor[ON_RIGHT], *second = &s->actor[ON_LEFT];
    s->limit = now_ns() + s->seconds * UINT64_C(1000000000);
    if (first->command[0] != '\0') {
        if (!start_actor(s, ON_RIGHT))
            return false;
        while (running(first) && !all_quiet(s) && now_ns() < s->limit)
            ;
        unsigned port = port_of(&first->log);
        if (second->ours && (port == 0 || !running(first)))
            second->command[0] = '\0';
        else if (port != 0)
            s->port = port;
        if (second->ours && second->command[0] != '\0')
            set_peer(s, ON_LEFT);
    }
    if (second->command[0] != '\0' && !start_actor(s, ON_LEFT))
        return false;
    run_to_the_end(s);
    return true;
}

/* --- telling -----------------------------------------------------------------
 */

/* What the first lines are that a program printed. */
static void print_output(const struct actor *a, const char *which,
                         const struct output *o)
{
    enum { LINES = 6 };
    const char *at = o->bytes;
    for (int i = 0; o->length > 0 && *at != '\0'; i++) {
        size_t n = strcspn(at, "\n");
        if (i == LINES) {
            printf("%s %s: ... %zu bytes in all\n", a->name, which, o->total);
            return;
        }
        printf("%s %s: %.*s\n", a->name, which, (int)(n < 60 ? n : 60), at);
        at += n + (at[n] == '\n');
    }
}

/* True if a client of this trace had that port. */
static bool was_accepted(const struct history *h, unsigned port)
{
    for (size_t i = 0; i < h->calls[ON_RIGHT]; i++)
        if (h->call[ON_RIGHT][i].call == WITNESS_ACCEPT &&
            record_port(&h->call[ON_RIGHT][i]) == port)
            return true;
    return false;
}

/* Connections that the kernel remembers although no process has them. */
static void print_time_wait(const struct stage *s)
{
    char line[300];
    unsigned local, remote, state;
    FILE *f = fopen("/proc/net/tcp", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        bool read = sscanf(line, " %*d: %*x:%x %*x:%x %x", &local, &remote,
                           &state) == 3;
        if (!read || state != TCP_TIME_WAIT ||
            (local != s->port && remote != s->port))
            continue;
        bool server = local == s->port;
        if (was_accepted(&s->history, server ? remote : local))
            printf("TIME-WAIT in the kernel (/proc/net/tcp): the %s's end, "
                   "127.0.0.1:%u\n",
                   server ? "server" : "client", local);
    }
    if (f != NULL)
        fclose(f);
}

/* Why there is nothing to see of the student's program, if so. */
static bool explain_silence(const struct stage *s)
{
    const struct actor *a =
        &s->actor[has_command(s, ON_RIGHT) ? ON_RIGHT : ON_LEFT];
    int status = a->child.ended && WIFEXITED(a->child.status)
                     ? WEXITSTATUS(a->child.status)
                     : 0;
    if (log_saw_calls(&a->log) && a->log.map->attached > 1)
        return false;
    if (a->log.map->attached < 2 && (status == 127 || status == 126))
        printf("It could not be started: %.*s\n",
               (int)strcspn(a->child.err.bytes, "\n"), a->child.err.bytes);
    else if (a->log.map->attached < 2)
        printf("The witness could not be loaded into \"%s\": it is static, or "
               "set-user-ID.\n",
               a->command);
    else
        printf("\"%s\" made no socket call that the witness could see.\n",
               a->command);
    return true;
}

static void print_legend(const struct stage *s, bool two)
{
    if (two)
        printf("\n%s  waits in a call.  Arrows and states are inferred from "
               "the calls.\n",
               s->wish.ascii ? ":" : "┊");
    if (s->history.unrecorded > 0)
        printf("%zu more calls were counted, not recorded.\n",
               s->history.unrecorded);
    if (s->cut && now_ns() > s->limit)
        printf("The trace ended it after %u seconds (SECONDS=%u).\n",
               s->seconds, s->seconds);
    else if (s->cut)
        printf("Nothing happened any more: the trace ended what still ran.\n");
}

static int draw(struct stage *s)
{
    size_t rows = 0;
    struct row *row = history_rows(&s->history, &rows);
    if (row == NULL)
        return complain("the drawing");
    draw_text(&s->history, row, rows, s->wish.ascii);
    if (!s->wish.normal)
        print_legend(s, two_sided(&s->history, row, rows));
    int result = 0;
    if (s->wish.svg != NULL)
        result = draw_svg(&s->history, row, rows, s->title, s->wish.svg);
    if (result == -1)
        complain(s->wish.svg);
    else if (!s->wish.normal && s->wish.svg != NULL)
        printf("As a picture: %s\n", s->wish.svg);
    free(row);
    return result == -1 ? 2 : 0;
}

/* A program that only connected belongs to the left. */
static void choose_lanes(struct stage *s)
{
    struct actor *left = &s->actor[ON_LEFT], *right = &s->actor[ON_RIGHT];
    if (left->started)
        return;
    struct actor moved = *right;
    *right = *left;
    *left = moved;
    s->history.call[ON_LEFT] = s->history.call[ON_RIGHT];
    s->history.calls[ON_LEFT] = s->history.calls[ON_RIGHT];
    s->history.call[ON_RIGHT] = NULL;
    s->history.calls[ON_RIGHT] = 0;
    right->name = "(not traced)";
}

static int tell(struct stage *s)
{
    choose_lanes(s);
    if (explain_silence(s))
        return 1;
    for (int lane = 0; lane < LANES; lane++) {
        s->history.name[lane] = s->actor[lane].name;
        if (s->actor[lane].started &&
            history_add(&s->history, (enum lane)lane, &s->actor[lane].log,
                        s->actor[lane].ours))
            return complain("the trace");
    }
    int status = draw(s);
    if (s->wish.normal)
        return status;
    for (int lane = 0; lane < LANES; lane++)
        if (has_command(s, (enum lane)lane)) {
            print_output(&s->actor[lane], "stdout", &s->actor[lane].child.out);
            print_output(&s->actor[lane], "stderr", &s->actor[lane].child.err);
        }
    print_time_wait(s);
    return status;
}

/* --- the whole ---------------------------------------------------------------
 */

static bool set_stage(struct stage *s)
{
    struct subject equipment;
    memset(&equipment, 0, sizeof equipment);
    subject_equip(&equipment);
    memcpy(s->witness, equipment.witness, sizeof s->witness);
    if (s->witness[0] == '\0')
        return fprintf(stderr, "trace: build/witness.so is missing\n"), false;
    const char *tmp = getenv("TMPDIR"), *seconds = s->wish.seconds;
    s->seconds = seconds != NULL ? (unsigned)strtoul(seconds, NULL, 10) : 10;
    snprintf(s->directory, sizeof s->directory, "%.400s/trace-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(s->directory) == NULL)
        return complain(s->directory), false;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    watch(s, s->timer);
    s->port = free_port();
    return true;
}

static void end_actors(struct stage *s)
{
    for (int lane = 0; lane < LANES; lane++) {
        child_end(&s->actor[lane].child);
        log_close(&s->actor[lane].log);
        s->actor[lane].started = s->actor[lane].seen_end = false;
    }
    child_sweep();
    history_free(&s->history);
}

static void clear_stage(struct stage *s)
{
    end_actors(s);
    close(s->epoll);
    close(s->timer);
    if (s->program[0] != '\0')
        unlink(s->program);
    rmdir(s->directory);
}

/* The loopback port at which nobody answered the program; 0: there was none. */
static unsigned refused_port(const struct log *log)
{
    unsigned port = 0;
    for (size_t i = 0; i < log_count(log); i++) {
        const struct witness_record *r = log_at(log, i);
        bool connects = r->call == WITNESS_CONNECT && !r->injected;
        bool late = r->call == WITNESS_GETSOCKOPT && r->b == SO_ERROR &&
                    r->c == ECONNREFUSED;
        if (connects && record_ipv4(r) >> 24 == 127)
            port = record_port(r);
        if (late || (connects && r->error == ECONNREFUSED))
            return port;
    }
    return 0;
}

/* Runs and draws what has been put on the stage. */
static int perform(struct stage *s)
{
    child_adopt_orphans();
    s->history.normal = s->wish.normal;
    if (!set_fault(s) || !run(s))
        return 2;
    unsigned port = refused_port(&s->actor[ON_RIGHT].log);
    if (s->actor[ON_LEFT].ours && !s->actor[ON_LEFT].started && port != 0) {
        printf("Nobody answers at port %u: once more, with our peer there.\n\n",
               port);
        end_actors(s);
        s->history.normal = s->wish.normal;
        s->port = port;
        s->actor[ON_LEFT] = s->actor[ON_RIGHT];
        s->actor[ON_LEFT].name = "client";
        set_peer(s, ON_RIGHT);
        if (!run(s))
            return 2;
    }
    return tell(s);
}

/* A step: its programs, and the peer where it has only one. */
static int trace_step(struct stage *s, const char *number)
{
    static const char *const peers[] = {"", "", "silent", "stays", "silent"};
    char directory[PATH_SIZE];
    static char svg[40];
    char *end;
    long step = strtol(number, &end, 10);
    if (*end != '\0' || step < 1 || step > STEPS ||
        !step_find((int)step, directory, sizeof directory)) {
        fprintf(stderr, "trace: there is no step \"%s\"; steps are 1 to %d\n",
                number, STEPS);
        return 2;
    }
    snprintf(s->actor[ON_RIGHT].command, PATH_SIZE, "build/%.200s/server %u",
             directory, s->port);
    snprintf(s->actor[ON_LEFT].command, PATH_SIZE,
             "build/%.200s/client 127.0.0.1 %u", directory, s->port);
    if (step == 1)
        s->actor[ON_LEFT].command[0] = s->actor[ON_RIGHT].command[0] = '\0';
    if (step == 1)
        snprintf(s->actor[ON_RIGHT].command, PATH_SIZE, "build/%.200s/server",
                 directory);
    s->actor[ON_LEFT].name = "client";
    s->actor[ON_RIGHT].name = "server";
    if (step > 1 && step < 5 && s->wish.like == NULL)
        s->wish.like = peers[step];
    if (s->wish.like != NULL && strncmp(s->wish.like, "server:", 7) == 0)
        set_peer(s, ON_RIGHT);
    else if (s->wish.like != NULL)
        set_peer(s, ON_LEFT);
    snprintf(s->title, sizeof s->title, "The conversation of step %ld", step);
    snprintf(svg, sizeof svg, "build/trace/step-%ld.svg", step);
    if (s->wish.svg == NULL && !s->wish.normal)
        s->wish.svg = svg;
    return perform(s);
}

static int trace_program(struct stage *s, const char *command, const char *with)
{
    snprintf(s->actor[ON_RIGHT].command, PATH_SIZE, "%s", command);
    s->actor[ON_RIGHT].name = with != NULL ? "server" : "program";
    if (with != NULL)
        snprintf(s->actor[ON_LEFT].command, PATH_SIZE, "%s", with);
    else
        set_peer(s, ON_LEFT);
    s->actor[ON_LEFT].name = with != NULL ? "client" : "peer";
    snprintf(s->title, sizeof s->title, "The conversation of %.80s", command);
    if (s->wish.svg == NULL && !s->wish.normal)
        s->wish.svg = "build/trace/program.svg";
    return perform(s);
}

/* An argument for a word of a usage line: "PORT" and the like. */
static const char *argument_for(const char *word, size_t n, unsigned port,
                                char *text, size_t size)
{
    static const struct {
        const char *word, *argument;
    } known[] = {{"HOST", "127.0.0.1"}, {"TEXT", "Hello"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].word) == n && strncmp(known[i].word, word, n) == 0)
            return known[i].argument;
    bool counts = n == 5 && strncmp(word, "COUNT", 5) == 0;
    snprintf(text, size, "%u",
             counts || (n == 7 && strncmp(word, "BACKLOG", 7) == 0) ? 1 : port);
    return text;
}

/* The arguments that the usage line in a source asks for. */
static void usual_arguments(const char *path, unsigned port, char *text,
                            size_t size)
{
    char line[400], number[16];
    FILE *f = fopen(path, "r");
    text[0] = '\0';
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        const char *at = strstr(line, "\"usage: ");
        at = at != NULL ? strchr(at + 8, ' ') : NULL;
        for (; at != NULL && (*at == ' ' || *at == '[');
             at += strspn(at, "].")) {
            at += strspn(at, " [");
            size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
            if (n == 0)
                break;
            size_t used = strlen(text);
            snprintf(text + used, size - used, " %s",
                     argument_for(at, n, port, number, sizeof number));
            at += n;
        }
    }
    if (f != NULL)
        fclose(f);
}

static int trace_exercise(struct stage *s, const char *name)
{
    struct subject subject;
    struct result result;
    char path[PATH_SIZE], whole[4096], arguments[200];
    memset(&subject, 0, sizeof subject);
    memset(&result, 0, sizeof result);
    subject.exercise = exercise_find(name, &subject.step);
    snprintf(path, sizeof path, "exercises/%.400s.c", name);
    const char *file = s->wish.file != NULL ? s->wish.file : path;
    if (subject.exercise == NULL || realpath(file, whole) == NULL) {
        fprintf(stderr, "trace: there is no exercise \"%s\"\n", name);
        return 2;
    }
    enum role role = subject.exercise->role;
    snprintf(subject.source[role], PATH_SIZE, "%.500s", whole);
    snprintf(subject.scratch, PATH_SIZE, "%.400s", s->directory);
    compile(&subject, (struct compilation){role, PLAIN}, &result);
    if (subject.program[role][PLAIN][0] == '\0') {
        fprintf(stderr, "trace: %s\n", result.got);
        return 2;
    }
    memcpy(s->program, subject.program[role][PLAIN], sizeof s->program);
    usual_arguments(whole, s->port, arguments, sizeof arguments);
    snprintf(path, sizeof path, "%.300s %.200s", s->program,
             s->wish.args != NULL ? s->wish.args : arguments);
    return trace_program(s, path, NULL);
}

/* Takes the options out of the arguments; -1: one is unknown. */
static int take_options(struct wish *wish, int argc, char *argv[])
{
    struct {
        const char *name, **value;
    } options[] = {{"--fault", &wish->fault}, {"--like", &wish->like},
                   {"--svg", &wish->svg},     {"--args", &wish->args},
                   {"--file", &wish->file},   {"--seconds", &wish->seconds}};
    int left = 0;
    for (int i = 0; i < argc; i++) {
        bool taken = argv[i][0] == '-' && argv[i][1] == '-';
        bool known = !taken;
        for (size_t k = 0; taken && k < sizeof options / sizeof *options; k++)
            if (strcmp(argv[i], options[k].name) == 0 && i + 1 < argc) {
                *options[k].value = argv[++i];
                known = true;
                break;
            }
        if (taken && !known && strcmp(argv[i], "--normal") == 0)
            wish->normal = known = true;
        if (taken && !known && strcmp(argv[i], "--ascii") == 0)
            wish->ascii = known = true;
        if (!known)
            return -1;
        if (!taken)
            argv[left++] = argv[i];
    }
    return left;
}

static bool wants_ascii(void)
{
    const char *no = getenv("NO_COLOR");
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") != 0 ||
           (no != NULL && no[0] != '\0');
}

int command_trace(int argc, char *argv[])
{
    struct stage s;
    memset(&s, 0, sizeof s);
    s.wish.ascii = wants_ascii();
    argc = take_options(&s.wish, argc, argv);
    if (s.wish.fault != NULL && strcmp(s.wish.fault, "list") == 0)
        return list_faults();
    if (argc < 2)
        return -1;
    if (!set_stage(&s))
        return 2;
    int status = -1;
    if (strcmp(argv[0], "step") == 0 && argc == 2)
        status = trace_step(&s, argv[1]);
    else if (strcmp(argv[0], "exercise") == 0 && argc == 2)
        status = trace_exercise(&s, argv[1]);
    else if (strcmp(argv[0], "program") == 0 && argc <= 3)
        status = trace_program(&s, argv[1], argc == 3 ? argv[2] : NULL);
    clear_stage(&s);
    return status;
}
