/**
 * @file
 * Cases about where a program runs: ports that are taken, addresses that do
 * not answer, peers that take their time.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK_MS = 200,
    PATIENCE_MS = 1100,
    PAUSE_MS = 750, /* less than a second each, more in all */
    PAUSES = 2,
    PAUSE_MAX_MS = 950,
    PAUSES_MIN_MS = 1300 /* all of them */
};

static const char message[] = "Hello from client\n";

static void wait_idle(struct trial *t, unsigned ms);

/* --- servers ------------------------------------------------------------ */

static void say_message(struct trial *t, int fd)
{
    if (t->subject->step >= 7)
        peer_send(t, fd, message, sizeof message - 1, 0);
}

/* Says our message and ends our side. */
static void say_all(struct trial *t, int fd)
{
    say_message(t, fd);
    peer_end_side(&fd, SIDE_ENDS);
}

/* Reads to the end of the stream, and sees the server out. */
static void hear_all(struct trial *t, int fd)
{
    peer_read(t, fd, false, QUIET_MS);
    t->outcome = child_await_end(&t->child, QUIET_LONG_MS);
}

static void talk_to_server(struct trial *t, int fd)
{
    say_all(t, fd);
    hear_all(t, fd);
}

/* The conversation must have been as usual, whatever came before it. */
static void check_served(struct trial *t, const char *what)
{
    if (t->subject->step >= 6)
        check_bytes(t, what, "Hello from server\n", 18, t->heard,
                    t->heard_size);
    check_server_output(t, message, sizeof message - 1);
    check_success(t);
}

/* Ends a server that waits: Enter for steps 2 and 3, else one conversation. */
static void finish_server(struct trial *t)
{
    if (t->subject->step >= 4) {
        int fd = connect_to_server(t);
        if (fd == -1)
            return;
        talk_to_server(t, fd);
        close(fd);
    } else {
        child_type(&t->child, "\n");
        t->outcome = child_await_end(&t->child, QUIET_MS);
    }
}

/* True if a socket of ours can be bound to that address: nobody has it. */
static bool can_bind(uint32_t host, unsigned port)
{
    int fd = hold_ipv4(SOCK_STREAM, host, port);
    close_if_open(fd);
    return fd != -1;
}

static void check_socket_made(struct trial *t)
{
    const struct witness_record *r = NULL;
    for (size_t i = 0; i < log_count(&t->log) && r == NULL; i++)
        if (log_at(&t->log, i)->call == WITNESS_SOCKET &&
            (log_at(&t->log, i)->b & 0xf) == SOCK_STREAM)
            r = log_at(&t->log, i);
    if (!log_saw_calls(&t->log) || r != NULL)
        return;
    r = log_first(&t->log, WITNESS_SOCKET, -1);
    blame(t, r);
    fail(t, r != NULL ? "socket-wrong-type" : "",
         "a call of socket() for "
         "SOCK_STREAM",
         "%s", r != NULL ? "socket() for another type" : "no call of socket()");
}

/*
 * Step 1 makes its socket and ends; steps 2 and 3 stay until Enter. Of the
 * script only the fault counts.
 */
void run_alone(struct trial *t)
{
    int step = t->subject->step;
    const struct script *s = (const struct script *)t->asked->script;
    t->fault = s != NULL ? s->fault : NULL;
    if (!start(t, step == 1 ? NULL : "0", NULL))
        return;
    if (step >= 2 && !await_ready(t))
        return;
    if (step == 3 && !t->valgrind) {
        did(t, "connected to port %u", t->port);
        int fd = connect_to_server(t);
        if (fd != -1)
            close(fd);
    }
    if (step >= 2) {
        if (!child_settle(&t->child, 100) && exited(&t->child, 0) &&
            t->streams == INPUT_OPEN)
            fail(t, explain(t, "stdin-not-awaited"),
                 "a server that stays until Enter is pressed",
                 "it ended at once");
        if (step == 2 && can_bind(INADDR_LOOPBACK, t->port))
            fail(t, explain(t, "bind-missing"),
                 "127.0.0.1 and the announced port to be taken",
                 "127.0.0.1:%u can still be bound", t->port);
        did(t, "pressed Enter");
        child_type(&t->child, "\n");
    }
    t->outcome = child_await_end(&t->child, QUIET_MS);
    const struct witness_record *sleep = log_pending(&t->log);
    if (t->outcome == BLOCKED && sleep != NULL && sleep->call == WITNESS_SLEEP)
        fail(t, "stdin-not-awaited", "a server that ends when Enter is pressed",
             "it sleeps, whatever is typed");
    check_success(t);
    if (!t->valgrind)
        check_socket_made(t);
}

/* The smallest, the largest, and zeros in front: looked at, not let through. */
void run_port_range(struct trial *t)
{
    static const char *const ports[] = {"1", "65535", "0000000443"};
    bool server = t->asked->role == SERVER;
    t->fault = server ? "bind:fail=98" : "connect:fail=111";
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        t->result->did[0] = '\0';
        if (!start(t, server ? ports[i] : "127.0.0.1",
                   server ? NULL : ports[i]))
            return;
        t->outcome = child_await_end(&t->child, QUIET_MS);
        const struct witness_record *r =
            log_first(&t->log, server ? WITNESS_BIND : WITNESS_CONNECT, -1);
        if (exited(&t->child, 2))
            fail(t, "arguments-refused", "a port from 1 to 65535 to be taken",
                 "%s was refused", ports[i]);
        else if (!fault_happened(t))
            return;
        else if (r == NULL || record_port(r) != strtoul(ports[i], NULL, 10))
            fail(t,
                 explain(t, r != NULL &&
                                    record_port(r) == strtoul(ports[i], NULL, 0)
                                ? "bind-port-base"
                                : ""),
                 "the port of the argument", "port %u",
                 r != NULL ? record_port(r) : 0);
    }
}

/* False if a name was looked up that is not the default. */
static bool default_host(const struct trial *t)
{
    const struct witness_record *r =
        log_first(&t->log, WITNESS_GETADDRINFO, -1);
    return t->asked->role == SERVER || r == NULL || r->bytes_size == 0 ||
           (r->bytes_size == 9 && memcmp(r->bytes, "127.0.0.1", 9) == 0);
}

/* What may be left out is asked for. Returns false if the trial is over. */
static bool takes_default(struct trial *t, const char *expected)
{
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (exited(&t->child, 2))
        fail(t, "arguments-default", expected, "exit status 2");
    return !over(t) && fault_happened(t);
}

/* Without arguments: looked at, but not let through, whatever runs there. */
void run_default(struct trial *t)
{
    bool server = t->asked->role == SERVER;
    const char *expected =
        server ? "port 8080 when no port is given"
               : "127.0.0.1 and port 8080 when nothing is given";
    t->fault = server ? "bind:fail=98" : "connect:fail=111";
    if (!start(t, NULL, NULL) || !takes_default(t, expected))
        return;
    const struct witness_record *r =
        log_first(&t->log, server ? WITNESS_BIND : WITNESS_CONNECT, -1);
    blame(t, r);
    if (r != NULL && record_port(r) == 8080 && default_host(t))
        return;
    fail(t, "arguments-default", expected, "port %u%s",
         r != NULL ? record_port(r) : 0,
         default_host(t) ? "" : " of another host");
}

/* A host and no port: the host counts. */
void run_default_port(struct trial *t)
{
    static const char expected[] = "port 8080 of 127.0.0.3";
    t->fault = "connect:fail=111";
    if (!start(t, "127.0.0.3", NULL) || !takes_default(t, expected))
        return;
    const struct witness_record *r = log_first(&t->log, WITNESS_CONNECT, -1);
    blame(t, r);
    if (r != NULL && record_port(r) == 8080 &&
        (record_ipv4(r) == INADDR_LOOPBACK + 2 ||
         record_family(r) == AF_INET6)) /* it may write it in another way */
        return;
    fail(t, "arguments-default", expected, "port %u of %s",
         r != NULL ? record_port(r) : 0,
         r != NULL && record_ipv4(r) == INADDR_LOOPBACK ? "127.0.0.1"
                                                        : "another host");
}

/* In step 1 the port is only read. */
void run_port_numbers(struct trial *t)
{
    static const char *const ports[] = {"0", "65535", "0000008080"};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        t->result->did[0] = '\0';
        if (!start(t, ports[i], NULL))
            return;
        t->outcome = child_await_end(&t->child, QUIET_MS);
        if (exited(&t->child, 2))
            fail(t, "arguments-refused", "a port from 0 to 65535 to be taken",
                 "%s was refused", ports[i]);
        check_success(t);
    }
}

/* Nobody types, and time limits run a thousand times faster: it stays. */
static void check_stays(struct trial *t)
{
    t->fault = HURRY;
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    did(t, "made every time limit a thousand times shorter");
    if (!child_settle(&t->child, LOOK_MS))
        fail(t, explain(t, "wait-time-limit"),
             "a server that stays until Enter", "it has ended by itself");
    t->fault = NULL;
    t->result->did[0] = '\0';
}

/* Steps 2 and 3 sleep until Enter; it may be the first of several lines. */
void run_other_keys(struct trial *t)
{
    check_stays(t);
    if (over(t) || !start(t, "0", NULL) || !await_ready(t))
        return;
    wait_idle(t, LOOK_MS);
    did(t, "typed some letters without Enter");
    child_type(&t->child, "abcdefghijklmnopqrstuvwxyz and so on");
    if (!child_settle(&t->child, LOOK_MS / 2))
        fail(t, "stdin-not-a-line", "a server that stays until Enter",
             "it has ended");
    did(t, "pressed Enter and typed on");
    child_type(&t->child, "\nmore");
    t->outcome = child_await_end(&t->child, QUIET_MS);
    if (t->outcome == BLOCKED && !over(t)) {
        fail(t, "stdin-enter-missed", "the end, at Enter", "it still waits");
        t->result->verdict = ADVICE; /* a terminal hands over line by line */
    }
    check_success(t);
}

/* With no standard input, its socket may be descriptor 0: read() fails then. */
static void check_closed_input(struct trial *t)
{
    t->streams = INPUT_CLOSED;
    t->result->did[0] = '\0';
    if (over(t) || !start(t, "0", NULL) || !await_ready(t))
        return;
    did(t, "with standard input closed");
    if (child_await_end(&t->child, 100) == SPINNING)
        fail(t,
             log_failed(&t->log, WITNESS_RECV, 0) != NULL ? "error-retried"
                                                          : "busy-wait",
             "a program that sleeps, or ends",
             "it uses the processor all the time");
}

/* Steps 2 and 3 stay until Enter or the end of their input: here, the end. */
void run_end_of_input(struct trial *t)
{
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    did(t, "ended its standard input without a line");
    child_type(&t->child, NULL);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    check_success(t);
    check_closed_input(t);
}

/* Starts the server on a free port, as text with a zero in front. Returns it.
 */
static unsigned start_on_free_port(struct trial *t, char *port, size_t size)
{
    unsigned wanted = 0;
    for (int tries = 0; tries < 5; tries++) { /* somebody may be faster */
        wanted = free_port();
        snprintf(port, size, "0%u", wanted);
        t->result->did[0] = '\0';
        if (!start(t, port, NULL))
            break;
        t->outcome = child_await(&t->child, -1, 0, &t->child.err,
                                 "127.0.0.1:", QUIET_MS);
        if (t->outcome == GOT_IT || !says_error(&t->child, EADDRINUSE))
            break;
    }
    return wanted;
}

void run_fixed_port(struct trial *t)
{
    char port[16];
    unsigned wanted = start_on_free_port(t, port, sizeof port);
    if (over(t))
        return;
    const char *line = strstr(t->child.err.bytes, "127.0.0.1:");
    char expected[80];
    snprintf(expected, sizeof expected, "the server on port %u", wanted);
    t->port = line != NULL ? (unsigned)strtoul(line + 10, NULL, 10) : 0;
    const struct witness_record *b = log_first(&t->log, WITNESS_BIND, -1);
    unsigned bound = b != NULL ? record_port(b) : t->port;
    char got[200];
    outcome_text(t, t->outcome, got, sizeof got);
    if (t->port == wanted && bound == wanted)
        return;
    blame(t, b);
    if (exited(&t->child, 2))
        fail(t, "arguments-refused", expected, "the argument was refused");
    else if (bound == swapped(wanted))
        fail(t, "bind-no-htons", expected,
             "port %u was bound, which is %u with its two bytes swapped", bound,
             wanted);
    else if (b != NULL && b->error == 0 && bound == wanted)
        fail(t, "bind-announce-no-ntohs", expected, "it says port %u", t->port);
    else if (line != NULL || (b != NULL && bound != wanted))
        fail(t,
             bound == strtoul(port, NULL, 0) ? "bind-port-base"
                                             : "bind-port-hard-coded",
             expected, "it took port %u", bound);
    else
        fail(t, explain(t, ""), expected, "no status line; %s", got);
}

void run_loopback_only(struct trial *t)
{
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    did(t, "looked whether port %u of 127.0.0.2 is taken as well", t->port);
    const struct witness_record *b = log_first(&t->log, WITNESS_BIND, -1);
    /* Somebody else may have it there by chance: the witness knows better. */
    bool ours = b == NULL || record_ipv4(b) != INADDR_LOOPBACK;
    if (!can_bind(INADDR_LOOPBACK + 1, t->port) && ours) {
        blame(t, b);
        fail(
            t, "bind-any-address", "a server on 127.0.0.1 only",
            "it has the port on other addresses too: the network can reach it");
        return;
    }
    finish_server(t);
}

/* The program must say that its port is taken, and end with status 1. */
static void expect_in_use(struct trial *t, const char *diagnosis)
{
    t->outcome =
        child_await(&t->child, -1, 0, &t->child.err, "127.0.0.1:", QUIET_MS);
    bool announced = t->outcome == GOT_IT;
    if (announced)
        t->outcome = child_await_end(&t->child, 300);
    if (announced || !t->child.ended) {
        bool told = t->child.ended && says_error(&t->child, EADDRINUSE);
        blame(t, log_first(&t->log, told ? WITNESS_LISTEN : WITNESS_BIND, -1));
        fail(t, told ? "listen-announced-too-early" : diagnosis,
             "\"bind: Address already in use\" and exit status 1",
             "it goes on as if the port were its own");
        return;
    }
    check_failure(t, EADDRINUSE);
    left_clean(t);
}

void run_port_in_use(struct trial *t)
{
    char text[16];
    unsigned port = 0;
    int holder = peer_listen(AF_INET, &port);
    if (holder == -1) {
        skip(t, "no listener to hold a port: %s", strerror(errno));
        return;
    }
    snprintf(text, sizeof text, "%u", port);
    did(t, "listened on port %u ourselves", port);
    if (start(t, text, NULL))
        expect_in_use(t, "bind-unchecked");
    close(holder);
}

/* The call that sets SO_REUSEPORT, or NULL. */
static const struct witness_record *reuseport(const struct trial *t)
{
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->call == WITNESS_SETSOCKOPT && r->b == SO_REUSEPORT && r->c != 0)
            return r;
    }
    return NULL;
}

/* Sockets that do not listen can share a port either way: a note for later. */
void run_options(struct trial *t)
{
    if (!start(t, "0", NULL) || !await_ready(t) || reuseport(t) == NULL)
        return;
    blame(t, reuseport(t));
    fail(t, "bind-options-ored", "SO_REUSEADDR, and not SO_REUSEPORT",
         "SO_REUSEPORT is set");
    t->result->verdict = ADVICE;
}

void run_second_server(struct trial *t)
{
    struct trial second = *t;
    char port[16];
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    snprintf(port, sizeof port, "%u", t->port);
    if (start(&second, port, NULL)) {
        expect_in_use(&second, "bind-unchecked");
        blame(&second, reuseport(&second));
        if (t->result->verdict == FAILED && reuseport(&second) != NULL)
            strcpy(t->result->diagnosis, "bind-options-ored");
    }
    stop(t); /* a stranger may have ended it: its port was free then */
    second.disturbed = t->disturbed;
    *t = second;
}

/* Leaves a connection in TIME_WAIT on our side of a port. Returns the port. */
static unsigned leave_time_wait(void)
{
    unsigned port = 0;
    int first = peer_listen(AF_INET, &port); /* chooses the port */
    close(first);
    int listener = peer_listen(AF_INET, &port);
    int client = listener != -1 ? peer_connect(port) : -1;
    int conn = client != -1 ? accept(listener, NULL, NULL) : -1;
    char c;
    if (conn != -1) {
        close(conn); /* who closes first is the one that waits */
        if (recv(client, &c, 1, 0) != 0)
            port = 0;
    }
    if (client != -1)
        close(client);
    if (listener != -1)
        close(listener);
    return conn != -1 ? port : 0;
}

/* Looks at a run that succeeds: is the option set, but after bind()? */
static bool set_too_late(struct trial *t)
{
    struct trial plain = *t;
    memset(&plain.log, 0, sizeof plain.log);
    memset(&plain.child, 0, sizeof plain.child);
    plain.port = 0;
    struct result unused;
    memset(&unused, 0, sizeof unused);
    plain.result = &unused;
    bool late = false;
    if (start(&plain, "0", NULL) && await_ready(&plain)) {
        const struct witness_record *b =
            log_first(&plain.log, WITNESS_BIND, -1);
        for (size_t i = 0; b != NULL && i < log_count(&plain.log); i++) {
            const struct witness_record *o = log_at(&plain.log, i);
            late = late || (o->call == WITNESS_SETSOCKOPT &&
                            o->b == SO_REUSEADDR && o->enter > b->enter);
        }
    }
    stop(&plain);
    return late;
}

/* Why the port could not be taken back: no option, a wrong one, too late. */
static const char *name_of_restart(struct trial *t)
{
    const struct witness_record *b = log_first(&t->log, WITNESS_BIND, -1);
    const char *name = "bind-no-reuseaddr";
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *o = log_at(&t->log, i);
        if (o->call != WITNESS_SETSOCKOPT || o->a != SOL_SOCKET)
            continue;
        if (o->b == SO_REUSEPORT)
            name = "bind-options-ored";
        else if (o->b == SO_REUSEADDR && b != NULL && o->enter > b->enter)
            name = "bind-reuseaddr-too-late";
        blame(t, o);
    }
    if (t->culprit == NULL && set_too_late(t))
        name = "bind-reuseaddr-too-late";
    if (t->culprit == NULL)
        blame(t, b);
    return name;
}

/* Starts it on that port. Returns whether it has bound it. */
static bool takes_port(struct trial *t, unsigned port)
{
    char text[16];
    snprintf(text, sizeof text, "%u", port);
    if (!start(t, text, NULL))
        return false;
    t->outcome =
        child_await(&t->child, -1, 0, &t->child.err, "127.0.0.1:", QUIET_MS);
    return t->outcome == GOT_IT;
}

static void fail_restart(struct trial *t)
{
    char got[200];
    fail(t,
         says_error(&t->child, EADDRINUSE) ? name_of_restart(t)
                                           : explain(t, ""),
         "a server that can be restarted on its port at once", "%s",
         outcome_text(t, t->outcome, got, sizeof got));
}

/* Does anybody hold this port, be it a connection in TIME_WAIT? */
static bool is_taken(unsigned port)
{
    struct sockaddr_in address = ipv4_address(INADDR_LOOPBACK, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool taken = fd != -1 &&
                 bind(fd, (struct sockaddr *)&address, sizeof address) == -1 &&
                 errno == EADDRINUSE;
    if (fd != -1)
        close(fd);
    return taken;
}

/* Holds a conversation, to be ended by the server first. Returns its end. */
static enum stream_end be_left(struct trial *t)
{
    int fd = start(t, "0", NULL) && await_ready(t) ? connect_to_server(t) : -1;
    if (fd == -1)
        return STREAM_OPEN;
    say_message(t, fd);
    enum stream_end end = peer_read(t, fd, false, QUIET_LONG_MS);
    close(fd);
    t->outcome = child_await_end(&t->child, QUIET_LONG_MS);
    return end;
}

/* The port that the kernel has chosen for it can be taken back as well. */
static void restart_on_own_port(struct trial *t)
{
    enum { TRIES = 8, REFUSALS = 4 }; /* somebody else may be given the port */
    for (int tries = 0, refused = 0; tries < TRIES; tries++) {
        t->result->did[0] = '\0';
        if (be_left(t) == STREAM_OPEN || over(t))
            return; /* it waits for us to end first: nothing is left then */
        if (!t->child.ended || !is_taken(t->port))
            continue; /* who else took part may have reset the connection */
        did(t, "ended the conversation after the server");
        if (takes_port(t, t->port) || over(t))
            return;
        if (++refused == REFUSALS) {
            fail_restart(t);
            return;
        }
    }
    skip(t, "no connection of the server's could be left in TIME_WAIT");
}

void run_restart(struct trial *t)
{
    unsigned port = leave_time_wait();
    if (port == 0) {
        skip(t, "no connection could be left in TIME_WAIT");
        return;
    }
    did(t,
        "left a connection of port %u in TIME_WAIT, as a server that has "
        "just ended does",
        port);
    if (!takes_port(t, port)) {
        if (!over(t))
            fail_restart(t);
        return;
    }
    t->port = port;
    finish_server(t);
    if (!over(t) && t->subject->step >= 4)
        restart_on_own_port(t);
}

/* The status line is there before listen() has had the time to do its work. */
void run_slow_listen(struct trial *t)
{
    t->fault = "listen:delay=700";
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    did(t, "connected as soon as it said that it listens, with listen() slowed "
           "down");
    const struct witness_record *l = log_first(&t->log, WITNESS_LISTEN, -1);
    int fd = peer_connect(t->port);
    if (fd == -1 || (l != NULL && !l->done)) {
        blame(t, l);
        fail(t, "listen-announced-too-early", "a connection",
             fd == -1 ? "connect(): %s" : "listen() is still under way%.0s",
             strerror(errno));
    }
    if (fd != -1)
        close(fd);
}

/* Not wrong for one client, but a habit that hurts with the next server. */
void run_backlog(struct trial *t)
{
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    const struct witness_record *l = log_first(&t->log, WITNESS_LISTEN, -1);
    if (l == NULL || l->a > 1)
        return;
    blame(t, l);
    fail(t, "listen-backlog-small", "a queue with room for several clients",
         "listen() with a backlog of %lld", (long long)l->a);
    t->result->verdict = ADVICE;
}

void run_second_client(struct trial *t)
{
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    did(t, "connected two clients, and talked with the first");
    int first = connect_to_server(t);
    int second = first != -1 ? peer_connect(t->port) : -1;
    if (first == -1)
        return;
    wait_idle(t, LOOK_MS);
    talk_to_server(t, first);
    check_served(t, "to the first client");
    close(first);
    if (second != -1)
        close(second);
}

/* Our end has the address 127.0.0.2: the server should say so. */
void run_other_address(struct trial *t)
{
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    struct sockaddr_in to = ipv4_address(INADDR_LOOPBACK, t->port);
    int fd = hold_ipv4(SOCK_STREAM, INADDR_LOOPBACK + 1, 0);
    if (fd == -1 || peer_reach(fd, &to, sizeof to) == -1) {
        skip(t, "no connection from 127.0.0.2: %s", strerror(errno));
        close_if_open(fd);
        return;
    }
    char line[80], got[300];
    t->peer_port = own_port(fd);
    did(t, "connected from 127.0.0.2");
    snprintf(line, sizeof line, "connection from 127.0.0.2:%u", t->peer_port);
    talk_to_server(t, fd);
    quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
    if (strstr(t->child.err.bytes, line) == NULL)
        fail(t, "accept-wrong-peer", line, "stderr is %s", got);
    snprintf(line, sizeof line, "connection from 127.0.0.1:%u", t->peer_port);
    if (strstr(t->child.err.bytes, line) != NULL) {
        /* The contract can be read so, and another host is a rare guest. */
        strcpy(t->result->diagnosis, "accept-host-hard-coded");
        t->result->verdict = ADVICE;
    }
    close(fd);
}

/* --- time ---------------------------------------------------------------- */

/* Waits a while; the program must not use the processor meanwhile. */
static void wait_idle(struct trial *t, unsigned ms)
{
    uint64_t start_time = now_ns(), cpu = child_cpu(&t->child);
    size_t calls = log_count(&t->log);
    if (over(t) || !child_settle(&t->child, ms))
        return;
    uint64_t now = child_cpu(&t->child);
    cpu = now > cpu ? now - cpu : 0; /* less, if a descendant has ended */
    calls = log_count(&t->log) - calls;
    if (cpu > ms * 1000000ull / 10 || calls > ms) {
        const struct witness_record *r = log_last(&t->log, WITNESS_RECV, -1);
        blame(t, r != NULL ? r : log_last(&t->log, WITNESS_ACCEPT, -1));
        fail(t, "busy-wait", "a program that sleeps while it waits",
             "it used %llu ms of processor time in %llu ms of waiting%s",
             (unsigned long long)(cpu / 1000000),
             (unsigned long long)((now_ns() - start_time) / 1000000),
             calls > ms ? ", and made call after call" : "");
    }
}

/* It is of no matter what is typed, or that nothing more can be read. */
static void with_typing(struct trial *t, void (*play)(struct trial *))
{
    t->streams = INPUT_TYPED;
    play(t);
    t->streams = INPUT_OPEN;
    if (t->result->verdict != FAILED)
        return;
    memset(t->result, 0, sizeof *t->result);
    play(t);
    if (over(t))
        return;
    t->streams = INPUT_TYPED; /* that is why: seen once more, and told */
    play(t);
    if (t->result->verdict == FAILED)
        strcpy(t->result->diagnosis, "reads-stdin");
}

static void wait_patiently(struct trial *t)
{
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    wait_idle(t, LOOK_MS);
    int fd = over(t) ? -1 : connect_to_server(t);
    if (fd == -1)
        return;
    did(t, "connected, and sent the message only after %d ms", PATIENCE_MS);
    if (t->subject->step >= 7) {
        wait_idle(t, PATIENCE_MS);
        peer_send(t, fd, "Hello ", 6, 0);
        wait_idle(t, LOOK_MS);
        peer_send(t, fd, "from client\n", 12, 0);
    }
    peer_end_side(&fd, SIDE_ENDS);
    peer_read(t, fd, false, QUIET_MS);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    check_served(t, "the reply");
    close(fd);
}

void run_patience(struct trial *t)
{
    with_typing(t, wait_patiently);
}

/* The same with time limits a thousand times shorter: nobody waits so long. */
void run_hurry(struct trial *t)
{
    t->fault = HURRY;
    if (!start(t, "0", NULL) || !await_ready(t))
        return;
    did(t, "made every time limit a thousand times shorter, and took our time "
           "to connect and to send the message");
    child_settle(&t->child, LOOK_MS);
    if (t->child.ended)
        fail(t, explain(t, "wait-time-limit"),
             "a server that waits for its client", "it has ended by itself");
    int fd = over(t) ? -1 : connect_to_server(t);
    if (fd == -1)
        return;
    child_settle(&t->child, LOOK_MS);
    kill(-t->child.pid, SIGSTOP); /* no silence between message and end */
    say_all(t, fd);
    kill(-t->child.pid, SIGCONT);
    hear_all(t, fd);
    char got[200];
    if (!t->child.ended) /* it has not given up */
        fail(t, explain(t, ""), "the conversation as usual", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    check_served(t, "the reply");
    close(fd);
}

/* Since when it looks for more after its reply, in ns; 0: that is not seen. */
static uint64_t looks_since(const struct trial *t)
{
    const struct witness_record *s = log_last(&t->log, WITNESS_SEND, -1);
    for (size_t i = 0; s != NULL && i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if ((r->call == WITNESS_RECV || r->call == WITNESS_POLL) &&
            r->enter > s->enter)
            return r->enter;
    }
    return 0;
}

/* True if the server looked for more after its reply, even if too briefly. */
static bool looked_after_reply(const struct trial *t)
{
    return log_last(&t->log, WITNESS_SEND, -1) == NULL ||
           log_last(&t->log, WITNESS_RECV, -1) == NULL || looks_since(t) != 0;
}

/* Has it looked for more so late that its second may not be over yet? */
static bool looks_late(const struct trial *t, unsigned slower)
{
    uint64_t since = looks_since(t);
    return since != 0 &&
           now_ns() - since <= slower * PAUSES_MIN_MS * 1000000ull;
}

/* Was the second after its reply really made a longer one? */
static bool waited_longer(const struct trial *t)
{
    uint64_t since = looks_since(t);
    for (size_t i = 0; i < log_count(&t->log); i++) {
        const struct witness_record *r = log_at(&t->log, i);
        if (r->injected && (r->call == WITNESS_SETSOCKOPT ||
                            (r->call == WITNESS_POLL && r->enter >= since)))
            return true;
    }
    return false;
}

/* What came of an ending with pauses. */
struct ending {
    bool left; /* the server was gone, or had reset the connection */
    bool late; /* perhaps because we were slow: that proves nothing */
};

/* After the reply we send more, each time after less than a second. In all that
 * must be longer than its second, which is `slower` times as long. */
static struct ending end_slowly(struct trial *t, int fd, unsigned slower)
{
    struct ending e = {false, false};
    uint64_t longest = 0, start_time = now_ns(); /* its second begins later */
    peer_send(t, fd, message, sizeof message - 1, 0);
    peer_read(t, fd, true, QUIET_MS);
    unsigned pauses = PAUSES * slower, most = 2 * pauses;
    for (unsigned pause = 0;
         !e.left && (pause < pauses || (pause < most && looks_late(t, slower)));
         pause++) {
        wait_idle(t, PAUSE_MS);
        e.left = e.left || t->child.ended;
        e.left = !peer_send(t, fd, "and more\n", 9, 1) || e.left;
        uint64_t now = now_ns();
        longest = now - start_time > longest ? now - start_time : longest;
        start_time = now;
    }
    peer_end_side(&fd, SIDE_ENDS);
    e.left = peer_read(t, fd, false, QUIET_LONG_MS) == STREAM_RESET || e.left;
    t->outcome = child_await_end(&t->child, QUIET_LONG_MS);
    e.left = e.left && !over(t); /* it spins: that has been said */
    e.late =
        longest / (waited_longer(t) ? slower : 1) > PAUSE_MAX_MS * 1000000ull &&
        left_early(t) == 0;
    return e;
}

const char *explain_ending(struct trial *t)
{
    const char *usual =
        looked_after_reply(t) ? "close-waits-too-short" : "close-unread-data";
    const char *name = explain(t, usual);
    return strncmp(name, "recv-", 5) == 0 ? usual : name;
}

static void end_with_pauses(struct trial *t)
{
    enum { TRIES = 8 };
    struct ending e = {true, true};
    for (int tries = 0; tries < TRIES && e.left && e.late; tries++) {
        unsigned slower = tries < TRIES / 2 ? 1 : 3;
        t->result->did[0] = '\0';
        t->fault = slower > 1 ? "poll:slow=3,setsockopt:slow=3" : NULL;
        if (!start(t, "0", NULL) || !await_ready(t))
            return;
        int fd = connect_to_server(t);
        if (fd == -1)
            return;
        did(t,
            "took the reply, sent more every %d ms, and ended our side only "
            "after %u ms or more",
            PAUSE_MS, PAUSES * slower * PAUSE_MS);
        if (slower > 1)
            did(t, "all with its time limits three times as long");
        e = end_slowly(t, fd, slower);
        close(fd);
    }
    t->fault = NULL;
    if (e.left && e.late)
        skip(t, "this machine is too busy to measure a second");
    else if (e.left)
        fail(t, explain_ending(t),
             "a server that reads on until we end our side, or are silent for "
             "a second",
             "it had closed the connection before that");
    check_success(t);
}

void run_slow_ending(struct trial *t)
{
    with_typing(t, end_with_pauses);
}

/* --- clients -------------------------------------------------------------- */

/* Plays a whole plain conversation with a client that connects to `fd`. */
static void serve_client(struct trial *t, int listener)
{
    int fd = accept_program(t, listener, QUIET_MS);
    if (fd == -1)
        return;
    if (t->subject->step >= 6)
        peer_read(t, fd, t->subject->step >= 7, QUIET_MS);
    if (t->subject->step >= 7)
        peer_send(t, fd, "Hello from server\n", 18, 0);
    peer_end_side(&fd, SIDE_ENDS);
    peer_read(t, fd, false, QUIET_MS);
    t->outcome = child_await_end(&t->child, QUIET_MS);
    close(fd);
}

/* How often it says that it is connected: once, and not if it is refused. */
static int connected_lines(const struct trial *t)
{
    const char *err = t->child.err.bytes;
    int lines = 0;
    for (const char *at = err; (at = strstr(at, "connected to ")) != NULL; at++)
        lines += at == err || at[-1] == '\n';
    return lines;
}

/* Does a status line name one of these addresses (";" between) and our port? */
static bool says_connected(const struct trial *t, const char *addresses)
{
    char line[100];
    for (const char *at = addresses; *at != '\0'; at += *at == ';') {
        int length = (int)strcspn(at, ";");
        snprintf(line, sizeof line, "connected to %.*s:%u", length, at,
                 t->port);
        if (strstr(t->child.err.bytes, line) != NULL)
            return true;
        at += length;
    }
    return false;
}

/* The next port that services(5) has a name for; 0 if there are no more. */
static unsigned next_named_port(void)
{
    const struct servent *s;
    while ((s = getservent()) != NULL)
        if (strcmp(s->s_proto, "tcp") == 0 &&
            ntohs((uint16_t)s->s_port) >= IPPORT_RESERVED)
            return ntohs((uint16_t)s->s_port);
    return 0;
}

/*
 * A listener whose port refuses at the other addresses that the client may be
 * sent to first: they are bound, by `refusing`, so that nobody listens there.
 */
static int listen_alone(struct trial *t, int family, int *refusing)
{
    bool ipv6 = has_ipv6(in6addr_loopback);
    int listener = -1;
    *refusing = -1;
    for (int tries = 0; tries < 100 && *refusing == -1; tries++) {
        close_if_open(listener);
        t->port = t->asked->run == run_zeros ? next_named_port() : 0;
        bool named = t->port != 0;
        listener = peer_listen(family, &t->port);
        if (listener == -1 && named)
            continue;
        if (listener == -1)
            break;
        *refusing = family == AF_INET6
                        ? hold_ipv4(SOCK_STREAM, INADDR_LOOPBACK, t->port)
                    : ipv6
                        ? hold_ipv6(in6addr_loopback, t->port)
                        : hold_ipv4(SOCK_STREAM, INADDR_LOOPBACK + 1, t->port);
    }
    return listener;
}

/*
 * Runs the client against a listener; expects it to reach `address`, which may
 * be written in several ways: with ";" between them, the usual one first.
 */
static void expect_reached(struct trial *t, int family, const char *host,
                           const char *address, const char *diagnosis)
{
    bool zeros = t->asked->run == run_zeros;
    char port[16], line[100], got[300];
    int refusing, listener = listen_alone(t, family, &refusing);
    if (listener == -1) {
        skip(t, "no listener on %s: %s", address, strerror(errno));
        return;
    }
    snprintf(port, sizeof port, "%s%u", zeros ? "000" : "", t->port);
    snprintf(line, sizeof line, "connected to %.*s:%u",
             (int)strcspn(address, ";"), address, t->port);
    if (start(t, host, port)) {
        serve_client(t, listener);
        quote_bytes(t->child.err.bytes, t->child.err.length, got, sizeof got);
        bool reached = t->outcome == GOT_IT && exited(&t->child, 0);
        bool served = says_connected(t, address) && exited(&t->child, 1) &&
                      t->outcome == GOT_IT;
        if (!reached)
            fail(t,
                 explain(t, served && strcmp(diagnosis, "connect-goes-on") != 0
                                ? "connect-earlier-failure"
                                : diagnosis),
                 line, "stderr is %s", got);
        else if (!says_connected(t, address) || connected_lines(t) > 1)
            fail(t, explain(t, "connect-status-wrong"), line, "stderr is %s",
                 got);
        fault_happened(t);
        left_clean(t);
    }
    close_if_open(refusing);
    close(listener);
}

void run_ipv6(struct trial *t)
{
    expect_reached(t, AF_INET6, "::1", "[::1]", "connect-ipv4-only");
}

/* Zeros in front of the port are no part of it. */
void run_zeros(struct trial *t)
{
    expect_reached(t, AF_INET, "127.0.0.1", "127.0.0.1",
                   "connect-status-wrong");
}

/* A host that is no IPv6 address, and leads to one: the reached one counts. */
void run_named_ipv6(struct trial *t)
{
    if (!has_ipv6(in6addr_loopback)) {
        skip(t, "no ::1 on this machine: %s", strerror(errno));
        return;
    }
    t->fault = "getaddrinfo:two";
    did(t, "let the host 127.0.0.1 have the address ::1 as well, the first");
    expect_reached(t, AF_INET6, "127.0.0.1", "[::1]", "connect-status-wrong");
    for (size_t i = 0; i < log_count(&t->log); i++)
        if (log_at(&t->log, i)->call == WITNESS_CONNECT &&
            record_family(log_at(&t->log, i)) == AF_INET6)
            return;
    /* It asks for the family that the text has, and never saw ::1. */
    memset(t->result, 0, sizeof *t->result);
    skip(t, "for 127.0.0.1 this program wants no IPv6 address");
}

/* An address whose text is longer than any of IPv4. */
void run_mapped(struct trial *t)
{
    if (!has_ipv6(in6addr_loopback)) {
        skip(t, "no IPv6 on this machine: %s", strerror(errno));
        return;
    }
    expect_reached(t, AF_INET, "::ffff:127.0.0.1",
                   "[::ffff:127.0.0.1];[::ffff:7f00:1];127.0.0.1",
                   "connect-status-wrong");
}

void run_two_addresses(struct trial *t)
{
    const struct script *s = (const struct script *)t->asked->script;
    t->fault = s->fault;
    did(t, "%s", s->what);
    expect_reached(t, AF_INET, "127.0.0.1", "127.0.0.1", s->diagnosis);
}

/* Two addresses of one family, and another reason than "refused". */
void run_unreachable(struct trial *t)
{
    run_two_addresses(t);
    const struct witness_record *g =
        log_first(&t->log, WITNESS_GETADDRINFO, -1);
    const struct witness_record *c = log_first(&t->log, WITNESS_CONNECT, -1);
    if (g != NULL && g->injected && c != NULL &&
        record_ipv4(c) == INADDR_LOOPBACK + 1)
        return;
    memset(t->result, 0, sizeof *t->result);
    skip(t, "this program asks for its addresses in another way");
}

/* "A failing call exits 1" can be read so that socket() ends the search. */
void run_without_family(struct trial *t)
{
    run_two_addresses(t);
    if (t->result->verdict == FAILED)
        t->result->verdict = ADVICE;
}

void run_localhost(struct trial *t)
{
    struct addrinfo hints, *list;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = AF_INET;
    if (getaddrinfo("localhost", NULL, &hints, &list) != 0) {
        skip(t, "this machine does not know the name localhost");
        return;
    }
    freeaddrinfo(list);
    expect_reached(t, AF_INET, "localhost", "127.0.0.1",
                   "connect-first-address-only");
    const struct witness_record *g =
        log_first(&t->log, WITNESS_GETADDRINFO, -1);
    if (t->result->verdict == FAILED && g != NULL && g->result != 0)
        strcpy(t->result->diagnosis, "connect-no-names");
    if (over(t) || !has_ipv6(in6addr_loopback))
        return;
    t->fault = "getaddrinfo:two"; /* not every machine has ::1 for the name */
    t->result->did[0] = '\0';
    did(t, "had the server at ::1, which is an address of localhost too");
    expect_reached(t, AF_INET6, "localhost", "[::1]", "connect-ipv4-only");
}

void run_refused(struct trial *t)
{
    char text[8];
    int holder = hold_ipv4(SOCK_STREAM, INADDR_LOOPBACK, 0);
    if (holder == -1) {
        skip(t, "no port to be refused on: %s", strerror(errno));
        return;
    }
    t->fault = ((const struct script *)t->asked->script)->fault;
    /* Bound, so that nobody else takes it, but nobody listens there. */
    snprintf(text, sizeof text, "%u", own_port(holder));
    if (start(t, "127.0.0.1", text)) {
        did(t, "with nobody listening there");
        t->outcome = child_await_end(&t->child, QUIET_MS);
        if (t->child.out.length > 0 &&
            strstr(t->child.out.bytes, "sent") != NULL)
            fail(t, explain(t, "connect-unchecked"),
                 "\"connect: Connection refused\" and exit status 1",
                 "it says that it sent a message");
        check_failure(t, ECONNREFUSED);
        if (connected_lines(t) > 0)
            fail(t, "connect-status-wrong", "no word of being connected",
                 "stderr says \"connected to\"");
        left_clean(t);
    }
    close(holder);
}

/* What became of a host that does not exist, and that nobody asked DNS for. */
static void check_bad_host(struct trial *t)
{
    static const char expected[] =
        "\"getaddrinfo: Name or service not known\" and exit status 1";
    char got[300];
    const char *err = t->child.err.bytes, *text = gai_strerror(EAI_NONAME);
    bool went_on = log_first(&t->log, WITNESS_SEND, -1) != NULL;
    bool asked = log_first(&t->log, WITNESS_GETADDRINFO, -1) != NULL;
    bool told = strstr(err, text) != NULL;
    quote_bytes(err, t->child.err.length, got, sizeof got);
    if (told && WIFEXITED(t->child.status) && !exited(&t->child, 0) &&
        !exited(&t->child, 1))
        fail(t, "error-exit-status", expected, "%s",
             outcome_text(t, t->outcome, got, sizeof got));
    else if (!exited(&t->child, 1))
        fail(t,
             told && !went_on ? "error-exit-zero"
             : asked          ? explain(t, "connect-host-unchecked")
                              : "connect-host-unchecked",
             expected, "%s", outcome_text(t, t->outcome, got, sizeof got));
    else if (asked && !told)
        fail(t,
             strstr(t->child.out.bytes, text) != NULL ? "error-on-stdout"
             : t->child.err.length == 0               ? "error-without-text"
                                                      : "connect-gai-perror",
             expected, "stderr is %s", got);
    else if (asked && went_on)
        fail(t, "connect-host-unchecked", expected,
             "it went on to send: stderr is %s", got);
}

void run_bad_host(struct trial *t)
{
    static const char *const hosts[] = {"not-an-address", "127.0.0.300"};
    int listener = open_listener(t);
    if (listener == -1)
        return;
    char port[8];
    snprintf(port, sizeof port, "%u", t->port);
    t->fault = "getaddrinfo:fail=-2"; /* EAI_NONAME, without asking the DNS */
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts && !over(t); i++) {
        t->result->did[0] = '\0';
        if (!start(t, hosts[i], port))
            break;
        did(t, "with a host that does not exist");
        t->outcome = child_await_end(&t->child, QUIET_MS);
        check_bad_host(t);
        left_clean(t);
    }
    close(listener);
}

/* Longer than any host: names end at 255 bytes (RFC 1035, 2.3.4). */
void run_long_host(struct trial *t)
{
    char host[301], got[300];
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    t->fault = "getaddrinfo:fail=-2";
    if (!start(t, host, "8080"))
        return;
    did(t, "with a host of %zu letters", strlen(host));
    t->outcome = child_await_end(&t->child, QUIET_MS);
    left_clean(t); /* a sanitizer tells more than what came of it */
    if (!over(t) && !exited(&t->child, 1) && !exited(&t->child, 2))
        fail(t, explain(t, "connect-host-unchecked"),
             "a word about the host and exit status 1", "%s",
             outcome_text(t, t->outcome, got, sizeof got));
}

/* Answers a client after a while; in the meantime it has nothing to do. */
static void answer_late(struct trial *t, void (*wait)(struct trial *, unsigned),
                        unsigned ms)
{
    int listener = open_listener(t);
    if (listener == -1)
        return;
    if (start_client(t)) {
        did(t, "kept it waiting for the reply");
        int fd = accept_program(t, listener, QUIET_MS);
        if (fd != -1) {
            peer_read(t, fd, true, QUIET_MS);
            wait(t, ms);
            peer_send(t, fd, "Hello ", 6, 0);
            wait(t, LOOK_MS); /* in the middle, too */
            peer_send(t, fd, "from server\n", 12, 0);
            peer_end_side(&fd, SIDE_ENDS);
            peer_read(t, fd, false, QUIET_MS);
            t->outcome = child_await_end(&t->child, QUIET_MS);
            check_success(t);
            check_output(t, "Hello message sent\nHello from server\n", 37);
            close(fd);
        }
    }
    close(listener);
}

static void answer_patiently(struct trial *t)
{
    answer_late(t, wait_idle, PATIENCE_MS);
}

void run_patient_client(struct trial *t)
{
    with_typing(t, answer_patiently);
}

static void look_on(struct trial *t, unsigned ms)
{
    child_settle(&t->child, ms);
}

/* The same with time limits a thousand times shorter: nobody waits so long. */
void run_hurried_client(struct trial *t)
{
    t->fault = HURRY;
    did(t, "made every time limit a thousand times shorter");
    answer_late(t, look_on, LOOK_MS);
}
