/**
 * @file
 * The trace in the terminal: a ladder of two columns, the TCP states beside
 * it, and the words that both drawings (this and trace_svg.c) share.
 */
#define _GNU_SOURCE
#include "trace.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- words ------------------------------------------------------------------
 */

/* Which thread or process of its side made a call, from 1; 0: it has one. */
static int thread_number(const struct history *h, const struct row *row)
{
    enum { KNOWN = 64 };
    int32_t known[KNOWN];
    int count = 0, number = 0;
    for (size_t i = 0; i < h->calls[row->lane] && count < KNOWN; i++) {
        const struct witness_record *r = &h->call[row->lane][i];
        int at = 0;
        while (at < count && known[at] != r->tid)
            at++;
        if (at == count && r->call != WITNESS_NONE)
            known[count++] = r->tid;
        if (r->tid == row->call->tid)
            number = at + 1;
    }
    return count > 1 && row->call->call != WITNESS_NONE ? number : 0;
}

/* Time, in as many digits as it is worth. */
static const char *duration(uint64_t ns, char *text, size_t size)
{
    double ms = (double)ns / 1e6;
    if (ms < 1)
        snprintf(text, size, "%.0f us", ms * 1000);
    else
        snprintf(text, size, ms < 10 ? "%.1f ms" : "%.0f ms", ms);
    return text;
}

/* A call that waits shows what is known at its begin: no result yet. */
static void begin_text(const struct history *h, const struct row *row,
                       char *text, size_t size)
{
    struct witness_record r = *row->call;
    char wait[32];
    r.done = 0;
    if (r.call == WITNESS_ACCEPT)
        r.address_size = 0;
    if (r.call == WITNESS_RECV)
        r.result = 0;
    record_format(&r, text, size);
    char *end = strrchr(text, ')');
    if (end == NULL)
        return;
    size_t left = size - (size_t)(end + 1 - text);
    if (!row->call->done)
        snprintf(end + 1, left, "  has not returned");
    else if (h->normal || r.call == WITNESS_CONNECT)
        snprintf(end + 1, left, "%s",
                 r.call == WITNESS_CONNECT ? "" : "  waits");
    else
        snprintf(end + 1, left, "  waits %s",
                 duration(r.leave - r.enter, wait, sizeof wait));
}

void row_text(const struct history *h, const struct row *row, char *text,
              size_t size)
{
    struct witness_record r = *row->call;
    int at = 0, thread = 0;
    if (row->kind == ROW_ARROW) {
        if (row->flag != NULL)
            snprintf(text, size, "%s", row->flag);
        else
            snprintf(text, size, "%lld byte%s", (long long)row->bytes,
                     row->bytes == 1 ? "" : "s");
        return;
    }
    if (r.call == WITNESS_NONE) {
        snprintf(text, size, "%.*s", (int)r.bytes_size, (char *)r.bytes);
        return;
    }
    thread = thread_number(h, row);
    if (thread > 0)
        at = snprintf(text, size, "T%d: ", thread);
    r.injected = 0;
    if (row->kind == ROW_BEGINS)
        begin_text(h, row, text + at, size - (size_t)at);
    else
        record_format(&r, text + at, size - (size_t)at);
    if (row->call->injected && row->kind != ROW_BEGINS) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, " (fault)");
    }
}

void shorten(char *text, size_t width)
{
    enum { TAIL = 16 };
    size_t n = strlen(text);
    if (n <= width || width < TAIL + 4)
        return;
    size_t head = width - TAIL - 3;
    memcpy(text + head, "...", 3);
    memmove(text + head + 3, text + n - TAIL, TAIL + 1);
}

/* --- the ladder -------------------------------------------------------------
 */

enum { STATE = 12, TIME = 7, BODY = 50, BODY_TIMED = 46 };

/** How lines look. */
struct pen {
    const char *line, *wait, *dash, *right, *left;
    int body;
    bool timed, both; /* times are shown; there are two columns */
};

static void repeat(const char *what, int times)
{
    for (int i = 0; i < times; i++)
        fputs(i % 2 == 0 || what[0] != '-' ? what : " ", stdout);
}

static void draw_arrow(const struct pen *pen, const struct row *row,
                       const char *label)
{
    int dashes = pen->body - (int)strlen(label) - 4, half = dashes / 2;
    printf("%s", row->lane == ON_LEFT ? " " : pen->left);
    repeat(pen->dash, half);
    printf(" %s ", label);
    repeat(pen->dash, dashes - half);
    printf("%s", row->lane == ON_LEFT ? pen->right : " ");
}

static void draw_call(const struct pen *pen, const struct row *row, char *text)
{
    int width = pen->body - 2;
    shorten(text, (size_t)width);
    if (!pen->both)
        printf(" %s", text);
    else if (row->lane == ON_LEFT)
        printf(" %-*s ", width, text);
    else
        printf(" %*s ", width, text);
}

const char *state_news(const struct row *row, const struct row *before,
                       enum lane lane)
{
    const char *now = row->state[lane];
    const char *old = before != NULL ? before->state[lane] : NULL;
    bool same = now == NULL || (old != NULL && strcmp(now, old) == 0);
    return same ? "" : now;
}

static void draw_row(const struct pen *pen, const struct history *h,
                     const struct row *row, const struct row *before,
                     uint64_t start)
{
    char text[400];
    row_text(h, row, text, sizeof text);
    double ms = (double)(row->at - start) / 1e6;
    if (pen->timed && row->kind != ROW_ARROW)
        printf("%*.*f ", TIME - 1, ms < 100 ? 3 : ms < 1000 ? 2 : 1, ms);
    else if (pen->timed)
        printf("%*s", TIME, "");
    printf("%*s %s", STATE - 1, state_news(row, before, ON_LEFT),
           row->waits[ON_LEFT] ? pen->wait : pen->line);
    if (row->kind == ROW_ARROW)
        draw_arrow(pen, row, text);
    else
        draw_call(pen, row, text);
    const char *right = state_news(row, before, ON_RIGHT);
    if (pen->both)
        printf("%s%s%s", row->waits[ON_RIGHT] ? pen->wait : pen->line,
               right[0] != '\0' ? " " : "", right);
    putchar('\n');
}

static void draw_names(const struct pen *pen, const struct history *h)
{
    int left = (pen->timed ? TIME : 0) + STATE - 1;
    printf("%*s %-*s%s\n", pen->timed ? left : left, pen->timed ? "ms  " : "",
           pen->both ? pen->body + 2 - (int)strlen(h->name[ON_RIGHT]) : 1,
           h->name[ON_LEFT], pen->both ? h->name[ON_RIGHT] : "");
}

static void draw_skipped(const struct pen *pen, size_t rows)
{
    printf("%*s... %zu rows are not drawn ...\n",
           (pen->timed ? TIME : 0) + STATE + 2, "", rows);
}

void draw_text(const struct history *h, const struct row *row, size_t rows,
               bool ascii)
{
    struct pen pen = {"|",        ":",
                      "-",        ">",
                      "<",        h->normal ? BODY : BODY_TIMED,
                      !h->normal, two_sided(h, row, rows)};
    if (!ascii) {
        pen.line = "│";
        pen.wait = "┊";
        pen.dash = "╌";
        pen.right = "▶";
        pen.left = "◀";
    }
    draw_names(&pen, h);
    for (size_t i = 0; i < rows; i++) {
        size_t next = row_skip(i, rows);
        if (next != i)
            draw_skipped(&pen, next - i);
        i = next;
        draw_row(&pen, h, &row[i], i > 0 ? &row[i - 1] : NULL, row[0].at);
    }
}
