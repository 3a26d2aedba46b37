/**
 * @file
 * A program under judgement, as a child process: started with pipes for its
 * standard streams, watched without ever waiting blindly, and ended together
 * with everything that it started.
 */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** How much of each output stream is kept; the rest is read and counted. */
enum { OUTPUT_KEPT = 256 * 1024 };

/** What a program has written to one stream so far. */
struct output {
    int fd;        /**< our end of the pipe, -1 once it has ended */
    size_t length; /**< bytes kept, at most OUTPUT_KEPT */
    size_t total;  /**< bytes written */
    char *bytes;   /**< terminated by a zero byte that does not count */
};

/** What the program finds on its standard streams. */
enum streams {
    INPUT_OPEN,   /**< pipes: nothing comes until child_type() */
    INPUT_CLOSED, /**< the same, but descriptor 0 is closed */
    INPUT_TYPED,  /**< the same, but a line has come, and the end of input */
    OUTPUT_FULL,  /**< the same, but stdout is a device without room */
    OUTPUT_SHORT, /**< stdout is a file with a limit, nobody reads it */
    OUTPUT_HELD,  /**< stdout is a pipe that fills up: see child_release() */
    ERRORS_HELD   /**< the same with stderr */
};

/** The device for OUTPUT_FULL: each write to it fails with ENOSPC. */
#define FULL_DEVICE "/dev/full"

/** How to start a program. Unset members have sensible defaults. */
struct launch {
    const char *argv[20];   /**< the program's path first */
    const char *setenv[10]; /**< "NAME=VALUE", added to our environment */
    const char *directory;  /**< where it runs; NULL: here */
    enum streams streams;
    int open_files; /**< limit on descriptors; 0: as it is */
    size_t room;    /**< in the stream that is held (below a page) or short:
                         bytes */
};

/** A program that was started. */
struct child {
    pid_t pid;
    int pidfd; /**< readable when the program has ended, or -1 */
    int input; /**< our end of its standard input, or -1 */
    enum streams streams;
    int held;      /**< our end of the stream that is not read yet, or -1 */
    size_t filler; /**< bytes of ours that stand before its own there */
    struct output out;
    struct output err;
    bool ended;
    bool left;           /**< it has ended, and somebody of its group had not */
    int status;          /**< as of waitpid(), once ended */
    uint64_t cpu_max;    /**< ns of processor time after which it spins */
    uint64_t cpu;        /**< nanoseconds used so far, as last seen */
    unsigned idle_looks; /**< how often in a row it was seen to do nothing */
};

/** Why child_await() came back. */
enum outcome {
    GOT_IT,   /**< what was awaited is there */
    ENDED,    /**< the program has ended without it */
    BLOCKED,  /**< the program sleeps, and nothing will wake it */
    SPINNING, /**< it burns processor time instead */
    TOO_LONG  /**< it works on and on */
};

/** Monotonic time in nanoseconds. */
uint64_t now_ns(void);

/** Milliseconds as nanoseconds, times CHECK_TIMEOUT_SCALE. */
uint64_t scaled_ms(unsigned ms);

/**
 * Starts a program in a session of its own.
 * @return 0, or -1 with errno when it could not be started
 */
int child_start(struct child *child, const struct launch *launch);

/**
 * Waits until `fd` is ready for `events`, or until `text` stands on one of the
 * output streams; both may be missing, then only for the end of the program.
 * Output is read all the while.
 * @param fd      descriptor to watch, or -1
 * @param events  as for poll()
 * @param stream  &child->out, &child->err or NULL
 * @param text    what must stand there, followed by a newline somewhere
 * @param quiet   milliseconds without any sign of life that make it BLOCKED
 */
enum outcome child_await(struct child *child, int fd, short events,
                         const struct output *stream, const char *text,
                         unsigned quiet);

/**
 * Lets time pass, whatever the program does, and reads its output meanwhile.
 * @param ms  real milliseconds, not scaled
 * @return false if it has ended before
 */
bool child_watch(struct child *child, unsigned ms);

/**
 * The same, and then longer, up to fifty times, while the program queues for a
 * processor and has not had a tenth of that time: what it does next is seen on
 * a busy machine too.
 */
bool child_settle(struct child *child, unsigned ms);

/** Waits for the end of the program: GOT_IT, or why it does not end. */
enum outcome child_await_end(struct child *child, unsigned quiet);

/** Types text on the program's standard input; NULL: ends that input. */
void child_type(struct child *child, const char *text);

/**
 * Begins to read the stream that was held. Until then a program that has
 * printed more there than there was room for waits in write().
 */
void child_release(struct child *child);

/** Processor time that the program and its descendants have used, in ns. */
uint64_t child_cpu(const struct child *child);

/** Ends the program and its group, and frees what child_start() took. */
void child_end(struct child *child);

/**
 * Ends every process that is a child of this one, also those that were handed
 * to it when their parent died, until none is left.
 */
void child_sweep(void);

/** Makes this process the one that orphaned descendants are handed to. */
void child_adopt_orphans(void);

#endif
