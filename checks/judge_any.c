/**
 * @file
 * Cases that are the same for a server and for a client.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One wrong command line. Returns false if the trial is over. */
static bool refuses(struct trial *t, const char *a, const char *b, bool extra)
{
    char got[300], shown[100];
    t->result->did[0] = '\0';
    if (!start(t, a, b))
        return false;
    const char *last = t->extra != NULL ? t->extra : b != NULL ? b : a;
    snprintf(shown, sizeof shown, "\"%.40s\"", last);
    t->outcome = child_await_end(&t->child, 400);
    outcome_text(t, t->outcome, got, sizeof got);
    bool usage = strstr(t->child.err.bytes, "sage") != NULL;
    if (!t->child.ended || exited(&t->child, 0) || exited(&t->child, 1))
        fail(t,
             usage                       ? "arguments-exit-status"
             : extra                     ? "arguments-extra"
             : strcmp(last, "0x50") == 0 ? "bind-port-base"
                                         : "bind-port-atoi",
             "a usage line on stderr and exit status 2",
             "the argument %s was not refused: %s", shown, got);
    else if (!exited(&t->child, 2))
        fail(t, "arguments-exit-status",
             "a usage line on stderr and exit status 2", "%s", got);
    else if (t->child.err.length == 0)
        fail(t, "arguments-no-usage", "a usage line on stderr", "%s",
             t->child.out.length > 0 ? "it is on stdout" : "nothing on stderr");
    else
        left_clean(t);
    return !over(t);
}

void run_arguments(struct trial *t)
{
    static const char *const wrong[] = {
        "abc", "70000", "-1",    "",     " 80",
        "+80", "80x",   "65536", "http", "18446744073709551696",
        "0x50"};
    bool server = t->asked->role == SERVER;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!refuses(t, server ? wrong[i] : "127.0.0.1",
                     server ? NULL : wrong[i], false))
            return;
    if (server && !refuses(t, "0", "0", true))
        return;
    if (!server && (!refuses(t, "127.0.0.1", "0", false) ||
                    !refuses(t, "127.0.0.1", "000", false)))
        return;
    t->extra = "too-many";
    if (!server && !refuses(t, "127.0.0.1", "1", true))
        return;
}

/* On the way out with the usage line, too, all memory is freed. */
void run_usage_memory(struct trial *t)
{
    bool server = t->asked->role == SERVER;
    refuses(t, server ? "80x" : "127.0.0.1", server ? NULL : "80x", false);
}

/* Returns false if the fault has not come about, or the trial is over. */
static bool fails_at_start(struct trial *t, const char *fault)
{
    const struct script *s = (const struct script *)t->asked->script;
    bool server = t->asked->role == SERVER;
    t->fault = fault;
    if (!start(t, server ? "0" : "127.0.0.1", server ? NULL : "1"))
        return false;
    did(t, "%s", s->what);
    t->outcome =
        child_await(&t->child, -1, 0, &t->child.err, "listening on", QUIET_MS);
    if (s->optional ? !fault_met(t) : !fault_happened(t))
        return false;
    bool announced = t->outcome == GOT_IT; /* in spite of the failure */
    if (announced)
        t->outcome = child_await_end(&t->child, 300);
    bool told = t->child.ended && says_error(&t->child, s->error);
    if (announced)
        fail(t, told ? "listen-announced-too-early" : explain(t, s->diagnosis),
             "exit status 1 and no word of listening",
             "it goes on as if nothing had happened");
    else
        check_failure(t, s->error);
    left_clean(t);
    return !over(t);
}

void run_start_failure(struct trial *t)
{
    fails_at_start(t, ((const struct script *)t->asked->script)->fault);
}

void run_later_failures(struct trial *t)
{
    enum { LAST = 12 };
    const struct script *s = (const struct script *)t->asked->script;
    for (int k = 2; k <= LAST; k++) {
        char fault[60];
        t->result->did[0] = '\0';
        snprintf(fault, sizeof fault, "%s@%d", s->fault, k);
        if (!fails_at_start(t, fault))
            return;
    }
}

void run_stdin_closed(struct trial *t)
{
    t->streams = INPUT_CLOSED;
    if (t->asked->role == CLIENT)
        run_client_script(t);
    else if (t->subject->step >= 4)
        run_server_script(t);
    else if (start(t, t->subject->step == 1 ? NULL : "0", NULL) &&
             (t->subject->step == 1 || await_ready(t))) {
        /*
         * Nothing can be typed: whether it stays or ends is its own affair, in
         * steps 2 and 3 also how, for there it may read from its own socket.
         */
        t->outcome = child_await_end(&t->child, 100);
        if (t->child.ended && (t->subject->step == 1 || !exited(&t->child, 1)))
            check_success(t);
    }
    const struct witness_record *s = log_first(&t->log, WITNESS_SOCKET, -1);
    bool had_zero = s != NULL && s->error == 0 && s->result == 0;
    char *name = t->result->diagnosis;
    if (strcmp(name, "socket-zero-is-error") == 0 && !had_zero)
        name[0] = '\0';
    else if (strcmp(name, "status-missing") == 0 && had_zero)
        strcpy(name, "socket-zero-is-error"); /* elsewhere the line was there */
}

static void run_script(struct trial *t)
{
    if (t->asked->role == CLIENT)
        run_client_script(t);
    else
        run_server_script(t);
}

void run_output_full(struct trial *t)
{
    t->streams = OUTPUT_FULL;
    if (access(FULL_DEVICE, W_OK) == -1)
        skip(t, "this system has no %s", FULL_DEVICE);
    else
        run_script(t);
}

/* Room for the first line and a part of the second: what is not written? */
void run_output_short(struct trial *t)
{
    t->streams = OUTPUT_SHORT;
    t->room = 6;
    if (t->subject->step >= 7)
        t->room += t->asked->role == CLIENT ? strlen("Hello message sent\n")
                                            : strlen("Hello from client\n");
    run_script(t);
    if (exited(&t->child, 0))
        fail(t, "output-unchecked",
             "exit status 1: not all that it prints finds room",
             "exit status 0");
    else if (exited(&t->child, 1)) /* a file of its own may be limited too */
        memset(t->result, 0, sizeof *t->result);
}

/* There is no room on stdout: who says "sent" waits, and so shows by when. */
static void check_sent_by_then(struct trial *t, int fd)
{
    peer_read(t, fd, true, QUIET_MS);
    if (t->outcome != BLOCKED)
        return;
    child_release(&t->child);
    if (child_await(&t->child, -1, 0, &t->child.out, "message sent",
                    QUIET_MS) == GOT_IT)
        fail(t,
             log_first(&t->log, WITNESS_FDOPEN, -1) != NULL
                 ? "send-not-flushed"
                 : "send-said-before-sent",
             "the whole message, before it says \"Hello message sent\"",
             "%zu bytes until it had said so", t->heard_size);
}

void run_output_held(struct trial *t)
{
    bool server = t->asked->role == SERVER;
    int listener = server ? -1 : open_listener(t);
    t->streams = OUTPUT_HELD;
    t->room =
        server && t->subject->step >= 7 ? strlen("Hello from client\n") : 0;
    if (server ? start(t, "0", NULL) && await_ready(t)
               : listener != -1 && start_client(t)) {
        int fd = server ? connect_to_server(t) : accept_client(t, listener);
        if (fd != -1 && server && t->subject->step >= 7)
            peer_send(t, fd, "Hello from client\n", 18, 0);
        did(t,
            "left its stdout no room, so that it waits where it says that its "
            "message was sent");
        if (fd != -1)
            check_sent_by_then(t, fd);
        close_if_open(fd);
    }
    close_if_open(listener);
}

/* The first line of valgrind's log that holds `text`, without its "==12== ". */
static const char *log_line(const char *log, const char *text, char *line,
                            size_t size)
{
    const char *at = strstr(log, text);
    if (at == NULL)
        return NULL;
    const char *start = at;
    while (start > log && start[-1] != '\n')
        start--;
    if (strncmp(start, "==", 2) == 0 && strstr(start, "== ") != NULL)
        start = strstr(start, "== ") + 3;
    snprintf(line, size, "%.*s", (int)strcspn(start, "\n"), start);
    return at;
}

/* How valgrind names a place in the program's source: "(server.c:". */
static const char *in_source(const struct trial *t, char name[80])
{
    const char *source = t->subject->source[t->asked->role];
    const char *slash = strrchr(source, '/');
    snprintf(name, 80, "(%.70s:", slash != NULL ? slash + 1 : source);
    return name;
}

static void find_place(struct trial *t, const char *at)
{
    char name[80];
    const char *place = at != NULL ? strstr(at, in_source(t, name)) : NULL;
    if (place != NULL)
        snprintf(t->result->where, sizeof t->result->where, "%.*s",
                 (int)strcspn(place + 1, ")"), place + 1);
}

/* recv() into NULL with MSG_TRUNC drops bytes, see tcp(7): no mistake. */
static bool is_null_with_trunc(const char *at)
{
    const char *address = strstr(at, " Address 0x0 is not");
    const char *next = strstr(at, "== \n");
    return strncmp(at, "unaddressable", 13) == 0 && address != NULL &&
           next != NULL && address < next + 1;
}

/* Memory that the program itself took and kept: not what libc keeps. */
static const char *kept_by_program(const struct trial *t, const char *log)
{
    char own[80];
    in_source(t, own);
    const char *at = log;
    while ((at = strstr(at, "still reachable in loss record")) != NULL) {
        const char *caller = at; /* behind the line of malloc() itself */
        for (int line = 0; line < 2 && caller != NULL; line++)
            caller = strchr(caller + 1, '\n');
        const char *name = caller != NULL ? strstr(caller, own) : NULL;
        if (name != NULL && name < caller + 1 + strcspn(caller + 1, "\n"))
            return at;
        at++;
    }
    return NULL;
}

static void read_errors(struct trial *t, const char *log)
{
    static const struct {
        const char *text, *diagnosis;
    } errors[] = {{"bind(my_addr", "bind-address-uninitialised"},
                  {"accept(addrlen_in)", "accept-addrlen-uninitialised"},
                  {"uninitialised", "memory-uninitialised"},
                  {"Invalid read", "memory-error"},
                  {"Invalid write", "memory-error"},
                  {"unaddressable", "memory-error"},
                  {"Mismatched free", "memory-error"},
                  {"Invalid free", "memory-error"},
                  {"definitely lost in loss record", "memory-leaked"},
                  {"indirectly lost in loss record", "memory-leaked"},
                  {"possibly lost in loss record", "memory-leaked"}};
    char line[300];
    for (size_t i = 0; i < sizeof errors / sizeof *errors && !over(t); i++) {
        const char *at = log_line(log, errors[i].text, line, sizeof line);
        if (at == NULL || is_null_with_trunc(at))
            continue;
        find_place(t, at);
        bool list = strcmp(errors[i].diagnosis, "memory-leaked") == 0 &&
                    strstr(at, "getaddrinfo") != NULL;
        fail(t, list ? "connect-list-leaked" : errors[i].diagnosis,
             "no error and no leak in valgrind's log", "%s", line);
    }
}

static void read_kept_memory(struct trial *t, const char *log)
{
    char line[300];
    const char *kept = kept_by_program(t, log);
    if (kept == NULL)
        return;
    find_place(t, kept);
    log_line(kept, "still reachable", line, sizeof line);
    fail(t, "memory-leaked", "no error and no leak in valgrind's log", "%s",
         line);
}

static void read_open_sockets(struct trial *t, const char *log)
{
    char line[300];
    const char *open = log;
    while ((open = log_line(open, "Open AF_INET", line, sizeof line)) != NULL) {
        const char *end = strstr(open, "\n==");
        const char *inherited = strstr(open, "<inherited from parent>");
        find_place(t, open);
        if (inherited == NULL || (end != NULL && inherited > end + 60)) {
            fail(t, "close-connection-leaked",
                 "no descriptor open at the end, in valgrind's log", "%s",
                 line);
            return;
        }
        open++;
    }
}

/* make leaks-step shows the whole log: here it outlives the trial. */
static void keep_log(const struct trial *t, const char *log)
{
    char path[PATH_SIZE + 20];
    if (t->subject->keep[0] == '\0')
        return;
    snprintf(path, sizeof path, "%s.%s", t->subject->keep,
             program_name(t->subject, t->asked->role));
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return;
    fputs(log, f);
    fclose(f);
}

void run_valgrind(struct trial *t)
{
    char path[PATH_SIZE + 40];
    static char log[256 * 1024];
    t->valgrind = true;
    if (t->subject->valgrind[0] == '\0') {
        skip(t, "valgrind is not installed");
        return;
    }
    enum { TRIES = 3 }; /* no witness tells whether a stranger got in between */
    for (int tries = 0; tries < TRIES; tries++) {
        memset(t->result, 0, sizeof *t->result);
        if (t->asked->role == CLIENT)
            run_client_script(t);
        else
            (t->subject->step >= 4 ? run_server_script : run_alone)(t);
        if (t->result->verdict != FAILED)
            break;
    }
    if (over(t))
        return;
    snprintf(path, sizeof path, "%s/valgrind.log", t->directory);
    FILE *f = fopen(path, "r");
    size_t n = f != NULL ? fread(log, 1, sizeof log - 1, f) : 0;
    log[n] = '\0';
    if (f != NULL)
        fclose(f);
    keep_log(t, log);
    if (strstr(log, "ERROR SUMMARY") == NULL)
        fail(t, "", "a complete report of valgrind",
             "its log ends too early: %zu bytes", n);
    read_errors(t, log);
    if (!over(t))
        read_kept_memory(t, log);
    if (!over(t))
        read_open_sockets(t, log);
}
