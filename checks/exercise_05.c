/**
 * @file
 * How the exercises of step 5 are judged.
 */
#include "check.h"

const struct exercise exercises_05[] = {{NULL, SERVER, NULL}};
