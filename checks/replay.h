/**
 * @file
 * Replaying the transcripts of the lessons.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>

/**
 * Replays the transcripts in Markdown files and reports those that are stale.
 * @param update  rewrites these instead
 * @return 0 if none is, 1 if some are, 2 if a file could not be replayed
 */
int replay_files(int files, char *file[], bool update);

#endif
