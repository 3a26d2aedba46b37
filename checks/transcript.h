/**
 * @file
 * A transcript in a Markdown file, a fence of the language "console": what is
 * typed, and what is shown.
 *
 *     $ COMMAND        typed in the one terminal there is
 *     NAME$ COMMAND    typed in the terminal NAME, a bash of its own
 *     NAME< TEXT       typed into what runs in NAME (nothing: only Enter)
 *     TEXT             what the terminal of the last prompt shows then
 *     NAME| TEXT       what NAME shows
 *
 * The order of lines counts within a terminal, not between terminals. After a
 * command that starts with "make" all is output, and "  NAME ..." is a line of
 * the terminal NAME.
 *
 * What may differ:
 * - 8080 stands for a free port, in commands, sources and output; 36895, which
 *   is 8080 with its bytes swapped, for that port with its bytes swapped;
 * - any other number after an address and a colon or blank is a port chosen by
 *   the kernel; numbers after "pid=", "seq ", "ack ", "==" and before "sec" or
 *   "ms" vary, as do names below /tmp/;
 * - blanks at the end of a line, and zero bytes, which no terminal shows.
 */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include "run.h"

enum {
    LINES_MAX = 200, /**< in a transcript, and in what was seen */
    TERMINALS_MAX = 8
};

enum kind { COMMAND, TYPED, SHOWN };

/** One line of a transcript. */
struct line {
    enum kind kind;
    int terminal;
    char *whole, *text; /**< with and without the prompt */
};

/** One line that was really seen, where, and after which input. */
struct seen {
    int terminal, input;
    char *text;
};

/** A terminal, and how far it is. */
struct terminal {
    char name[24];
    struct child bash;
    size_t read;         /**< bytes of its output that were made lines */
    int commands, ended; /**< how many were typed, and have ended */
    int shown, seen;     /**< lines in the text and in truth, up to here */
};

/** A transcript, its copy of the programs, and what was seen. */
struct transcript {
    const char *file;
    char directory[PATH_SIZE]; /**< where it starts, below the scratch one */
    int number;                /**< of its fence in the file */
    bool make;                 /**< a run of make */
    bool update;               /**< it will be rewritten if it is stale */
    bool stale;
    bool late; /**< a line has not come: do not wait long for others */
    int input; /**< the last line typed */
    struct line line[LINES_MAX];
    int lines;
    struct seen seen[LINES_MAX];
    int sights;
    struct terminal terminal[TERMINALS_MAX];
    int terminals;
    char scratch[PATH_SIZE]; /**< "": there is none */
    char port[2][6];         /**< in the place of lesson_port */
    char trouble[600];       /**< why it cannot be replayed, or "" */
};

/**
 * Reads a transcript, to its closing fence. Whatever is wrong with it becomes
 * its trouble.
 * @param last  as for getline(); the closing fence when done
 */
void transcript_read(struct transcript *t, FILE *in, char **last, size_t *size);

/** A text with the real ports in it, or with the lesson's; to be freed. */
char *transcript_ports(const struct transcript *t, const char *text, bool real);

/** Notes a line that was seen in a terminal. */
void transcript_see(struct transcript *t, int terminal, const char *bytes,
                    size_t length);

/** Reports the first difference between shown and seen, if there is one. */
bool transcript_differs(const struct transcript *t);

/** Prints the transcript: as it was seen if it is stale, as it is otherwise. */
void transcript_print(const struct transcript *t, FILE *out);

/** Frees its lines. */
void transcript_free(struct transcript *t);

#endif
