/**
 * @file
 * The trace as a picture: narrow enough for a phone, light or dark as the
 * reader has it.
 */
#define _GNU_SOURCE
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    WIDTH = 430,
    LEFT_LINE = 14,
    RIGHT_LINE = WIDTH - LEFT_LINE,
    GAP = 9, /* from a line to its text */
    TOP = 36,
    BOTTOM = 18,
    ROW = 21,
    STATE_ROW = 18, /* more, where a state is shown */
    COLUMNS = 52    /* characters between the lines */
};

static const char style[] =
    ":root{color-scheme:light dark}"
    "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
    "fill:#212529}"
    ".paper{fill:#fff}.line{stroke:#868e96;stroke-width:2}"
    ".wait{stroke:#e67700;stroke-width:4;stroke-dasharray:2 3}"
    ".wire{stroke:#1971c2;stroke-width:1.5;stroke-dasharray:5 4}"
    ".head{fill:#1971c2}.flag{fill:#1864ab;font-weight:bold}"
    ".state{fill:#8f4700;font-size:11px;font-weight:bold}"
    ".name{font-weight:bold;font-size:14px}.note{fill:#5c636a;font-size:11px}"
    "@media(prefers-color-scheme:dark){text{fill:#e9ecef}"
    ".paper{fill:#16191d}.wait{stroke:#ffa94d}.wire{stroke:#74c0fc}"
    ".head{fill:#74c0fc}.flag{fill:#a5d8ff}.state{fill:#ffd43b}"
    ".note{fill:#adb5bd}}";

static void escaped(FILE *f, const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '<' || *text == '>' || *text == '&' || *text == '"')
            fprintf(f, "&#%d;", *text);
        else
            fputc(*text, f);
}

/* Text that begins at x, or ends there. */
static void write_text(FILE *f, const char *class, int x, int y, enum lane lane,
                       const char *text)
{
    fprintf(f, "<text class=\"%s\" x=\"%d\" y=\"%d\"%s>", class, x, y,
            lane == ON_LEFT ? "" : " text-anchor=\"end\"");
    escaped(f, text);
    fprintf(f, "</text>\n");
}

static int text_x(enum lane lane)
{
    return lane == ON_LEFT ? LEFT_LINE + GAP : RIGHT_LINE - GAP;
}

static void draw_line(FILE *f, const char *class, int x, int y, int height)
{
    fprintf(f, "<path class=\"%s\" d=\"M%d %dv%d\"/>\n", class, x, y, height);
}

static void draw_arrow(FILE *f, const struct row *row, int y, const char *label)
{
    bool right = row->lane == ON_LEFT;
    int from = LEFT_LINE + 3, to = RIGHT_LINE - 3, tip = right ? to : from;
    int half = (int)strlen(label) * 4 + 6;
    fprintf(f, "<path class=\"wire\" d=\"M%d %dH%dM%d %dH%d\"/>\n", from, y,
            WIDTH / 2 - half, WIDTH / 2 + half, y, to);
    fprintf(f, "<path class=\"head\" d=\"M%d %dl%d -5v10z\"/>\n", tip, y,
            right ? -9 : 9);
    fprintf(f,
            "<text class=\"flag\" x=\"%d\" y=\"%d\" "
            "text-anchor=\"middle\">%s</text>\n",
            WIDTH / 2, y + 4, label);
}

/* One row. @return how high it is */
static int draw_row(FILE *f, const struct history *h, const struct row *row,
                    const struct row *before, int y, bool both)
{
    char text[400];
    bool news[LANES], any = false;
    row_text(h, row, text, sizeof text);
    shorten(text, COLUMNS);
    for (int i = 0; i < LANES; i++) {
        news[i] = state_news(row, before, (enum lane)i)[0] != '\0';
        any = any || news[i];
    }
    int height = ROW + (any ? STATE_ROW : 0);
    draw_line(f, row->waits[ON_LEFT] ? "wait" : "line", LEFT_LINE, y, height);
    if (both)
        draw_line(f, row->waits[ON_RIGHT] ? "wait" : "line", RIGHT_LINE, y,
                  height);
    if (row->kind == ROW_ARROW)
        draw_arrow(f, row, y + ROW / 2, text);
    else
        write_text(f, "call", text_x(row->lane), y + 15, row->lane, text);
    for (int i = 0; i < LANES; i++)
        if (news[i])
            write_text(f, "state", text_x((enum lane)i), y + ROW + 11,
                       (enum lane)i, row->state[i]);
    return height;
}

/* @return how high all rows are together */
static int draw_rows(FILE *f, const struct history *h, const struct row *row,
                     size_t rows, bool both)
{
    char note[100];
    int y = 0;
    for (size_t i = 0; i < rows; i++) {
        const struct row *before = i > 0 ? &row[i - 1] : NULL;
        size_t next = row_skip(h, i, rows);
        if (next != i) {
            fprintf(f,
                    "<text class=\"note\" x=\"%d\" y=\"%d\" "
                    "text-anchor=\"middle\">… %zu rows are not drawn …"
                    "</text>\n",
                    WIDTH / 2, y + 15, next - i);
            y += ROW;
        }
        y += draw_row(f, h, &row[next], before, y, both);
        i = next;
    }
    for (int i = 0; i < NOTES && both; i++) {
        const char *text = drawing_note(h, i, note, sizeof note);
        if (text[0] == '\0')
            continue;
        char line[120];
        snprintf(line, sizeof line, "%s%s", i == 0 ? "Dotted: waits. " : "",
                 text);
        write_text(f, "note", LEFT_LINE, y += ROW, ON_LEFT, line);
    }
    return y;
}

static void draw_frame(FILE *f, const struct history *h, const char *title,
                       int height, bool both)
{
    const char *right = both ? h->name[ON_RIGHT] : "";
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
            WIDTH, height, WIDTH, height);
    escaped(f, title);
    fprintf(f,
            "</title>\n<desc>The calls of %s%s%s in their order, from top "
            "to bottom, and what crossed between them.</desc>\n"
            "<style>%s</style>\n"
            "<rect class=\"paper\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
            h->name[ON_LEFT], both ? " and " : "", right, style, WIDTH, height);
    write_text(f, "name", LEFT_LINE - 6, 26, ON_LEFT, h->name[ON_LEFT]);
    write_text(f, "name", RIGHT_LINE + 6, 26, ON_RIGHT, right);
}

int draw_svg(const struct history *h, const struct row *row, size_t rows,
             const char *title, const char *path)
{
    bool both = two_sided(h, row, rows);
    char *drawn = NULL;
    size_t size = 0;
    FILE *body = open_memstream(&drawn, &size);
    if (body == NULL)
        return -1;
    int height = draw_rows(body, h, row, rows, both);
    mkdir("build", 0777);
    mkdir("build/trace", 0777);
    FILE *f = fclose(body) == 0 ? fopen(path, "w") : NULL;
    bool failed = f == NULL;
    if (f != NULL) {
        draw_frame(f, h, title, TOP + height + BOTTOM, both);
        fprintf(f, "<g transform=\"translate(0 %d)\">\n%s</g>\n</svg>\n", TOP,
                drawn);
        failed = ferror(f) != 0;
        failed = fclose(f) == EOF || failed;
    }
    free(drawn);
    return failed ? -1 : 0;
}
