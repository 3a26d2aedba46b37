/**
 * @file
 * The trace: what two programs said to the kernel, and what crossed between
 * them, as rows of a drawing. trace.c reads the command line, trace_run.c runs
 * the programs, capture.c sees what crosses, trace_history.c keeps all that,
 * trace_rows.c puts it in order and infers what was not seen, trace_draw.c and
 * trace_svg.c draw.
 */
#ifndef TRACE_H
#define TRACE_H

#include "check.h"

/** The two columns: who connects is on the left, who listens on the right. */
enum lane { ON_LEFT, ON_RIGHT, LANES };

/* --- what crosses: capture.c -----------------------------------------------
 */

/** The flags of a segment, as in its header. */
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

/** A TCP segment that was captured. */
struct segment {
    uint64_t at;       /**< CLOCK_MONOTONIC, nanoseconds */
    unsigned from, to; /**< ports */
    unsigned flags;
    uint32_t sequence, bytes;
};

/** A capture on the loopback interface. */
struct capture {
    int fd;             /**< -1: none */
    uint8_t *ring;      /**< frames; NULL: none … */
    unsigned next;      /**< … and the one to be read */
    bool lost;          /**< a segment has been */
    bool ours[65536];   /**< ports that are wanted */
    bool greets[65536]; /**< ports that have still to end a handshake */
};

enum { SEGMENTS = 16384 }; /**< so many are kept */

/** Begins to capture. @return 0, or -1 with errno: EPERM for most users */
int capture_open(struct capture *c);

/**
 * Takes what was captured since the last time. Segments of other ports than
 * ours are left out, and those that acknowledge and do no more.
 * @param segment  room for SEGMENTS, of which `count` are used
 * @return false if any has been lost
 */
bool capture_read(struct capture *c, struct segment *segment, size_t *count);

/** Ends a capture; harmless if there is none. */
void capture_close(struct capture *c);

/* --- what is known: trace_history.c ----------------------------------------
 */

/** All that was recorded. A record with WITNESS_NONE is an event that is no
 * call: its words are in `bytes`. */
struct history {
    const char *name[LANES];
    struct witness_record *call[LANES]; /**< in the order of `enter` */
    size_t calls[LANES];
    struct segment *segment; /**< what was captured, in its order */
    size_t segments;
    size_t unrecorded; /**< calls that the logs had no room for */
    bool normal;       /**< drawn alike each time: see history_rows() */
    bool whole;        /**< all rows are drawn */
    bool captured; /**< set by history_rows(): the arrows are captured; … */
    bool stdio[LANES]; /**< … a stdio stream has been put on a socket */
};

/**
 * Adds the calls of a log to a side.
 * @param ours  it is our peer, whose pauses are not of interest
 * @return 0, or -1 with errno
 */
int history_add(struct history *h, enum lane lane, const struct log *log,
                bool ours);

/** Adds an event that is no call. @return 0, or -1 with errno */
int history_note(struct history *h, enum lane lane, uint64_t at,
                 const char *words);

/** Frees what was added; how it is to be drawn stays. */
void history_free(struct history *h);

/* --- rows: trace_rows.c ----------------------------------------------------
 */

enum row_kind {
    ROW_CALL,   /**< a call that returned before anything else happened */
    ROW_BEGINS, /**< a call that waits (or never returned) … */
    ROW_ENDS,   /**< … and its return */
    ROW_ARROW,  /**< a segment on its way */
};

enum {
    ARROW_AGAIN = 256, /**< it was sent before */
    ARROW_UNSEEN = 512 /**< by no call that was seen */
};

/** One row of the drawing. */
struct row {
    enum row_kind kind;
    enum lane lane;                    /**< whose call; who sends */
    const struct witness_record *call; /**< of an arrow: what it was inferred
                                            from; NULL: it was captured */
    unsigned flags;                    /**< of an arrow: of the segment, and */
    int64_t bytes;                     /**< ARROW_...; how many bytes of data */
    unsigned segments;                 /**< in how many segments */
    uint64_t at;                       /**< CLOCK_MONOTONIC, nanoseconds */
    bool waits[LANES];                 /**< that side waits in a call */
    const char *state[LANES];          /**< TCP state inferred; NULL: none */
};

/**
 * Puts the calls in order, with what crossed: the segments captured, or, if
 * one is missing, what the calls tell. Time decides the order; in a normal
 * history the order of each side and what depends on what, so that chance has
 * no part in it, and ports are numbered 8080 and 50000 up.
 * @return rows to be freed, or NULL with errno
 */
struct row *history_rows(struct history *h, size_t *rows);

/** True if something crossed, or both sides were seen. */
bool two_sided(const struct history *h, const struct row *row, size_t rows);

/** So many rows are drawn of those that are more. */
enum { SHOWN_FIRST = 60, SHOWN_LAST = 40 };

/** The row to be drawn after row i - 1: i, or a later one if there are many. */
size_t row_skip(const struct history *h, size_t i, size_t rows);

/* --- drawing: trace_draw.c, trace_svg.c ------------------------------------
 */

/** The words of a row: the call, or what an arrow stands for. */
void row_text(const struct history *h, const struct row *row, char *text,
              size_t size);

enum { NOTES = 3 }; /**< what is to be said below a drawing */

/** The i-th note, perhaps in `text`: where arrows come from, what is not seen;
 * or "". */
const char *drawing_note(const struct history *h, int i, char *text,
                         size_t size);

/** The state of a side, where it has changed since the row before; or "". */
const char *state_news(const struct row *row, const struct row *before,
                       enum lane lane);

/** Shortens a text to `width` characters, from its middle. */
void shorten(char *text, size_t width);

/** Draws in the terminal: at most 79 columns, 76 when it is normal. */
void draw_text(const struct history *h, const struct row *row, size_t rows,
               bool ascii);

/** Draws an SVG. @return 0, or -1 with errno */
int draw_svg(const struct history *h, const struct row *row, size_t rows,
             const char *title, const char *path);

/* --- running: trace_run.c --------------------------------------------------
 */

/** One side: a command for the shell, or none. */
struct actor {
    char command[2 * PATH_SIZE]; /**< "": none */
    const char *name;
    const char *fault; /**< WITNESS_FAULT; NULL: none */
    bool ours;         /**< the repository's own peer */
    struct child child;
    struct log log;
    bool started, noted; /**< its end has been noted */
};

/** Two programs that are run against each other. */
struct stage {
    struct actor actor[LANES]; /**< ON_RIGHT starts first, for it may listen */
    const char *like;          /**< how our peer behaves; NULL: plainly */
    char witness[PATH_SIZE];   /**< the library; our peer is beside it */
    char directory[PATH_SIZE]; /**< for logs, and what else is temporary */
    unsigned port;             /**< to be listened on; $PORT for both */
    unsigned seconds;          /**< that it may take */
    bool alone;                /**< runs without the witness */
    bool cut;                  /**< what still ran was ended by us … */
    bool late;                 /**< … for its time was up */
    int epoll, timer;
    uint64_t limit;
    struct capture capture;
    struct history history;
};

/** Prepares a stage whose witness is known. @return false with errno */
bool stage_open(struct stage *s);

/** Makes our peer one side. */
void stage_peer(struct stage *s, enum lane lane);

/**
 * Runs both sides until they have ended or nothing happens any more. Our peer
 * on the left is left out if the other side ends, or waits without a port.
 * @return false with errno if it could not be tried
 */
bool stage_run(struct stage *s);

/** Puts what was seen into the history. @return false with errno */
bool stage_collect(struct stage *s);

/** Ends what still runs and forgets what was seen; it may run again. */
void stage_clear(struct stage *s);

/** Clears a stage and removes its directory. */
void stage_close(struct stage *s);

/* --- commands --------------------------------------------------------------
 */

/** `check trace ...`: see usage() in main.c. @return exit status */
int command_trace(int argc, char *argv[]);

/** `check peer ...` @return exit status */
int command_peer(int argc, char *argv[]);

/** Lists how our peers behave. @return 0 */
int list_manners(void);

/** Is there a peer, as a client or as a server, that behaves like that? */
bool is_manner(const char *like, bool client);

/** The name by which `--fault` knows a WITNESS_FAULT; NULL: none. */
const char *fault_name(const char *witness_fault);

#endif
