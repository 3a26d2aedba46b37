/**
 * @file
 * Finding what is to be judged: steps, exercises, their files, and the tools
 * that judge them.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "check.h"

/** Fills in the witness and valgrind. */
void subject_equip(struct subject *subject);

/** The program of a step. @return false, with a message, if there is none */
bool subject_of_step(struct subject *subject, int step);

/**
 * The program of an exercise.
 * @param path  its file: the student's, or the solution
 * @return false, with a message, if it cannot be read
 */
bool subject_of_exercise(struct subject *subject, const struct exercise *e,
                         int step, const char *path);

/** Puts another file in the place of one of the two programs. */
void subject_source(struct subject *subject, enum role role, const char *path);

/** Finds the directory of a step below steps/. @return false: there is none */
bool step_find(int step, char *path, size_t size);

/** Where a step is asked for: the exercises that come after the last one. */
enum { BEYOND = STEPS + 1 };

/** The exercises of a step, or BEYOND; a row without a name ends them. */
const struct exercise *exercises_of(int step);

/** Finds an exercise by name, and its step; NULL if there is none. */
const struct exercise *exercise_find(const char *name, int *step);

/** True if a file holds a TODO: an exercise that is not handed in yet. */
bool holds_todo(const char *path);

/** True if a file can be read; says why not on stderr. */
bool can_read(const char *path);

#endif
