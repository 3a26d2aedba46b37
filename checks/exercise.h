/**
 * @file
 * What the judges of the exercises have in common. As each trial runs in a
 * process of its own, the texts that are made here live until that ends.
 */
#ifndef EXERCISE_H
#define EXERCISE_H

#include "peer.h"

#include <netinet/in.h>
#include <stdio.h>

/** A call of the program, as the witness wrote it down. */
typedef const struct witness_record *call;

/* --- rows of cases ------------------------------------------------------- */

/** Role, steps (they do not matter in an exercise) and track of a case. */
#define SERVER_WORKS SERVER, 0, 0, WORKS
#define SERVER_TALK SERVER, 0, 0, TALK
#define CLIENT_WORKS CLIENT, 0, 0, WORKS
#define CLIENT_TALK CLIENT, 0, 0, TALK

/** Titles that many exercises share, of a PATTERN and of an ASAN build. */
#define MEMORY_BY_CHANCE "does not depend on what is in memory by chance"
#define FOREIGN_MEMORY "does not touch memory that is not its own"

/* --- words and numbers --------------------------------------------------- */

/** A text made as printf() makes it. */
const char *phrase(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/** Bytes readably between quotes, cut after `most` characters. */
const char *quoted(const void *bytes, size_t length, size_t most);

/** What the program does, or how it has ended: "your program exited …". */
const char *its_state(const struct trial *t);

/** What stands on its stdout, quoted; or "nothing". */
const char *its_output(const struct trial *t);

/** What stands on its stderr, quoted; or "nothing". */
const char *its_errors(const struct trial *t);

/** What the program has sent us, quoted, cut after `most` characters. */
const char *what_came(const struct trial *t, size_t most);

/** Is this all that the program has sent us? */
bool has_heard(const struct trial *t, const void *bytes, size_t size);

/** A number below `limit`, by chance. */
unsigned chance(unsigned limit);

/** A word of so many letters by chance, as a string: length + 1 bytes. */
void make_word(char *word, size_t length);

/* --- the case ------------------------------------------------------------ */

/**
 * The script of a case, where it has a form of its own. It is taken off the
 * case, for explain() would read it as a struct script.
 */
const void *take_script(struct trial *t);

/** Sets the fault of the case's struct script. @return the script, or NULL */
const struct script *set_fault(struct trial *t);

/* --- the calls of the program -------------------------------------------- */

/** The first call of a kind, or NULL. */
call first_call(const struct trial *t, enum witness_call kind);

/** The last call of a kind, or NULL. */
call last_call(const struct trial *t, enum witness_call kind);

/** The next call of the same kind, or NULL. */
call next_call(const struct trial *t, call previous);

/** How many calls of a kind there were. */
size_t count_calls(const struct trial *t, enum witness_call kind);

/** Was bind() called with this IPv6 address? */
bool bound_to_ipv6(call bound, struct in6_addr host);

/* --- the mistake, and its name ------------------------------------------- */

/** As fail(), with the call (or NULL) that is to be blame()d. */
void fail_at(struct trial *t, call r, const char *diagnosis,
             const char *expected, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/** Blames a call, and names the mistake that it shows. @return the name */
const char *shown_by(struct trial *t, call r, const char *name);

/** "exercise-unwritten" for a starter, which gives up without a word; or "". */
const char *unwritten(const struct trial *t);

/**
 * explain() for an exercise: with the names of mistakes that only it can have,
 * without those of what only the programs of the lessons must do.
 */
const char *explained(struct trial *t, const char *otherwise);

/** As explained(), for a name that explain() has given. */
const char *in_exercises(const struct trial *t, const char *name,
                         const char *otherwise);

/** False, and the trial skipped, if the witness could not look into it. */
bool witnessed(struct trial *t);

/** As witnessed(), and false if it has ended well without a socket call. */
bool makes_calls(struct trial *t);

/** False, and the trial over, if bind() got no whole struct sockaddr_in6. */
bool is_whole_ipv6(struct trial *t, call bound);

/* --- how it ends --------------------------------------------------------- */

/** Waits for the end. @return false, and the trial over, if it does not come */
bool ends(struct trial *t);

/** Types an empty line, and says so. */
void press_enter(struct trial *t);

/** Presses Enter and waits for the end, which must be a success. */
void end_by_enter(struct trial *t);

/** It must have exited with this status; if not, that is `diagnosis`. */
void check_status(struct trial *t, int status, const char *diagnosis);

/** As check_status(), where explained() is asked for the name. */
void check_ending(struct trial *t, int status, const char *otherwise);

/** It must have ended with status 1 and "FUNCTION: TEXT" on stderr. */
void check_error(struct trial *t, const char *function, int error,
                 const char *otherwise);

/**
 * It must have ended with status 1, the text of the error on stderr, and
 * before that the call that really failed.
 * @param diagnosis  the mistake if it goes on
 */
void expect_failure(struct trial *t, int error, const char *diagnosis);

/* --- what it prints ------------------------------------------------------ */

/**
 * Waits for a text on one of its streams.
 * @param quiet  milliseconds without a sign of life that are too many
 * @return true if it has come; else t->outcome says why not
 */
bool appears(struct trial *t, const struct output *stream, const char *text,
             unsigned quiet);

/** True if a text stands on one of its streams by now. */
bool prints(const struct output *stream, const char *text);

/** The port behind the n-th `line` (from 0) on stderr; 0: it is not there. */
unsigned announced(const struct trial *t, const char *line, int n);

/** Is this all that stands on stdout? */
bool printed(const struct trial *t, const void *bytes, size_t size);

/** This must be all that stands on stdout. */
void check_stdout(struct trial *t, const char *want, const char *diagnosis);

/**
 * Moves both texts to the first line in which they differ.
 * @return false if there is none
 */
bool lines_differ(const char **want, const char **have);

/** Fails the trial with the line that lines_differ() has found. */
void fail_line(struct trial *t, const char *want, const char *have,
               const char *diagnosis);

/* --- sockets of ours ----------------------------------------------------- */

/** False, and the trial skipped, if has_ipv6() is. */
bool needs_ipv6(struct trial *t, struct in6_addr host);

/**
 * Starts the program, accepts its connection and closes the listener.
 * @param listener  of open_listener(); may be -1
 * @param text      it is started with PORT and this; NULL: with HOST and PORT
 * @return a descriptor; -1: the trial is over
 */
int let_visit(struct trial *t, int listener, const char *text);

/** Starts a server and connects to it. @return -1: the trial is over */
int start_and_connect(struct trial *t);

/* --- what the kernel knows of IPv4 sockets ------------------------------- */

/** How many wait in the queue of a listener on 127.0.0.1; -1: not known. */
int queue_length(unsigned port);

/**
 * The states of the sockets with this local port: for each the bit 1 << STATE,
 * where STATE is its number in <netinet/tcp.h>.
 * @param peer  only those connected to this port; 0: any
 * @return -1 if nobody knows
 */
int socket_states(unsigned port, unsigned peer);

#endif
