/**
 * @file
 * Compiling what is judged, in the ways that show different mistakes.
 */
#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const build_names[BUILDS] = {"plain", "pattern", "asan"};

const char *compiler(void)
{
    const char *cc = getenv("CC");
    return cc != NULL && cc[0] != '\0' ? cc : "gcc";
}

static const char unresolved[] = "undefined reference";

/*
 * Where the first complaint begins: an error of the compiler, or a warning, or
 * what the linker did not find. (That the linker has failed is no news.)
 */
static const char *find_complaint(const char *text)
{
    static const char *const kinds[] = {": error:", "warning:", unresolved,
                                        "error:"};
    bool links = strstr(text, unresolved) != NULL;
    for (size_t i = links ? 1 : 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *at = strstr(text, kinds[i]);
        if (at != NULL)
            return at;
    }
    return text;
}

/* The first complaint of the compiler, without the path before the file. */
static void first_complaint(const char *text, const char *source, char *line,
                            size_t size)
{
    const char *at = find_complaint(text), *found = at;
    while (at > text && at[-1] != '\n')
        at--;
    size_t path = strlen(source);
    const char *slash = strrchr(source, '/');
    if (slash != NULL && strncmp(at, source, path) == 0)
        at += (size_t)(slash + 1 - source);
    else if (strncmp(found, unresolved, strlen(unresolved)) == 0)
        at = found; /* in no file of ours */
    snprintf(line, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static void say_complaint(struct result *r, const char *text,
                          const char *source)
{
    char line[CAPTION];
    first_complaint(text, source, line, sizeof line);
    snprintf(r->got, sizeof r->got, "%s", line);
    const char *place_end = strstr(line, ": ");
    const char *slash = strrchr(source, '/');
    const char *name = slash != NULL ? slash + 1 : source;
    if (place_end != NULL && strncmp(line, name, strlen(name)) == 0)
        snprintf(r->where, sizeof r->where, "%.*s", (int)(place_end - line),
                 line);
}

/* Runs the compiler. Returns false if that was not possible at all. */
static bool run_compiler(struct subject *subject, struct compilation what,
                         const char *path, struct result *result,
                         struct child *cc)
{
    static const char *const extra[BUILDS] = {"-O0",
                                              "-ftrivial-auto-var-init=pattern",
                                              "-fsanitize=address,undefined"};
    struct launch l = {.argv = {compiler(), "-std=c11", "-g", "-Wall",
                                "-Wextra", "-Wpedantic", "-Wconversion",
                                "-Wshadow", extra[what.build],
                                subject->source[what.role], "-o", path},
                       .setenv = {"LC_ALL=C"}};
    if (child_start(cc, &l) == 0)
        return true;
    result->verdict = SKIPPED;
    snprintf(result->got, sizeof result->got,
             "the compiler %.100s could not "
             "be started: %s",
             compiler(), strerror(errno));
    snprintf(result->expected, CAPTION, "make doctor");
    return false;
}

void compile(struct subject *subject, struct compilation what,
             struct result *result)
{
    char path[PATH_SIZE];
    struct child cc;
    snprintf(path, sizeof path, "%.400s/%s-%s", subject->scratch,
             what.role == SERVER ? "server" : "client",
             build_names[what.build]);
    if (!run_compiler(subject, what, path, result, &cc))
        return;
    cc.cpu_max = scaled_ms(60000);
    bool done = child_await_end(&cc, 20000) == GOT_IT;
    const char *words = cc.err.bytes;
    if (strstr(words, "No space left on device") != NULL) {
        result->verdict = SKIPPED;
        snprintf(result->got, sizeof result->got,
                 "there is no space left in %.300s", subject->scratch);
        snprintf(result->expected, CAPTION, OTHER_DIRECTORY);
    } else if (done && exited(&cc, 0)) {
        memcpy(subject->program[what.role][what.build], path, sizeof path);
        result->verdict = cc.err.length == 0 ? PASSED : FAILED;
    } else {
        result->verdict = FAILED;
    }
    if (result->verdict == FAILED) {
        snprintf(result->did, CAPTION,
                 "ran %.60s -std=c11 -Wall -Wextra "
                 "-Wpedantic -Wconversion -Wshadow",
                 compiler());
        snprintf(result->expected, CAPTION, "not a word from the compiler");
        snprintf(result->diagnosis, sizeof result->diagnosis, "%s",
                 strstr(words, unresolved) != NULL ? "does-not-link"
                 : strstr(words, "error:") != NULL ? "does-not-compile"
                 : strstr(words, "-Wtype-limits") != NULL
                     ? "recv-unsigned-result"
                     : "warning");
        say_complaint(result, words, subject->source[what.role]);
    }
    child_end(&cc);
}
