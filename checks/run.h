/**
 * @file
 * Putting all cases to a subject, several at a time, and reporting the answers
 * in their order.
 */
#ifndef RUN_H
#define RUN_H

#include "check.h"

#include <stdio.h>

/** A compilation, or a case: one line of the report. */
struct entry {
    struct check_case asked; /**< title and role; for a compilation no run */
    int step;                /**< whose call it is about; 0: compilation */
    struct result result;
};

/** How many of each verdict. */
struct counts {
    int passed, failed, skipped;
};

/** The judgement of one subject, shared with the processes that do the work. */
struct judgement {
    struct subject subject;
    int entries;
    struct entry entry[CASES_MAX];
    double seconds;
};

/** How the answers are shown. */
enum style {
    STYLE_TEXT,
    STYLE_BRIEF, /**< failures, and one line in all */
    STYLE_TAP,
    STYLE_NONE
};

/**
 * Judges a subject. The sources, step and witness are filled in by the caller.
 * @param style  results are printed on stdout as they come
 * @return a judgement to be given to judgement_free(), or NULL with a message
 *         on stderr when the check could not run
 */
struct judgement *judge(const struct subject *subject, enum style style);

/** Frees a judgement and removes its scratch directory. */
void judgement_free(struct judgement *j);

/** Adds up the verdicts. */
struct counts judgement_counts(const struct judgement *j);

/** The first failure, or NULL. */
const struct entry *judgement_failure(const struct judgement *j);

/* --- report.c ----------------------------------------------------------- */

/** The sentences for a diagnosis, and the section that teaches the matter. */
struct diagnosis {
    const char *name, *read, *cause, *remedy;
};

/** Looks a diagnosis up by name; NULL if there is none. */
const struct diagnosis *diagnosis_find(const char *name);

/** Prints all diagnoses, a line each: name, read, cause, remedy; tabs. */
void diagnoses_print(void);

void report_begin(const struct judgement *j, enum style style);

/** Prints entry number i; all of its program before it have been printed. */
void report_entry(const struct judgement *j, int i, enum style style);

void report_end(const struct judgement *j, enum style style);

/* --- build.c -------------------------------------------------------------- */

/** One compilation: role and kind of build. */
struct compilation {
    enum role role;
    enum build build;
};

/** The compiler: $CC, or gcc. */
const char *compiler(void);

/** What to try when the directory for temporary files is no good. */
#define OTHER_DIRECTORY "TMPDIR=/some/other/directory, then the same again"

/**
 * Compiles one program of a subject. FAILED: it complained; SKIPPED: it could
 * not do its work, and result->expected is what to try. Without a program,
 * subject->program stays empty.
 */
void compile(struct subject *subject, struct compilation what,
             struct result *result);

#endif
