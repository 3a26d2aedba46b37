/**
 * @file
 * The commands of the grader that are more than one judgement.
 */
#ifndef SUITE_H
#define SUITE_H

#include "run.h"
#include "subject.h"

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

#endif
