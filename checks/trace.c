/**
 * @file
 * `check trace`: what is to be run, by trace_run.c, and what is told of it
 * besides the drawing (trace.h).
 */
#define _GNU_SOURCE
#include "trace.h"
#include "suite.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
    {"eintr-rest", ON_RIGHT, "recv:eintr=1@2",
     "a signal interrupts the second recv()"},
    {"eintr-poll", ON_RIGHT, "poll:eintr=1", "a signal interrupts poll()"},
    {"eintr-close", ON_LEFT, "close:eintr=1", "a signal interrupts close()"},
    {"gone-peer", ON_LEFT, "send:gone", "the connection is gone at send()"},
    {"reset", ON_RIGHT, "recv:fail=104", "recv() fails with ECONNRESET"},
    {"reset-send", ON_LEFT, "send:fail=104", "send() fails with ECONNRESET"},
    {"refused-first", ON_LEFT, "getaddrinfo:two",
     "the first of two addresses refuses"},
    {"refused-last", ON_LEFT, "getaddrinfo:two=1",
     "the second of two addresses refuses"},
    {"refused", ON_LEFT, "connect:fail=111", "connect() fails, ECONNREFUSED"},
    {"slow-listen", ON_RIGHT, "listen:delay=300",
     "listen() comes 300 ms later"},
    {"slow-accept", ON_RIGHT, "accept:delay=300",
     "accept() comes 300 ms later"},
    {"slow-recv", ON_RIGHT, "recv:delay=300", "each recv() comes 300 ms later"},
    {"no-descriptor", ON_RIGHT, "accept:fail=24", "accept() fails with EMFILE"},
    {"port-taken", ON_RIGHT, "bind:fail=98", "bind() fails with EADDRINUSE"},
    {"no-socket", ON_LEFT, "socket:fail=24", "socket() fails with EMFILE"},
    {"no-option", ON_RIGHT, "setsockopt:fail=92@1",
     "the first setsockopt() fails with ENOPROTOOPT"},
    {"no-name", ON_RIGHT, "getsockname:fail=105",
     "getsockname() fails with ENOBUFS"},
    {"no-peer-name", ON_RIGHT, "getpeername:fail=105",
     "getpeername() fails with ENOBUFS"},
    {"no-poll", ON_RIGHT, "poll:fail=12", "poll() fails with ENOMEM"},
    {"no-shutdown", ON_LEFT, "shutdown:fail=105",
     "shutdown() fails with ENOBUFS"},
    {"hurry", ON_RIGHT, "poll:hurry=100,setsockopt:hurry=100,alarm:hurry=100",
     "time limits are 100 times shorter"},
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

/* --- what is asked for -------------------------------------------------------
 */

/** What the command line asks for. */
struct wish {
    const char *fault, *like, *svg, *args, *file, *seconds;
    bool normal, ascii, all;
};

/** A stage, and what is told of it. */
struct telling {
    struct stage stage;
    struct wish wish;
    char title[120];
    enum lane peer; /* who our peer plays, in a step that has both */
};

static int complain(const char *what)
{
    fprintf(stderr, "trace: %s: %s\n", what, strerror(errno));
    return 2;
}

static bool is_theirs(const struct actor *a)
{
    return a->command[0] != '\0' && !a->ours;
}

/* Takes "client:" or "server:" off a name. @return true if it was there */
static bool chosen_side(const char **name, enum lane *lane)
{
    bool client = strncmp(*name, "client:", 7) == 0;
    if (!client && strncmp(*name, "server:", 7) != 0)
        return false;
    *name += 7;
    *lane = client ? ON_LEFT : ON_RIGHT;
    return true;
}

/* Finds the fault by name and gives it to the side it concerns. */
static bool set_fault(struct stage *s, const char *name)
{
    enum lane lane = ON_LEFT;
    if (name == NULL)
        return true;
    bool chosen = chosen_side(&name, &lane);
    for (int i = 0; i < FAULTS; i++) {
        if (strcmp(faults[i].name, name) != 0)
            continue;
        if (!chosen)
            lane = faults[i].lane;
        if (!is_theirs(&s->actor[lane]))
            lane = lane == ON_LEFT ? ON_RIGHT : ON_LEFT;
        s->actor[lane].fault = faults[i].witness;
        return true;
    }
    fprintf(stderr, "trace: there is no fault \"%s\"; FAULT=list\n", name);
    return false;
}

/* Sets how our peer behaves, and whom it plays. */
static bool set_like(struct telling *t)
{
    const char *like = t->wish.like;
    if (like == NULL)
        return true;
    if (!chosen_side(&like, &t->peer) && !is_manner(like, true))
        t->peer = ON_RIGHT;
    t->stage.like = like;
    if (is_manner(like, t->peer == ON_LEFT))
        return true;
    fprintf(stderr, "trace: no peer behaves like \"%s\"; LIKE=list\n", like);
    return false;
}

/* --- telling -----------------------------------------------------------------
 */

/* What the first lines are that a program printed. */
static void print_output(const struct actor *a, const char *which,
                         const struct output *o)
{
    enum { LINES = 6, WIDTH = 60 };
    const char *at = o->bytes;
    for (int i = 0; o->length > 0 && *at != '\0'; i++) {
        int n = (int)strcspn(at, "\n");
        if (i == LINES || n > WIDTH)
            printf("%s %s: %.*s... %zu bytes in all\n", a->name, which,
                   i < LINES ? WIDTH : 0, at, o->total);
        else
            printf("%s %s: %.*s\n", a->name, which, n, at);
        if (i == LINES)
            return;
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
        if (sscanf(line, " %*d: %*x:%x %*x:%x %x", &local, &remote, &state) !=
                3 ||
            state != TCP_TIME_WAIT || (local != s->port && remote != s->port))
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
    enum lane lane = is_theirs(&s->actor[ON_RIGHT]) ? ON_RIGHT : ON_LEFT;
    const struct actor *a = &s->actor[lane];
    bool loaded = a->log.map->attached > 1; /* and not only into the shell */
    for (size_t i = 0; i < s->history.calls[lane] && loaded; i++)
        if (s->history.call[lane][i].call != WITNESS_NONE)
            return false;
    if (!loaded && strncmp(a->child.err.bytes, "/bin/sh:", 8) == 0)
        printf("It could not be started.\n");
    else if (!loaded)
        printf("The witness could not be loaded into it: it is static, or "
               "set-user-ID.\n");
    else
        printf("It made no socket call that the witness could see.\n");
    return true;
}

static void print_legend(const struct stage *s, bool two, bool ascii)
{
    const struct history *h = &s->history;
    char text[100];
    if (two)
        printf("\n%s  waits in a call.  ", ascii ? ":" : "┊");
    for (int i = 0; i < NOTES && two; i++) {
        const char *note = drawing_note(h, i, text, sizeof text);
        printf("%s%s", note, note[0] != '\0' ? "\n" : "");
    }
    if (h->unrecorded > 0)
        printf("%zu more calls were counted, not recorded.\n", h->unrecorded);
    if (s->late)
        printf("The trace ended it after %u s (SECONDS=%u).\n", s->seconds,
               s->seconds);
    else if (s->cut)
        printf("Nothing happened any more: the trace ended what still ran.\n");
}

static int draw(struct telling *t)
{
    struct history *h = &t->stage.history;
    const char *svg = t->wish.svg;
    size_t rows = 0;
    struct row *row = history_rows(h, &rows);
    if (row == NULL)
        return complain("the drawing");
    draw_text(h, row, rows, t->wish.ascii);
    if (!h->normal)
        print_legend(&t->stage, two_sided(h, row, rows), t->wish.ascii);
    int result = svg != NULL ? draw_svg(h, row, rows, t->title, svg) : 0;
    free(row);
    if (result == -1)
        return complain(svg);
    if (!h->normal && svg != NULL)
        printf("As a picture: %s\n", svg);
    return 0;
}

static int tell(struct telling *t)
{
    struct stage *s = &t->stage;
    if (!stage_collect(s))
        return complain("the trace");
    int status = explain_silence(s) ? 1 : draw(t);
    for (int lane = 0; lane < LANES && !t->wish.normal; lane++) {
        const struct actor *a = &s->actor[lane];
        print_output(a, "stdout", &a->child.out);
        print_output(a, "stderr", &a->child.err);
    }
    if (!t->wish.normal)
        print_time_wait(s);
    return status;
}

/* --- running -----------------------------------------------------------------
 */

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
static int perform(struct telling *t, const char *svg)
{
    struct stage *s = &t->stage;
    s->history.normal = t->wish.normal;
    s->history.whole = t->wish.all;
    if (t->wish.svg == NULL && !t->wish.normal)
        t->wish.svg = svg;
    if (!set_fault(s, t->wish.fault))
        return 2;
    if (!stage_run(s))
        return complain("cannot run it");
    unsigned port = refused_port(&s->actor[ON_RIGHT].log);
    if (s->actor[ON_LEFT].ours && !s->actor[ON_LEFT].started && port != 0) {
        printf("Nobody answers at port %u: once more, with our peer there.\n\n",
               port);
        stage_clear(s);
        s->port = port;
        s->actor[ON_LEFT] = s->actor[ON_RIGHT];
        s->actor[ON_LEFT].name = "client";
        stage_peer(s, ON_RIGHT);
        if (!stage_run(s))
            return complain("cannot run it");
    }
    return tell(t);
}

/* A step: its programs, and the peer where it has only one. */
static int trace_step(struct telling *t, const char *number)
{
    static const char *const likes[] = {NULL, NULL, "silent", "stays",
                                        "silent"};
    struct stage *s = &t->stage;
    struct actor *server = &s->actor[ON_RIGHT], *client = &s->actor[ON_LEFT];
    char directory[PATH_SIZE], svg[40], *end;
    long step = strtol(number, &end, 10);
    if (*end != '\0' || step < 1 || step > STEPS ||
        !step_find((int)step, directory, sizeof directory)) {
        fprintf(stderr, "trace: there is no step \"%s\"; steps are 1 to %d\n",
                number, STEPS);
        return 2;
    }
    server->name = "server";
    client->name = "client";
    snprintf(server->command, PATH_SIZE, "build/%.200s/server%s", directory,
             step > 1 ? " $PORT" : "");
    if (step > 4)
        snprintf(client->command, PATH_SIZE,
                 "build/%.200s/client 127.0.0.1 $PORT", directory);
    if (s->like == NULL && step < 5)
        s->like = likes[step];
    if (s->like != NULL)
        stage_peer(s, t->peer);
    snprintf(t->title, sizeof t->title, "The conversation of step %ld", step);
    snprintf(svg, sizeof svg, "build/trace/step-%ld.svg", step);
    return perform(t, svg);
}

/* A command, and another for the other side, or NULL. */
static int trace_program(struct telling *t, const char *command,
                         const char *with)
{
    struct stage *s = &t->stage;
    struct actor *program = &s->actor[ON_RIGHT], *other = &s->actor[ON_LEFT];
    snprintf(program->command, sizeof program->command, "%s", command);
    snprintf(other->command, sizeof other->command, "%s",
             with != NULL ? with : "");
    program->name = with != NULL ? "server" : "program";
    other->name = "client";
    if (with == NULL)
        stage_peer(s, ON_LEFT);
    snprintf(t->title, sizeof t->title, "The conversation of %.80s", command);
    return perform(t, "build/trace/program.svg");
}

/* Adds an argument for a word of a usage line. */
static void add_argument(char *text, size_t size, const char *word, size_t n)
{
    static const struct {
        const char *word, *argument;
    } known[] = {{"HOST", "127.0.0.1"},
                 {"TEXT", "Hello"},
                 {"COUNT", "1"},
                 {"BACKLOG", "1"}};
    const char *argument = "$PORT";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].word) == n && strncmp(known[i].word, word, n) == 0)
            argument = known[i].argument;
    size_t used = strlen(text);
    snprintf(text + used, size - used, " %s", argument);
}

/* The arguments that the usage line in a source asks for. */
static void usual_arguments(const char *path, char *text, size_t size)
{
    char line[400];
    FILE *f = fopen(path, "r");
    text[0] = '\0';
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        const char *at = strstr(line, "\"usage: ");
        at = at != NULL ? strchr(at + 8, ' ') : NULL;
        while (at != NULL) {
            at += strspn(at, " [].");
            size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
            if (n > 0)
                add_argument(text, size, at, n);
            at = n > 0 ? at + n : NULL;
        }
    }
    if (f != NULL)
        fclose(f);
}

static int trace_exercise(struct telling *t, const char *name)
{
    struct subject subject;
    struct result result;
    char path[PATH_SIZE], arguments[200], command[2 * PATH_SIZE];
    int step;
    const struct exercise *e = exercise_find(name, &step);
    snprintf(path, sizeof path, "exercises/%.400s.c", name);
    const char *file = t->wish.file != NULL ? t->wish.file : path;
    if (e == NULL)
        fprintf(stderr, "trace: there is no exercise \"%s\"\n", name);
    if (e == NULL || !subject_of_exercise(&subject, e, step, file))
        return 2;
    memset(&result, 0, sizeof result);
    memcpy(subject.scratch, t->stage.directory, sizeof subject.scratch);
    compile(&subject, (struct compilation){e->role, PLAIN}, &result);
    const char *program = subject.program[e->role][PLAIN];
    if (program[0] == '\0') {
        fprintf(stderr, "trace: %s\n", result.got);
        return 2;
    }
    usual_arguments(file, arguments, sizeof arguments);
    snprintf(command, sizeof command, "'%.500s' %.500s", program,
             t->wish.args != NULL ? t->wish.args : arguments);
    int status = trace_program(t, command, NULL);
    unlink(program);
    return status;
}

/* --- the command line --------------------------------------------------------
 */

/* Takes the options out of the arguments. @return how many are left, -1: one
 * is unknown */
static int take_options(struct wish *wish, int argc, char *argv[])
{
    const struct {
        const char *name;
        const char **value;
        bool *flag;
    } options[] = {
        {"--fault", &wish->fault, NULL},     {"--like", &wish->like, NULL},
        {"--svg", &wish->svg, NULL},         {"--args", &wish->args, NULL},
        {"--file", &wish->file, NULL},       {"--all", NULL, &wish->all},
        {"--seconds", &wish->seconds, NULL}, {"--ascii", NULL, &wish->ascii},
        {"--normal", NULL, &wish->normal}};
    size_t count = sizeof options / sizeof *options, k;
    int left = 0;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            argv[left++] = argv[i];
            continue;
        }
        for (k = 0; k < count && strcmp(argv[i], options[k].name) != 0; k++)
            ;
        if (k == count || (options[k].value != NULL && i + 1 == argc))
            return -1;
        if (options[k].value != NULL)
            *options[k].value = argv[++i];
        else
            *options[k].flag = true;
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

/* Finds the witness and sets what was asked for. @return false, with a
 * message, if it cannot be done */
static bool prepare(struct telling *t)
{
    struct stage *s = &t->stage;
    struct subject equipment;
    const char *seconds = t->wish.seconds != NULL ? t->wish.seconds : "10";
    char *end;
    unsigned long n = strtoul(seconds, &end, 10);
    if (*end != '\0' || n < 1 || n > 3600)
        return fprintf(stderr, "trace: SECONDS is 1 to 3600\n"), false;
    memset(&equipment, 0, sizeof equipment);
    subject_equip(&equipment);
    if (equipment.witness[0] == '\0')
        return fprintf(stderr, "trace: build/witness.so is missing\n"), false;
    memcpy(s->witness, equipment.witness, sizeof s->witness);
    s->seconds = (unsigned)n;
    return set_like(t) && (stage_open(s) || (complain(s->directory), false));
}

int command_trace(int argc, char *argv[])
{
    static struct telling t; /* all zero */
    t.wish.ascii = wants_ascii();
    argc = take_options(&t.wish, argc, argv);
    if (t.wish.fault != NULL && strcmp(t.wish.fault, "list") == 0)
        return list_faults();
    if (t.wish.like != NULL && strcmp(t.wish.like, "list") == 0)
        return list_manners();
    if (argc < 2 || argc > 3 || argv[1][0] == '\0')
        return -1;
    if (!prepare(&t))
        return 2;
    int status = -1;
    if (strcmp(argv[0], "step") == 0 && argc == 2)
        status = trace_step(&t, argv[1]);
    else if (strcmp(argv[0], "exercise") == 0 && argc == 2)
        status = trace_exercise(&t, argv[1]);
    else if (strcmp(argv[0], "program") == 0)
        status = trace_program(&t, argv[1], argc == 3 ? argv[2] : NULL);
    stage_close(&t.stage);
    return status;
}
