/**
 * @file
 * Running the grader over everything that it must judge rightly, and what the
 * command line (main.c) shares with that.
 */
#ifndef SUITE_H
#define SUITE_H

#include "run.h"

/**
 * Judges all variants, mistakes, starters and solutions and prints those that
 * were not judged as they should be.
 * @param words  how many words there are; with any, only paths with one of them
 * @return 0 if all are judged rightly, 1 if not, 2 if the suite could not run
 */
int suite_run(int words, char *word[]);

/**
 * Runs a server and a client against each other and shows both sides.
 * @return 0 if both end well, 1 if not, 2 if it could not be tried
 */
int demo(const char *server, const char *client);

/** Fills in the witness and valgrind. */
void subject_equip(struct subject *subject);

/** Finds the directory of a step below steps/. @return false: there is none */
bool step_find(int step, char *path, size_t size);

/** The exercises of a step; a row without a name ends them. */
const struct exercise *exercises_of(int step);

/** Finds an exercise by name, and its step; NULL if there is none. */
const struct exercise *exercise_find(const char *name, int *step);

/** True if a file holds a TODO: an exercise that is not handed in yet. */
bool holds_todo(const char *path);

#endif
