/**
 * @file
 * How the exercises of step 6 are judged.
 */
#include "check.h"

const struct exercise exercises_06[] = {{NULL, SERVER, NULL}};
