/**
 * @file
 * Telling a student what was found: the parts of run.h that print.
 */
#define _GNU_SOURCE
#include "run.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct diagnosis diagnoses[] = {
#define DIAGNOSIS(name, read, cause, remedy) {name, read, cause, remedy},
#include "diagnoses.def"
#undef DIAGNOSIS
};

enum { DIAGNOSES = sizeof diagnoses / sizeof *diagnoses };

const struct diagnosis *diagnosis_find(const char *name)
{
    for (size_t i = 0; i < DIAGNOSES; i++)
        if (strcmp(diagnoses[i].name, name) == 0)
            return &diagnoses[i];
    return NULL;
}

void diagnoses_print(void)
{
    for (size_t i = 0; i < DIAGNOSES; i++)
        printf("%s\t%s\t%s\t%s\n", diagnoses[i].name, diagnoses[i].read,
               diagnoses[i].cause, diagnoses[i].remedy);
}

static const char *const calls[] = {"",       "socket", "bind",
                                    "listen", "accept", "connect",
                                    "send",   "recv",   "close"};

static const char *label(const struct judgement *j, const struct entry *e)
{
    return program_name(&j->subject, e->asked.role);
}

/* --- text ------------------------------------------------------------------
 */

static const char *colour(const char *code)
{
    const char *no = getenv("NO_COLOR");
    if (!isatty(STDOUT_FILENO) || (no != NULL && no[0] != '\0'))
        return "";
    return code;
}

static void mark(const char *word)
{
    const char *code = strcmp(word, "ok") == 0     ? "\033[32m"
                       : strcmp(word, "FAIL") == 0 ? "\033[1;31m"
                                                   : "\033[33m";
    printf("  %s%-5s%s ", colour(code), word, colour("\033[0m"));
}

/* One labelled paragraph, wrapped at 78 columns. */
static void paragraph(const char *label, const char *text)
{
    enum { INDENT = 23, WIDTH = 78 };
    size_t column = INDENT;
    if (text == NULL || text[0] == '\0')
        return;
    printf("%8s%-15s", "", label);
    for (const char *word = text; *word != '\0';) {
        size_t n = strcspn(word, " ");
        if (column > INDENT && column + 1 + n > WIDTH) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        } else if (column > INDENT) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)n, word);
        column += n;
        word += n + strspn(word + n, " ");
    }
    putchar('\n');
}

static void print_calls(const char *lines)
{
    if (lines[0] == '\0')
        return;
    printf("%8sits last calls, as seen from outside:\n", "");
    while (*lines != '\0') {
        size_t n = strcspn(lines, "\n");
        printf("%10s%.*s\n", "", (int)(n < 100 ? n : 100), lines);
        lines += n + (lines[n] == '\n');
    }
}

/* The command that draws the whole conversation, with the fault it had. */
static void print_trace(const struct judgement *j, const struct entry *e)
{
    bool scripted = e->asked.run == run_server_script ||
                    e->asked.run == run_client_script ||
                    e->asked.run == run_start_failure;
    const struct script *s =
        scripted ? (const struct script *)e->asked.script : NULL;
    const char *fault =
        s != NULL && s->fault != NULL ? fault_name(s->fault) : NULL;
    char command[160];
    int n = j->subject.exercise != NULL
                ? snprintf(command, sizeof command, "make trace E=%s",
                           j->subject.exercise->name)
                : snprintf(command, sizeof command, "make trace-step %d",
                           j->subject.step);
    if (fault != NULL && n > 0)
        snprintf(command + n, sizeof command - (size_t)n, " FAULT=%s:%s",
                 e->asked.role == SERVER ? "server" : "client", fault);
    bool unnamed = s != NULL && s->fault != NULL && fault == NULL;
    if (e->result.calls[0] != '\0' && !unnamed)
        paragraph("all of them:", command);
}

static void print_failure(const struct judgement *j, const struct entry *e)
{
    const struct result *r = &e->result;
    const struct diagnosis *d = diagnosis_find(r->diagnosis);
    mark(r->verdict == ADVICE ? "note" : "FAIL");
    printf("%s: %s\n", label(j, e), e->asked.title);
    paragraph("what we did:", r->did);
    paragraph("expected:", r->expected);
    paragraph("got:", r->got);
    paragraph("your program:", r->said);
    if (d != NULL) {
        paragraph("likely cause:", d->cause);
        paragraph("what to do:", d->remedy);
    }
    paragraph("where:", r->where);
    print_calls(r->calls);
    print_trace(j, e);
    if (d != NULL) {
        paragraph("read:", d->read);
        paragraph("name:", d->name);
    }
}

/* Checks of one call that are counted rather than listed. */
static bool same_group(const struct judgement *j, const struct entry *a,
                       const struct entry *b)
{
    return j->subject.exercise == NULL && a->step == b->step &&
           a->asked.role == b->asked.role && a->asked.track == b->asked.track &&
           a->asked.track == TALK;
}

static void print_group(const struct judgement *j, int last)
{
    const struct entry *e = &j->entry[last];
    int passed = e->result.verdict == PASSED;
    for (int i = last - 1; i >= 0 && same_group(j, &j->entry[i], e); i--)
        passed += j->entry[i].result.verdict == PASSED;
    if (passed == 0)
        return;
    mark("ok");
    if (e->step == 0)
        printf("%s.c %s\n", label(j, e), e->asked.title);
    else if (e->asked.track != TALK || j->subject.exercise != NULL)
        printf("%s: %s\n", label(j, e), e->asked.title);
    else
        printf("%s: %s(), %d check%s\n", label(j, e), calls[e->step], passed,
               passed == 1 ? "" : "s");
}

static void print_skip(const struct judgement *j, const struct entry *e)
{
    mark("skip");
    printf("%s: %s: %s\n", label(j, e), e->asked.title, e->result.got);
}

static void text_entry(const struct judgement *j, int i)
{
    const struct entry *e = &j->entry[i];
    bool verbose = getenv("V") != NULL;
    if (verbose && e->result.verdict == PASSED) {
        mark("ok");
        printf("%s: %s (%.0f ms)\n", label(j, e), e->asked.title, e->result.ms);
    }
    if (e->result.verdict == FAILED || e->result.verdict == ADVICE) {
        if (!verbose && i > 0 && e->result.verdict == FAILED &&
            same_group(j, e, e - 1))
            print_group(j, i - 1);
        print_failure(j, e);
    } else if (e->result.verdict == SKIPPED &&
               (verbose || strncmp(e->result.got, "rests on", 8) != 0)) {
        print_skip(j, e);
    }
    bool last = i + 1 == j->entries || !same_group(j, e, e + 1);
    if (!verbose && last && e->result.verdict != FAILED &&
        e->result.verdict != SKIPPED)
        print_group(j, i);
}

/* --- TAP ----------------------------------------------------------------- */

static void yaml(const char *key, const char *text)
{
    if (text[0] == '\0')
        return;
    printf("  %s: \"", key);
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if (*text == '\n')
            printf("\\n");
        else
            putchar(*text);
    printf("\"\n");
}

static void tap_entry(const struct judgement *j, int i)
{
    const struct entry *e = &j->entry[i];
    const struct result *r = &e->result;
    printf("%sok %d - %s: %s", r->verdict == FAILED ? "not " : "", i + 1,
           label(j, e), e->asked.title);
    if (r->verdict == SKIPPED)
        printf(" # SKIP %s", r->got);
    putchar('\n');
    if (r->verdict != FAILED && r->verdict != ADVICE)
        return;
    const struct diagnosis *d = diagnosis_find(r->diagnosis);
    printf("  ---\n");
    yaml("severity", r->verdict == ADVICE ? "note" : "fail");
    yaml("diagnosis", r->diagnosis);
    yaml("did", r->did);
    yaml("expected", r->expected);
    yaml("got", r->got);
    yaml("said", r->said);
    yaml("where", r->where);
    yaml("cause", d != NULL ? d->cause : "");
    yaml("remedy", d != NULL ? d->remedy : "");
    yaml("read", d != NULL ? d->read : "");
    yaml("calls", r->calls);
    printf("  ...\n");
}

/* --- both ---------------------------------------------------------------- */

void report_begin(const struct judgement *j, enum style style)
{
    if (style == STYLE_TAP)
        printf("TAP version 13\n1..%d\n", j->entries + j->subject.more);
    else if (style == STYLE_TEXT && j->subject.exercise != NULL)
        printf("exercise %s\n", j->subject.exercise->name);
    else if (style == STYLE_TEXT)
        printf("step %d  %s()\n", j->subject.step, calls[j->subject.step]);
    fflush(stdout);
}

void report_entry(const struct judgement *j, int i, enum style style)
{
    if (style == STYLE_TAP)
        tap_entry(j, i);
    else if (style == STYLE_TEXT ||
             (style == STYLE_BRIEF && j->entry[i].result.verdict == FAILED))
        text_entry(j, i);
}

static void next_exercise(const struct judgement *j, bool failed)
{
    const char *name = j->subject.exercise->name;
    if (failed)
        printf("next: mend exercises/%s.c (make hint E=%s), then: make "
               "check-exercise E=%s\n",
               name, name, name);
    else
        printf("next: compare yours with solutions/%s.c, then: make progress\n",
               name);
}

static void say_rest(const struct judgement *j)
{
    int rests = 0;
    for (int i = 0; i < j->entries; i++)
        rests += strncmp(j->entry[i].result.got, "rests on", 8) == 0;
    if (rests == 0)
        return;
    mark("skip");
    printf("%d check%s that rest%s on the failed one\n", rests,
           rests == 1 ? "" : "s", rests == 1 ? "s" : "");
}

void report_end(const struct judgement *j, enum style style)
{
    struct counts n = judgement_counts(j);
    const struct exercise *e = j->subject.exercise;
    if (style == STYLE_BRIEF && n.failed == 0) {
        mark("ok");
        printf("exercise %s (solution: solutions/%s.c)\n", e->name, e->name);
    }
    if (style != STYLE_TEXT)
        return;
    say_rest(j);
    if (e != NULL)
        printf("exercise %s: ", e->name);
    else
        printf("step %d: ", j->subject.step);
    printf("%d passed, %d failed, %d skipped (%.1f s)\n", n.passed, n.failed,
           n.skipped, j->seconds);
    if (e != NULL)
        next_exercise(j, n.failed > 0);
}
