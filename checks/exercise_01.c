/**
 * @file
 * How the exercises of step 1 are judged.
 */
#include "check.h"

const struct exercise exercises_01[] = {{NULL, SERVER, NULL}};
