/**
 * @file
 * How the exercises of step 8 are judged.
 */
#define _GNU_SOURCE
#include "exercise.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* in_exercises() for a name that await_ready() or connect_to_server() gave. */
static void name_start(struct trial *t)
{
    char *name = t->result->diagnosis;
    const char *better = in_exercises(t, name, "");
    if (strcmp(name, better) != 0)
        snprintf(name, sizeof t->result->diagnosis, "%s", better);
}

/* --- half-close ---------------------------------------------------------- */

/** A question and its answer, both by chance. */
struct asking {
    const char *what; /* what we do after the end of the question */
    size_t question, answer, piece;
    enum side side;
    const char *fault;
    const char *call; /* that fails … */
    int error;        /* … with this */
    const char *diagnosis;
};

/* How else than with SHUT_WR it may have ended its side. */
static const char *name_end(struct trial *t, const char *otherwise)
{
    call r = log_failed(&t->log, WITNESS_RECV, EBADF);
    call s = first_call(t, WITNESS_SHUTDOWN);
    if (r != NULL)
        return shown_by(t, r, "close-for-half-close");
    return s != NULL && s->a == SHUT_RD ? shown_by(t, s, "close-wrong-side")
                                        : otherwise;
}

/* Reads the question, until the stream has ended. */
static bool hear(struct trial *t, int fd, const char *want)
{
    size_t size = strlen(want);
    enum stream_end end = peer_read(t, fd, false, QUIET_MS);
    bool with_nul = t->heard_size == size + 1 && t->heard[size] == '\0';
    if (end == STREAM_OPEN)
        fail(t,
             t->heard_size == size ? name_end(t, "close-no-half-close")
                                   : explained(t, ""),
             "the text and the end of the stream", "%zu bytes, and no end; %s",
             t->heard_size, its_state(t));
    else if (!has_heard(t, want, size)) {
        if (t->heard_size == 0) /* has it given up? */
            child_await_end(&t->child, QUIET_MS / 10);
        fail(t, with_nul ? "send-terminating-nul" : explained(t, ""),
             "the text of the second argument, and nothing more",
             "%zu bytes in place of %zu: %s", t->heard_size, size,
             what_came(t, 100));
    }
    return !over(t);
}

/* Why is the answer not printed as it was sent? */
static const char *name_change(struct trial *t, const char *answer, size_t size)
{
    size_t total = t->child.out.total;
    bool part = total < size &&
                memcmp(t->child.out.bytes, answer, t->child.out.length) == 0;
    call last = last_call(t, WITNESS_RECV);
    const char *name = name_end(t, "");
    if (name[0] != '\0')
        return name;
    if (part && last != NULL && last->result > 0)
        return shown_by(t, last,
                        last == first_call(t, WITNESS_RECV)
                            ? "recv-one-piece"
                            : "recv-stops-before-eof");
    return explained(t, total > 0 ? "answer-changed" : "");
}

static void check_answer(struct trial *t, const char *answer, size_t size)
{
    if (over(t) || printed(t, answer, size))
        return;
    fail(t, name_change(t, answer, size),
         phrase("on stdout: %s, %zu bytes", quoted(answer, size, 60), size),
         "%s, %zu bytes", quoted(t->child.out.bytes, t->child.out.length, 60),
         t->child.out.total);
}

static void answer(struct trial *t, int *fd, const struct asking *s)
{
    char bytes[4096];
    /* no zero byte comes first: there is something to print in any case */
    for (size_t i = 0; i < s->answer; i++)
        bytes[i] = (char)(i > 0 ? chance(256) : 1 + chance(255));
    did(t, "read to the end of its stream, then %s", s->what);
    peer_send(t, *fd, bytes, s->answer, s->piece);
    peer_end_side(fd, s->side);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (s->call != NULL) {
        check_error(t, s->call, s->error, s->diagnosis);
        return;
    }
    if (t->child.ended)
        check_answer(t, bytes, s->answer);
    check_ending(t, 0, s->diagnosis);
}

static void run_asking(struct trial *t)
{
    const struct asking *s = (const struct asking *)take_script(t);
    char question[60];
    make_word(question, s->question + (s->question > 0 ? chance(20) : 0));
    t->fault = s->fault;
    int fd = let_visit(t, open_listener(t), question);
    if (fd == -1)
        return;
    if (hear(t, fd, question))
        answer(t, &fd, s);
    fault_happened(t);
    close_if_open(fd);
}

/* The call that ends our side fails. */
static void run_no_shutdown(struct trial *t)
{
    t->fault = "shutdown:fail=107";
    int fd = let_visit(t, open_listener(t), "question");
    if (fd == -1)
        return;
    did(t, "let shutdown() fail");
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (fault_happened(t))
        check_error(t, "shutdown", ENOTCONN, "close-shutdown-unchecked");
    close(fd);
}

#define ASKING(...) (&(const struct asking){__VA_ARGS__})

static const struct check_case cases_half_close[] = {
    {"sends, ends its side, and prints the answer", CLIENT_WORKS, PLAIN,
     run_asking,
     ASKING(.what = "answered", .question = 20, .answer = 50, .diagnosis = "")},
    {"prints an answer of many pieces, to its end", CLIENT_TALK, PLAIN,
     run_asking,
     ASKING(.what = "answered in pieces of 300 bytes", .question = 20,
            .answer = 4000, .piece = 300, .diagnosis = "recv-one-piece")},
    {"ends its side also after an empty text", CLIENT_TALK, PLAIN, run_asking,
     ASKING(.what = "answered", .question = 0, .answer = 50, .diagnosis = "")},
    {"prints nothing of an empty answer", CLIENT_TALK, PLAIN, run_asking,
     ASKING(.what = "ended our side, too", .question = 20,
            .diagnosis = "recv-eof-is-error")},
    {"sends the rest when send() takes only a part", CLIENT_TALK, PLAIN,
     run_asking,
     ASKING(.what = "answered", .question = 20, .answer = 50,
            .fault = "send:short=5", .diagnosis = "send-short-count-ignored")},
    {"goes on when a signal interrupts recv()", CLIENT_TALK, PLAIN, run_asking,
     ASKING(.what = "answered", .question = 20, .answer = 50,
            .fault = "recv:eintr=1", .diagnosis = "recv-no-eintr")},
    {"reports a reset in the answer", CLIENT_TALK, PLAIN, run_asking,
     ASKING(.what = "sent a part of the answer and a reset", .question = 20,
            .answer = 50, .side = SIDE_RESETS, .call = "recv",
            .error = ECONNRESET, .diagnosis = "recv-error-is-eof")},
    {"reports a failing shutdown()", CLIENT_TALK, PLAIN, run_no_shutdown, NULL},
    {FOREIGN_MEMORY, CLIENT_TALK, ASAN, run_asking,
     ASKING(.what = "answered at length", .question = 30, .answer = 4096,
            .diagnosis = "")},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- lost-reply ---------------------------------------------------------- */

enum { REPLY_SIZE = 1000000, DRIP_MS = 150, SILENCE_MS = 1500 };

/** A client of lost-reply. */
struct visit {
    const char *what;
    size_t more;    /* bytes behind the one that is the request */
    enum side side; /* after them */
    bool late;      /* it reads only when the server has ended */
};

/* Reads the reply; fails if it is not whole, or does not end well. */
static void check_reply(struct trial *t, int fd, char byte)
{
    static char bytes[65536];
    size_t count = 0;
    ssize_t n;
    bool same = true;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        n = poll(&p, 1, 2000) == 1 ? recv(fd, bytes, sizeof bytes, 0) : -1;
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            same = same && bytes[i] == byte;
        count += (size_t)n;
    }
    if (n == 0 && count == REPLY_SIZE && same)
        return;
    bool reset = n == -1 && errno == ECONNRESET;
    fail(t, reset ? "close-unread-data" : "",
         "1000000 bytes, each as the first we sent, and the end of the stream",
         "%zu bytes%s, then %s", count, same ? "" : ", some of them others",
         n == 0 ? "the end of the stream" : strerror(errno));
}

/* Does it call recv() though poll() has said that the time is up? */
static const char *name_late(const struct trial *t)
{
    for (call r = first_call(t, WITNESS_RECV); r != NULL; r = next_call(t, r))
        if (r > log_at(&t->log, 0) && r[-1].call == WITNESS_POLL &&
            r[-1].done && r[-1].result == 0)
            return "close-poll-ignored";
    return "close-waits-too-long";
}

static void visit_server(struct trial *t, int fd, const struct visit *v)
{
    char bytes[3000];
    make_word(bytes, v->more + 1);
    did(t, "%s", v->what);
    peer_send(t, fd, bytes, v->more + 1, 0);
    peer_end_side(&fd, v->side);
    if (v->late) {
        t->outcome = child_await_end(&t->child, SILENCE_MS);
        if (!t->child.ended)
            fail(t, name_late(t),
                 "a server that waits for our end for a second at most", "%s",
                 its_state(t));
        else if (says_error(&t->child, EAGAIN))
            fail(t, name_late(t), "a server that ends when the time is up",
                 "\"recv: %s\" on stderr", strerror(EAGAIN));
    }
    if (!over(t))
        check_reply(t, fd, bytes[0]);
    close(fd);
    t->outcome = child_await_end(&t->child, SILENCE_MS);
}

static void run_visit(struct trial *t)
{
    int fd = start_and_connect(t);
    if (fd == -1)
        return;
    visit_server(t, fd, (const struct visit *)take_script(t));
    check_ending(t, 0, "");
}

/* The calls of a server whose client ends its side after the reply. */
static void check_turns(struct trial *t)
{
    bool replied = false, ended = false, done = false;
    for (size_t i = 0; i < log_count(&t->log) && !over(t); i++) {
        call r = log_at(&t->log, i);
        bool waits = r->call == WITNESS_POLL || r->call == WITNESS_RECV ||
                     r->call == WITNESS_SLEEP;
        replied = replied || r->call == WITNESS_SEND;
        ended = ended || (r->call == WITNESS_SHUTDOWN && r->a != SHUT_RD);
        if (!replied || !waits)
            continue;
        if (!ended)
            fail_at(t, r, "close-no-half-close",
                    "shutdown(fd, SHUT_WR) behind the reply, before it waits",
                    "it waits first, in %.16s()", r->function);
        if (done)
            fail_at(t, r, "close-waits-after-end",
                    "a server that is done when recv() has returned 0",
                    "then it calls %.16s()", r->function);
        done = r->call == WITNESS_RECV && r->done && r->result == 0;
    }
}

/* A client that waits for the server's end before it ends its own side. */
static void run_in_turn(struct trial *t)
{
    char bytes[100];
    int fd = start_and_connect(t);
    if (fd == -1)
        return;
    did(t, "asked, read to the end of the reply, and then ended our side");
    make_word(bytes, 20);
    peer_send(t, fd, bytes, 20, 0);
    check_reply(t, fd, bytes[0]);
    close(fd);
    t->outcome = child_await_end(&t->child, SILENCE_MS);
    check_turns(t);
    check_ending(t, 0, "");
}

/*
 * Sends a byte now and then when the reply is here; returns when the server has
 * ended, or is late, although it has had a processor.
 */
static void drip(struct trial *t, int fd)
{
    child_await(&t->child, fd, POLLIN, NULL, NULL, SILENCE_MS);
    uint64_t begin = now_ns();
    while (child_watch(&t->child, DRIP_MS) && now_ns() - begin < 1600000000u)
        send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    child_settle(&t->child, DRIP_MS);
}

/* A client that keeps sending a little must not hold the server. */
static void run_drip(struct trial *t)
{
    char request = (char)('a' + chance(26));
    int fd = start_and_connect(t);
    if (fd == -1)
        return;
    did(t, "asked, and then sent a byte about every %d ms without an end",
        DRIP_MS);
    send(fd, &request, 1, MSG_NOSIGNAL);
    drip(t, fd);
    if (!t->child.ended)
        fail(t, "close-waits-too-long",
             "a server that ends a second after its reply, whatever we send",
             "it is still there after 1.6 s");
    check_ending(t, 0, "");
    close(fd);
}

#define VISIT(...) (&(const struct visit){__VA_ARGS__})

static const struct check_case cases_lost_reply[] = {
    {"replies to a client that sends only its request", SERVER_WORKS, PLAIN,
     run_visit, VISIT(.what = "sent one byte, ended our side, and read")},
    {"ends its side first, and is done when the client has", SERVER_TALK, PLAIN,
     run_in_turn, NULL},
    {"lets a late reader have all of the reply", SERVER_TALK, PLAIN, run_visit,
     VISIT(.what = "sent 2001 bytes, ended our side, and read only when the "
                   "server was gone",
           .more = 2000, .late = true)},
    {"does not wait for a silent client for ever", SERVER_TALK, PLAIN,
     run_visit,
     VISIT(.what = "sent 2001 bytes, did not end our side, and read only when "
                   "the server was gone",
           .more = 2000, .side = SIDE_STAYS, .late = true)},
    {"waits for a second in all, not for a second of silence", SERVER_TALK,
     PLAIN, run_drip, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- until-ctrl-c -------------------------------------------------------- */

/** What happens to a server that serves until a signal comes. */
struct stay {
    const char *what;
    int signal_number;
    unsigned clients; /* served before, and so many more by chance */
    bool guest;       /* a client stays connected, and silent */
    int open_files;
    const char *fault;
};

/* Why was a client not told its number? */
static const char *name_refused_client(struct trial *t)
{
    call a = log_failed(&t->log, WITNESS_ACCEPT, 0);
    blame(t, a);
    if (a != NULL && a->error == EMFILE)
        return "close-connection-leaked";
    bool unwatched = first_call(t, WITNESS_ACCEPT) == NULL &&
                     first_call(t, WITNESS_POLL) == NULL &&
                     t->outcome == BLOCKED;
    return unwatched ? "select-not-watched" : "";
}

/* One client from its connection to its end. */
static bool serve_one(struct trial *t, unsigned number)
{
    const char *want = phrase("you are client %u\n", number);
    int fd = connect_to_server(t);
    if (fd == -1)
        return false;
    t->heard_size = 0;
    peer_end_side(&fd, SIDE_ENDS);
    enum stream_end end = peer_read(t, fd, false, QUIET_MS);
    close(fd);
    if (end == STREAM_ENDED && has_heard(t, want, strlen(want)))
        return true;
    fail(t, name_refused_client(t), quoted(want, strlen(want), 100),
         "%zu bytes; %s", t->heard_size,
         t->child.ended ? "the server has ended" : "the server is still there");
    return false;
}

/* A client that does not end its side, and has been told its number. */
static int let_in(struct trial *t)
{
    int fd = connect_to_server(t);
    if (fd != -1)
        peer_read(t, fd, true, QUIET_MS);
    return fd;
}

/* Which mistake keeps a server from ending when a signal has come? */
static const char *name_deafness(struct trial *t)
{
    call waits = log_pending(&t->log), handled = NULL;
    call woken = log_failed(&t->log, WITNESS_POLL, EINTR);
    for (call s = first_call(t, WITNESS_SIGNAL); s != NULL; s = next_call(t, s))
        if (s->a != SIGPIPE)
            handled = s;
    blame(t, waits != NULL ? waits : handled);
    if (t->fault != NULL)
        return "signal-lost";
    if (woken != NULL && waits != NULL && woken->fd != waits->fd)
        return "signal-forgotten";
    return handled == NULL ? "" : "signal-not-seen";
}

static void check_stopped(struct trial *t, const struct stay *s,
                          unsigned clients)
{
    const char *line = phrase("served %u clients", clients);
    const char *expected = phrase("\"%s\" on stdout and exit status 0", line);
    t->outcome = child_await_end(&t->child, 600);
    if (!t->child.ended)
        fail(t, name_deafness(t), expected, "%s", its_state(t));
    else if (WIFSIGNALED(t->child.status))
        fail(t,
             WTERMSIG(t->child.status) == s->signal_number ? "signal-default"
                                                           : "",
             expected, "%s", its_state(t));
    else if (strcmp(t->child.out.bytes, phrase("%s\n", line)) != 0)
        fail(t, exited(&t->child, 0) ? "signal-exits-at-once" : "", expected,
             "stdout is %s, stderr %s", its_output(t), its_errors(t));
    check_ending(t, 0, "signal-is-failure");
}

/* Waits until the program sleeps, or is held up by a fault. */
static void let_settle(struct trial *t)
{
    child_await(&t->child, -1, 0, NULL, NULL, 60);
}

static void run_stay(struct trial *t)
{
    const struct stay *s = (const struct stay *)take_script(t);
    unsigned clients = s->clients + (s->clients > 0 ? chance(4) : 0);
    int guest = -1;
    t->fault = s->fault;
    t->open_files = s->open_files;
    bool served = start(t, NULL, NULL) && await_ready(t);
    for (unsigned i = 1; i <= clients && served; i++)
        served = serve_one(t, i);
    if (!served) {
        name_start(t);
        return;
    }
    if (s->guest && (guest = let_in(t)) == -1)
        return;
    let_settle(t);
    if (t->child.ended)
        fail(t, "", "a server that stays until a signal comes",
             "it has ended by itself");
    did(t, "%s", s->what);
    kill(t->child.pid, s->signal_number);
    check_stopped(t, s, clients + s->guest);
    close_if_open(guest);
}

#define STAY(...) (&(const struct stay){__VA_ARGS__})

static const struct check_case cases_until_ctrl_c[] = {
    {"serves clients in turn, until SIGINT", SERVER_WORKS, PLAIN, run_stay,
     STAY(.what = "served some clients, and sent SIGINT",
          .signal_number = SIGINT, .clients = 3)},
    {"ends on SIGTERM as well", SERVER_TALK, PLAIN, run_stay,
     STAY(.what = "sent SIGTERM before any client came",
          .signal_number = SIGTERM)},
    {"ends while a silent client is connected", SERVER_TALK, PLAIN, run_stay,
     STAY(.what = "connected, said nothing, and sent SIGINT",
          .signal_number = SIGINT, .guest = true)},
    {"leaves no descriptor open from client to client", SERVER_TALK, PLAIN,
     run_stay,
     STAY(.what = "allowed it 12 descriptors, served more clients than that, "
                  "and sent SIGINT",
          .signal_number = SIGINT, .clients = 20, .open_files = 12)},
    {"loses no signal that comes just before it waits", SERVER_TALK, PLAIN,
     run_stay,
     STAY(.what = "held it up on its way into accept() or select(), and sent "
                  "SIGINT meanwhile",
          .signal_number = SIGINT, .fault = "accept:delay=400,poll:delay=400")},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_stay,
     STAY(.what = "served some clients, and sent SIGTERM",
          .signal_number = SIGTERM, .clients = 2)},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- time-wait ----------------------------------------------------------- */

/** A line of the program: who closed first, and what became of the ports. */
struct remains {
    unsigned server, client;
    char server_state[8], client_state[8]; /* "taken", "free" */
};

static bool read_remains(struct trial *t, const char *who, struct remains *r)
{
    const char *format =
        phrase("%s closes first: port %%u of the server is %%7[a-z], port %%u "
               "of the client is %%7[a-z]",
               who);
    const char *line =
        strstr(t->child.out.bytes, phrase("%s closes first", who));
    if (line != NULL && sscanf(line, format, &r->server, r->server_state,
                               &r->client, r->client_state) == 4)
        return true;
    fail(t, unwritten(t),
         phrase("\"%s closes first: port ... of the server is ..., port ... of "
                "the client is ...\" on stdout",
                who),
         "stdout is %s", its_output(t));
    return false;
}

/* Did the program ask bind() about this port, and was this the answer? */
static void check_asked(struct trial *t, unsigned port, const char *said)
{
    const char *expected =
        phrase("the answer of bind() about port %u of 127.0.0.1", port);
    call asked = NULL;
    if (!log_saw_calls(&t->log))
        return;
    for (call b = first_call(t, WITNESS_BIND); b != NULL; b = next_call(t, b))
        if (record_port(b) == port)
            asked = b;
    if (asked == NULL)
        fail(t, "port-not-asked", expected, "bind() was never asked");
    else if ((asked->error == EADDRINUSE) != (strcmp(said, "taken") == 0))
        fail_at(t, asked, "port-not-asked", expected,
                "\"%s\", but bind() said: %s", said,
                asked->error != 0 ? strerror(asked->error) : "success");
}

/* A bit of socket_states(). */
enum { IN_TIME_WAIT = 1 << TCP_TIME_WAIT };

/* The end that was to close first must be in TIME_WAIT, and not the other. */
static void check_order(struct trial *t, const char *who, unsigned first,
                        unsigned second)
{
    int of_first = socket_states(first, second);
    int of_second = socket_states(second, first);
    const char *name = "", *got = "the connection has not ended";
    if (of_first == IN_TIME_WAIT)
        return;
    if (of_first == -1) {
        skip(t, "/proc/net/tcp cannot be read here");
        return;
    }
    if ((of_second & IN_TIME_WAIT) != 0) {
        name = "close-wrong-order";
        got = "the other end is in TIME_WAIT";
    } else if (of_first == 0) {
        name = of_second == 0 ? "close-no-time-wait" : "";
        got = "the kernel keeps nothing of this connection";
    }
    fail(t, name,
         phrase("the %s's end, port %u, in TIME_WAIT: it is to close first",
                who, first),
         "%s", got);
}

/* The end that closed first keeps its port; the other one gives it back. */
static void check_remains(struct trial *t, const char *who)
{
    struct remains r;
    if (over(t) || !read_remains(t, who, &r))
        return;
    bool server_first = strcmp(who, "server") == 0;
    unsigned first = server_first ? r.server : r.client;
    unsigned second = server_first ? r.client : r.server;
    const char *said = server_first ? r.server_state : r.client_state;
    const char *other = server_first ? r.client_state : r.server_state;
    check_order(t, who, first, second);
    check_asked(t, r.server, r.server_state);
    check_asked(t, r.client, r.client_state);
    if (strcmp(said, "taken") != 0)
        fail(t, "", "a port in TIME_WAIT is taken",
             "port %u of the %s is said to be %s", first, who, said);
    if (strcmp(other, "free") != 0 && socket_states(second, 0) == 0) {
        t->disturbed = true; /* a neighbour may have had it for a moment */
        fail(t, "", "the port of the end that closed second is free",
             "port %u is said to be %s", second, other);
    }
}

/** The ends of a connection, as the calls go by. */
struct ends {
    int client, server; /* descriptors; server -1: none, or both are closed */
    int first;          /* the one that ended its side first, or -1 */
    bool seen;          /* the other has seen that */
};

static bool is_end(const struct ends *e, call r)
{
    return e->server != -1 && (r->fd == e->client || r->fd == e->server);
}

/* Takes one more call. @return false if it closes too soon */
static bool follow(struct ends *e, call r)
{
    bool over = r->call == WITNESS_CLOSE;
    if (r->call == WITNESS_CONNECT)
        e->client = r->fd;
    else if (r->call == WITNESS_ACCEPT)
        *e = (struct ends){e->client, (int)r->result, -1, false};
    else if (is_end(e, r) && e->first == -1)
        e->first = over || r->call == WITNESS_SHUTDOWN ? r->fd : -1;
    else if (is_end(e, r) && r->fd != e->first) {
        e->seen = e->seen || (r->call == WITNESS_RECV && r->result == 0) ||
                  (r->call == WITNESS_POLL && r->result > 0);
        if (over)
            e->server = -1;
        return e->seen || !over;
    }
    return true;
}

/* Before the second end is closed, it must have seen the end of the first. */
static void check_awaited(struct trial *t)
{
    struct ends e = {-1, -1, -1, false};
    for (size_t i = 0; i < log_count(&t->log) && !over(t); i++) {
        call r = log_at(&t->log, i);
        if (!follow(&e, r))
            fail_at(t, r, "close-not-awaited",
                    "recv() = 0 on the second end before it is closed",
                    "descriptor %d closed without having seen the end of the "
                    "other",
                    r->fd);
    }
}

/* A socket that is still open belongs to no connection here. */
static void check_sockets(struct trial *t)
{
    int fd;
    call made = NULL;
    if (over(t) || !log_left_socket(&t->log, &fd))
        return;
    for (call s = first_call(t, WITNESS_SOCKET); s != NULL; s = next_call(t, s))
        if (s->result == fd)
            made = s;
    fail_at(t, made, "socket-leaked",
            "every descriptor closed when the program ends",
            "descriptor %d was still open at the end", fd);
}

static void run_time_wait(struct trial *t)
{
    if (!start(t, NULL, NULL) || !ends(t))
        return;
    check_remains(t, "server");
    check_remains(t, "client");
    check_awaited(t);
    check_ending(t, 0, "");
    check_sockets(t);
}

/* The second bind() is the first that asks about a port. */
static void run_bind_failure(struct trial *t)
{
    t->fault = "bind:fail=13@2";
    if (!start(t, NULL, NULL))
        return;
    did(t, "let bind() fail with EACCES when it is asked about a port");
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (fault_happened(t))
        check_error(t, "bind", EACCES, "bind-errors-confused");
}

static const struct check_case cases_time_wait[] = {
    {"shows which end keeps its port", SERVER_WORKS, PLAIN, run_time_wait,
     NULL},
    {"takes no other failure of bind() for a port that is taken", SERVER_TALK,
     PLAIN, run_bind_failure, NULL},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_time_wait, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

/* --- most-copied-server and most-copied-client --------------------------- */

/*
 * All mistakes are looked for in one case, so that the student learns how many
 * are left. Each has a probe, which runs the program once or more. It does not
 * end the trial: what it finds goes into a finding.
 */

enum { PROBE_MS = 300 };

struct finding {
    const char *name; /* of the mistake; NULL: it is not there */
    char expected[200];
    char got[300];
};

static const char from_server[] = "Hello from server";
static const char from_client[] = "Hello from client";
static const char sent_line[] = "Hello message sent\n";

static void found(struct finding *f, const char *name, const char *expected,
                  const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void found(struct finding *f, const char *name, const char *expected,
                  const char *format, ...)
{
    va_list args;
    if (f->name != NULL)
        return;
    f->name = name;
    snprintf(f->expected, sizeof f->expected, "%s", expected);
    va_start(args, format);
    vsnprintf(f->got, sizeof f->got, format, args);
    va_end(args);
}

/* How the program ended, and what it said: for `got`. */
static const char *its_last_words(const struct trial *t)
{
    return phrase("%s; stdout %s, stderr %s", its_state(t),
                  quoted(t->child.out.bytes, t->child.out.length, 60),
                  quoted(t->child.err.bytes, t->child.err.length, 60));
}

/* Starts the server with a port. @return true once it listens */
static bool listens(struct trial *t, const char *port)
{
    static const char line[] = "listening on 127.0.0.1:";
    t->result->did[0] = '\0';
    if (!start(t, port, NULL))
        return false;
    appears(t, &t->child.err, line, PROBE_MS);
    t->port = announced(t, line, 0);
    return t->port != 0;
}

/* We send, end our side, and read to the end. */
static void say(struct trial *t, int fd, const char *what, const char *bytes,
                size_t size, size_t piece)
{
    did(t, "%s %zu bytes%s and ended our side", what, size,
        piece > 0 ? ", one at a time," : "");
    peer_send(t, fd, bytes, size, piece);
    peer_end_side(&fd, SIDE_ENDS);
    peer_read(t, fd, false, PROBE_MS);
    t->outcome = child_await_end(&t->child, PROBE_MS);
    close(fd);
}

/* Starts the client and accepts its connection. @return -1: there is none */
static int meet_client(struct trial *t, const char *host)
{
    t->port = 0;
    int listener =
        peer_listen(strchr(host, ':') != NULL ? AF_INET6 : AF_INET, &t->port);
    int fd = -1;
    t->result->did[0] = '\0';
    if (start(t, host, phrase("%u", t->port)))
        fd = accept_program(t, listener, PROBE_MS);
    close_if_open(listener);
    return fd;
}

/* A talk with the client: we answer at once, or later. */
static void talk_to_client(struct trial *t, const char *host, const char *bytes,
                           size_t size, size_t piece)
{
    int fd = meet_client(t, host);
    if (fd != -1)
        say(t, fd, "answered", bytes, size, piece);
}

/* A talk with whichever of the two is judged. */
static void talk(struct trial *t, const char *bytes, size_t size, size_t piece)
{
    if (t->asked->role == CLIENT) {
        talk_to_client(t, "127.0.0.1", bytes, size, piece);
        return;
    }
    int fd = listens(t, "0") ? peer_connect(t->port) : -1;
    if (fd != -1)
        say(t, fd, "sent", bytes, size, piece);
}

static const char *usual(const struct trial *t)
{
    return t->asked->role == SERVER ? from_client : from_server;
}

static void usual_talk(struct trial *t)
{
    talk(t, usual(t), strlen(usual(t)), 0);
}

/* What the program sends. */
static const char *its_line(const struct trial *t)
{
    return t->asked->role == SERVER ? from_server : from_client;
}

/* The usual talk, with a fault. @return what the program said in the end */
static const char *faulty_talk(struct trial *t, const char *fault,
                               const char *what)
{
    t->fault = fault;
    usual_talk(t);
    t->fault = NULL;
    did(t, "%s", what);
    return its_last_words(t);
}

/* Starts whichever of the two is judged, with a port. */
static bool start_with_port(struct trial *t, const char *port)
{
    bool server = t->asked->role == SERVER;
    t->result->did[0] = '\0';
    return start(t, server ? port : "127.0.0.1", server ? NULL : port);
}

/* --- probes for both */

/* atoi() makes 0 of all of these, and that would be any port. */
static void probe_port(struct trial *t, struct finding *f)
{
    static const char *const wrong[] = {"abc", "65536", "", "0x50"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (!start_with_port(t, wrong[i]))
            return;
        appears(t, &t->child.err, "listening", PROBE_MS);
        if (!exited(&t->child, 2))
            found(f, "bind-port-atoi", "a usage line and exit status 2",
                  "the port \"%s\" is not refused: %s", wrong[i],
                  its_last_words(t));
    }
}

/* A call that fails must be reported on stderr, with status 1. */
static void judge_report(struct trial *t, struct finding *f,
                         const char *function, int error)
{
    const char *text = phrase("%s: %s", function, strerror(error));
    const char *name = NULL;
    if (!t->child.ended)
        name = t->asked->role == SERVER ? "bind-unchecked" : "";
    else if (!prints(&t->child.err, phrase("%s\n", text)))
        name =
            t->child.out.length > 0 ? "error-on-stdout" : "error-without-text";
    else if (!exited(&t->child, 1))
        name = exited(&t->child, 0) ? "error-exit-zero" : "error-exit-status";
    if (name != NULL)
        found(f, name, phrase("\"%s\" on stderr and exit status 1", text), "%s",
              its_last_words(t));
}

static void probe_report(struct trial *t, struct finding *f)
{
    bool server = t->asked->role == SERVER;
    unsigned port = 0;
    int holder = server ? peer_listen(AF_INET, &port)
                        : hold_ipv4(SOCK_STREAM, INADDR_LOOPBACK, 0);
    if (start_with_port(t, phrase("%u", own_port(holder)))) {
        did(t, server ? "with that port in use" : "with nobody listening");
        appears(t, &t->child.err, "listening", PROBE_MS);
        judge_report(t, f, server ? "bind" : "connect",
                     server ? EADDRINUSE : ECONNREFUSED);
    }
    close(holder);
}

/* What the program should have printed of a message. */
static void judge_message(struct trial *t, struct finding *f,
                          const char *message, size_t size, const char *name)
{
    bool server = t->asked->role == SERVER;
    const char *want = phrase("%s%.*s\n%s", server ? "" : sent_line, (int)size,
                              message, server ? sent_line : "");
    if (printed(t, want, strlen(want)) && exited(&t->child, 0))
        return;
    found(
        f, name,
        phrase("stdout %s and exit status 0", quoted(want, strlen(want), 160)),
        "%s", its_last_words(t));
}

static void probe_pieces(struct trial *t, struct finding *f)
{
    talk(t, usual(t), strlen(usual(t)), 1);
    judge_message(t, f, usual(t), strlen(usual(t)), "recv-one-piece");
}

/* 1023 bytes are a message, the 1024th is too much. */
static void probe_room(struct trial *t, struct finding *f)
{
    char message[1024];
    memset(message, 'x', sizeof message);
    talk(t, message, 1023, 0);
    judge_message(t, f, message, 1023, "recv-message-limit");
    if (f->name != NULL)
        return;
    talk(t, message, 1024, 0);
    if (prints(&t->child.err, strerror(EMSGSIZE)) && exited(&t->child, 1))
        return;
    bool whole = t->child.out.total >= 1024;
    found(f, whole ? "recv-no-terminator" : "recv-message-limit",
          "\"recv: Message too long\" on stderr and exit status 1", "%s",
          its_last_words(t));
}

/* It was reset, and must have said so. */
static void judge_reset(struct trial *t, struct finding *f,
                        const char *function, const char *name)
{
    if (!exited(&t->child, 1) || !says_error(&t->child, ECONNRESET))
        found(f, name,
              phrase("\"%s: Connection reset by peer\" and exit status 1",
                     function),
              "%s", its_last_words(t));
}

static void probe_recv_failure(struct trial *t, struct finding *f)
{
    faulty_talk(t, "recv:fail=104", "let recv() fail");
    judge_reset(t, f, "recv", "recv-unchecked");
}

static void probe_send_failure(struct trial *t, struct finding *f)
{
    const char *got = faulty_talk(t, "send:fail=104", "let send() fail");
    if (prints(&t->child.out, "Hello message sent"))
        found(f, "send-unchecked", "no \"Hello message sent\"", "%s", got);
    judge_reset(t, f, "send", "send-unchecked");
}

static void probe_short_send(struct trial *t, struct finding *f)
{
    faulty_talk(t, "send:short=5", "let send() take five bytes at a time");
    if (!has_heard(t, its_line(t), strlen(its_line(t))))
        found(f, "send-short-count-ignored",
              phrase("\"%s\" over the connection", its_line(t)), "%s",
              what_came(t, 200));
}

static void probe_gone(struct trial *t, struct finding *f)
{
    const char *got =
        faulty_talk(t, "send:gone", "let the connection be gone when it sends");
    if (t->child.ended && WIFSIGNALED(t->child.status)) {
        blame(t, last_call(t, WITNESS_SEND));
        found(f, "send-sigpipe", "\"send: Broken pipe\" and exit status 1",
              "%s", got);
    }
}

/* --- probes for the server */

/* A second server must not get the port of the first. */
static void probe_options(struct trial *t, struct finding *f)
{
    stop(t); /* nothing of it may be in the copy */
    struct trial second = *t;
    if (!listens(t, "0"))
        return;
    const char *port = phrase("%u", t->port);
    if (listens(&second, port) && !met_stranger(t)) /* who may have ended it */
        found(f, "bind-options-ored",
              "\"bind: Address already in use\" from a second server on the "
              "same port",
              "both say that they listen on port %s", port);
    stop(&second);
}

static void probe_loopback(struct trial *t, struct finding *f)
{
    if (!listens(t, "0"))
        return;
    did(t, "tried to have port %u of 127.0.0.2 for ourselves", t->port);
    int fd = hold_ipv4(SOCK_STREAM, INADDR_LOOPBACK + 1, t->port);
    const struct witness_record *b = first_call(t, WITNESS_BIND);
    /* Somebody else may have it there by chance: the witness knows better. */
    if (fd != -1 || (b != NULL && record_ipv4(b) == INADDR_LOOPBACK)) {
        if (fd != -1)
            close(fd);
        return;
    }
    blame(t, b);
    found(f, "bind-any-address", "a server on 127.0.0.1 only",
          "it has the port on every address: the network can reach it");
}

static void probe_server_leak(struct trial *t, struct finding *f)
{
    int left;
    usual_talk(t);
    if (!log_left_socket(&t->log, &left))
        return;
    call l = log_first(&t->log, WITNESS_LISTEN, left);
    blame(t, l);
    found(f, l != NULL ? "close-listener-leaked" : "close-connection-leaked",
          "every descriptor closed at the end",
          "descriptor %d was still open%s", left,
          l != NULL ? ": the listener" : "");
}

/* --- probes for the client */

static void probe_family(struct trial *t, struct finding *f)
{
    if (has_ipv6(in6addr_loopback)) {
        talk_to_client(t, "::1", from_server, strlen(from_server), 0);
        if (!exited(&t->child, 0))
            found(f, "connect-ipv4-only", "a connection to ::1, over IPv6",
                  "%s", its_last_words(t));
    }
    const char *got = /* without getaddrinfo() it has one address */
        faulty_talk(t, "getaddrinfo:two",
                    "gave the host another address, which refuses");
    if (!exited(&t->child, 0))
        found(f, "connect-first-address-only",
              "a connection to the second address", "%s", got);
}

static void probe_client_leak(struct trial *t, struct finding *f)
{
    int left;
    usual_talk(t);
    if (!log_left_socket(&t->log, &left))
        return;
    call zero = log_first(&t->log, WITNESS_CLOSE, 0);
    blame(t, zero);
    found(f,
          zero != NULL ? "connect-result-as-descriptor"
                       : "close-connection-leaked",
          "the socket closed at the end", "descriptor %d was still open%s",
          left, zero != NULL ? ", and 0, stdin, was closed" : "");
}

/* The peer waits for the line before it answers. */
static void probe_flush(struct trial *t, struct finding *f)
{
    int fd = meet_client(t, "127.0.0.1");
    if (fd == -1)
        return;
    did(t, "waited for \"Hello message sent\" before we answered");
    if (!appears(t, &t->child.out, "Hello message sent", PROBE_MS))
        found(f, "output-not-flushed",
              "\"Hello message sent\" before the client waits", "%s",
              its_last_words(t));
    close(fd);
}

/* The peer waits for the end before it answers. */
static void probe_end(struct trial *t, struct finding *f)
{
    int fd = meet_client(t, "127.0.0.1");
    if (fd == -1)
        return;
    did(t, "read to the end of its stream before we answered");
    if (peer_read(t, fd, false, PROBE_MS) == STREAM_OPEN)
        found(f, "close-no-half-close", "the end of the client's stream",
              "%zu bytes, and no end: it waits for us, and we for it",
              t->heard_size);
    close(fd);
}

/* --- all of them */

typedef void probe(struct trial *t, struct finding *f);

static probe *const server_probes[] = {
    probe_options,    probe_loopback, probe_port,         probe_report,
    probe_pieces,     probe_room,     probe_recv_failure, probe_send_failure,
    probe_short_send, probe_gone,     probe_server_leak,  NULL};

static probe *const client_probes[] = {probe_client_leak,
                                       probe_family,
                                       probe_port,
                                       probe_report,
                                       probe_send_failure,
                                       probe_short_send,
                                       probe_gone,
                                       probe_flush,
                                       probe_end,
                                       probe_pieces,
                                       probe_room,
                                       probe_recv_failure,
                                       NULL};

/* Runs the first of them that found something once more, for the report. */
static void report_left(struct trial *t, probe *first, const char *names,
                        unsigned left, unsigned all)
{
    struct finding f;
    memset(&f, 0, sizeof f);
    first(t, &f);
    if (f.name == NULL)
        snprintf(f.got, sizeof f.got, "it depends: run this check again");
    fail(t, f.name != NULL ? f.name : "", f.expected,
         "%s. %u of %u mistakes %s left: %s", f.got, left, all,
         left == 1 ? "is" : "are", names);
}

static void run_probes(struct trial *t)
{
    probe *const *probes =
        t->asked->role == SERVER ? server_probes : client_probes;
    probe *first = NULL;
    const char *names = "";
    unsigned left = 0, all = 0;
    for (; probes[all] != NULL && !over(t); all++) {
        struct finding f;
        memset(&f, 0, sizeof f);
        probes[all](t, &f);
        if (f.name == NULL)
            continue;
        names = phrase("%s%s%s", names, left > 0 ? ", " : "", f.name);
        if (left++ == 0)
            first = probes[all];
    }
    if (first != NULL && !over(t))
        report_left(t, first, names, left, all);
    else if (!over(t)) /* what the last probe leaves open is no matter here */
        t->result->verdict = PASSED;
}

/* What is open is closed on every path. */
static void run_failing(struct trial *t)
{
    t->fault = "recv:fail=104";
    usual_talk(t);
    did(t, "let recv() fail");
    fault_happened(t);
}

/* The famous output, with a message by chance. */
static void run_famous(struct trial *t)
{
    char message[60] = "Hello from ";
    const char *want = its_line(t);
    struct finding f;
    memset(&f, 0, sizeof f);
    make_word(message + strlen(message), 6 + chance(20));
    talk(t, message, strlen(message), 0);
    judge_message(t, &f, message, strlen(message), "");
    if (f.name != NULL)
        fail(t, explain(t, f.name), f.expected, "%s", f.got);
    else if (!has_heard(t, want, strlen(want)))
        fail(t, "message-ends-with-stream",
             phrase("over the connection: \"%s\", %zu bytes, and the end", want,
                    strlen(want)),
             "%s, %zu bytes", what_came(t, 300), t->heard_size);
    else if (t->asked->track == WORKS) /* what it leaves open comes later */
        t->result->verdict = PASSED;
}

/* A case of its own, so that it can be skipped by name. */
static void run_ipv6_client(struct trial *t)
{
    if (!needs_ipv6(t, in6addr_loopback))
        return;
    talk_to_client(t, "::1", from_server, strlen(from_server), 0);
    if (!exited(&t->child, 0))
        fail(t, "connect-ipv4-only", "a connection to ::1, over IPv6", "%s",
             its_last_words(t));
}

static const struct check_case cases_most_copied_server[] = {
    {"prints the famous lines", SERVER_WORKS, PLAIN, run_famous, NULL},
    {"has none of its eleven mistakes left", SERVER_TALK, PLAIN, run_probes,
     NULL},
    {"closes what is open also when a call fails", SERVER_TALK, PLAIN,
     run_failing, NULL},
    {"can be restarted at once", SERVER_TALK, PLAIN, run_restart, NULL},
    {FOREIGN_MEMORY, SERVER_TALK, ASAN, run_famous, NULL},
    {MEMORY_BY_CHANCE, SERVER_TALK, PATTERN, run_famous, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

static const struct check_case cases_most_copied_client[] = {
    {"prints the famous lines", CLIENT_WORKS, PLAIN, run_famous, NULL},
    {"has none of its twelve mistakes left", CLIENT_TALK, PLAIN, run_probes,
     NULL},
    {"closes what is open also when a call fails", CLIENT_TALK, PLAIN,
     run_failing, NULL},
    {"reaches a server on IPv6", CLIENT_TALK, PLAIN, run_ipv6_client, NULL},
    {FOREIGN_MEMORY, CLIENT_TALK, ASAN, run_famous, NULL},
    {MEMORY_BY_CHANCE, CLIENT_TALK, PATTERN, run_famous, NULL},
    {NULL, SERVER_WORKS, PLAIN, NULL, NULL}};

const struct exercise exercises_08[] = {
    {"08-close/half-close", CLIENT, cases_half_close},
    {"08-close/lost-reply", SERVER, cases_lost_reply},
    {"08-close/until-ctrl-c", SERVER, cases_until_ctrl_c},
    {"08-close/time-wait", SERVER, cases_time_wait},
    {"08-close/most-copied-server", SERVER, cases_most_copied_server},
    {"08-close/most-copied-client", CLIENT, cases_most_copied_client},
    {NULL, SERVER, NULL}};
