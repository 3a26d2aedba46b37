/**
 * @file
 * Replays the transcripts of the lessons, the ```console fences of a Markdown
 * file, and compares what they show with what is really seen.
 *
 *     $ COMMAND        typed in the one terminal there is
 *     NAME$ COMMAND    typed in the terminal NAME, a bash of its own
 *     NAME< TEXT       typed into what runs in NAME (nothing: only Enter)
 *     TEXT             what the terminal of the last prompt shows then
 *     NAME| TEXT       what NAME shows
 *
 * A transcript starts with nothing running; at its end all is ended. The order
 * of lines counts within a terminal, not between terminals.
 *
 * It runs in a copy of the programs: where its file is, if that is below
 * steps/, otherwise in the top directory, or where a line above the fence says,
 * <!-- replay in: DIRECTORY -->. Every PATH/server and PATH/client in a command
 * is compiled before, unless a command does it. A transcript that starts with
 * "make" runs in the repository itself; all after that line is output, and
 * "  NAME ..." is a line of the terminal NAME.
 *
 * What may differ:
 * - 8080 stands for a free port, in commands, sources and output; 36895, which
 *   is 8080 with its bytes swapped, for that port with its bytes swapped;
 * - any other number after an address and a colon or blank is a port chosen by
 *   the kernel; numbers after "pid=", "seq ", "ack ", "==" and before "sec" or
 *   "ms" vary, as do names below /tmp/;
 * - blanks at the end of a line, and zero bytes, which no terminal shows.
 *
 * Nothing waits by the clock: what follows a prompt is complete when its lines
 * are there; where none is shown, when the command has ended or all its
 * processes sleep.
 */
#define _GNU_SOURCE
#include "replay.h"
#include "run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <regex.h>
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
    LINES_MAX = 200, /* in a transcript, and in what a terminal shows */
    TERMINALS_MAX = 8,
    LOOK_MS = 100,  /* asleep for so long: it waits for something */
    PATIENCE = 50,  /* so many looks for a line that is shown */
    NEEDS_MORE = 3, /* exit status: a tool is missing */
    MARK = '\036'   /* ends the output of each command */
};

enum kind { COMMAND, TYPED, SHOWN };

/* One line of a transcript. */
struct line {
    enum kind kind;
    int terminal;
    char *whole, *text; /* with and without the prompt */
};

/* One line that was really seen, and after which input. */
struct seen {
    char *text;
    int input;
};

struct terminal {
    char name[24];
    struct child bash;
    size_t read; /* bytes of its output that were made lines */
    int commands, ended;
    int shown; /* lines of it in the text so far */
    struct seen seen[LINES_MAX];
    int count;
};

struct transcript {
    const char *file;
    char directory[PATH_SIZE]; /* where it starts, below the scratch one */
    int number;                /* of its fence in the file */
    bool make, update, stale;
    bool late; /* a line has not come: do not wait long for others */
    int input; /* the last line typed */
    struct line line[LINES_MAX];
    int lines;
    struct terminal terminal[TERMINALS_MAX];
    int terminals;
    char scratch[PATH_SIZE]; /* "": there is none */
    char port[2][6];         /* in the place of lesson_port */
    char trouble[600];
};

static const char *const lesson_port[2] = {"8080", "36895"};
static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
    stopped = signal;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is(const char *text, size_t n, const char *other)
{
    return strlen(other) == n && memcmp(text, other, n) == 0;
}

/* --- what may differ ------------------------------------------------------ */

/* A text with the real ports in it, or with those of the lesson; to be freed */
static char *exchange_ports(const struct transcript *t, const char *text,
                            bool real)
{
    char *copy = NULL;
    size_t size;
    FILE *out = open_memstream(&copy, &size);
    while (*text != '\0') {
        size_t n = strspn(text, "0123456789");
        const char *port = NULL;
        for (int i = 0; i < 2; i++) {
            if (!real && is(text, n, lesson_port[i]))
                port = "1"; /* the kernel gave a client just that one */
            if (is(text, n, real ? lesson_port[i] : t->port[i]))
                port = real ? t->port[i] : lesson_port[i];
        }
        n += n == 0; /* no number: one character */
        fprintf(out, "%.*s", port == NULL ? (int)n : 5, port ? port : text);
        text += n;
    }
    fclose(out);
    return copy;
}

/* A line with "#" in the place of what varies, no blanks at its end; to be
 * freed */
static char *without_varying(const char *text)
{
    static const char varying[] =
        "(([0-9]+\\.){3}[0-9]+[: ]|\\]:|pid=|seq |ack |==)([0-9]+)"
        "|/tmp/([^ :'\"]+)|([0-9]+)(sec|ms)";
    static regex_t pattern;
    regmatch_t found[6];
    char *copy = NULL;
    size_t size;
    FILE *out = open_memstream(&copy, &size);
    if (pattern.re_nsub == 0 && regcomp(&pattern, varying, REG_EXTENDED) != 0)
        abort();
    while (regexec(&pattern, text, 6, found, 0) == 0) {
        const regmatch_t *what = &found[3];
        while (what->rm_so == -1)
            what++;
        int n = (int)(what->rm_eo - what->rm_so);
        bool lesson = is(text + what->rm_so, (size_t)n, lesson_port[0]) ||
                      is(text + what->rm_so, (size_t)n, lesson_port[1]);
        fprintf(out, "%.*s%.*s", (int)what->rm_so, text, lesson ? n : 1,
                lesson ? text + what->rm_so : "#");
        text += what->rm_eo;
    }
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ')
        n--;
    fwrite(text, 1, n, out);
    fclose(out);
    return copy;
}

/* Is a line of the text what was seen? */
static bool same(const char *text, const char *seen)
{
    char *a = without_varying(text), *b = without_varying(seen);
    bool equal = strcmp(a, b) == 0;
    free(a);
    free(b);
    return equal;
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

/* --- reading a transcript ------------------------------------------------- */

static int terminal_named(struct transcript *t, const char *name, size_t n,
                          bool create)
{
    for (int i = 0; i < t->terminals; i++)
        if (is(name, n, t->terminal[i].name))
            return i;
    if (!create || t->terminals == TERMINALS_MAX ||
        n >= sizeof t->terminal->name)
        return -1;
    memcpy(t->terminal[t->terminals].name, name, n);
    return t->terminals++;
}

/* Whose line is this, in the terminal number `other` or in a run of make? */
static int speaker(struct transcript *t, const char *text, int other)
{
    const char *name = text + strspn(text, " ");
    int named = -1;
    if (t->make && name > text)
        named = terminal_named(t, name, strcspn(name, " "), true);
    return named != -1 ? named : other;
}

/* Fills in a line that starts with a prompt; false if it does not. */
static bool read_prompt(struct transcript *t, struct line *line)
{
    static const char marks[] = "$<|"; /* in the order of enum kind */
    char *text = line->whole;
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
    const char *mark = text[n] != '\0' ? strchr(marks, text[n]) : NULL;
    if (mark == NULL || (text[n + 1] != ' ' && text[n + 1] != '\0') ||
        (n == 0 && *mark != '$') || t->make)
        return false;
    line->kind = (enum kind)(mark - marks);
    line->terminal = terminal_named(t, text, n, line->kind == COMMAND);
    line->text = text + n + 1 + (text[n + 1] == ' ');
    return line->terminal != -1;
}

static void read_line(struct transcript *t, const char *text)
{
    struct line *line = &t->line[t->lines];
    line->text = line->whole = strdup(text);
    if (!read_prompt(t, line)) {
        line->kind = SHOWN;
        line->text = line->whole;
        line->terminal =
            speaker(t, text, t->make || t->lines == 0 ? 0 : line[-1].terminal);
    }
    if (t->lines++ > 0)
        return;
    t->make = line->kind == COMMAND && starts(line->text, "make");
    if (line->kind != COMMAND)
        snprintf(t->trouble, sizeof t->trouble, "no prompt at its beginning");
}

/* Reads to the closing fence, which is kept as `last`. */
static void read_transcript(struct transcript *t, FILE *in, char **last,
                            size_t *size)
{
    ssize_t n;
    while ((n = getline(last, size, in)) != -1 && !starts(*last, "```")) {
        (*last)[strcspn(*last, "\n")] = '\0';
        if (t->lines == LINES_MAX)
            snprintf(t->trouble, sizeof t->trouble, "it is too long");
        else
            read_line(t, *last);
    }
    if (n == -1)
        snprintf(t->trouble, sizeof t->trouble, "its fence is not closed");
}

/* Where it starts, by the line above the fence or by the name of the file. */
static void find_directory(struct transcript *t, const char *above)
{
    const char *steps = strstr(t->file, "steps/");
    const char *slash = strrchr(t->file, '/');
    if (sscanf(above, "<!-- replay in: %199[^ ] -->", t->directory) != 1)
        snprintf(t->directory, sizeof t->directory, "%.*s",
                 steps != NULL ? (int)(slash - steps) : 1,
                 steps != NULL ? steps : ".");
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
    struct launch l = {{"bash", "tools/replay-setup.sh", t->scratch, t->port[0],
                        t->directory, typed}};
    int status = run_program(&l, t->trouble, sizeof t->trouble);
    free(typed);
    if (status == 0)
        t->trouble[0] = '\0';
    return status == 0 ? PASSED : status == NEEDS_MORE ? SKIPPED : FAILED;
}

/* Ends what is left of a transcript. */
static void forget(struct transcript *t)
{
    char said[100];
    struct launch l = {{"rm", "-rf", "--", t->scratch}};
    for (int i = 0; i < t->lines; i++)
        free(t->line[i].whole);
    for (int i = 0; i < t->terminals; i++)
        for (int k = 0; k < t->terminal[i].count; k++)
            free(t->terminal[i].seen[k].text);
    if (t->scratch[0] != '\0')
        run_program(&l, said, sizeof said);
}

/* --- terminals ------------------------------------------------------------ */

static void add_seen(struct transcript *t, int terminal, const char *bytes,
                     size_t n)
{
    char *text = (char *)calloc(1, n + 1);
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != '\0')
            text[used++] = bytes[i];
    struct terminal *m = &t->terminal[speaker(t, text, terminal)];
    if (m->count < LINES_MAX)
        m->seen[m->count++] =
            (struct seen){exchange_ports(t, text, false), t->input};
    free(text);
}

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
            add_seen(t, terminal, bytes + m->read, i - m->read);
        m->ended += mark;
        m->read = i + 1;
    }
    if (all && length > m->read)
        add_seen(t, terminal, bytes + m->read, length - m->read);
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
        if (m->count >= lines || m->ended == m->commands || looks == 0 ||
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
    struct launch l = {{"bash", "--noprofile", "--norc"}};
    snprintf(directory, sizeof directory, "%s/%s", t->scratch, t->directory);
    if (!t->make)
        l.directory = directory;
    if (child_start(&m->bash, &l) == -1) {
        snprintf(t->trouble, sizeof t->trouble, "bash: %s", strerror(errno));
        return false;
    }
    m->bash.cpu_max = scaled_ms(60000);
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
    char *text = exchange_ports(t, line->text, true);
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
        t->late = t->late || m->count < m->shown;
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

/* --- what differs --------------------------------------------------------- */

/* The line in the text that terminal m shows as its line k; -1: it does not. */
static int shown(const struct transcript *t, int m, int k)
{
    for (int i = 0; i < t->lines; i++)
        if (t->line[i].kind == SHOWN && t->line[i].terminal == m && k-- == 0)
            return i;
    return -1;
}

/* In words, what is wrong with line k of a terminal. */
static const char *judge_line(const struct transcript *t, int m, int k)
{
    const struct terminal *terminal = &t->terminal[m];
    int line = shown(t, m, k), count = terminal->count;
    bool comes = line == -1, stands = k >= count;
    for (int i = k + 1; i < count && line != -1; i++)
        comes |= same(t->line[line].text, terminal->seen[i].text);
    for (int i = k + 1; k < count && shown(t, m, i) != -1; i++)
        stands |= same(t->line[shown(t, m, i)].text, terminal->seen[k].text);
    return comes && stands ? "the order is another"
           : comes         ? "the text lacks a line"
           : stands        ? "a line of the text does not come"
                           : "the words are others";
}

/* The first line of a terminal that is not as in the text; -1: all are. */
static int first_difference(const struct transcript *t, int m)
{
    const struct terminal *terminal = &t->terminal[m];
    for (int k = 0;; k++) {
        int line = shown(t, m, k);
        if (line == -1 && k == terminal->count)
            return -1;
        if (line == -1 || k == terminal->count ||
            !same(t->line[line].text, terminal->seen[k].text))
            return k;
    }
}

static void report(const struct transcript *t, int m, int k)
{
    static const char nothing[] = "(nothing more)";
    const struct terminal *terminal = &t->terminal[m];
    int line = shown(t, m, k), place = line;
    if (place == -1)
        place = k > 0 ? shown(t, m, k - 1) : terminal->seen[k].input;
    int input = place;
    while (input > 0 &&
           (t->line[input].kind == SHOWN || t->line[input].terminal != m))
        input--;
    printf("%s:%d: %s\n  command   %s\n  expected  %s\n  got       %s\n",
           t->file, t->number + 1 + place, judge_line(t, m, k),
           t->line[input].whole, line != -1 ? t->line[line].text : nothing,
           k < terminal->count ? terminal->seen[k].text : nothing);
}

/* Reports the difference that stands first in the text, if there is one. */
static bool is_stale(const struct transcript *t)
{
    int first = INT_MAX, owner = -1;
    for (int m = 0; m < t->terminals; m++) {
        int k = first_difference(t, m);
        int line = k == -1 ? INT_MAX : shown(t, m, k);
        if (k != -1 && (owner == -1 || (line != -1 && line < first))) {
            first = line == -1 ? INT_MAX : line;
            owner = m;
        }
    }
    if (owner != -1)
        report(t, owner, first_difference(t, owner));
    return owner != -1;
}

/* --- rewriting ------------------------------------------------------------ */

/* Prints what a terminal showed after an input, as the text has it if it is
 * there: so the ports of clients stay. */
static void print_seen(const struct transcript *t, int m, int input, FILE *out)
{
    const struct terminal *terminal = &t->terminal[m];
    bool own = t->line[input].terminal == m || terminal->name[0] == '\0';
    for (int i = 0; i < terminal->count; i++) {
        const char *text = terminal->seen[i].text;
        if (terminal->seen[i].input != input)
            continue;
        for (int k = 0; shown(t, m, k) != -1; k++)
            if (same(t->line[shown(t, m, k)].text, text))
                text = t->line[shown(t, m, k)].text;
        if (!own && !t->make)
            fprintf(out, "%s|%s", terminal->name, *text == '\0' ? "" : " ");
        fprintf(out, "%s\n", text);
    }
}

/* The transcript as it should be. */
static void print_transcript(const struct transcript *t, FILE *out)
{
    for (int i = 0; i < t->lines; i++) {
        bool input = t->line[i].kind != SHOWN;
        if (input || !t->stale)
            fprintf(out, "%s\n", t->line[i].whole);
        if (!input || !t->stale)
            continue;
        print_seen(t, t->line[i].terminal, i, out);
        for (int m = 0; m < t->terminals; m++)
            if (m != t->line[i].terminal)
                print_seen(t, m, i, out);
    }
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
        return SKIPPED;
    if (t->trouble[0] != '\0') {
        printf("%s:%d: %s: %s\n", t->file, t->number,
               verdict == SKIPPED ? "skipped, it needs" : "not replayed",
               t->trouble);
        return verdict == SKIPPED ? SKIPPED : FAILED;
    }
    t->stale = is_stale(t);
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
    char *text = NULL, above[PATH_SIZE] = "";
    size_t size = 0;
    struct counts n = {0, 0, 0};
    for (int number = 1; getline(&text, &size, in) != -1; number++) {
        fputs(text, out);
        if (!starts(text + strspn(text, " "), "```console")) {
            snprintf(above, sizeof above, "%.400s", text);
            continue;
        }
        memset(&t, 0, sizeof t);
        t.file = path;
        t.number = number;
        t.update = update;
        if (*text == ' ')
            snprintf(t.trouble, sizeof t.trouble, "its fence is indented");
        find_directory(&t, above);
        read_transcript(&t, in, &text, &size);
        enum verdict verdict = replay(&t);
        n.passed += verdict == PASSED;
        n.failed += verdict == FAILED;
        n.skipped += verdict == SKIPPED;
        print_transcript(&t, out);
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
    char *fresh = NULL;
    size_t size = 0;
    FILE *in = fopen(path, "r"), *out = open_memstream(&fresh, &size);
    if (in == NULL || out == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return 2;
    }
    *n = replay_text(path, in, update, out);
    fclose(in);
    fclose(out);
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
