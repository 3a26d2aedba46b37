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
bool starts_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is(const char *text, size_t n, const char *other)
{
    return strlen(other) == n && memcmp(text, other, n) == 0;
}

/* --- what may differ ------------------------------------------------------ */

/* A text with the real ports in it, or with those of the lesson; to be freed */
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

/* A line with "#" in the place of what varies, no blanks at its end; to be
 * freed */
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
    t->make = line->kind == COMMAND && starts_with(line->text, "make");
    if (line->kind != COMMAND)
        snprintf(t->trouble, sizeof t->trouble, "no prompt at its beginning");
}

/* Reads to the closing fence, which is kept as `last`. */
void transcript_read(struct transcript *t, FILE *in, char **last, size_t *size)
{
    ssize_t n;
    while ((n = getline(last, size, in)) != -1 && !starts_with(*last, "```")) {
        (*last)[strcspn(*last, "\n")] = '\0';
        if (t->lines == LINES_MAX)
            snprintf(t->trouble, sizeof t->trouble, "it is too long");
        else
            read_line(t, *last);
    }
    if (n == -1)
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
    struct terminal *m = &t->terminal[speaker(t, text, terminal)];
    if (m->count < LINES_MAX)
        m->seen[m->count++] =
            (struct seen){transcript_ports(t, text, false), t->input};
    free(text);
}

/* --- what differs --------------------------------------------------------- */

/* The line in the text that terminal m shows as its line k; -1: it does not. */
static int shown(const struct transcript *t, int m, int k)
{
    for (int i = 0; i < t->lines; i++)
        if (t->line[i].kind == SHOWN && t->line[i].terminal == m && k-- == 0)
            return i;
    return -1;
}

/* In words, what is wrong with line k of a terminal. */
static const char *judge_line(const struct transcript *t, int m, int k)
{
    const struct terminal *terminal = &t->terminal[m];
    int line = shown(t, m, k), count = terminal->count;
    bool comes = line == -1, stands = k >= count;
    for (int i = k + 1; i < count && line != -1; i++)
        comes |= same(t->line[line].text, terminal->seen[i].text);
    for (int i = k + 1; k < count && shown(t, m, i) != -1; i++)
        stands |= same(t->line[shown(t, m, i)].text, terminal->seen[k].text);
    return comes && stands ? "the order is another"
           : comes         ? "the text lacks a line"
           : stands        ? "a line of the text does not come"
                           : "the words are others";
}

/* The first line of a terminal that is not as in the text; -1: all are. */
static int first_difference(const struct transcript *t, int m)
{
    const struct terminal *terminal = &t->terminal[m];
    for (int k = 0;; k++) {
        int line = shown(t, m, k);
        if (line == -1 && k == terminal->count)
            return -1;
        if (line == -1 || k == terminal->count ||
            !same(t->line[line].text, terminal->seen[k].text))
            return k;
    }
}

static void report(const struct transcript *t, int m, int k)
{
    static const char nothing[] = "(nothing more)";
    const struct terminal *terminal = &t->terminal[m];
    int line = shown(t, m, k), place = line;
    if (place == -1)
        place = k > 0 ? shown(t, m, k - 1) : terminal->seen[k].input;
    int input = place;
    while (input > 0 &&
           (t->line[input].kind == SHOWN || t->line[input].terminal != m))
        input--;
    printf("%s:%d: %s\n  command   %s\n  expected  %s\n  got       %s\n",
           t->file, t->number + 1 + place, judge_line(t, m, k),
           t->line[input].whole, line != -1 ? t->line[line].text : nothing,
           k < terminal->count ? terminal->seen[k].text : nothing);
}

/* Reports the difference that stands first in the text, if there is one. */
bool transcript_differs(const struct transcript *t)
{
    int first = INT_MAX, owner = -1;
    for (int m = 0; m < t->terminals; m++) {
        int k = first_difference(t, m);
        int line = k == -1 ? INT_MAX : shown(t, m, k);
        if (k != -1 && (owner == -1 || (line != -1 && line < first))) {
            first = line == -1 ? INT_MAX : line;
            owner = m;
        }
    }
    if (owner != -1)
        report(t, owner, first_difference(t, owner));
    return owner != -1;
}

/* --- rewriting ------------------------------------------------------------ */

/* Prints what a terminal showed after an input, as the text has it if it is
 * there: so the ports of clients stay. */
static void print_seen(const struct transcript *t, int m, int input, FILE *out)
{
    const struct terminal *terminal = &t->terminal[m];
    bool own = t->line[input].terminal == m || terminal->name[0] == '\0';
    for (int i = 0; i < terminal->count; i++) {
        const char *text = terminal->seen[i].text;
        if (terminal->seen[i].input != input)
            continue;
        for (int k = 0; shown(t, m, k) != -1; k++)
            if (same(t->line[shown(t, m, k)].text, text))
                text = t->line[shown(t, m, k)].text;
        if (!own && !t->make)
            fprintf(out, "%s|%s", terminal->name, *text == '\0' ? "" : " ");
        fprintf(out, "%s\n", text);
    }
}

/* The transcript as it should be. */
void transcript_print(const struct transcript *t, FILE *out)
{
    for (int i = 0; i < t->lines; i++) {
        bool input = t->line[i].kind != SHOWN;
        if (input || !t->stale)
            fprintf(out, "%s\n", t->line[i].whole);
        if (!input || !t->stale)
            continue;
        print_seen(t, t->line[i].terminal, i, out);
        for (int m = 0; m < t->terminals; m++)
            if (m != t->line[i].terminal)
                print_seen(t, m, i, out);
    }
}

void transcript_free(struct transcript *t)
{
    for (int i = 0; i < t->lines; i++)
        free(t->line[i].whole);
    for (int i = 0; i < t->terminals; i++)
        for (int k = 0; k < t->terminal[i].count; k++)
            free(t->terminal[i].seen[k].text);
}
