/**
 * @file
 * Implements exercise.h.
 */
#define _GNU_SOURCE
#include "exercise.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- words and numbers --------------------------------------------------- */

const char *phrase(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) == -1)
        abort();
    va_end(args);
    return text;
}

const char *quoted(const void *bytes, size_t length, size_t most)
{
    char *text = (char *)malloc(most);
    if (text == NULL)
        abort();
    quote_bytes(bytes, length, text, most);
    return text;
}

const char *its_state(const struct trial *t)
{
    char text[200];
    return phrase("%s", outcome_text(t, t->outcome, text, sizeof text));
}

static const char *all_of(const struct output *stream)
{
    return stream->length > 0 ? quoted(stream->bytes, stream->length, 280)
                              : "nothing";
}

const char *its_output(const struct trial *t)
{
    return all_of(&t->child.out);
}

const char *its_errors(const struct trial *t)
{
    return all_of(&t->child.err);
}

const char *what_came(const struct trial *t, size_t most)
{
    size_t room = sizeof t->heard;
    return quoted(t->heard, t->heard_size < room ? t->heard_size : room, most);
}

bool has_heard(const struct trial *t, const void *bytes, size_t size)
{
    return t->heard_size == size && size <= sizeof t->heard &&
           memcmp(t->heard, bytes, size) == 0;
}

unsigned chance(unsigned limit)
{
    static uint64_t state;
    if (state == 0)
        state = now_ns() ^ (uint64_t)getpid() << 32;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % limit;
}

void make_word(char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        word[i] = (char)('a' + chance(26));
    word[length] = '\0';
}

/* --- the case ------------------------------------------------------------ */

const void *take_script(struct trial *t)
{
    static struct check_case asked;
    asked = *t->asked;
    const void *script = asked.script;
    asked.script = NULL;
    t->asked = &asked;
    return script;
}

const struct script *set_fault(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    if (s == NULL)
        return NULL;
    t->fault = s->fault;
    did(t, "%s", s->what);
    return s;
}

/* --- the calls of the program -------------------------------------------- */

call first_call(const struct trial *t, enum witness_call kind)
{
    return log_first(&t->log, kind, -1);
}

call last_call(const struct trial *t, enum witness_call kind)
{
    return log_last(&t->log, kind, -1);
}

call next_call(const struct trial *t, call previous)
{
    call end = log_at(&t->log, 0) + log_count(&t->log);
    for (call r = previous + 1; r < end; r++)
        if (r->call == previous->call)
            return r;
    return NULL;
}

size_t count_calls(const struct trial *t, enum witness_call kind)
{
    size_t n = 0;
    for (size_t i = 0; i < log_count(&t->log); i++)
        n += log_at(&t->log, i)->call == kind;
    return n;
}

bool bound_to_ipv6(call bound, struct in6_addr host)
{
    struct sockaddr_in6 a;
    memcpy(&a, bound->address, sizeof a);
    return a.sin6_family == AF_INET6 &&
           memcmp(&a.sin6_addr, &host, sizeof host) == 0;
}

/* --- the mistake, and its name ------------------------------------------- */

void fail_at(struct trial *t, call r, const char *diagnosis,
             const char *expected, const char *format, ...)
{
    char got[CAPTION];
    va_list args;
    va_start(args, format);
    vsnprintf(got, sizeof got, format, args);
    va_end(args);
    if (!over(t))
        blame(t, r);
    fail(t, diagnosis, expected, "%s", got);
}

const char *shown_by(struct trial *t, call r, const char *name)
{
    blame(t, r);
    return name;
}

const char *unwritten(const struct trial *t)
{
    bool silent = t->child.out.total == 0 &&
                  strstr(t->child.err.bytes, ": ") == NULL; /* no error */
    return silent && exited(&t->child, 1) ? "exercise-unwritten" : "";
}

/* A program that ends well, and has not made one of the calls it is about. */
static bool made_no_calls(const struct trial *t)
{
    return exited(&t->child, 0) && t->log.map != NULL &&
           t->log.map->attached > 0 && !log_saw_calls(&t->log);
}

/* The usage line of another program: that of the step, in place of ours. */
static bool is_other_program(const struct trial *t)
{
    const char *own =
        phrase("usage: %s", program_name(t->subject, t->asked->role));
    return exited(&t->child, 2) && !prints(&t->child.err, own);
}

const char *in_exercises(const struct trial *t, const char *name,
                         const char *otherwise)
{
    bool only_receives = t->subject->step == 7; /* all exercises of step 7 */
    if (is_other_program(t) || strcmp(name, "arguments-refused") == 0)
        return "exercise-other-program";
    if (strcmp(name, "send-before-recv") == 0 ||
        strcmp(name, "accept-missing") == 0 ||
        (only_receives && (strcmp(name, "recv-before-send") == 0 ||
                           strcmp(name, "recv-single-call") == 0)))
        name = otherwise != NULL ? otherwise : "";
    return name[0] != '\0' ? name : unwritten(t);
}

const char *explained(struct trial *t, const char *otherwise)
{
    if (made_no_calls(t))
        return "exercise-no-calls";
    return in_exercises(t, explain(t, otherwise), otherwise);
}

bool witnessed(struct trial *t)
{
    if (t->log.map == NULL || t->log.map->attached == 0)
        skip(t, "the witness could not look into this program (is it static?)");
    return !over(t);
}

bool makes_calls(struct trial *t)
{
    if (witnessed(t) && made_no_calls(t))
        fail(t, "exercise-no-calls", "the socket calls of the task",
             "your program made none");
    return !over(t);
}

bool is_whole_ipv6(struct trial *t, call bound)
{
    int family = record_family(bound);
    if (bound->a != (int64_t)sizeof(struct sockaddr_in6))
        fail_at(t, bound, "bind-ipv6-unfinished",
                "bind() with 28 bytes of address", "bind() with %d",
                (int)bound->a);
    else if (family != AF_INET6)
        fail_at(t, bound, "bind-ipv6-unfinished", "AF_INET6 in sin6_family",
                family == AF_INET ? "AF_INET" : "%d", family);
    return !over(t);
}

/* --- how it ends --------------------------------------------------------- */

bool ends(struct trial *t)
{
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (!t->child.ended)
        fail(t, explained(t, ""), "a program that ends by itself", "%s",
             its_state(t));
    return !over(t);
}

void press_enter(struct trial *t)
{
    did(t, "pressed Enter");
    child_type(&t->child, "\n");
}

void end_by_enter(struct trial *t)
{
    if (over(t))
        return;
    press_enter(t);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    check_success(t);
}

void check_status(struct trial *t, int status, const char *diagnosis)
{
    if (!exited(&t->child, status))
        fail(t, diagnosis, phrase("exit status %d", status), "%s",
             its_state(t));
}

void check_ending(struct trial *t, int status, const char *otherwise)
{
    if (!over(t) && !exited(&t->child, status))
        check_status(t, status, explained(t, otherwise));
}

/* It has ended by itself, without the line about the error. */
static const char *name_unsaid(const struct trial *t, int error,
                               const char *otherwise)
{
    if (prints(&t->child.out, strerror(error)))
        return "error-on-stdout";
    return exited(&t->child, 1) && t->child.err.length == 0
               ? "error-without-text"
               : otherwise;
}

void check_error(struct trial *t, const char *function, int error,
                 const char *otherwise)
{
    const char *text = phrase("%s: %s", function, strerror(error));
    const char *expected = phrase("\"%s\" (%s) on stderr and exit status 1",
                                  text, errno_name(error));
    if (over(t))
        return;
    if (!t->child.ended)
        fail(t, otherwise, expected, "%s", its_state(t));
    else if (WIFSIGNALED(t->child.status))
        fail(t, explained(t, otherwise), expected, "%s", its_state(t));
    else if (!prints(&t->child.err, phrase("%s\n", text)))
        fail(t, name_unsaid(t, error, otherwise), expected, "stderr is %s; %s",
             its_errors(t), its_state(t));
    else if (exited(&t->child, 0))
        fail(t, "error-exit-zero", expected, "%s", its_state(t));
    check_status(t, 1, "error-exit-status");
}

void expect_failure(struct trial *t, int error, const char *diagnosis)
{
    const char *expected =
        phrase("\"%s\" (%s) on stderr, behind the name of the call, and exit "
               "status 1",
               strerror(error), errno_name(error));
    if (over(t))
        return;
    if (!t->child.ended || exited(&t->child, 0))
        fail(t, diagnosis, expected, "%s, as if nothing had happened",
             its_state(t));
    else if (!exited(&t->child, 1))
        fail(t, "", expected, "%s", its_state(t));
    else if (!says_error(&t->child, error))
        fail(t,
             prints(&t->child.out, strerror(error)) ? "error-on-stdout"
                                                    : "error-without-text",
             expected, "%s, without that text on stderr", its_state(t));
    else
        check_failure(t, error); /* the name of the call */
}

/* --- what it prints ------------------------------------------------------ */

bool appears(struct trial *t, const struct output *stream, const char *text,
             unsigned quiet)
{
    t->outcome = child_await(&t->child, -1, 0, stream, text, quiet);
    return t->outcome == GOT_IT;
}

bool prints(const struct output *stream, const char *text)
{
    return stream->length > 0 && strstr(stream->bytes, text) != NULL;
}

unsigned announced(const struct trial *t, const char *line, int n)
{
    const char *at = t->child.err.bytes;
    for (; at != NULL && n >= 0; n--) {
        at = strstr(at, line);
        at = at != NULL ? at + strlen(line) : NULL;
    }
    return at != NULL ? (unsigned)strtoul(at, NULL, 10) : 0;
}

bool printed(const struct trial *t, const void *bytes, size_t size)
{
    return t->child.out.total == size &&
           memcmp(t->child.out.bytes, bytes, size) == 0;
}

void check_stdout(struct trial *t, const char *want, const char *diagnosis)
{
    if (!printed(t, want, strlen(want)))
        fail(t, diagnosis,
             phrase("on stdout: %s", quoted(want, strlen(want), 280)), "%s",
             its_output(t));
}

bool lines_differ(const char **want, const char **have)
{
    while (**want != '\0' || **have != '\0') {
        size_t n = strcspn(*want, "\n"), m = strcspn(*have, "\n");
        if (n != m || memcmp(*want, *have, n) != 0)
            return true;
        *want += n + ((*want)[n] == '\n');
        *have += m + ((*have)[m] == '\n');
    }
    return false;
}

void fail_line(struct trial *t, const char *want, const char *have,
               const char *diagnosis)
{
    size_t n = strcspn(want, "\n"), m = strcspn(have, "\n");
    fail(t, diagnosis,
         phrase("on stdout: %.*s", n > 0 ? (int)n : 20,
                n > 0 ? want : "nothing more"),
         "%s", m > 0 ? quoted(have, m, 300) : "no such line");
}

/* --- sockets of ours ----------------------------------------------------- */

bool needs_ipv6(struct trial *t, struct in6_addr host)
{
    if (!has_ipv6(host))
        skip(t, "this machine has no IPv6: %s", strerror(errno));
    return !over(t);
}

int let_visit(struct trial *t, int listener, const char *text)
{
    const char *port = phrase("%u", t->port);
    int fd = -1;
    if (listener == -1)
        return -1;
    if (text != NULL ? start(t, port, text) : start(t, "127.0.0.1", port)) {
        fd = accept_program(t, listener, QUIET_MS);
        if (fd == -1)
            fail(t, explained(t, ""),
                 phrase("a connection to 127.0.0.1:%s", port), "none; %s",
                 its_state(t));
    }
    close(listener);
    return fd;
}

int start_and_connect(struct trial *t)
{
    return start(t, NULL, NULL) && await_ready(t) ? connect_to_server(t) : -1;
}

/* --- what the kernel knows of IPv4 sockets ------------------------------- */

/** A line of /proc/net/tcp, its numbers as they stand there. */
struct row {
    unsigned host, port, peer, state, waiting;
};

/* Reads the next one. At the end the file is closed. */
static bool next_row(FILE *f, struct row *r)
{
    char line[300];
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, " %*d: %x:%x %*x:%x %x %*x:%x", &r->host, &r->port,
                   &r->peer, &r->state, &r->waiting) == 5)
            return true;
    if (f != NULL)
        fclose(f);
    return false;
}

int queue_length(unsigned port)
{
    FILE *f = fopen("/proc/net/tcp", "r");
    struct row r;
    int length = -1;
    while (next_row(f, &r))
        if (r.host == htonl(INADDR_LOOPBACK) && r.port == port &&
            r.state == TCP_LISTEN)
            length = (int)r.waiting;
    return length;
}

int socket_states(unsigned port, unsigned peer)
{
    FILE *f = fopen("/proc/net/tcp", "r");
    struct row r;
    int states = f != NULL ? 0 : -1;
    while (next_row(f, &r))
        if (r.port == port && (peer == 0 || r.peer == peer))
            states |= 1 << r.state;
    return states;
}
