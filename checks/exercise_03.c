/**
 * @file
 * How the exercises of step 3 are judged.
 */
#include "check.h"

const struct exercise exercises_03[] = {{NULL, SERVER, NULL}};
