/**
 * @file
 * Implements child.h. Linux tells who sleeps and who works (/proc); without
 * that, a silent program is given the same time and then counts as BLOCKED.
 */
#define _GNU_SOURCE /* pipe2 */
#include "child.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 20,
    LAST_BYTES_MS = 300,
    SPIN_MS = 1000,
    LONGEST_SPINS = 12,
    QUEUES_MAX = 50
};

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t scaled_ms(unsigned ms)
{
    static double scale;
    if (scale == 0) {
        const char *text = getenv("CHECK_TIMEOUT_SCALE");
        scale = text != NULL ? strtod(text, NULL) : 1;
        if (!(scale >= 0.1 && scale <= 1000))
            scale = 1;
    }
    return (uint64_t)(ms * 1e6 * scale);
}

void child_adopt_orphans(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* The program starts with descriptors 0, 1 and 2, whatever we have open. */
static void keep_to_ourselves(void)
{
#if defined SYS_close_range && defined CLOSE_RANGE_CLOEXEC
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
        return;
#endif
    for (int fd = 3; fd < 1024; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/*
 * A stdout that takes so many bytes, even of a single write(), and no more:
 * then EFBIG, see RLIMIT_FSIZE in setrlimit(2).
 */
static bool give_short_output(size_t room)
{
    struct rlimit size = {room, room};
    signal(SIGXFSZ, SIG_IGN);
    return dup2(memfd_create("stdout", MFD_CLOEXEC), STDOUT_FILENO) != -1 &&
           setrlimit(RLIMIT_FSIZE, &size) == 0;
}

/* In the new process: never returns; errno goes to `report` if exec fails. */
static void become(const struct launch *l, int in, int out, int err, int report)
{
    struct rlimit none = {0, 0};
    sigset_t no_signals;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    if (l->open_files > 0) {
        struct rlimit files = {(rlim_t)l->open_files, (rlim_t)l->open_files};
        setrlimit(RLIMIT_NOFILE, &files);
    }
    sigemptyset(&no_signals);
    sigprocmask(SIG_SETMASK, &no_signals, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    keep_to_ourselves();
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (l->streams == OUTPUT_FULL)
        dup2(open(FULL_DEVICE, O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
    if (l->streams == INPUT_CLOSED)
        close(STDIN_FILENO);
    else
        dup2(in, STDIN_FILENO);
    for (size_t i = 0; l->setenv[i] != NULL; i++)
        putenv((char *)(uintptr_t)l->setenv[i]);
    if ((l->streams != OUTPUT_SHORT || give_short_output(l->room)) &&
        (l->directory == NULL || chdir(l->directory) == 0))
        execvp(l->argv[0], (char *const *)(uintptr_t)l->argv);
    int error = errno;
    if (write(report, &error, sizeof error) == -1)
        _exit(126);
    _exit(127);
}

static void output_open(struct output *o, int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
    o->fd = fd;
    o->length = o->total = 0;
    o->bytes = (char *)calloc(1, OUTPUT_KEPT + 1);
}

static void close_pair(int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/*
 * Makes a pipe small and puts so much into it that `room` bytes still fit: a
 * page holds what follows in pieces, see pipe(7). Returns the bytes put there.
 */
static size_t fill_pipe(int fd, size_t room)
{
    char filler[4096] = {0};
    int capacity = fcntl(fd, F_SETPIPE_SZ, (int)sizeof filler);
    size_t left = capacity > (int)room ? (size_t)capacity - room : 0;
    size_t filled = left;
    while (left > 0) {
        ssize_t n =
            write(fd, filler, left < sizeof filler ? left : sizeof filler);
        if (n == -1)
            return filled - left;
        left -= (size_t)n;
    }
    return filled;
}

/* Leaves so little room in the stream that is to be held. */
static void fill_held(struct child *child, const struct launch *l, int out,
                      int err)
{
    child->streams = l->streams;
    if (l->streams == OUTPUT_HELD)
        child->filler = fill_pipe(out, l->room);
    else if (l->streams == ERRORS_HELD)
        child->filler = fill_pipe(err, l->room);
}

static struct output *held_output(struct child *child)
{
    return child->streams == OUTPUT_HELD   ? &child->out
           : child->streams == ERRORS_HELD ? &child->err
                                           : NULL;
}

/* What the program prints there stays where it is, until child_release(). */
static void hold_back(struct child *child)
{
    struct output *held = held_output(child);
    if (held == NULL)
        return;
    child->held = held->fd;
    held->fd = -1;
}

/* Tells whether exec worked: the report pipe ends without a word. */
static int exec_error(int report)
{
    int error = 0;
    ssize_t n;
    do
        n = read(report, &error, sizeof error);
    while (n == -1 && errno == EINTR);
    return n == (ssize_t)sizeof error ? error : 0;
}

/* So many pipes, or none and -1. */
static int open_pipes(int pipes[][2], int count)
{
    for (int i = 0; i < count; i++)
        if (pipe2(pipes[i], O_CLOEXEC) == -1) {
            while (i > 0)
                close_pair(pipes[--i]);
            return -1;
        }
    return 0;
}

int child_start(struct child *child, const struct launch *launch)
{
    int pipes[4][2];
    int *in = pipes[0], *out = pipes[1], *err = pipes[2], *report = pipes[3];
    memset(child, 0, sizeof *child);
    child->input = child->held = child->pidfd = -1;
    child->out.fd = child->err.fd = -1;
    if (open_pipes(pipes, 4) == -1)
        return -1;

    fill_held(child, launch, out[1], err[1]);
    child->pid = fork();
    if (child->pid == 0)
        become(launch, in[0], out[1], err[1], report[1]);
    int error = child->pid == -1 ? errno : 0;
    close(in[0]);
    close(out[1]);
    close(err[1]);
    close(report[1]);
    if (error == 0)
        error = exec_error(report[0]);
    close(report[0]);

    child->input = in[1];
    output_open(&child->out, out[0]);
    output_open(&child->err, err[0]);
    hold_back(child);
    child->cpu_max = scaled_ms(SPIN_MS);
    if (child->pid > 0)
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (error != 0) {
        child_end(child);
        errno = error;
        return -1;
    }
    if (launch->streams == INPUT_TYPED) {
        child_type(child, "q\n");
        child_type(child, NULL);
    }
    return 0;
}

/* Reads what is there. Beyond what is kept, bytes are only counted. */
static void output_read(struct output *o)
{
    char spill[65536];
    while (o->fd != -1) {
        size_t room = OUTPUT_KEPT - o->length;
        char *to = room > 0 ? o->bytes + o->length : spill;
        ssize_t n = read(o->fd, to, room > 0 ? room : sizeof spill);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return;
        if (n == 0) {
            close(o->fd);
            o->fd = -1;
            return;
        }
        o->total += (size_t)n;
        if (room > 0)
            o->length += (size_t)n;
        if (room == 0 && o->total % (16u << 20) < (size_t)n)
            return; /* a flood: let others have their turn */
    }
}

/* A small file of /proc as text; empty if it cannot be read. */
static void read_proc(char *text, size_t size, const char *path)
{
    text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return;
    ssize_t n = read(fd, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
}

struct activity {
    uint64_t cpu; /* nanoseconds, all threads of all descendants */
    bool working; /* somebody runs, is ready to run, or waits for a disk */
};

static void task_activity(const char *task, struct activity *a)
{
    char path[600], text[512];
    snprintf(path, sizeof path, "%s/schedstat", task);
    read_proc(text, sizeof text, path);
    a->cpu += strtoull(text, NULL, 10);
    snprintf(path, sizeof path, "%s/stat", task);
    read_proc(text, sizeof text, path);
    const char *after_name = strrchr(text, ')');
    if (after_name != NULL && strchr("RD", after_name[2]) != NULL)
        a->working = true;
}

/* Adds up what a process, its threads and its children are doing. */
static void tree_activity(pid_t pid, struct activity *a, int depth)
{
    char path[64], task[400], text[512];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return;
    for (struct dirent *e; (e = readdir(tasks)) != NULL;) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        snprintf(task, sizeof task, "%s/%.200s", path, e->d_name);
        task_activity(task, a);
        char children[500];
        snprintf(children, sizeof children, "%s/children", task);
        read_proc(text, sizeof text, children);
        for (char *p = text, *end; depth > 0; p = end) {
            long descendant = strtol(p, &end, 10);
            if (end == p)
                break;
            tree_activity((pid_t)descendant, a, depth - 1);
        }
    }
    closedir(tasks);
}

uint64_t child_cpu(const struct child *child)
{
    struct activity a = {0, false};
    tree_activity(child->pid, &a, 4);
    return a.cpu;
}

/* Collects the end of the program, if it has come. */
static void note_end(struct child *child)
{
    if (child->ended ||
        waitpid(child->pid, &child->status, WNOHANG) != child->pid)
        return;
    child->ended = true;
    child->left = kill(-child->pid, 0) == 0;
    output_read(
        &child->out); /* whoever still holds the pipes is not waited for */
    output_read(&child->err);
}

/*
 * Looks for signs of life; true if there were none for `quiet` nanoseconds.
 * Counted in looks rather than by the clock: when the machine is so busy that
 * we come to look late, the program has not had its time either.
 */
static bool is_quiet(struct child *child, uint64_t quiet)
{
    struct activity a = {0, false};
    tree_activity(child->pid, &a, 4);
    child->idle_looks =
        a.working || a.cpu != child->cpu ? 0 : child->idle_looks + 1;
    child->cpu = a.cpu;
    return child->idle_looks * (uint64_t)TICK_MS * 1000000u >= quiet;
}

static bool has_line(const struct output *o, const char *text)
{
    if (o == NULL || text == NULL || o->length == 0)
        return false;
    const char *at =
        (const char *)memmem(o->bytes, o->length, text, strlen(text));
    return at != NULL &&
           memchr(at, '\n', o->length - (size_t)(at - o->bytes)) != NULL;
}

/*
 * One turn of waiting: at most a tick, and after the end of the program only
 * for what may still be on its way to `fd`. Returns true if `fd` is ready.
 */
static bool turn(struct child *child, int fd, short events)
{
    int patience = child->ended ? (fd == -1 ? 0 : LAST_BYTES_MS) : TICK_MS;
    struct pollfd p[4] = {{fd, events, 0},
                          {child->out.fd, POLLIN, 0},
                          {child->err.fd, POLLIN, 0},
                          {child->ended ? -1 : child->pidfd, POLLIN, 0}};
    if (child->pidfd == -1 && !child->ended)
        patience = 2; /* nothing will wake us at the end of the program */
    int n = poll(p, 4, patience);
    output_read(&child->out);
    output_read(&child->err);
    note_end(child);
    if (n > 0 && (p[1].revents != 0 || p[2].revents != 0))
        child->idle_looks = 0;
    return n > 0 && p[0].revents != 0;
}

enum outcome child_await(struct child *child, int fd, short events,
                         const struct output *stream, const char *text,
                         unsigned quiet)
{
    uint64_t start = now_ns(), sampled = start;
    uint64_t spent = 0; /* the sum falls when a descendant ends: add up rises */
    child->cpu = child_cpu(child);
    child->idle_looks = 0;
    for (;;) {
        bool was_ended = child->ended;
        if (turn(child, fd, events) || has_line(stream, text))
            return GOT_IT;
        if (was_ended)
            return ENDED;
        uint64_t now = now_ns();
        if (child->ended || now - sampled < TICK_MS * 1000000u)
            continue;
        uint64_t before = child->cpu;
        sampled = now;
        if (is_quiet(child, scaled_ms(quiet)))
            return BLOCKED;
        spent += child->cpu > before ? child->cpu - before : 0;
        if (spent > child->cpu_max)
            return SPINNING;
        if (now - start > LONGEST_SPINS * child->cpu_max)
            return spent > child->cpu_max / 4 ? SPINNING /* on a busy machine */
                                              : TOO_LONG;
    }
}

bool child_watch(struct child *child, unsigned ms)
{
    uint64_t end = now_ns() + ms * 1000000ull;
    while (!child->ended && now_ns() < end)
        turn(child, -1, 0);
    return !child->ended;
}

/* It wants a processor, and has not had one until its time was `enough`. */
static bool queues(const struct child *child, uint64_t enough)
{
    struct activity a = {0, false};
    tree_activity(child->pid, &a, 4);
    return a.working && a.cpu <= enough;
}

bool child_settle(struct child *child, unsigned ms)
{
    uint64_t ns = ms * 1000000ull, enough = child_cpu(child) + ns / 10;
    uint64_t end = now_ns() + QUEUES_MAX * ns;
    child_watch(child, ms);
    while (!child->ended && now_ns() < end && queues(child, enough))
        turn(child, -1, 0);
    return !child->ended;
}

enum outcome child_await_end(struct child *child, unsigned quiet)
{
    enum outcome how = child_await(child, -1, 0, NULL, NULL, quiet);
    return how == ENDED ? GOT_IT : how;
}

void child_type(struct child *child, const char *text)
{
    if (child->input == -1)
        return;
    if (text != NULL && write(child->input, text, strlen(text)) >= 0)
        return;
    close(child->input);
    child->input = -1;
}

void child_release(struct child *child)
{
    char filler[4096];
    ssize_t n = 1;
    while (child->filler > 0 && n > 0) {
        size_t size =
            child->filler < sizeof filler ? child->filler : sizeof filler;
        n = read(child->held, filler, size);
        child->filler -= n > 0 ? (size_t)n : 0;
    }
    held_output(child)->fd = child->held;
    child->held = -1;
}

void child_sweep(void)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (int rounds = 0; rounds < 1000; rounds++) {
        read_proc(text, sizeof text, path);
        bool any = false;
        for (char *p = text, *end;; p = end) {
            long pid = strtol(p, &end, 10);
            if (end == p)
                break;
            any = true;
            kill((pid_t)pid, SIGKILL);
            waitpid((pid_t)pid, NULL, 0);
        }
        if (!any)
            return;
    }
}

void child_end(struct child *child)
{
    if (child->pid > 0) {
        kill(-child->pid, SIGKILL);
        if (!child->ended)
            waitpid(child->pid, &child->status, 0);
        child->ended = true;
    }
    int fds[] = {child->input, child->held, child->out.fd, child->err.fd,
                 child->pidfd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] > 0) /* 0: never started */
            close(fds[i]);
    free(child->out.bytes);
    free(child->err.bytes);
    memset(child, 0, sizeof *child);
    child->input = child->held = child->pidfd = -1;
    child->out.fd = child->err.fd = -1;
}
