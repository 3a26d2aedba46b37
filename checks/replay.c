/**
 * @file
 * Replays the transcripts of Markdown files (see transcript.h): every terminal
 * is a bash. A transcript starts with nothing running; at its end all is ended.
 *
 * It runs in a copy of the programs: where its file is, if that is below
 * steps/, otherwise in the top directory. Every PATH/server and PATH/client in
 * a command is compiled before, unless a command does it.
 *
 * Nothing waits by the clock: what follows a prompt is complete when its lines
 * are there; where none is shown, when the command has ended or all its
 * processes sleep.
 */
#define _GNU_SOURCE
#include "replay.h"
#include "transcript.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,   /* asleep for so long: it waits for something */
    PATIENCE = 50,   /* so many looks for a line that is shown */
    BUSY_MS = 60000, /* processor time that a compiler may well take */
    NEEDS_MORE = 3,  /* exit status: a tool is missing */
    MARK = '\036'    /* ends the output of each command */
};

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
    stopped = signal;
}

/* --- a port of our own ---------------------------------------------------- */

static bool is_free(unsigned port)
{
    struct sockaddr_in any;
    memset(&any, 0, sizeof any);
    any.sin_family = AF_INET;
    any.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool free = bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
    close(fd);
    return free;
}

/*
 * Finds a free port whose swapped one is free as well, and makes the scratch
 * directory: having its name, this replay alone has the port. The high byte is
 * from 0x28 to 0x6f, the low one from 4 to 0x1f: below the ports that the
 * kernel gives to clients, no privileged one, and none of another replay.
 */
static bool find_port(struct transcript *t)
{
    static unsigned tries;
    const char *tmp = getenv("TMPDIR");
    for (unsigned i = 0; i < 0x48 * 0x1c; i++) {
        unsigned n = (unsigned)getpid() * 31 + tries++;
        unsigned high = 0x28 + n / 0x1c % 0x48, low = 4 + n % 0x1c;
        unsigned port = high << 8 | low, swapped = low << 8 | high;
        snprintf(t->port[0], sizeof t->port[0], "%u", port & 0xffff);
        snprintf(t->port[1], sizeof t->port[1], "%u", swapped & 0xffff);
        snprintf(t->scratch, sizeof t->scratch, "%.400s/replay-%s",
                 tmp != NULL && *tmp != '\0' ? tmp : "/tmp", t->port[0]);
        if (mkdir(t->scratch, 0700) == -1)
            continue;
        if (is_free(port) && is_free(swapped))
            return true;
        rmdir(t->scratch);
    }
    snprintf(t->trouble, sizeof t->trouble, "%.400s: %s", t->scratch,
             strerror(errno));
    t->scratch[0] = '\0';
    return false;
}

/* --- a copy of the programs ----------------------------------------------- */

/* Runs a program to its end and keeps what it says. @return its status or -1 */
static int run_program(const struct launch *l, char *said, size_t size)
{
    struct child program;
    if (child_start(&program, l) == -1) {
        snprintf(said, size, "%s", l->argv[0]);
        return errno == ENOENT ? NEEDS_MORE : -1;
    }
    program.cpu_max = scaled_ms(BUSY_MS);
    bool well = child_await_end(&program, 20000) == GOT_IT;
    int status =
        well && WIFEXITED(program.status) ? WEXITSTATUS(program.status) : -1;
    const char *text =
        program.out.length > 0 ? program.out.bytes : program.err.bytes;
    snprintf(said, size, "%.*s", (int)strcspn(text, "\n"), text);
    child_end(&program);
    return status;
}

/* Makes the copy. @return PASSED, or what this means for the transcript */
static enum verdict prepare(struct transcript *t)
{
    char *typed = NULL;
    size_t size;
    FILE *out = open_memstream(&typed, &size);
    for (int i = 0; i < t->lines; i++)
        if (t->line[i].kind == COMMAND)
            fprintf(out, "%s\n", t->line[i].text);
    fclose(out);
    struct launch l = {.argv = {"bash", "tools/replay-setup.sh", t->scratch,
                                t->port[0], t->directory, typed}};
    int status = run_program(&l, t->trouble, sizeof t->trouble);
    free(typed);
    if (status == 0)
        t->trouble[0] = '\0';
    else if (t->trouble[0] == '\0')
        snprintf(t->trouble, sizeof t->trouble, "there is no copy to run in");
    return status == 0 ? PASSED : status == NEEDS_MORE ? SKIPPED : FAILED;
}

/* Ends what is left of a transcript. */
static void forget(struct transcript *t)
{
    char said[100];
    struct launch l = {.argv = {"rm", "-rf", "--", t->scratch}};
    transcript_free(t);
    if (t->scratch[0] != '\0')
        run_program(&l, said, sizeof said);
}

/* --- terminals ------------------------------------------------------------ */

/* Makes lines of what a terminal has shown, the last one as well if `all`. */
static void take_lines(struct transcript *t, struct terminal *m, bool all)
{
    const char *bytes = m->bash.out.bytes;
    int terminal = (int)(m - t->terminal);
    size_t length = m->bash.out.length;
    for (size_t i = m->read; i < length; i++) {
        bool mark = bytes[i] == MARK;
        if (!mark && bytes[i] != '\n')
            continue;
        if (!mark || i > m->read)
            transcript_see(t, terminal, bytes + m->read, i - m->read);
        m->ended += mark;
        m->read = i + 1;
    }
    if (all && length > m->read)
        transcript_see(t, terminal, bytes + m->read, length - m->read);
}

/*
 * Waits until a terminal has shown so many lines in all, or its command has
 * ended, or it was found asleep so many times.
 */
static void await_lines(struct transcript *t, struct terminal *m, int lines,
                        int looks)
{
    enum outcome how = GOT_IT;
    while (m->bash.pid > 0 && stopped == 0) {
        take_lines(t, m, false);
        if (m->seen >= lines || m->ended == m->commands || looks == 0 ||
            (how != GOT_IT && how != BLOCKED))
            return;
        how =
            child_await(&m->bash, m->bash.out.fd, POLLIN, NULL, NULL, LOOK_MS);
        looks -= how == BLOCKED;
    }
}

static bool open_terminal(struct transcript *t, struct terminal *m)
{
    char directory[2 * PATH_SIZE];
    struct launch l = {.argv = {"bash", "--noprofile", "--norc"}};
    snprintf(directory, sizeof directory, "%s/%s", t->scratch, t->directory);
    l.directory = directory;
    if (child_start(&m->bash, &l) == -1) {
        snprintf(t->trouble, sizeof t->trouble, "bash: %s", strerror(errno));
        return false;
    }
    m->bash.cpu_max = scaled_ms(BUSY_MS);
    child_type(&m->bash, "exec 2>&1\n");
    return true;
}

/* Types a line where it belongs. */
static void give(struct transcript *t, const struct line *line)
{
    struct terminal *m = &t->terminal[line->terminal];
    bool command = line->kind == COMMAND;
    if (m->bash.pid <= 0 && !open_terminal(t, m))
        return;
    if (command) {
        await_lines(t, m, INT_MAX, PATIENCE);
        if (m->ended < m->commands)
            snprintf(t->trouble, sizeof t->trouble,
                     "what runs there does not end before %s", line->whole);
        m->commands++;
    }
    t->input = (int)(line - t->line);
    char *text = transcript_ports(t, line->text, true);
    child_type(&m->bash, command ? "{ " : "");
    child_type(&m->bash, text);
    child_type(&m->bash, command ? "\n}; printf '\\036'\n" : "\n");
    free(text);
}

/* Waits for what follows an input: the lines before `next`. */
static void settle(struct transcript *t, int next)
{
    struct terminal *own = &t->terminal[t->line[t->input].terminal];
    int before = own->shown;
    for (int i = t->input + 1; i < next; i++)
        t->terminal[t->line[i].terminal].shown++;
    if (own->shown == before)
        await_lines(t, own, INT_MAX, 1);
    for (int i = -1; i < t->terminals; i++) {
        struct terminal *m = i == -1 ? own : &t->terminal[i];
        await_lines(t, m, m->shown, t->late ? 1 : PATIENCE);
        t->late = t->late || m->seen < m->shown;
    }
    for (int i = 0; t->update && i < t->terminals; i++)
        await_lines(t, &t->terminal[i], INT_MAX, 2);
}

static void play(struct transcript *t)
{
    for (int i = 0, next; i < t->lines; i = next) {
        give(t, &t->line[i]);
        if (t->trouble[0] != '\0' || stopped != 0)
            break;
        next = i + 1;
        while (next < t->lines && t->line[next].kind == SHOWN)
            next++;
        settle(t, next);
    }
    for (int i = 0; i < t->terminals && t->trouble[0] == '\0'; i++)
        await_lines(t, &t->terminal[i], INT_MAX, 2);
    for (int i = 0; i < t->terminals; i++)
        if (t->terminal[i].bash.pid > 0) {
            take_lines(t, &t->terminal[i], true);
            child_end(&t->terminal[i].bash);
        }
    child_sweep();
}

/* --- files ---------------------------------------------------------------- */

/* Replays a transcript. @return the verdict; FAILED has been explained */
static enum verdict replay(struct transcript *t)
{
    enum verdict verdict = FAILED;
    if (t->trouble[0] == '\0' && find_port(t))
        verdict = prepare(t);
    if (verdict == PASSED)
        play(t);
    if (stopped != 0)
        return FAILED;
    if (t->trouble[0] != '\0') {
        printf("%s:%d: %s: %s\n", t->file, t->number,
               verdict == SKIPPED ? "skipped, it needs" : "not replayed",
               t->trouble);
        return verdict == SKIPPED ? SKIPPED : FAILED;
    }
    t->stale = transcript_differs(t);
    if (t->stale && t->update)
        printf("  rewritten\n");
    else if (t->stale)
        printf("  mend it   build/check replay --update %s\n", t->file);
    return t->stale && !t->update ? FAILED : PASSED;
}

/* Replays what is in a file; prints the file as it should be. */
static struct counts replay_text(const char *path, FILE *in, bool update,
                                 FILE *out)
{
    static struct transcript t;
    const char *steps = strstr(path, "steps/");
    char *text = NULL;
    size_t size = 0;
    struct counts n = {0, 0, 0};
    for (int number = 1; stopped == 0 && getline(&text, &size, in) != -1;
         number++) {
        fputs(text, out);
        if (strncmp(text + strspn(text, " "), "```console", 10) != 0)
            continue;
        memset(&t, 0, sizeof t);
        t.file = path;
        t.number = number;
        t.update = update;
        if (*text == ' ')
            snprintf(t.trouble, sizeof t.trouble, "its fence is indented");
        if (steps != NULL)
            snprintf(t.directory, sizeof t.directory, "%.*s",
                     (int)(strrchr(steps, '/') - steps), steps);
        transcript_read(&t, in, &text, &size);
        enum verdict verdict = replay(&t);
        n.passed += verdict == PASSED;
        n.failed += verdict == FAILED;
        n.skipped += verdict == SKIPPED;
        transcript_print(&t, out);
        fputs(text, out);
        number += t.lines + 1;
        forget(&t);
    }
    free(text);
    return n;
}

/* @return its exit status */
static int replay_file(const char *path, bool update, struct counts *n)
{
    char *text = NULL, *fresh = NULL;
    size_t room = 0, size = 0;
    FILE *in = fopen(path, "r"), *out = open_memstream(&fresh, &size);
    /* all at once: it takes long, and somebody may be writing */
    ssize_t length = in == NULL ? -1 : getdelim(&text, &room, '\0', in);
    if (length == -1 || out == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return 2;
    }
    fclose(in);
    in = fmemopen(text, (size_t)length, "r");
    *n = replay_text(path, in, update, out);
    fclose(in);
    fclose(out);
    free(text);
    if (stopped != 0)
        return 2;
    if (update) {
        out = fopen(path, "w");
        if (out == NULL || fwrite(fresh, 1, size, out) != size ||
            fclose(out) == EOF) {
            printf("%s: %s\n", path, strerror(errno));
            return 2;
        }
    }
    free(fresh);
    printf("%s: %d passed, %d failed, %d skipped\n", path, n->passed, n->failed,
           n->skipped);
    return n->failed > 0;
}

/* A process for a file, with terminals as everybody has them. */
static pid_t start_file(const char *path, bool update, struct counts *n)
{
    static const char *const without[] = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL",
                                          "BASH_ENV"};
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    signal(SIGINT, on_stop);
    signal(SIGTERM, on_stop);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    child_adopt_orphans();
    setenv("LC_ALL", "C", 1);
    setenv("NO_COLOR", "1", 1);
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        unsetenv(without[i]);
    int status = replay_file(path, update, n);
    fflush(stdout); /* all of it at once */
    _exit(status);
}

int replay_files(int files, char *file[], bool update)
{
    if (access("tools/replay-setup.sh", R_OK) == -1) {
        perror("check: tools/replay-setup.sh");
        return 2;
    }
    struct counts all = {0, 0, 0};
    size_t size = (size_t)files * sizeof all;
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("check: mmap");
        return 2;
    }
    struct counts *n = (struct counts *)shared;
    int worst = 0, status;
    static char report[1 << 16];
    setvbuf(stdout, report, _IOFBF, sizeof report);
    for (int i = 0; i < files; i++)
        if (start_file(file[i], update, &n[i]) == -1)
            worst = 2;
    while (wait(&status) > 0) {
        int one = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
        worst = one > worst ? one : worst;
    }
    for (int i = 0; i < files; i++) {
        all.passed += n[i].passed;
        all.failed += n[i].failed;
        all.skipped += n[i].skipped;
    }
    if (files > 1)
        printf("%d files: %d passed, %d failed, %d skipped\n", files,
               all.passed, all.failed, all.skipped);
    munmap(shared, size);
    return worst;
}
