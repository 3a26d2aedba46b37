/**
 * @file
 * How the exercises of step 8 are judged.
 */
#include "check.h"

const struct exercise exercises_08[] = {{NULL, SERVER, NULL}};
