/**
 * @file
 * Implements progress.h: one small file per name, with a checksum of the
 * sources and the verdict.
 */
#define _GNU_SOURCE
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char directory[] = ".progress";

/* FNV-1a over the contents of both sources. */
static uint64_t checksum(const struct subject *subject)
{
    uint64_t sum = 14695981039346656037u;
    for (int role = SERVER; role < ROLES; role++) {
        FILE *f = subject->source[role][0] != '\0'
                      ? fopen(subject->source[role], "r")
                      : NULL;
        for (int c; f != NULL && (c = getc(f)) != EOF;)
            sum = (sum ^ (uint64_t)(unsigned char)c) * 1099511628211u;
        if (f != NULL)
            fclose(f);
    }
    return sum;
}

/* ".progress/03-listen.backlog" for "03-listen/backlog". */
static void path_of(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%.100s", directory, name);
    for (char *c = path + sizeof directory; *c != '\0'; c++)
        if (*c == '/' || *c == ' ')
            *c = '.';
}

void progress_note(const char *name, const struct subject *subject,
                   enum progress how)
{
    char path[160], fresh[200];
    mkdir(directory, 0777);
    path_of(name, path, sizeof path);
    snprintf(fresh, sizeof fresh, "%s.%ld", path, (long)getpid());
    FILE *f = fopen(fresh, "w");
    if (f == NULL)
        return;
    fprintf(f, "%016" PRIx64 " %s\n", checksum(subject),
            how == JUDGED_RIGHT ? "right" : "wrong");
    if (fclose(f) == EOF || rename(fresh, path) == -1)
        unlink(fresh);
}

enum progress progress_of(const char *name, const struct subject *subject)
{
    char path[160], verdict[8] = "";
    uint64_t sum = 0;
    path_of(name, path, sizeof path);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return NOT_CHECKED;
    int fields = fscanf(f, "%" SCNx64 " %7s", &sum, verdict);
    fclose(f);
    if (fields != 2)
        return NOT_CHECKED;
    if (sum != checksum(subject))
        return CHANGED;
    return strcmp(verdict, "right") == 0 ? JUDGED_RIGHT : JUDGED_WRONG;
}
