/**
 * @file
 * The vocabulary of the grader: what is judged (subject), one question put to
 * it (case), the attempt to answer it (trial) and the answer (result).
 *
 * Each trial runs in a process of its own, so a case may simply block, and
 * whatever it leaves behind goes with it. Cases that belong together form a
 * track; within a track a case rests on all the earlier ones, so that one
 * mistake gives one message.
 */
#ifndef CHECK_H
#define CHECK_H

#include "child.h"
#include "log.h"

#include <stdbool.h>
#include <stddef.h>

enum role { SERVER, CLIENT, ROLES };

/** How the student's program was compiled. */
enum build {
    PLAIN,   /**< as in the lesson, with -g */
    PATTERN, /**< locals start filled with a pattern, not with luck */
    ASAN,    /**< AddressSanitizer and UBSan */
    BUILDS
};

enum { STEPS = 8, PATH_SIZE = 512, CAPTION = 600 };

struct exercise;

/** What is judged: the sources of one step and the programs made of them. */
struct subject {
    int step;
    char scratch[PATH_SIZE];                /**< our own directory */
    char witness[PATH_SIZE];                /**< the library; "": none */
    const struct exercise *exercise;        /**< NULL: a step */
    char source[ROLES][PATH_SIZE];          /**< "": there is none */
    char program[ROLES][BUILDS][PATH_SIZE]; /**< "": could not be built */
    char missing[ROLES][BUILDS][160];       /**< why it could not */
    char valgrind[PATH_SIZE];               /**< "": not installed */
    bool leak_sanitizer;                    /**< ptrace() is allowed */
    bool patient;                           /**< slow cases come last */
    int more;                               /**< TAP: tests that follow */
    bool leaks_only;                        /**< nothing but valgrind */
    char keep[PATH_SIZE];                   /**< a copy of its log; "" */
};

enum verdict { UNKNOWN, PASSED, FAILED, SKIPPED, ADVICE };

/** The answer to one case, in words for the student. */
struct result {
    enum verdict verdict;
    char diagnosis[48]; /**< name of the mistake; "": not known */
    char did[CAPTION];  /**< what we did */
    char expected[CAPTION];
    char got[CAPTION];
    char said[CAPTION]; /**< what the program printed */
    char where[160];    /**< file:line, if known */
    char calls[1200];   /**< the last calls the witness saw */
    double ms;
};

enum track {
    ARGUMENTS, /**< the command line */
    WORKS,     /**< one plain conversation */
    TALK,      /**< the same in bad company; rests on WORKS */
    TRACKS
};

struct trial;

/** One question put to a program. */
struct check_case {
    const char *title; /**< a statement that holds for a right program */
    enum role role;
    int first, last; /**< the steps it is asked in */
    enum track track;
    enum build build;
    void (*run)(struct trial *trial);
    const void *script; /**< for run functions that follow a script */
};

/** One case put to one subject. */
struct trial {
    const struct subject *subject;
    const struct check_case *asked;
    struct result *result;
    struct log log;
    struct child child;
    const char *fault;    /**< WITNESS_FAULT for the next program started */
    enum streams streams; /**< what that program finds open */
    const char *argument; /**< the first one of the program last started */
    const char *extra;    /**< a third argument for the program, or NULL */
    int open_files;       /**< how many descriptors it may have; 0: no limit */
    size_t room;          /**< in the stream that is held or short, in bytes */
    bool valgrind;        /**< it runs under valgrind, without the witness */
    char directory[PATH_SIZE];
    unsigned port;        /**< of the server, whoever that is */
    unsigned peer_port;   /**< ours, where we are the client */
    char heard[4096];     /**< what the program sent us … */
    size_t heard_size;    /**< … in bytes, also those that did not fit */
    size_t sent;          /**< bytes that our peer has sent it */
    unsigned guest[8];    /**< the ports from which somebody came to us … */
    size_t guests;        /**< … and how many of them there were */
    bool disturbed;       /**< somebody else has taken part, or may have */
    uint64_t refused;     /**< when it refused us a connection, or 0 */
    uint64_t began;       /**< when we began to talk to the server */
    bool late;            /**< we were too slow for its second of silence */
    enum outcome outcome; /**< why we stopped waiting for it, the last time */
    const struct witness_record *culprit; /**< see blame() */
};

/* --- trial.c: what every case uses ------------------------------------- */

/** Says what we do; several calls add up. */
void did(struct trial *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Ends a trial as failed: diagnosis ("" if unknown), expected, got. */
void fail(struct trial *t, const char *diagnosis, const char *expected,
          const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Ends a trial as skipped, with the reason. */
void skip(struct trial *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** True once fail() or skip() has been called. */
bool over(const struct trial *t);

/**
 * Starts the program of the case with arguments a and b (NULL: none), under
 * the witness and the faults in t->fault.
 * @return false if the trial is over
 */
bool start(struct trial *t, const char *a, const char *b);

/** Ends the program, so that the next one can be started. */
void stop(struct trial *t);

/** Puts the program's last words and calls into the result. */
void keep_evidence(struct trial *t);

/** The end of the program, in words: "exited with status 1". */
const char *ending_text(const struct child *child, char *text, size_t size);

/** An outcome other than GOT_IT, in words: "still waiting in recv()". */
const char *outcome_text(const struct trial *t, enum outcome outcome,
                         char *text, size_t size);

/** True if stderr has the text of that errno. */
bool says_error(const struct child *child, int error);

/** True if it exited with that status. */
bool exited(const struct child *child, int status);

/**
 * Looks for a report of a sanitizer and puts its place into the result.
 * @param line  gets the report's first line
 * @return the name of the mistake, or NULL if there is no report
 */
const char *sanitizer_name(struct trial *t, char *line, size_t size);

/** Remembers a call of the program as the place of the mistake. */
void blame(struct trial *t, const struct witness_record *record);

/**
 * What every right program leaves when it ends: nothing open, nothing closed
 * twice, no report of a sanitizer. Fails the trial otherwise.
 * @return false if the trial is over
 */
bool left_clean(struct trial *t);

/* --- judge.c, judge_server.c, judge_client.c: runs of cases ------------- */

/** What our peer does to its side after it has sent. */
enum side {
    SIDE_ENDS,   /**< half-close */
    SIDE_STAYS,  /**< stays open, and silent */
    SIDE_RESETS, /**< a reset, at once */
    SIDE_FADES,  /**< half-close, then a reset: who sends then gets EPIPE */
    SIDE_CLOSES  /**< close() */
};

/** A fault: every time limit runs out a thousand times sooner. */
#define HURRY "poll:hurry=1000,setsockopt:hurry=1000,alarm:hurry=1000"

/** A conversation in which we play the peer. Unset members: the plain one. */
struct script {
    const char *what;  /**< "sent the message one byte at a time" */
    const char *fault; /**< WITNESS_FAULT */
    size_t fill;       /**< this many 'x' before … */
    const char *send;  /**< … what we send; NULL: the usual line */
    size_t send_size;  /**< 0: strlen(send) */
    size_t tail;       /**< this many 'y' behind it */
    size_t piece;      /**< bytes at a time; 0: all at once */
    enum side side;    /**< then */
    int error;         /**< errno it must report, with exit status 1 */
    bool either;       /**< success or failure, as long as it is clean */
    bool late;         /**< (server) we read only when it has ended */
    bool to_end;       /**< (client) we read to the end, then answer */
    bool lingers;      /**< (client) we end our side a little later */
    bool early;    /**< (client) we answer and end before we have its line */
    bool more;     /**< (server) we send on when it has ended its side */
    bool optional; /**< a program need not make the faulty call */
    const char *diagnosis; /**< when nothing tells more */
};

/** How long a program may show no sign of life, in ms, when it has work. */
enum { QUIET_MS = 1000, QUIET_LONG_MS = 1800 };

/** Steps 1 to 3: a server that nobody talks to. */
void run_alone(struct trial *t);

/**
 * Has the server closed the connection before we were silent for a second? Its
 * own clock tells: no matter how late we are ourselves.
 * @return the milliseconds that it waited; 0: no, or no witness has seen it
 */
unsigned left_early(const struct trial *t);

void run_server_script(struct trial *t);
void run_client_script(struct trial *t);

/** The reply is there before the message is sent. */
void run_early_reply(struct trial *t);

/** The connection of a client is gone before it can send. */
void run_vanished_server(struct trial *t);

/** Waits for the server's status line and takes its port from there. */
bool await_ready(struct trial *t);

/** Connects to the server under judgement. @return descriptor, -1 if over */
int connect_to_server(struct trial *t);

/** A listener on 127.0.0.1; sets t->port. @return -1: the trial is over */
int open_listener(struct trial *t);

/** Starts the client under judgement, for that listener. @return as start() */
bool start_client(struct trial *t);

/** Waits for its connection there. @return descriptor, -1 if over */
int accept_client(struct trial *t, int listener);

/** The bytes that a script sends: malloc()ed. */
char *script_message(const struct script *s, const char *usual, size_t *size);

/** What a server prints: the message as a line, the word that it was sent. */
void check_server_output(struct trial *t, const char *message, size_t size);

/** Compares what came with what should have; fails the trial if they differ. */
void check_bytes(struct trial *t, const char *what, const char *want,
                 size_t want_size, const char *have, size_t have_size);

/** Checks what the program printed on stdout in all. */
void check_output(struct trial *t, const char *want, size_t size);

/** The program must fail with this errno and say so, without "sent". */
void check_failure(struct trial *t, int error);

/** The connection was gone before anything could be sent. */
void check_nothing_said(struct trial *t);

/** The program must have ended as the script wants it, and cleanly. */
void check_end(struct trial *t, const struct script *s);

/** The program must have exited with status 0. */
void check_success(struct trial *t);

/** Starts the program with wrong arguments or in an impossible situation. */
void run_arguments(struct trial *t);
void run_usage_memory(struct trial *t);

/** The program must fail at once, with script->fault and script->error. */
void run_start_failure(struct trial *t);

/** The same with the second such call, the third, as far as it makes them. */
void run_later_failures(struct trial *t);

/** The plain conversation under valgrind; its log is read. */
void run_valgrind(struct trial *t);

/** The plain conversation with descriptor 0 closed. */
void run_stdin_closed(struct trial *t);

/** The plain conversation with a stdout that has no room. */
void run_output_full(struct trial *t);
void run_output_short(struct trial *t);

/** Is the message with us when the program says that it was sent? */
void run_output_held(struct trial *t);

/* environment.c */
void run_port_numbers(struct trial *t);
void run_port_range(struct trial *t);
void run_other_keys(struct trial *t);
void run_default(struct trial *t);
void run_default_port(struct trial *t);
void run_end_of_input(struct trial *t);
void run_fixed_port(struct trial *t);
void run_loopback_only(struct trial *t);
void run_port_in_use(struct trial *t);
void run_second_server(struct trial *t);
void run_options(struct trial *t);
void run_restart(struct trial *t);
void run_slow_listen(struct trial *t);
void run_backlog(struct trial *t);
void run_second_client(struct trial *t);
void run_other_address(struct trial *t);
void run_patience(struct trial *t);
void run_hurry(struct trial *t);
void run_slow_ending(struct trial *t);
void run_ipv6(struct trial *t);
void run_two_addresses(struct trial *t);
void run_without_family(struct trial *t);
void run_unreachable(struct trial *t);
void run_named_ipv6(struct trial *t);
void run_zeros(struct trial *t);
void run_mapped(struct trial *t);
void run_hurried_client(struct trial *t);
void run_localhost(struct trial *t);
void run_refused(struct trial *t);
void run_bad_host(struct trial *t);
void run_long_host(struct trial *t);
void run_patient_client(struct trial *t);

/**
 * The name for a server that closes the connection too soon: what it made of
 * the message is another question.
 */
const char *explain_ending(struct trial *t);

/** True if the fault asked for came about. */
bool fault_met(const struct trial *t);

/** False, and the trial skipped, if the fault asked for never came about. */
bool fault_happened(struct trial *t);

/* --- explain.c: from what was seen to the name of the mistake ---------- */

/** The name of the mistake that explains what happened, or `otherwise`. */
const char *explain(struct trial *t, const char *otherwise);

/* --- the cases: one file a step, NN-name.c; a row without title ends --- */

extern const struct check_case cases_01[], cases_02[], cases_03[], cases_04[],
    cases_05[], cases_06[], cases_07[], cases_08[];

/* --- the exercises: exercise_NN.c ---------------------------------------- */

/** An exercise: one file, and the cases that judge it. */
struct exercise {
    const char *name; /**< "03-listen/backlog": below exercises/, without .c */
    enum role role;   /**< which of the two its file is compiled as */
    const struct check_case *cases; /**< first and last do not matter here */
};

extern const struct exercise exercises_01[], exercises_02[], exercises_03[],
    exercises_04[], exercises_05[], exercises_06[], exercises_07[],
    exercises_08[], exercises_beyond[];

/** The program's name as the student knows it: "server", "backlog". */
const char *program_name(const struct subject *subject, enum role role);

/** A script written where it is used. */
#define SCRIPT(...) (&(const struct script){__VA_ARGS__})

/** The most cases there can be for one subject, both roles together. */
enum { CASES_MAX = 160 };

#endif
