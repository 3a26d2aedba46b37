/**
 * @file
 * Runs two programs against each other under the witness, until both have
 * ended or only wait (trace.h).
 */
#define _GNU_SOURCE
#include "trace.h"
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 16384, IDLE_MS = 60, LOOK_MS = 250, PATIENCE_LOOKS = 15 };

static void watch(const struct stage *s, int fd)
{
    struct epoll_event e;
    memset(&e, 0, sizeof e);
    e.events = EPOLLIN;
    if (fd != -1)
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

bool stage_open(struct stage *s)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(s->directory, sizeof s->directory, "%.400s/trace-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    s->capture.fd = -1;
    s->port = free_port();
    if (mkdtemp(s->directory) == NULL)
        return false;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    watch(s, s->timer);
    child_adopt_orphans();
    return true;
}

void stage_peer(struct stage *s, enum lane lane)
{
    struct actor *a = &s->actor[lane];
    const char *slash = strrchr(s->witness, '/');
    a->ours = true;
    a->name = "peer";
    a->fault = NULL;
    snprintf(a->command, sizeof a->command,
             "'%.*s/check' peer --as %s --port %u --like %s --quiet",
             (int)(slash - s->witness), s->witness,
             lane == ON_LEFT ? "client" : "server", s->port,
             s->like != NULL ? s->like : "normal");
}

static bool start_actor(struct stage *s, enum lane lane)
{
    struct actor *a = &s->actor[lane];
    char shell[2 * PATH_SIZE + 8], fault[100], preload[PATH_SIZE + 20];
    char path[300], port[20];
    if (log_open(&a->log, s->directory, CAPACITY) == -1)
        return false;
    snprintf(shell, sizeof shell, "exec %s", a->command);
    snprintf(port, sizeof port, "PORT=%u", s->port);
    snprintf(path, sizeof path, "WITNESS_LOG=%s", a->log.path);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", s->witness);
    snprintf(fault, sizeof fault, "WITNESS_FAULT=%s",
             a->fault != NULL ? a->fault : "");
    struct launch l = {
        .argv = {"/bin/sh", "-c", shell},
        .setenv = {port, s->alone ? NULL : path, preload, fault}};
    if (child_start(&a->child, &l) == -1)
        return false;
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
    if (!a->started || !a->child.ended || a->noted)
        return;
    a->noted = true;
    if (WIFEXITED(status))
        snprintf(words, sizeof words, "exit(%d)", WEXITSTATUS(status));
    else
        snprintf(words, sizeof words, "killed by signal %d, %s",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, a->child.pidfd, NULL);
    history_note(&s->history, lane, now_ns(), words);
}

/* Takes what was captured so far, at the ports that are known by now. */
static void take_segments(struct stage *s)
{
    struct history *h = &s->history;
    if (h->segment == NULL)
        return;
    for (int lane = 0; lane < LANES; lane++)
        for (size_t i = 0; i < log_count(&s->actor[lane].log); i++) {
            const struct witness_record *r = log_at(&s->actor[lane].log, i);
            if (r->call == WITNESS_BIND || r->call == WITNESS_CONNECT ||
                r->call == WITNESS_GETSOCKNAME)
                s->capture.ours[record_port(r)] = true;
        }
    if (!capture_read(&s->capture, h->segment, &h->segments))
        h->segments = 0;
}

static bool running(const struct actor *a)
{
    return a->started && !a->child.ended;
}

/* Waits a moment. True if neither side shows any sign of life. */
static bool all_quiet(struct stage *s)
{
    bool quiet = true;
    for (int lane = 0; lane < LANES; lane++) {
        struct actor *a = &s->actor[lane];
        struct itimerspec soon = {{0, 0}, {0, LOOK_MS * 1000000L}};
        if (!running(a))
            continue;
        timerfd_settime(s->timer, 0, &soon, NULL);
        quiet = child_await(&a->child, s->epoll, POLLIN, NULL, NULL, IDLE_MS) ==
                    BLOCKED &&
                quiet;
        note_end(s, ON_LEFT);
        note_end(s, ON_RIGHT);
        take_segments(s);
    }
    return quiet;
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

/* Ends the input of a program that waits, but in no call the witness knows:
 * for its input. */
static bool end_input(struct stage *s)
{
    for (int lane = 0; lane < LANES; lane++) {
        struct actor *a = &s->actor[lane];
        if (!running(a) || a->ours || a->child.input == -1 ||
            log_pending(&a->log) != NULL)
            continue;
        history_note(&s->history, (enum lane)lane, now_ns(),
                     "(its standard input ends)");
        child_type(&a->child, NULL);
        return true;
    }
    return false;
}

/* Goes on until both have ended, or nothing happens any more. */
static void run_to_the_end(struct stage *s)
{
    struct actor *left = &s->actor[ON_LEFT], *right = &s->actor[ON_RIGHT];
    int looks = 0;
    while (running(left) || running(right)) {
        bool timed = has_deadline(&left->log) || has_deadline(&right->log);
        looks = !all_quiet(s) || timed || end_input(s) ? 0 : looks + 1;
        if (looks > PATIENCE_LOOKS || now_ns() > s->limit)
            break;
    }
    s->cut = running(left) || running(right);
    s->late = s->cut && now_ns() > s->limit;
}

bool stage_run(struct stage *s)
{
    struct actor *first = &s->actor[ON_RIGHT], *second = &s->actor[ON_LEFT];
    s->limit = now_ns() + s->seconds * UINT64_C(1000000000);
    if (!s->history.normal && capture_open(&s->capture) == 0) /* we may */
        s->history.segment =
            (struct segment *)calloc(SEGMENTS, sizeof(struct segment));
    if (first->command[0] != '\0') {
        if (!start_actor(s, ON_RIGHT))
            return false;
        while (running(first) && !all_quiet(s) && now_ns() < s->limit)
            ;
        unsigned port = port_of(&first->log);
        s->port = port != 0 ? port : s->port;
        if (second->ours && running(first) && (port != 0 || s->alone))
            stage_peer(s, ON_LEFT);
        else if (second->ours)
            second->command[0] = '\0';
    }
    if (second->command[0] != '\0' && !start_actor(s, ON_LEFT))
        return false;
    run_to_the_end(s);
    return true;
}

/* A program that only connected belongs to the left. */
static void choose_lanes(struct stage *s)
{
    struct actor *left = &s->actor[ON_LEFT], *right = &s->actor[ON_RIGHT];
    struct history *h = &s->history;
    if (left->started)
        return;
    struct actor moved = *right;
    *right = *left;
    *left = moved;
    right->name = "(not traced)";
    h->call[ON_LEFT] = h->call[ON_RIGHT];
    h->calls[ON_LEFT] = h->calls[ON_RIGHT];
    h->call[ON_RIGHT] = NULL;
    h->calls[ON_RIGHT] = 0;
}

bool stage_collect(struct stage *s)
{
    choose_lanes(s);
    for (int lane = 0; lane < LANES; lane++) {
        struct actor *a = &s->actor[lane];
        s->history.name[lane] = a->name;
        if (a->started &&
            history_add(&s->history, (enum lane)lane, &a->log, a->ours) == -1)
            return false;
    }
    take_segments(s);
    return true;
}

void stage_clear(struct stage *s)
{
    for (int lane = 0; lane < LANES; lane++) {
        child_end(&s->actor[lane].child);
        log_close(&s->actor[lane].log);
        s->actor[lane].started = s->actor[lane].noted = false;
    }
    child_sweep();
    capture_close(&s->capture);
    history_free(&s->history);
}

void stage_close(struct stage *s)
{
    stage_clear(s);
    close(s->epoll);
    close(s->timer);
    rmdir(s->directory);
}
