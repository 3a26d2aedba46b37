/**
 * @file
 * The trace: what two programs said to the kernel, and what crossed between
 * them, as rows of a drawing. trace.c runs the programs, trace_rows.c puts
 * their calls in order and infers what they sent each other, trace_draw.c and
 * trace_svg.c draw.
 */
#ifndef TRACE_H
#define TRACE_H

#include "witness.h"

#include <stdbool.h>
#include <stddef.h>

/** The two columns: who connects is on the left, who listens on the right. */
enum lane { ON_LEFT, ON_RIGHT, LANES };

/** All that was recorded. A record with WITNESS_NONE is an event that is no
 * call: its words are in `bytes`. */
struct history {
    const char *name[LANES];
    struct witness_record *call[LANES]; /**< in the order of `enter` */
    size_t calls[LANES];
    size_t unrecorded; /**< calls that the logs had no room for */
    bool normal;       /**< drawn alike each time: see history_rows() */
};

enum row_kind {
    ROW_CALL,   /**< a call that returned before anything else happened */
    ROW_BEGINS, /**< a call that waits (or never returned) … */
    ROW_ENDS,   /**< … and its return */
    ROW_ARROW,  /**< a segment on its way, inferred from the calls */
};

/** One row of the drawing. */
struct row {
    enum row_kind kind;
    enum lane lane;                    /**< whose call; who sends */
    const struct witness_record *call; /**< of an arrow: what it follows from */
    const char *flag;                  /**< arrow: "SYN"; NULL: data … */
    int64_t bytes;                     /**< … and how many bytes */
    uint64_t at;                       /**< CLOCK_MONOTONIC, nanoseconds */
    bool waits[LANES];                 /**< that side waits in a call */
    const char *state[LANES];          /**< TCP state inferred; NULL: none */
};

/**
 * Puts the calls in order and infers what crossed. Time decides the order; in
 * a normal history the order of each side and what depends on what, so that
 * chance has no part in it, and ports are numbered 8080 and 50000 up.
 * @return rows to be freed, or NULL with errno
 */
struct row *history_rows(struct history *h, size_t *rows);

/** Frees what history_add() took. */
void history_free(struct history *h);

struct log;

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

/** The words of a row: the call, or what an arrow stands for. */
void row_text(const struct history *h, const struct row *row, char *text,
              size_t size);

/** A row that stands for those left out, so that at most SHOWN are drawn. */
enum { SHOWN_FIRST = 60, SHOWN_LAST = 40 };

/** The row to be drawn after row i - 1: i, or a later one if there are many. */
size_t row_skip(size_t i, size_t rows);

/** Draws in the terminal: at most 79 columns, 76 when it is normal. */
void draw_text(const struct history *h, const struct row *row, size_t rows,
               bool ascii);

/** Draws an SVG. @return 0, or -1 with errno */
int draw_svg(const struct history *h, const struct row *row, size_t rows,
             const char *title, const char *path);

/** True if something crossed, or both sides were seen. */
bool two_sided(const struct history *h, const struct row *row, size_t rows);

/** The state of a side, where it has changed since the row before; or "". */
const char *state_news(const struct row *row, const struct row *before,
                       enum lane lane);

/** Shortens a text to `width` characters, from its middle. */
void shorten(char *text, size_t width);

/** `check trace ...`: see usage() in main.c. @return exit status */
int command_trace(int argc, char *argv[]);

/** `check peer ...` @return exit status */
int command_peer(int argc, char *argv[]);

/** The name by which `--fault` knows a WITNESS_FAULT; NULL: none. */
const char *fault_name(const char *witness_fault);

#endif
