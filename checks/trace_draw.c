/**
 * @file
 * The trace in the terminal: a ladder of two columns, the TCP states beside
 * it, and the words that both drawings (this and trace_svg.c) share.
 */
#define _GNU_SOURCE
#include "trace.h"

#include <stdio.h>
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

static void arrow_text(const struct row *row, char *text, size_t size)
{
    unsigned f = row->flags;
    char bytes[60] = "";
    const char *flag = f & TCP_RST                      ? "RST"
                       : f & TCP_FIN                    ? "FIN"
                       : (f & TCP_SYN) && (f & TCP_ACK) ? "SYN+ACK"
                       : f & TCP_SYN                    ? "SYN"
                       : row->bytes == 0                ? "ACK"
                                                        : "";
    if (row->bytes > 0)
        snprintf(bytes, sizeof bytes, "%lld byte%s%s", (long long)row->bytes,
                 row->bytes == 1 ? "" : "s", flag[0] != '\0' ? ", " : "");
    int n = snprintf(text, size, "%s%s%s", bytes, flag,
                     f & ARROW_AGAIN ? " again" : "");
    if (row->segments > 1)
        n += snprintf(text + n, size - (size_t)n, " in %u segments",
                      row->segments);
    if (f & ARROW_UNSEEN)
        snprintf(text + n, size - (size_t)n, ", no call seen");
}

void row_text(const struct history *h, const struct row *row, char *text,
              size_t size)
{
    if (row->kind == ROW_ARROW) {
        arrow_text(row, text, size);
        return;
    }
    struct witness_record r = *row->call;
    if (r.call == WITNESS_NONE) {
        snprintf(text, size, "%.*s", (int)r.bytes_size, (char *)r.bytes);
        return;
    }
    int at = 0, thread = thread_number(h, row);
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

const char *drawing_note(const struct history *h, int i, char *text,
                         size_t size)
{
    enum lane lane = i == 1 ? ON_LEFT : ON_RIGHT;
    if (i == 0)
        return h->captured ? "Arrows are captured, states inferred."
                           : "Arrows and states are inferred from the calls.";
    snprintf(text, size, "The %s's stdio (fdopen) reads and writes unseen.",
             h->name[lane]);
    return h->stdio[lane] ? text : "";
}

const char *state_news(const struct row *row, const struct row *before,
                       enum lane lane)
{
    const char *now = row->state[lane];
    bool same = before != NULL && before->state[lane] == now;
    return now == NULL || same ? "" : now;
}

/* --- the ladder ------------------------------------------------------------
 */

enum { STATE = 12, TIME = 7, BODY = 50, BODY_TIMED = 46 };

/** How lines look. */
struct pen {
    const char *line, *wait, *dash, *right, *left;
    int body;
    bool timed, both; /* times are shown; there are two columns */
};

static void draw_arrow(const struct pen *pen, const struct row *row,
                       const char *label)
{
    int dashes = pen->body - (int)strlen(label) - 4;
    fputs(row->lane == ON_LEFT ? " " : pen->left, stdout);
    for (int i = 0; i < dashes; i++) {
        int k = i < dashes / 2 ? i : i - dashes / 2;
        if (i == dashes / 2)
            printf(" %s ", label);
        fputs(k % 2 == 0 || pen->dash[0] != '-' ? pen->dash : " ", stdout);
    }
    fputs(row->lane == ON_LEFT ? pen->right : " ", stdout);
}

static void draw_row(const struct pen *pen, const struct history *h,
                     const struct row *row, const struct row *before, double ms)
{
    char text[400];
    int width = pen->body - 2, digits = ms < 100 ? 3 : ms < 1000 ? 2 : 1;
    row_text(h, row, text, sizeof text);
    if (pen->timed && (row->kind != ROW_ARROW || row->call == NULL))
        printf("%*.*f ", TIME - 1, digits, ms);
    else if (pen->timed)
        printf("%*s", TIME, "");
    printf("%*s %s", STATE - 1, state_news(row, before, ON_LEFT),
           row->waits[ON_LEFT] ? pen->wait : pen->line);
    shorten(text, (size_t)width);
    if (row->kind == ROW_ARROW)
        draw_arrow(pen, row, text);
    else
        printf(!pen->both              ? " %*s"
               : row->lane == ON_RIGHT ? " %*s "
                                       : " %-*s ",
               pen->both ? width : 0, text);
    const char *right = state_news(row, before, ON_RIGHT);
    if (pen->both)
        printf("%s%s%s", row->waits[ON_RIGHT] ? pen->wait : pen->line,
               right[0] != '\0' ? " " : "", right);
    putchar('\n');
}

void draw_text(const struct history *h, const struct row *row, size_t rows,
               bool ascii)
{
    bool both = two_sided(h, row, rows);
    struct pen plain = {"|", ":", "-", ">", "<", BODY, false, both};
    struct pen fine = {"│", "┊", "╌", "▶", "◀", BODY, false, both};
    struct pen pen = ascii ? plain : fine;
    pen.timed = !h->normal;
    pen.body = h->normal ? BODY : BODY_TIMED;
    int margin = STATE - 1 + (pen.timed ? TIME : 0);
    printf("%*s %-*s%s\n", margin, pen.timed ? "ms  " : "",
           both ? pen.body + 2 - (int)strlen(h->name[ON_RIGHT]) : 1,
           h->name[ON_LEFT], both ? h->name[ON_RIGHT] : "");
    for (size_t i = 0; i < rows; i++) {
        size_t next = row_skip(h, i, rows);
        if (next != i)
            printf("%*s... %zu rows are not drawn (ALL=1) ...\n", margin + 3,
                   "", next - i);
        draw_row(&pen, h, &row[next], i > 0 ? &row[i - 1] : NULL,
                 (double)(row[next].at - row[0].at) / 1e6);
        i = next;
    }
}
