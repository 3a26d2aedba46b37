/**
 * @file
 * What has been judged so far, remembered by content: a result counts only as
 * long as the files are what they were.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "check.h"

/** How far a student has come with a step or an exercise. */
enum progress {
    NOT_CHECKED, /**< never judged */
    CHANGED,     /**< judged, but changed since */
    TO_DO,       /**< an exercise that still holds a TODO */
    JUDGED_RIGHT,
    JUDGED_WRONG
};

/**
 * Remembers a judgement under a name ("step 3", "03-listen/backlog"), in
 * .progress/. That nothing can be written there is no failure.
 */
void progress_note(const char *name, const struct subject *subject,
                   enum progress how);

/** Looks a name up for the sources of a subject as they are now. */
enum progress progress_of(const char *name, const struct subject *subject);

#endif
