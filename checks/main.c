/**
 * @file
 * The grader's command line. Exit status: 0 nothing failed, 1 something
 * failed, 2 the check could not run.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int usage(void)
{
    fprintf(stderr,
            "usage: check step N [--tap] [--server FILE] [--client FILE]\n"
            "       check exercise NN-name/exercise [--tap] [--file FILE]\n"
            "       check leaks N | demo | suite [WORD...]\n");
    return 2;
}

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
    if (access(s->witness, R_OK) == -1)
        s->witness[0] = '\0';
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

static bool can_read(const char *path)
{
    if (access(path, R_OK) == 0)
        return true;
    fprintf(stderr, "check: %s cannot be read: %s\n", path, strerror(errno));
    return false;
}

static int check_step(struct subject *s, enum style style)
{
    for (int role = SERVER; role < ROLES; role++)
        if (s->source[role][0] != '\0' && !can_read(s->source[role]))
            return 2;
    struct judgement *j = judge(s, style);
    if (j == NULL)
        return 2;
    int failed = judgement_counts(j).failed;
    judgement_free(j);
    return failed > 0 ? 1 : 0;
}

void subject_equip(struct subject *s)
{
    find_witness(s);
    find_tool("valgrind", s->valgrind, sizeof s->valgrind);
}

const struct exercise *exercises_of(int step)
{
    static const struct exercise *const all[STEPS] = {
        exercises_01, exercises_02, exercises_03, exercises_04,
        exercises_05, exercises_06, exercises_07, exercises_08};
    return all[step - 1];
}

const struct exercise *exercise_find(const char *name, int *step)
{
    for (*step = 1; *step <= STEPS; ++*step)
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

static int to_do(const struct exercise *e, enum style style)
{
    const char *strict = getenv("STRICT");
    bool fails = strict != NULL && strcmp(strict, "1") == 0;
    if (style == STYLE_TAP)
        printf("TAP version 13\n1..1\nnot ok 1 - %s%s\n", e->name,
               fails ? "" : " # TODO");
    else
        printf("exercise %s: to do\nnext: solve exercises/%s.c; when no TODO "
               "is left in it: make check-exercise E=%s\n",
               e->name, e->name, e->name);
    return fails ? 1 : 0;
}

/* check exercise NN-name/exercise [--tap] [--file FILE] */
static int command_exercise(int argc, char *argv[])
{
    struct subject s;
    enum style style = STYLE_TEXT;
    char path[PATH_SIZE];
    memset(&s, 0, sizeof s);
    if (argc < 1)
        return usage();
    s.exercise = exercise_find(argv[0], &s.step);
    if (s.exercise == NULL) {
        fprintf(stderr,
                "check: there is no exercise \"%s\"; make progress "
                "lists them\n",
                argv[0]);
        return 2;
    }
    snprintf(path, sizeof path, "exercises/%.400s.c", argv[0]);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--tap") == 0)
            style = STYLE_TAP;
        else if (strcmp(argv[i], "--file") == 0 && i + 1 < argc)
            snprintf(path, sizeof path, "%s", argv[++i]);
        else
            return usage();
    if (!can_read(path))
        return 2;
    if (holds_todo(path))
        return to_do(s.exercise, style);
    add_source(&s, s.exercise->role, "", path);
    subject_equip(&s);
    return check_step(&s, style);
}

static int command_step(int argc, char *argv[])
{
    struct subject s;
    enum style style = STYLE_TEXT;
    char directory[PATH_SIZE], *end;
    bool own = false;
    memset(&s, 0, sizeof s);
    if (argc < 1)
        return usage();
    long step = strtol(argv[0], &end, 10);
    if (*end != '\0' || step < 1 || step > STEPS ||
        !step_find((int)step, directory, sizeof directory)) {
        fprintf(stderr,
                "check: there is no step \"%s\" here; steps are 1 to "
                "%d\n",
                argv[0], STEPS);
        return 2;
    }
    s.step = (int)step;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tap") == 0) {
            style = STYLE_TAP;
        } else if ((strcmp(argv[i], "--server") == 0 ||
                    strcmp(argv[i], "--client") == 0) &&
                   i + 1 < argc) {
            enum role role = argv[i][2] == 's' ? SERVER : CLIENT;
            own = true;
            i++;
            if (!can_read(argv[i]))
                return 2;
            add_source(&s, role, "", argv[i]);
        } else {
            return usage();
        }
    }
    if (!own) {
        add_source(&s, SERVER, directory, "server.c");
        add_source(&s, CLIENT, directory, "client.c");
        if (s.source[SERVER][0] == '\0' ||
            (step >= 5 && s.source[CLIENT][0] == '\0')) {
            fprintf(stderr, "check: %s/%s is missing\n", directory,
                    s.source[SERVER][0] == '\0' ? "server.c" : "client.c");
            return 2;
        }
    }
    subject_equip(&s);
    return check_step(&s, style);
}

static void print_log(const char *keep, const char *name)
{
    char path[PATH_SIZE + 20], line[4096];
    snprintf(path, sizeof path, "%s.%s", keep, name);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return;
    printf("--- valgrind on %s\n", name);
    while (fgets(line, sizeof line, f) != NULL)
        fputs(line, stdout);
    fclose(f);
    unlink(path);
}

/* check leaks N: nothing but valgrind, with its whole report */
static int command_leaks(char *number)
{
    struct subject s;
    char directory[PATH_SIZE], *argv[] = {number};
    memset(&s, 0, sizeof s);
    s.leaks_only = true;
    snprintf(s.keep, sizeof s.keep, "build/valgrind.%ld", (long)getpid());
    s.step = atoi(number);
    if (!step_find(s.step, directory, sizeof directory))
        return command_step(1, argv); /* says that there is no such step */
    add_source(&s, SERVER, directory, "server.c");
    add_source(&s, CLIENT, directory, "client.c");
    subject_equip(&s);
    int status = check_step(&s, STYLE_TEXT);
    print_log(s.keep, "server");
    print_log(s.keep, "client");
    return status;
}

int main(int argc, char *argv[])
{
    if (argc >= 2 && strcmp(argv[1], "step") == 0)
        return command_step(argc - 2, argv + 2);
    if (argc >= 2 && strcmp(argv[1], "exercise") == 0)
        return command_exercise(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "leaks") == 0)
        return command_leaks(argv[2]);
    if (argc == 2 && strcmp(argv[1], "demo") == 0)
        return demo("build/steps/08-close/server",
                    "build/steps/08-close/client");
    if (argc >= 2 && strcmp(argv[1], "suite") == 0)
        return suite_run(argc - 2, argv + 2);
    return usage();
}
