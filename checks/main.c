/**
 * @file
 * The grader's command line. Exit status: 0 nothing failed, 1 something
 * failed, 2 the check could not run.
 */
#define _GNU_SOURCE
#include "progress.h"
#include "replay.h"
#include "suite.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int usage(void)
{
    fprintf(stderr,
            "usage: check step N [--tap] [--server FILE] [--client FILE]\n"
            "       check exercise NN-name/exercise [--tap] [--file FILE]\n"
            "       check replay [--update] FILE.md...\n"
            "       check trace step N | exercise NAME | program CMD [CMD]\n"
            "             [--fault NAME|list] [--like NAME|list] [--all]\n"
            "             [--seconds N] [--args TEXT] [--file FILE]\n"
            "             [--svg FILE] [--normal] [--ascii]\n"
            "       check peer --as client|server [--port P] [--like NAME]\n"
            "       check progress | leaks N | demo | diagnoses | suite "
            "[WORD...]\n");
    return 2;
}

static bool is_strict(void)
{
    const char *strict = getenv("STRICT");
    return strict != NULL && strcmp(strict, "1") == 0;
}

/* What a judgement comes to, as an exit status; 2 if there is none. */
static int verdict(const struct judgement *j)
{
    if (j == NULL)
        return 2;
    if (judgement_counts(j).failed == 0)
        return 0;
    for (int role = SERVER; role < ROLES; role++)
        if (j->subject.source[role][0] != '\0' &&
            j->subject.program[role][PLAIN][0] == '\0')
            return 2; /* it does not compile: nothing could be judged */
    return 1;
}

static int judge_and_free(const struct subject *s, enum style style,
                          const char *name)
{
    struct judgement *j = judge(s, style);
    int status = verdict(j);
    if (name != NULL && status != 2)
        progress_note(name, s, status == 0 ? JUDGED_RIGHT : JUDGED_WRONG);
    if (j != NULL)
        judgement_free(j);
    return status;
}

/* --- one exercise ----------------------------------------------------------
 */

static int to_do(const struct exercise *e, enum style style)
{
    if (style == STYLE_TAP)
        printf("TAP version 13\n1..1\nnot ok 1 - %s%s\n", e->name,
               is_strict() ? "" : " # TODO");
    else
        printf("exercise %s: to do\nnext: solve exercises/%s.c; when no TODO "
               "is left in it: make check-exercise E=%s\n",
               e->name, e->name, e->name);
    return is_strict() ? 1 : 0;
}

static int command_exercise(int argc, char *argv[])
{
    struct subject s;
    enum style style = STYLE_TEXT;
    char path[PATH_SIZE];
    bool own = true;
    int step;
    const struct exercise *e = argc < 1 ? NULL : exercise_find(argv[0], &step);
    if (argc < 1)
        return usage();
    if (e == NULL) {
        fprintf(stderr,
                "check: there is no exercise \"%s\"; make progress lists "
                "them\n",
                argv[0]);
        return 2;
    }
    snprintf(path, sizeof path, "exercises/%.400s.c", argv[0]);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--tap") == 0) {
            style = STYLE_TAP;
        } else if (strcmp(argv[i], "--file") == 0 && i + 1 < argc) {
            snprintf(path, sizeof path, "%s", argv[++i]);
            own = false;
        } else {
            return usage();
        }
    if (!subject_of_exercise(&s, e, step, path))
        return 2;
    if (holds_todo(path))
        return to_do(e, style);
    return judge_and_free(&s, style, own ? e->name : NULL);
}

/* --- a step and its exercises -----------------------------------------------
 */

/* The exercises of a step; counts those that are wrong, or to do. */
struct exercises {
    int wrong, to_do;
    const char *next; /* the first that is not right */
};

static void check_exercises(int step, enum style style, int number,
                            struct exercises *all)
{
    for (const struct exercise *e = exercises_of(step); e->name != NULL; e++) {
        struct subject s;
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "exercises/%.400s.c", e->name);
        bool todo = holds_todo(path);
        int status = todo ? 0 : 2;
        if (!todo && subject_of_exercise(&s, e, step, path))
            status = judge_and_free(
                &s, style == STYLE_TAP ? STYLE_NONE : STYLE_BRIEF, e->name);
        all->to_do += todo;
        all->wrong += status != 0;
        if (all->next == NULL && (todo || status != 0))
            all->next = e->name;
        if (style == STYLE_TAP)
            printf("%sok %d - exercise %s%s\n", todo || status ? "not " : "",
                   ++number, e->name, todo && !is_strict() ? " # TODO" : "");
        else if (todo)
            printf("  to do exercise %s\n", e->name);
        fflush(stdout);
    }
}

static int count_exercises(int step)
{
    int n = 0;
    for (const struct exercise *e = exercises_of(step); e->name != NULL; e++)
        n++;
    return n;
}

/* The one thing to do next, after a step has been checked. */
static void say_next(int step, int status, const struct exercises *all)
{
    char after[40] = "exercises/beyond";
    if (step < STEPS)
        snprintf(after, sizeof after, "step %d", step + 1);
    if (status != 0)
        printf("next: mend it, then: make check-step %d\n", step);
    else if (all->wrong > 0)
        printf("next: mend exercises/%s.c, then: make check-exercise E=%s\n",
               all->next, all->next);
    else if (all->to_do > 0)
        printf("next: solve exercises/%s.c (make hint E=%s), or go on to %s\n",
               all->next, all->next, after);
    else if (step < STEPS)
        printf("next: make check-step %d\n", step + 1);
    else
        printf("next: the course is complete, see make demo; or go on to %s\n",
               after);
}

static int check_step(struct subject *s, enum style style)
{
    char name[16];
    struct exercises all = {0, 0, NULL};
    snprintf(name, sizeof name, "step %d", s->step);
    s->more = count_exercises(s->step);
    struct judgement *j = judge(s, style);
    int status = verdict(j), entries = j != NULL ? j->entries : 0;
    if (status != 2)
        progress_note(name, s, status == 0 ? JUDGED_RIGHT : JUDGED_WRONG);
    if (j != NULL)
        judgement_free(j);
    if (j == NULL)
        return 2;
    check_exercises(s->step, style, entries, &all);
    if (style == STYLE_TEXT)
        say_next(s->step, status, &all);
    if (status == 0 && (all.wrong > 0 || (all.to_do > 0 && is_strict())))
        status = 1;
    return status;
}

static int command_step(int argc, char *argv[])
{
    struct subject s;
    enum style style = STYLE_TEXT;
    char *end;
    bool own = true;
    if (argc < 1)
        return usage();
    long step = strtol(argv[0], &end, 10);
    if (!subject_of_step(&s, *end == '\0' && step < 100 ? (int)step : 0))
        return 2;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tap") == 0) {
            style = STYLE_TAP;
            continue;
        }
        bool server = strcmp(argv[i], "--server") == 0;
        if ((!server && strcmp(argv[i], "--client") != 0) || i + 1 == argc)
            return usage();
        if (own)
            memset(s.source, 0, sizeof s.source);
        own = false;
        if (!can_read(argv[++i]))
            return 2;
        subject_source(&s, server ? SERVER : CLIENT, argv[i]);
    }
    for (int role = SERVER; role < ROLES; role++)
        if (s.source[role][0] != '\0' && !can_read(s.source[role]))
            return 2;
    return own ? check_step(&s, style) : judge_and_free(&s, style, NULL);
}

/* --- progress ----------------------------------------------------------------
 */

static void print_progress(const char *name, enum progress how)
{
    static const char *const words[] = {"not checked yet",
                                        "changed since it was checked", "to do",
                                        "right", "wrong"};
    printf("  %-28s %s\n", name, words[how]);
}

/* The first thing that is not done goes into `next`, as long as that is "". */
static bool step_progress(int step, char *next, size_t size)
{
    struct subject s;
    char name[16];
    if (!subject_of_step(&s, step))
        return false;
    snprintf(name, sizeof name, "step %d", step);
    enum progress how = progress_of(name, &s);
    print_progress(name, how);
    if (next[0] == '\0' && how != JUDGED_RIGHT)
        snprintf(next, size, "make check-step %d", step);
    return true;
}

static void exercises_progress(int step, char *next, size_t size)
{
    for (const struct exercise *e = exercises_of(step); e->name != NULL; e++) {
        struct subject s;
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "exercises/%.400s.c", e->name);
        if (!subject_of_exercise(&s, e, step, path))
            continue;
        enum progress how = holds_todo(path) ? TO_DO : progress_of(e->name, &s);
        print_progress(e->name, how);
        if (next[0] == '\0' && how != JUDGED_RIGHT)
            snprintf(next, size,
                     how == TO_DO ? "solve exercises/%.200s.c"
                                  : "make check-exercise E=%.200s",
                     e->name);
    }
}

static int command_progress(void)
{
    char next[300] = "";
    for (int step = 1; step <= STEPS; step++) {
        if (!step_progress(step, next, sizeof next))
            return 2;
        exercises_progress(step, next, sizeof next);
    }
    printf("  beyond\n");
    exercises_progress(BEYOND, next, sizeof next);
    printf("next: %s\n", next[0] != '\0' ? next : "nothing: all is done");
    return 0;
}

/* --- leaks -------------------------------------------------------------------
 */

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

/* Nothing but valgrind, with its whole report. */
static int command_leaks(const char *number)
{
    struct subject s;
    if (!subject_of_step(&s, atoi(number)))
        return 2;
    s.leaks_only = true;
    snprintf(s.keep, sizeof s.keep, "build/valgrind.%ld", (long)getpid());
    int status = judge_and_free(&s, STYLE_TEXT, NULL);
    print_log(s.keep, "server");
    print_log(s.keep, "client");
    return status;
}

/* check replay [--update] FILE.md... */
static int command_replay(int argc, char *argv[])
{
    bool update = argc > 0 && strcmp(argv[0], "--update") == 0;
    if (argc <= update)
        return usage();
    return replay_files(argc - update, argv + update, update);
}

int main(int argc, char *argv[])
{
    const char *command = argc >= 2 ? argv[1] : "";
    if (strcmp(command, "step") == 0)
        return command_step(argc - 2, argv + 2);
    if (strcmp(command, "exercise") == 0)
        return command_exercise(argc - 2, argv + 2);
    if (strcmp(command, "progress") == 0)
        return command_progress();
    if (strcmp(command, "leaks") == 0 && argc == 3)
        return command_leaks(argv[2]);
    if (strcmp(command, "demo") == 0)
        return demo("build/steps/08-close/server",
                    "build/steps/08-close/client");
    if (strcmp(command, "suite") == 0)
        return suite_run(argc - 2, argv + 2);
    if (strcmp(command, "replay") == 0)
        return command_replay(argc - 2, argv + 2);
    if (strcmp(command, "diagnoses") == 0)
        return diagnoses_print(), 0;
    int status = -1;
    if (strcmp(command, "trace") == 0)
        status = command_trace(argc - 2, argv + 2);
    if (strcmp(command, "peer") == 0)
        status = command_peer(argc - 2, argv + 2);
    return status == -1 ? usage() : status;
}
