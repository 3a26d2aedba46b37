/**
 * @file
 * The grader graded: every variant must pass, every mistake must fail and be
 * called by its name, every starter is to do, every solution passes.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/** What is expected of one program. */
enum expectation {
    MUST_PASS,     /* a variant, a solution */
    MUST_BE_NAMED, /* a mistake: it fails, and by its name */
    MUST_BE_TO_DO, /* a starter: it fails only under STRICT=1 */
    MUST_FAIL      /* a starter without its TODO marks */
};

enum { ITEMS_MAX = 1000 };

/** One program of the suite. */
struct item {
    enum expectation expected;
    int step;
    const struct exercise *exercise;
    char path[PATH_SIZE]; /* directory of a variant or step; patch; exercise */
    char name[48];        /* MUST_BE_NAMED: the diagnosis */
    pid_t pid;
    enum verdict verdict; /* written by the process that judges it */
    char words[CAPTION];
};

struct suite {
    struct item item[ITEMS_MAX];
    int items;
};

static struct item *add(struct suite *s, enum expectation expected, int step,
                        const char *format, const char *a, const char *b)
{
    if (s->items == ITEMS_MAX) {
        fprintf(stderr, "check: more than %d programs in the suite\n",
                ITEMS_MAX);
        exit(2);
    }
    struct item *i = &s->item[s->items++];
    i->expected = expected;
    i->step = step;
    snprintf(i->path, sizeof i->path, format, a, b);
    return i;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->path,
                  ((const struct item *)b)->path);
}

static int step_of(const char *name)
{
    return name[0] == '0' && name[1] >= '1' && name[1] <= '0' + STEPS
               ? name[1] - '0'
               : 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Calls `each` for every name in a directory that is no dot file. */
static void each_name(struct suite *s, const char *directory,
                      void (*each)(struct suite *, const char *, const char *))
{
    DIR *d = opendir(directory);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            each(s, directory, e->d_name);
    if (d != NULL)
        closedir(d);
}

static void add_variant(struct suite *s, const char *directory,
                        const char *name)
{
    if (step_of(name) != 0)
        add(s, MUST_PASS, step_of(name), "%.200s/%.200s", directory, name);
}

static void add_mistake(struct suite *s, const char *directory,
                        const char *name)
{
    const char *step = strrchr(directory, '/') + 1;
    if (!ends_with(name, ".patch"))
        return;
    struct item *i =
        add(s, MUST_BE_NAMED, step_of(step), "%.200s/%.200s", directory, name);
    snprintf(i->name, sizeof i->name, "%.*s", (int)strcspn(name, "."), name);
}

static void add_mistakes(struct suite *s, const char *directory,
                         const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.200s/%.200s", directory, name);
    if (step_of(name) != 0)
        each_name(s, path, add_mistake);
}

static void add_exercise_mistake(struct suite *s, const char *directory,
                                 const char *name)
{
    int step;
    const char *exercise = strstr(directory, "exercises/") + 10;
    const struct exercise *e = exercise_find(exercise, &step);
    if (!ends_with(name, ".patch") || e == NULL)
        return;
    struct item *i =
        add(s, MUST_BE_NAMED, step, "%.200s/%.200s", directory, name);
    snprintf(i->name, sizeof i->name, "%.*s", (int)strcspn(name, "."), name);
    i->exercise = e;
}

static void add_exercises(struct suite *s)
{
    for (int step = 1; step <= BEYOND; step++)
        for (const struct exercise *e = exercises_of(step); e->name != NULL;
             e++) {
            char path[PATH_SIZE];
            snprintf(path, sizeof path, "exercises/%.200s.c", e->name);
            bool starter = getenv("CI") != NULL || holds_todo(path);
            add(s, starter ? MUST_BE_TO_DO : MUST_PASS, step, "%s%s", path, "")
                ->exercise = e; /* a student's own counts as handed in */
            if (starter)
                add(s, MUST_FAIL, step, "%s%s", path, "")->exercise = e;
            add(s, MUST_PASS, step, "solutions/%.200s.c%s", e->name, "")
                ->exercise = e;
            snprintf(path, sizeof path, "checks/mistakes/exercises/%.200s",
                     e->name);
            each_name(s, path, add_exercise_mistake);
        }
}

/* --- one item ----------------------------------------------------------------
 */

static bool run_tool(const char *directory, const char *const argv[])
{
    struct launch l = {.setenv = {"LC_ALL=C"}, .directory = directory};
    struct child tool;
    for (size_t i = 0; argv[i] != NULL; i++)
        l.argv[i] = argv[i];
    if (child_start(&tool, &l) == -1)
        return false;
    bool ok = child_await_end(&tool, 20000) == GOT_IT && exited(&tool, 0);
    child_end(&tool);
    return ok;
}

/* Copies a file into a directory and applies the patch there. */
static bool patched_copy(const char *file, const char *patch, const char *to)
{
    char whole[4096];
    const char *copy[] = {"cp", file, to, NULL};
    if (realpath(patch, whole) == NULL || !run_tool(NULL, copy))
        return false;
    const char *with_patch[] = {"patch", "-s", "-p1", "-i", whole, NULL};
    const char *with_git[] = {"git", "apply", "-p1", whole, NULL};
    return run_tool(to, with_patch) || run_tool(to, with_git);
}

/* Which of the two programs of a step a patch is about. */
static enum role patched_role(const char *patch)
{
    FILE *f = fopen(patch, "r");
    char line[1024];
    enum role role = SERVER;
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "--- ", 4) == 0 && strstr(line, "client") != NULL)
            role = CLIENT;
    if (f != NULL)
        fclose(f);
    return role;
}

static void set_source(struct subject *s, enum role role, const char *path)
{
    char whole[4096];
    if (realpath(path, whole) != NULL && strlen(whole) < PATH_SIZE)
        memcpy(s->source[role], whole, strlen(whole) + 1);
}

/* The file that a mistake is a change of. */
static void original(const struct item *i, enum role role, char *path,
                     size_t size)
{
    char directory[PATH_SIZE];
    if (i->exercise != NULL)
        snprintf(path, size, "solutions/%.300s.c", i->exercise->name);
    else if (step_find(i->step, directory, sizeof directory))
        snprintf(path, size, "%.300s/%s.c", directory,
                 role == SERVER ? "server" : "client");
}

static bool prepare_mistake(struct item *i, struct subject *s,
                            const char *scratch)
{
    char path[PATH_SIZE] = "", copy[2 * PATH_SIZE];
    enum role role =
        i->exercise != NULL ? i->exercise->role : patched_role(i->path);
    original(i, role, path, sizeof path);
    if (!patched_copy(path, i->path, scratch)) {
        snprintf(i->words, sizeof i->words,
                 "the patch does not apply to %.200s", path);
        return false;
    }
    snprintf(copy, sizeof copy, "%s/%s", scratch, strrchr(path, '/') + 1);
    set_source(s, role, copy);
    return true;
}

static void prepare_pair(const struct item *i, struct subject *s)
{
    char path[2 * PATH_SIZE];
    if (i->exercise != NULL) {
        set_source(s, i->exercise->role, i->path);
        return;
    }
    snprintf(path, sizeof path, "%s/server.c", i->path);
    set_source(s, SERVER, path);
    snprintf(path, sizeof path, "%s/client.c", i->path);
    set_source(s, CLIENT, path);
}

static void describe(struct item *i, const struct judgement *j)
{
    const struct entry *f = judgement_failure(j);
    if (f == NULL)
        snprintf(i->words, sizeof i->words, "no check failed");
    else
        snprintf(i->words, sizeof i->words, "%s: %.100s; named %s; got: %.250s",
                 f->asked.role == SERVER ? "server" : "client", f->asked.title,
                 f->result.diagnosis[0] ? f->result.diagnosis : "nothing",
                 f->result.got);
}

/* The entry that names a mistake: the first failure, else its note; or NULL. */
static const struct entry *naming(const struct judgement *j, const char *name)
{
    const struct entry *f = judgement_failure(j);
    for (int i = 0; i < j->entries && f == NULL; i++)
        if (j->entry[i].result.verdict == ADVICE &&
            strcmp(j->entry[i].result.diagnosis, name) == 0)
            return &j->entry[i];
    return f != NULL && strcmp(f->result.diagnosis, name) == 0 ? f : NULL;
}

/* What the check said of a mistake, for the gallery in the documentation. */
static void keep_for_gallery(const struct item *i, const struct judgement *j)
{
    char path[PATH_SIZE];
    const char *name = strchr(i->path, '/');
    const struct entry *f = naming(j, i->name);
    if (i->exercise != NULL || f == NULL || name == NULL)
        return;
    snprintf(path, sizeof path, "build/gallery/%.300s", i->path + 16);
    for (char *c = path + 14; *c != '\0'; c++)
        if (*c == '/')
            *c = '.';
    mkdir("build/gallery", 0777);
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return;
    fprintf(out, "%s: %s: %s\n%s\n%s\n%s\n",
            f->result.verdict == ADVICE ? "noted" : "failed",
            f->asked.role == SERVER ? "server" : "client", f->asked.title,
            f->result.did, f->result.expected, f->result.got);
    fclose(out);
}

/* A mistake that only a skipped case would have met: of IPv6, say. */
static void note_skipped(struct item *i, const struct judgement *j)
{
    for (int n = 0; n < j->entries; n++)
        if (j->entry[n].result.verdict == SKIPPED) {
            i->verdict = SKIPPED;
            snprintf(i->words, sizeof i->words, "%.100s: %.400s",
                     j->entry[n].asked.title, j->entry[n].result.got);
        }
}

/* Is a starter to do, and counted as failed by STRICT=1 only? */
static bool is_to_do(const struct item *i)
{
    const char *strict[] = {"env",      "STRICT=1",        "build/check",
                            "exercise", i->exercise->name, NULL};
    const char *mild[] = {"env",         "-u",       "STRICT",
                          "build/check", "exercise", i->exercise->name,
                          NULL};
    return holds_todo(i->path) && !run_tool(NULL, strict) &&
           run_tool(NULL, mild);
}

/* Copies a file without its comments that begin with TODO. */
static bool copy_without_marks(const char *from, const char *to)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    char line[1024];
    bool inside = false;
    while (in != NULL && out != NULL && fgets(line, sizeof line, in) != NULL) {
        inside = inside || strstr(line, "/* TODO") != NULL;
        if (!inside)
            fputs(line, out);
        inside = inside && strstr(line, "*/") == NULL;
    }
    bool ok = in != NULL && out != NULL;
    if (in != NULL)
        fclose(in);
    return (out == NULL || fclose(out) == 0) && ok;
}

static bool prepare_unmarked(const struct item *i, struct subject *s,
                             const char *scratch)
{
    char copy[2 * PATH_SIZE];
    snprintf(copy, sizeof copy, "%s/%s", scratch, strrchr(i->path, '/') + 1);
    if (!copy_without_marks(i->path, copy))
        return false;
    set_source(s, i->exercise->role, copy);
    return true;
}

static bool is_right(const struct item *i, const struct judgement *j)
{
    const struct entry *failure = judgement_failure(j);
    if (i->expected == MUST_PASS)
        return failure == NULL;
    if (i->expected == MUST_FAIL)
        return failure != NULL && failure->result.diagnosis[0] != '\0';
    return naming(j, i->name) != NULL;
}

static void judge_item(struct item *i)
{
    struct subject s;
    char scratch[] = "/tmp/check-patch-XXXXXX";
    memset(&s, 0, sizeof s);
    s.step = i->step;
    s.exercise = i->exercise;
    s.patient = i->expected == MUST_BE_NAMED;
    subject_equip(&s);
    i->verdict = FAILED;
    if (i->expected == MUST_BE_TO_DO) {
        i->verdict = is_to_do(i) ? PASSED : FAILED;
        if (i->verdict == FAILED)
            snprintf(i->words, sizeof i->words,
                     "it has no TODO, or STRICT=1 makes no difference");
        return;
    }
    bool ready = mkdtemp(scratch) != NULL;
    if (i->expected == MUST_PASS)
        prepare_pair(i, &s);
    else if (i->expected == MUST_FAIL)
        ready = ready && prepare_unmarked(i, &s, scratch);
    else
        ready = ready && prepare_mistake(i, &s, scratch);
    struct judgement *j = ready ? judge(&s, STYLE_NONE) : NULL;
    if (j != NULL) {
        bool right = is_right(i, j);
        i->verdict = right ? PASSED : FAILED;
        describe(i, j);
        if (!right && judgement_failure(j) == NULL)
            note_skipped(i, j);
        if (i->expected == MUST_BE_NAMED)
            keep_for_gallery(i, j);
        judgement_free(j);
    }
    const char *clean[] = {"rm", "-rf", "--", scratch, NULL};
    run_tool(NULL, clean);
}

/* --- all of them
 * --------------------------------------------------------------- */

static void start_item(struct item *i)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        judge_item(i);
        _exit(0);
    }
    i->pid = pid;
    if (pid == -1) {
        i->verdict = FAILED;
        snprintf(i->words, sizeof i->words, "fork: %s", strerror(errno));
    }
}

static void finish_item(const struct item *i, struct counts *n)
{
    static const char *const wishes[] = {
        "should pass", "should fail and be named so", "should be to do",
        "should fail, by a name, when its TODO marks are deleted"};
    n->passed += i->verdict == PASSED;
    n->skipped += i->verdict == SKIPPED;
    n->failed += i->verdict != PASSED && i->verdict != SKIPPED;
    if (getenv("V") != NULL && i->verdict == PASSED)
        printf("  ok    %s (%s)\n", i->path, i->words);
    if (i->verdict == SKIPPED)
        printf("  skip  %s (%s)\n", i->path, i->words);
    else if (i->verdict != PASSED)
        printf("  FAIL  %s\n        %s\n        %s\n", i->path,
               wishes[i->expected], i->words);
    fflush(stdout);
}

static struct counts run_items(struct suite *s, int at_once)
{
    struct counts n = {0, 0, 0};
    int started = 0, running = 0;
    while (started < s->items || running > 0) {
        if (started < s->items && running < at_once) {
            start_item(&s->item[started]);
            running += s->item[started].pid > 0;
            if (s->item[started].pid == -1)
                finish_item(&s->item[started], &n);
            started++;
            continue;
        }
        pid_t pid = waitpid(-1, NULL, 0);
        if (pid == -1 && errno != EINTR)
            break;
        for (int i = 0; i < started; i++)
            if (s->item[i].pid == pid) {
                running--;
                s->item[i].pid = 0;
                finish_item(&s->item[i], &n);
            }
    }
    return n;
}

/* Keeps the items whose path holds one of the words. */
static void select_items(struct suite *s, int words, char *word[])
{
    int kept = 0;
    for (int i = 0; i < s->items; i++) {
        bool wanted = words == 0;
        for (int w = 0; w < words; w++)
            wanted = wanted || strstr(s->item[i].path, word[w]) != NULL;
        if (wanted)
            s->item[kept++] = s->item[i];
    }
    s->items = kept;
}

int suite_run(int words, char *word[])
{
    void *shared = mmap(NULL, sizeof(struct suite), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("check: mmap");
        return 2;
    }
    struct suite *s = (struct suite *)shared;
    each_name(s, "checks/variants", add_variant);
    each_name(s, "checks/mistakes", add_mistakes);
    add_exercises(s);
    select_items(s, words, word);
    qsort(s->item, (size_t)s->items, sizeof *s->item, by_path);
    if (s->items == 0) {
        fprintf(stderr, "check: no program has such a word in its path; "
                        "next: ls checks/mistakes checks/variants\n");
        return 2;
    }
    printf("variants, mistakes, starters and solutions: %d programs\n",
           s->items);
    fflush(stdout);
    struct counts n = run_items(s, 3);
    printf("%d passed, %d failed, %d skipped\n", n.passed, n.failed, n.skipped);
    munmap(shared, sizeof *s);
    return n.failed > 0;
}
