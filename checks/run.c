/**
 * @file
 * Implements judge() of run.h. Every compilation and every case is a job: a
 * process of its own that writes its answer into memory shared with us. Jobs
 * run as soon as what they need is there; their answers are shown in order.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "peer.h"
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum job_state { WAITING, RUNNING, DONE };

/* Compilations of all kinds come first, then the cases, as in j->entry. */
struct job {
    enum job_state state;
    pid_t pid;
    int entry;                 /* -1: a compilation that is not reported */
    struct compilation making; /* what it compiles, if it is one */
    bool compiles;
    uint64_t started;
};

enum { JOBS_MAX = CASES_MAX + ROLES * BUILDS, LEFT_FREE = 4 };

struct schedule {
    struct judgement *j;
    struct job job[JOBS_MAX];
    struct result unreported[ROLES][BUILDS];
    int jobs, running, limit;
    int shown; /* all entries before this one have been reported … */
    bool told[CASES_MAX]; /* … and these */
    bool broken;          /* the compiler could not do its work */
    enum style style;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

/* --- what there is to do -------------------------------------------------- */

static bool build_needed(const struct judgement *j, enum role role,
                         enum build build)
{
    for (int i = 0; i < j->entries; i++)
        if (j->entry[i].step != 0 && j->entry[i].asked.role == role &&
            j->entry[i].asked.build == build)
            return true;
    return false;
}

static void add_case(struct judgement *j, const struct check_case *c, int step)
{
    if (j->subject.source[c->role][0] == '\0' || j->entries == CASES_MAX)
        return;
    struct entry *e = &j->entry[j->entries++];
    e->asked = *c;
    e->step = step;
}

static void add_cases(struct judgement *j, enum track track, enum role role)
{
    static const struct check_case *const all[STEPS] = {
        cases_01, cases_02, cases_03, cases_04,
        cases_05, cases_06, cases_07, cases_08};
    int step = j->subject.step;
    if (j->subject.exercise != NULL) {
        for (const struct check_case *c = j->subject.exercise->cases;
             c->title != NULL; c++)
            if (c->track == track && c->role == role)
                add_case(j, c, step);
        return;
    }
    for (int s = 1; s <= STEPS; s++)
        for (const struct check_case *c = all[s - 1]; c->title != NULL; c++)
            if (c->track == track && c->role == role && c->first <= step &&
                step <= c->last &&
                (!j->subject.leaks_only || c->run == run_valgrind))
                add_case(j, c, s);
}

static void plan(struct schedule *s)
{
    struct judgement *j = s->j;
    for (int role = SERVER; role < ROLES; role++)
        if (j->subject.source[role][0] != '\0') {
            struct entry *e = &j->entry[j->entries++];
            e->asked.title = "compiles without a warning";
            e->asked.role = (enum role)role;
        }
    int compilations = j->entries;
    for (int track = 0; track < TRACKS; track++)
        for (int role = SERVER; role < ROLES; role++)
            add_cases(j, (enum track)track, (enum role)role);
    for (int i = 0; i < compilations; i++)
        s->job[s->jobs++] =
            (struct job){.entry = i,
                         .compiles = true,
                         .making = {j->entry[i].asked.role, PLAIN}};
    for (int build = PATTERN; build < BUILDS; build++)
        for (int role = SERVER; role < ROLES; role++)
            if (build_needed(j, (enum role)role, (enum build)build))
                s->job[s->jobs++] = (struct job){
                    .entry = -1,
                    .compiles = true,
                    .making = {(enum role)role, (enum build)build}};
    for (int i = compilations; i < j->entries; i++)
        s->job[s->jobs++] = (struct job){.entry = i};
}

/* --- doing it ---------------------------------------------------------------
 */

/* Mistakes whose traces the pattern itself leaves. */
static bool tells_of_pattern(const char *name)
{
    static const char *const names[] = {
        "bind-address-uninitialised", "accept-addrlen-uninitialised",
        "connect-hints-uninitialised", "recv-no-terminator"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/*
 * Before the plain conversation, the special builds are asked about memory
 * only: what else goes wrong is told better by the plain one.
 */
static void leave_to_others(struct trial *t)
{
    char line[300];
    if (t->asked->track != WORKS || t->asked->build == PLAIN ||
        t->result->verdict != FAILED)
        return;
    if (t->asked->build == ASAN && sanitizer_name(t, line, sizeof line) != NULL)
        return;
    if (t->asked->build == PATTERN && tells_of_pattern(t->result->diagnosis))
        return;
    memset(t->result, 0, sizeof *t->result);
    t->result->verdict = PASSED;
}

/* Puts the question, and once more if a stranger got in between: who fails may
 * be right then, and who passes wrong. */
static void ask(struct trial *t)
{
    enum { TRIES = 4 };
    const struct trial fresh = *t;
    for (int tries = 1;; tries++) {
        t->asked->run(t);
        if (!over(t))
            left_clean(t);
        if (!over(t))
            t->result->verdict = PASSED;
        if (tries == TRIES || !met_stranger(t))
            return;
        stop(t);
        *t = fresh;
        memset(t->result, 0, sizeof *t->result);
    }
}

static void run_trial(struct judgement *j, struct entry *e, int number)
{
    static struct trial t;
    static struct result result; /* shown to the others when it is complete */
    t.subject = &j->subject;
    t.asked = &e->asked;
    t.result = &result;
    snprintf(t.directory, sizeof t.directory, "%.400s/%d", j->subject.scratch,
             number);
    if (mkdir(t.directory, 0700) == -1)
        skip(&t, "no directory to work in: %s", strerror(errno));
    else
        ask(&t);
    leave_to_others(&t);
    if (result.verdict == FAILED || result.verdict == ADVICE)
        keep_evidence(&t);
    stop(&t);
    enum verdict verdict = result.verdict;
    result.verdict = UNKNOWN;
    e->result = result;
    __atomic_store_n(&e->result.verdict, verdict, __ATOMIC_RELEASE);
}

static void start_job(struct schedule *s, int number)
{
    struct job *job = &s->job[number];
    struct judgement *j = s->j;
    job->started = now_ns();
    fflush(NULL);
    job->pid = fork();
    if (job->pid == -1)
        return; /* too many processes: it is tried again */
    if (job->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        child_adopt_orphans();
        alarm((unsigned)(scaled_ms(120000) / 1000000000u)); /* whatever hangs */
        if (job->compiles)
            compile(&j->subject, job->making,
                    job->entry != -1
                        ? &j->entry[job->entry].result
                        : &s->unreported[job->making.role][job->making.build]);
        else
            run_trial(j, &j->entry[job->entry], number);
        child_sweep();
        _exit(0);
    }
    job->state = RUNNING;
    s->running++;
}

/* True if all plain conversations of a role have been held, well or not. */
static bool works_known(const struct schedule *s, enum role role)
{
    for (int i = 0; i < s->j->entries; i++)
        if (s->j->entry[i].step != 0 && s->j->entry[i].asked.track == WORKS &&
            s->j->entry[i].asked.role == role &&
            s->j->entry[i].result.verdict == UNKNOWN)
            return false;
    return true;
}

static const struct job *compile_job(const struct schedule *s, enum role role,
                                     enum build build)
{
    for (int i = 0; i < s->jobs; i++)
        if (s->job[i].compiles && s->job[i].making.role == role &&
            s->job[i].making.build == build)
            return &s->job[i];
    return NULL;
}

/* Does a case ask how the port is read? The command line has been asked too. */
static bool reads_port(const struct check_case *c)
{
    return c->run == run_port_numbers || c->run == run_port_range ||
           c->run == run_fixed_port || c->run == run_zeros;
}

/* The entry that keeps this one from being judged, or NULL. */
static const struct entry *rests_on_failed(const struct schedule *s, int number)
{
    const struct entry *e = &s->j->entry[number];
    const struct judgement *j = s->j;
    for (int i = 0; i < j->entries; i++) {
        const struct entry *f = &j->entry[i];
        if (f == e || f->result.verdict != FAILED ||
            f->asked.role != e->asked.role)
            continue;
        if (f->step == 0 && j->subject.program[e->asked.role][PLAIN][0] == '\0')
            return f;
        if (f->step != 0 && f->asked.track == WORKS && e->asked.track == TALK)
            return f;
        if (f->asked.track == ARGUMENTS && reads_port(&e->asked))
            return f;
        if (f->step != 0 && i < number && f->asked.track == e->asked.track)
            return f;
    }
    return NULL;
}

/* Skips an entry that rests on a failed one. */
static bool give_up(struct schedule *s, struct job *job)
{
    const struct entry *on = rests_on_failed(s, job->entry);
    if (on == NULL)
        return false;
    struct result *r = &s->j->entry[job->entry].result;
    memset(r, 0, sizeof *r);
    r->verdict = SKIPPED;
    snprintf(r->got, sizeof r->got, "rests on: %s", on->asked.title);
    job->state = DONE;
    return true;
}

static bool is_ready(struct schedule *s, const struct job *job)
{
    if (job->compiles)
        return true;
    const struct entry *e = &s->j->entry[job->entry];
    const struct job *made = compile_job(s, e->asked.role, e->asked.build);
    if (made == NULL || made->state != DONE)
        return false;
    return e->asked.track != TALK || works_known(s, e->asked.role);
}

/* A case that takes long: mostly it waits. */
static bool is_slow(const struct check_case *c)
{
    const struct script *s = (const struct script *)c->script;
    return c->run == run_slow_ending || c->run == run_patience ||
           c->run == run_patient_client || c->run == run_slow_listen ||
           c->run == run_valgrind ||
           (c->run == run_server_script && s != NULL && s->side == SIDE_STAYS);
}

/* The slow ones are started first, and leave some room for the others. */
static void start_jobs(struct schedule *s)
{
    for (int n = 0; n < 2 * s->jobs; n++) {
        int i = n % s->jobs;
        bool first = n < s->jobs && !s->j->subject.patient;
        struct job *job = &s->job[i];
        if (job->state != WAITING || !is_ready(s, job))
            continue;
        if (first && !job->compiles && !is_slow(&s->j->entry[job->entry].asked))
            continue;
        if (!job->compiles && give_up(s, job))
            continue;
        if (s->running < s->limit - (first ? LEFT_FREE : 0))
            start_job(s, i);
    }
}

static void explain_missing(struct schedule *s, const struct job *job)
{
    struct subject *subject = &s->j->subject;
    static const char *const why[BUILDS] = {
        "it does not compile",
        "this compiler cannot fill locals with a pattern",
        "this compiler has no AddressSanitizer here"};
    if (subject->program[job->making.role][job->making.build][0] == '\0')
        snprintf(subject->missing[job->making.role][job->making.build],
                 sizeof subject->missing[0][0], "%s", why[job->making.build]);
}

static void finish_job(struct schedule *s, struct job *job)
{
    job->state = DONE;
    s->running--;
    if (job->compiles)
        explain_missing(s, job);
    if (job->entry == -1)
        return;
    struct result *r = &s->j->entry[job->entry].result;
    s->broken = s->broken || (job->compiles && r->verdict == SKIPPED);
    r->ms = (double)(now_ns() - job->started) / 1e6;
    if (r->verdict == UNKNOWN) {
        r->verdict = SKIPPED;
        snprintf(r->got, sizeof r->got, "the check itself broke off");
    }
}

/* Is the answer to an entry known, and final? */
static bool is_final(struct schedule *s, int entry)
{
    if (s->j->entry[entry].result.verdict == UNKNOWN)
        return false;
    for (int i = 0; i < s->jobs; i++)
        if (s->job[i].entry == entry) {
            if (s->job[i].state != DONE)
                return false;
            if (!s->job[i].compiles)
                give_up(s, &s->job[i]);
        }
    return true;
}

static void show_entry(struct schedule *s, int entry)
{
    if (!s->told[entry])
        report_entry(s->j, entry, s->style);
    s->told[entry] = true;
}

/*
 * A failure waits for what is asked of the same program before it, which may
 * explain it, but not for the other program.
 */
static void show_failure(struct schedule *s, enum role role)
{
    struct judgement *j = s->j;
    int failed = s->shown;
    for (; failed < j->entries; failed++)
        if (j->entry[failed].asked.role == role) {
            if (!is_final(s, failed))
                return;
            if (j->entry[failed].result.verdict == FAILED)
                break;
        }
    for (int i = s->shown; i <= failed && failed < j->entries; i++)
        if (j->entry[i].asked.role == role)
            show_entry(s, i);
}

/* Shows what is known, up to the first entry that is not. */
static void show(struct schedule *s)
{
    while (s->shown < s->j->entries && is_final(s, s->shown))
        show_entry(s, s->shown++);
    if (s->style == STYLE_TEXT)
        for (int role = SERVER; role < ROLES; role++)
            show_failure(s, (enum role)role);
    fflush(stdout);
}

/* Ends cases that are running although what they rest on has failed. */
static void stop_needless(struct schedule *s)
{
    for (int i = 0; i < s->jobs; i++)
        if (s->job[i].state == RUNNING && !s->job[i].compiles &&
            rests_on_failed(s, s->job[i].entry) != NULL)
            kill(s->job[i].pid, SIGKILL);
}

static void run_all(struct schedule *s)
{
    for (;;) {
        start_jobs(s);
        show(s);
        if (s->running == 0)
            return;
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (interrupted != 0 || (pid == -1 && errno != EINTR))
            return;
        for (int i = 0; i < s->jobs; i++)
            if (s->job[i].state == RUNNING && s->job[i].pid == pid)
                finish_job(s, &s->job[i]);
        if (s->broken)
            return;
        stop_needless(s);
    }
}

/* --- before and after ------------------------------------------------------
 */

/* Where ptrace() is not allowed, LeakSanitizer fails right programs. */
static bool may_trace(void)
{
    pid_t pid = fork();
    int status = 1;
    if (pid == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool make_scratch(struct subject *subject)
{
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL || tmp[0] == '\0')
        tmp = "/tmp";
    snprintf(subject->scratch, sizeof subject->scratch, "%.400s/check-XXXXXX",
             tmp);
    if (mkdtemp(subject->scratch) != NULL)
        return true;
    fprintf(stderr, "check: no directory for temporary files in %.400s: %s\n",
            tmp, strerror(errno));
    fprintf(stderr, "try: " OTHER_DIRECTORY "\n");
    subject->scratch[0] = '\0';
    return false;
}

static void remove_scratch(const char *path)
{
    struct launch l = {.argv = {"rm", "-rf", "--", path}};
    struct child rm;
    if (path[0] == '\0' || child_start(&rm, &l) == -1)
        return;
    child_await_end(&rm, 20000);
    child_end(&rm);
}

static int processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 16 ? 16 : (int)n;
}

/* Without a loopback interface that is up, right programs fail. */
static bool has_loopback(void)
{
    unsigned port = 0;
    int listener = peer_listen(AF_INET, &port);
    int fd = listener != -1 ? peer_connect(port) : -1;
    if (fd == -1)
        fprintf(stderr,
                "check: this machine cannot talk to itself by 127.0.0.1: %s\n"
                "try: ip link set lo up, then the same again\n",
                strerror(errno));
    close_if_open(fd);
    close_if_open(listener);
    return fd != -1;
}

/* The compiler's own troubles are not the student's. */
static bool could_run(const struct judgement *j)
{
    for (int i = 0; i < j->entries; i++)
        if (j->entry[i].step == 0 && j->entry[i].result.verdict == SKIPPED) {
            fprintf(stderr, "check: %s\ntry: %s\n", j->entry[i].result.got,
                    j->entry[i].result.expected);
            return false;
        }
    return true;
}

struct judgement *judge(const struct subject *subject, enum style style)
{
    static struct schedule s;
    void *shared = mmap(NULL, sizeof *s.j, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("check: mmap");
        return NULL;
    }
    memset(&s, 0, sizeof s);
    s.j = (struct judgement *)shared;
    s.j->subject = *subject;
    s.style = style;
    s.limit = processors() * 4 + LEFT_FREE;
    s.j->subject.leak_sanitizer = may_trace();
    if (!has_loopback() || !make_scratch(&s.j->subject)) {
        judgement_free(s.j);
        return NULL;
    }
    uint64_t started = now_ns();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    child_adopt_orphans();
    plan(&s);
    report_begin(s.j, style);
    run_all(&s);
    s.j->seconds = (double)(now_ns() - started) / 1e9;
    if (!could_run(s.j)) {
        judgement_free(s.j);
        return NULL;
    }
    report_end(s.j, style);
    return s.j;
}

void judgement_free(struct judgement *j)
{
    child_sweep();
    remove_scratch(j->subject.scratch);
    munmap(j, sizeof *j);
    if (interrupted != 0)
        _exit(128 + interrupted);
}

struct counts judgement_counts(const struct judgement *j)
{
    struct counts n = {0, 0, 0};
    for (int i = 0; i < j->entries; i++) {
        enum verdict v = j->entry[i].result.verdict;
        n.passed += v == PASSED || v == ADVICE;
        n.failed += v == FAILED;
        n.skipped += v == SKIPPED || v == UNKNOWN;
    }
    return n;
}

const struct entry *judgement_failure(const struct judgement *j)
{
    for (int i = 0; i < j->entries; i++)
        if (j->entry[i].result.verdict == FAILED)
            return &j->entry[i];
    return NULL;
}
