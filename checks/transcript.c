/**
 * @file
 * Implements transcript.h: text only, no processes.
 */
#define _GNU_SOURCE /* open_memstream */
#include "transcript.h"

#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const lesson_port[2] = {"8080", "36895"};

static bool is(const char *text, size_t n, const char *other)
{
    return strlen(other) == n && memcmp(text, other, n) == 0;
}

/* --- what may differ ------------------------------------------------------ */

char *transcript_ports(const struct transcript *t, const char *text, bool real)
{
    char *copy = NULL;
    size_t size;
    FILE *out = open_memstream(&copy, &size);
    while (*text != '\0') {
        size_t n = strspn(text, "0123456789");
        const char *port = NULL;
        for (int i = 0; i < 2; i++) {
            if (!real && is(text, n, lesson_port[i]))
                port = "1"; /* the kernel gave a client just that one */
            if (is(text, n, real ? lesson_port[i] : t->port[i]))
                port = real ? t->port[i] : lesson_port[i];
        }
        n += n == 0; /* no number: one character */
        fprintf(out, "%.*s", port == NULL ? (int)n : 5, port ? port : text);
        text += n;
    }
    fclose(out);
    return copy;
}

/* A line with "#" for what varies, no blanks at its end; to be freed. */
static char *without_varying(const char *text)
{
    static const char varying[] =
        "(([0-9]+\\.){3}[0-9]+[: ]|\\]:|pid=|seq |ack |==)([0-9]+)"
        "|/tmp/([^ :'\"]+)|([0-9]+)(sec|ms)";
    static regex_t pattern;
    regmatch_t found[6];
    char *copy = NULL;
    size_t size;
    FILE *out = open_memstream(&copy, &size);
    if (pattern.re_nsub == 0 && regcomp(&pattern, varying, REG_EXTENDED) != 0)
        abort();
    while (regexec(&pattern, text, 6, found, 0) == 0) {
        const regmatch_t *what = &found[3];
        while (what->rm_so == -1)
            what++;
        int n = (int)(what->rm_eo - what->rm_so);
        bool lesson = is(text + what->rm_so, (size_t)n, lesson_port[0]) ||
                      is(text + what->rm_so, (size_t)n, lesson_port[1]);
        fprintf(out, "%.*s%.*s", (int)what->rm_so, text, lesson ? n : 1,
                lesson ? text + what->rm_so : "#");
        text += what->rm_eo;
    }
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ')
        n--;
    fwrite(text, 1, n, out);
    fclose(out);
    return copy;
}

/* Is a line of the text what was seen? */
static bool same(const char *text, const char *seen)
{
    char *a = without_varying(text), *b = without_varying(seen);
    bool equal = strcmp(a, b) == 0;
    free(a);
    free(b);
    return equal;
}

/* --- reading a transcript ------------------------------------------------- */

static int terminal_named(struct transcript *t, const char *name, size_t n,
                          bool create)
{
    for (int i = 0; i < t->terminals; i++)
        if (is(name, n, t->terminal[i].name))
            return i;
    if (!create || t->terminals == TERMINALS_MAX ||
        n >= sizeof t->terminal->name)
        return -1;
    memcpy(t->terminal[t->terminals].name, name, n);
    return t->terminals++;
}

/* Whose line is this, in the terminal number `other` or in a run of make? */
static int speaker(struct transcript *t, const char *text, int other)
{
    const char *name = text + strspn(text, " ");
    int named = -1;
    if (t->make && name > text)
        named = terminal_named(t, name, strcspn(name, " "), true);
    return named != -1 ? named : other;
}

/* Fills in a line that starts with a prompt; false if it does not. */
static bool read_prompt(struct transcript *t, struct line *line)
{
    static const char marks[] = "$<|"; /* in the order of enum kind */
    char *text = line->whole;
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
    const char *mark = text[n] != '\0' ? strchr(marks, text[n]) : NULL;
    if (mark == NULL || (text[n + 1] != ' ' && text[n + 1] != '\0') ||
        (n == 0 && *mark != '$') || t->make)
        return false;
    line->kind = (enum kind)(mark - marks);
    line->terminal = terminal_named(t, text, n, line->kind == COMMAND);
    line->text = text + n + 1 + (text[n + 1] == ' ');
    return line->terminal != -1;
}

static void read_line(struct transcript *t, const char *text)
{
    struct line *line = &t->line[t->lines];
    line->text = line->whole = strdup(text);
    if (!read_prompt(t, line)) {
        line->kind = SHOWN;
        line->text = line->whole;
        line->terminal =
            speaker(t, text, t->make || t->lines == 0 ? 0 : line[-1].terminal);
    }
    if (t->lines++ > 0)
        return;
    t->make = line->kind == COMMAND && strncmp(line->text, "make", 4) == 0;
    if (line->kind != COMMAND)
        snprintf(t->trouble, sizeof t->trouble, "no prompt at its beginning");
}

void transcript_read(struct transcript *t, FILE *in, char **last, size_t *size)
{
    ssize_t n;
    while ((n = getline(last, size, in)) != -1 &&
           strncmp(*last, "```", 3) != 0) {
        (*last)[strcspn(*last, "\n")] = '\0';
        if (t->lines == LINES_MAX)
            snprintf(t->trouble, sizeof t->trouble, "it is too long");
        else
            read_line(t, *last);
    }
    if (n == -1 || (*last)[strspn(*last, "` \n")] != '\0')
        snprintf(t->trouble, sizeof t->trouble, "its fence is not closed");
}

void transcript_see(struct transcript *t, int terminal, const char *bytes,
                    size_t n)
{
    char *text = (char *)calloc(1, n + 1);
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != '\0')
            text[used++] = bytes[i];
    terminal = speaker(t, text, terminal);
    t->terminal[terminal].seen++;
    if (t->sights < LINES_MAX)
        t->seen[t->sights++] =
            (struct seen){terminal, t->input, transcript_ports(t, text, false)};
    free(text);
}

/* --- what differs --------------------------------------------------------- */

/* Line k that the text shows for terminal m, NULL if there is none. */
static const struct line *shown(const struct transcript *t, int m, int k)
{
    for (int i = 0; i < t->lines; i++)
        if (t->line[i].kind == SHOWN && t->line[i].terminal == m && k-- == 0)
            return &t->line[i];
    return NULL;
}

/* Line k that was seen in terminal m, NULL if there is none. */
static const struct seen *seen(const struct transcript *t, int m, int k)
{
    for (int i = 0; i < t->sights; i++)
        if (t->seen[i].terminal == m && k-- == 0)
            return &t->seen[i];
    return NULL;
}

/* The first line of a terminal that is not as in the text; -1: all are. */
static int first_difference(const struct transcript *t, int m)
{
    for (int k = 0;; k++) {
        const struct line *line = shown(t, m, k);
        const struct seen *got = seen(t, m, k);
        if (line == NULL && got == NULL)
            return -1;
        if (line == NULL || got == NULL || !same(line->text, got->text))
            return k;
    }
}

/* In words, what is wrong with line k of a terminal. */
static const char *judge_line(const struct transcript *t, int m, int k)
{
    const struct line *line = shown(t, m, k), *other;
    const struct seen *got = seen(t, m, k), *later;
    bool comes = line == NULL, stands = got == NULL;
    for (int i = k + 1; line != NULL && (later = seen(t, m, i)) != NULL; i++)
        comes |= same(line->text, later->text);
    for (int i = k + 1; got != NULL && (other = shown(t, m, i)) != NULL; i++)
        stands |= same(other->text, got->text);
    return comes && stands ? "the order is another"
           : comes         ? "the text lacks a line"
           : stands        ? "a line of the text does not come"
                           : "the words are others";
}

static void report(const struct transcript *t, int m, int k)
{
    static const char nothing[] = "(nothing more)";
    const struct line *line = shown(t, m, k), *place = line;
    const struct seen *got = seen(t, m, k);
    if (place == NULL)
        place = k > 0 ? shown(t, m, k - 1) : &t->line[got->input];
    const struct line *input = place;
    while (input > t->line && (input->kind == SHOWN || input->terminal != m))
        input--;
    printf("%s:%d: %s\n  command   %s\n  expected  %s\n  got       %s\n",
           t->file, t->number + 1 + (int)(place - t->line), judge_line(t, m, k),
           input->whole, line != NULL ? line->text : nothing,
           got != NULL ? got->text : nothing);
}

bool transcript_differs(const struct transcript *t)
{
    const struct line *first = NULL, *end = t->line + t->lines;
    int owner = -1;
    for (int m = 0; m < t->terminals; m++) {
        int k = first_difference(t, m);
        const struct line *line = k == -1 ? NULL : shown(t, m, k);
        line = line == NULL ? end : line;
        if (k != -1 && (owner == -1 || line < first)) {
            first = line;
            owner = m;
        }
    }
    if (owner != -1)
        report(t, owner, first_difference(t, owner));
    return owner != -1;
}

/* --- rewriting ------------------------------------------------------------ */

/* Prints a line seen after `input`, as the text has it if it is there: so the
 * ports of clients stay. */
static void print_seen(const struct transcript *t, const struct seen *got,
                       const struct line *input, FILE *out)
{
    const char *name = t->terminal[got->terminal].name, *text = got->text;
    const struct line *line;
    for (int k = 0; (line = shown(t, got->terminal, k)) != NULL; k++)
        if (same(line->text, text))
            text = line->text;
    if (got->terminal != input->terminal && !t->make)
        fprintf(out, "%s|%s", name, *text == '\0' ? "" : " ");
    fprintf(out, "%s\n", text);
}

void transcript_print(const struct transcript *t, FILE *out)
{
    for (int i = 0; i < t->lines; i++) {
        if (t->line[i].kind != SHOWN || !t->stale)
            fprintf(out, "%s\n", t->line[i].whole);
        for (int k = 0; t->stale && k < t->sights; k++)
            if (t->seen[k].input == i)
                print_seen(t, &t->seen[k], &t->line[i], out);
    }
}

void transcript_free(struct transcript *t)
{
    for (int i = 0; i < t->lines; i++)
        free(t->line[i].whole);
    for (int i = 0; i < t->sights; i++)
        free(t->seen[i].text);
}
