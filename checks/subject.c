/**
 * @file
 * Implements subject.h.
 */
#define _GNU_SOURCE
#include "subject.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Finds a program in $PATH; "" if it is not there. */
static void find_tool(const char *name, char *path, size_t size)
{
    const char *dirs = getenv("PATH");
    path[0] = '\0';
    while (dirs != NULL && *dirs != '\0') {
        size_t n = strcspn(dirs, ":");
        snprintf(path, size, "%.*s/%s", (int)n, dirs, name);
        if (access(path, X_OK) == 0)
            return;
        path[0] = '\0';
        dirs += n + (dirs[n] == ':');
    }
}

/* The witness stands beside this program. */
static void find_witness(struct subject *s)
{
    char self[PATH_SIZE - 20];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL)
        return;
    *slash = '\0';
    snprintf(s->witness, sizeof s->witness, "%s/witness.so", self);
    if (access(s->witness, R_OK) == 0)
        return;
    fprintf(stderr, "check: %s is missing\ntry: make\n", s->witness);
    exit(2);
}

void subject_equip(struct subject *s)
{
    find_witness(s);
    find_tool("valgrind", s->valgrind, sizeof s->valgrind);
}

bool step_find(int step, char *path, size_t size)
{
    char prefix[8];
    snprintf(prefix, sizeof prefix, "%02d-", step);
    DIR *steps = opendir("steps");
    bool found = false;
    for (struct dirent *e; steps != NULL && (e = readdir(steps)) != NULL;)
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0) {
            snprintf(path, size, "steps/%.200s", e->d_name);
            found = true;
        }
    if (steps != NULL)
        closedir(steps);
    return found;
}

/* A source as an absolute path; "" if it is not there. */
static void add_source(struct subject *s, enum role role, const char *directory,
                       const char *name)
{
    char path[PATH_SIZE], whole[4096];
    snprintf(path, sizeof path, "%s%s%s", directory, directory[0] ? "/" : "",
             name);
    if (realpath(path, whole) != NULL && strlen(whole) < PATH_SIZE)
        memcpy(s->source[role], whole, strlen(whole) + 1);
}

void subject_source(struct subject *s, enum role role, const char *path)
{
    add_source(s, role, "", path);
}

bool can_read(const char *path)
{
    char whole[4096];
    struct stat file;
    if (stat(path, &file) == 0 && S_ISDIR(file.st_mode))
        errno = EISDIR;
    else if (access(path, R_OK) == 0 && realpath(path, whole) != NULL &&
             strlen(whole) < PATH_SIZE)
        return true; /* and it is a file that can be found again */
    fprintf(stderr, "check: %s cannot be read: %s\n", path, strerror(errno));
    return false;
}

const struct exercise *exercises_of(int step)
{
    static const struct exercise *const all[BEYOND] = {
        exercises_01, exercises_02, exercises_03,
        exercises_04, exercises_05, exercises_06,
        exercises_07, exercises_08, exercises_beyond,
    };
    return all[step - 1];
}

const struct exercise *exercise_find(const char *name, int *step)
{
    for (*step = 1; *step <= BEYOND; ++*step)
        for (const struct exercise *e = exercises_of(*step); e->name != NULL;
             e++)
            if (strcmp(e->name, name) == 0)
                return e;
    return NULL;
}

bool holds_todo(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[4096];
    bool found = false;
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        found = found || strstr(line, "TODO") != NULL;
    if (f != NULL)
        fclose(f);
    return found;
}

bool subject_of_step(struct subject *s, int step)
{
    char directory[PATH_SIZE];
    memset(s, 0, sizeof *s);
    if (step < 1 || step > STEPS ||
        !step_find(step, directory, sizeof directory)) {
        fprintf(stderr, "check: there is no step %d here; steps are 1 to %d\n",
                step, STEPS);
        return false;
    }
    s->step = step;
    add_source(s, SERVER, directory, "server.c");
    add_source(s, CLIENT, directory, "client.c");
    subject_equip(s);
    if (s->source[SERVER][0] != '\0' &&
        (step < 5 || s->source[CLIENT][0] != '\0'))
        return true;
    fprintf(stderr, "check: %s/%s is missing\n", directory,
            s->source[SERVER][0] == '\0' ? "server.c" : "client.c");
    return false;
}

bool subject_of_exercise(struct subject *s, const struct exercise *e, int step,
                         const char *path)
{
    memset(s, 0, sizeof *s);
    s->step = step;
    s->exercise = e;
    if (!can_read(path))
        return false;
    add_source(s, e->role, "", path);
    subject_equip(s);
    return true;
}
