/**
 * @file
 * What a trace is drawn from: the calls of two programs, what befell them, and
 * the segments between them (trace.h).
 */
#define _GNU_SOURCE
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct witness_record *more_calls(struct history *h, enum lane lane,
                                         size_t n)
{
    size_t size = (h->calls[lane] + n) * sizeof(struct witness_record);
    void *more = realloc(h->call[lane], size > 0 ? size : 1);
    if (more == NULL)
        return NULL;
    h->call[lane] = (struct witness_record *)more;
    return h->call[lane] + h->calls[lane];
}

static int by_enter(const void *a, const void *b)
{
    const struct witness_record *x = (const struct witness_record *)a;
    const struct witness_record *y = (const struct witness_record *)b;
    return x->enter == y->enter ? 0 : x->enter < y->enter ? -1 : 1;
}

static void sort_calls(struct history *h, enum lane lane)
{
    qsort(h->call[lane], h->calls[lane], sizeof *h->call[lane], by_enter);
}

/* Noise: what is no business of the connection. */
static bool is_drawn(const struct witness_record *r, bool ours)
{
    bool timed = r->call == WITNESS_SLEEP || r->call == WITNESS_ALARM;
    return !(ours && timed) && r->call != WITNESS_FREEADDRINFO &&
           r->call != WITNESS_SIGNAL && r->enter != 0;
}

int history_add(struct history *h, enum lane lane, const struct log *log,
                bool ours)
{
    size_t n = log_count(log);
    struct witness_record *to = more_calls(h, lane, n);
    if (to == NULL)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (is_drawn(log_at(log, i), ours)) {
            *to++ = *log_at(log, i);
            h->calls[lane]++;
        }
    uint32_t claimed = log->map->claimed, capacity = log->map->capacity;
    h->unrecorded += claimed > capacity ? claimed - capacity : 0;
    sort_calls(h, lane);
    return 0;
}

int history_note(struct history *h, enum lane lane, uint64_t at,
                 const char *words)
{
    struct witness_record *r = more_calls(h, lane, 1);
    if (r == NULL)
        return -1;
    memset(r, 0, sizeof *r);
    r->done = 1;
    r->enter = r->leave = at;
    r->a = strncmp(words, "exit", 4) != 0 && strncmp(words, "killed", 6) != 0;
    r->bytes_size =
        (uint32_t)snprintf((char *)r->bytes, sizeof r->bytes, "%s", words);
    h->calls[lane]++;
    sort_calls(h, lane);
    return 0;
}

void history_free(struct history *h)
{
    for (int lane = 0; lane < LANES; lane++)
        free(h->call[lane]);
    free(h->segment);
    *h = (struct history){.normal = h->normal, .whole = h->whole};
}
