/**
 * @file
 * The witness: a library that is preloaded (LD_PRELOAD) into the program that
 * is judged. It stands in front of the C library's socket functions, writes
 * each call down (witness.h has the format) and injects faults on request. It
 * sees what the program calls through the dynamic linker: no static program,
 * no raw system call, nor what stdio does on a socket behind fdopen().
 *
 * It must not be noticed: no memory is allocated and no descriptor kept, errno
 * is the real call's own, and addresses that the program passes are never
 * trusted, for the program may be wrong. Its memory is copied byte by byte
 * without being looked at, so that valgrind and AddressSanitizer have nothing
 * to say about the witness.
 */
#undef _FORTIFY_SOURCE /* its inline functions would collide with ours */
#define _GNU_SOURCE

#include "witness.h"

#include <dlfcn.h>        /* dlsym */
#include <errno.h>        /* errno and its values */
#include <fcntl.h>        /* open, fcntl */
#include <limits.h>       /* LONG_MIN */
#include <link.h>         /* dl_iterate_phdr */
#include <netdb.h>        /* getaddrinfo */
#include <netinet/in.h>   /* sockaddr_in6, in6addr_loopback */
#include <poll.h>         /* poll, ppoll */
#include <pthread.h>      /* pthread_create */
#include <signal.h>       /* signal, sigaction */
#include <stdarg.h>       /* the third argument of fcntl */
#include <stdio.h>        /* fdopen, fclose, sscanf */
#include <stdlib.h>       /* getenv, at_quick_exit, strtol */
#include <string.h>       /* strcmp, strtok_r */
#include <sys/epoll.h>    /* epoll_wait */
#include <sys/mman.h>     /* mmap */
#include <sys/resource.h> /* getrlimit */
#include <sys/select.h>   /* select, pselect */
#include <sys/sendfile.h> /* sendfile */
#include <sys/socket.h>   /* socket and its family */
#include <sys/stat.h>     /* fstat */
#include <sys/time.h>     /* setitimer */
#include <sys/syscall.h>  /* gettid, process_vm_readv */
#include <sys/uio.h>      /* readv, writev */
#include <time.h>         /* clock_gettime, nanosleep */
#include <unistd.h>       /* close, dup, read, write, … */

#undef sendfile64 /* musl makes it another name of sendfile */

enum {
    DESCRIPTORS = 1024, /* so many are looked at, at the start and the end */
    FAULTS = 8,         /* so many can be injected at a time */
    PARTS = 8,          /* of a scattered transfer that is made short */
    STACK = 8 << 20     /* bytes: no main stack is taken to be larger */
};

/* ---- The originals ---- */

/* Every function that has a stand-in below. */
// clang-format off
#define EACH_FUNCTION(F)                                                       \
    F(socket) F(bind) F(listen) F(accept) F(accept4) F(connect) F(shutdown)    \
    F(getsockname) F(getpeername) F(setsockopt) F(getsockopt)                  \
    F(send) F(sendto) F(sendmsg) F(write) F(writev) F(sendfile) F(sendfile64)  \
    F(recv) F(recvfrom) F(recvmsg) F(read) F(readv)                            \
    F(__recv_chk) F(__recvfrom_chk) F(__read_chk)                              \
    F(poll) F(__poll_chk) F(ppoll) F(__ppoll_chk) F(select) F(pselect)         \
    F(epoll_wait) F(epoll_pwait) F(sleep) F(usleep) F(nanosleep)               \
    F(clock_nanosleep) F(getaddrinfo) F(freeaddrinfo) F(dup) F(dup2) F(dup3)   \
    F(fcntl) F(close) F(fdopen) F(fclose) F(signal) F(__sysv_signal)           \
    F(sigaction) F(fork) F(pthread_create) F(_exit) F(alarm) F(setitimer)
// clang-format on

#define AS_NUMBER(name) ORIGINAL_##name,
#define AS_TEXT(name) #name,
enum { EACH_FUNCTION(AS_NUMBER) ORIGINALS };
static const char *const original_name[] = {EACH_FUNCTION(AS_TEXT)};

typedef void any_function(void);
static any_function *originals[ORIGINALS];

/** Finds a function behind ours. The constructor has found them all, but some
 * may be called before it runs. */
static any_function *original(int number)
{
    if (originals[number] == NULL) {
        void *symbol = dlsym(RTLD_NEXT, original_name[number]);
        memcpy(&originals[number], &symbol, sizeof symbol);
    }
    return originals[number];
}

#define REAL(name) ((__typeof__(&name))original(ORIGINAL_##name))

/* ---- What the witness knows ---- */

/** What can be done to a call. */
enum action {
    SHORTEN = 1,
    INTERRUPT = 2,
    FAIL = 4,
    DELAY = 8,
    GONE = 16,
    TWO = 32,
    HURRY = 64
};

/** A fault to inject. */
struct fault {
    enum witness_call call;
    enum action action;
    long value;
    unsigned long only; /* the one call meant, from 1; 0: each */
    long used;          /* how often it has been injected (eintr) */
};

/** A call that is under way. */
struct call {
    struct witness_record record; /* as far as it is known */
    struct witness_record *slot;  /* its place in the log, or NULL */
    int watched;                  /* 0: none of our business, only passed on */
    unsigned actions;             /* the faults that take effect on it … */
    size_t limit;                 /* … for SHORTEN: bytes, 0: any number */
    long haste;                   /* … for HURRY: how many times faster */
    long place;                   /* … for TWO: see put_refusing() */
    int error;                    /* … for INTERRUPT and FAIL: the errno */
};

/** What a descriptor was open on before the program began. */
struct inherited {
    int open;
    dev_t device;
    ino_t inode;
};

static int active;                  /* 0: there is nothing to do */
static struct witness_log *the_log; /* NULL: nothing is written down */
static uint32_t capacity;           /* records there is really room for */
static struct inherited inherited[DESCRIPTORS];
static struct fault faults[FAULTS];
static unsigned fault_count;
static unsigned faulty[WITNESS_CALLS];    /* the actions asked for, by kind */
static unsigned long seen[WITNESS_CALLS]; /* calls that faults could meet */
static uintptr_t program, code_begin, code_end; /* the program in memory */
static uintptr_t heap_begin, stack_top;         /* … and its data */
static int in_valgrind;

/** Above 0 while the C library calls us from one of its own functions. */
static __thread int inside __attribute__((tls_model("initial-exec")));

/* ---- Looking at the program ---- */

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/** Does this lie on the heap, or on the first thread's stack above our own
 * frame? Then it can be read, and finding out needs no system call. */
static int near(const void *from, size_t size)
{
    uintptr_t at = (uintptr_t)from, heap_end = (uintptr_t)sbrk(0);
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (at >= heap_begin && at < heap_end)
        return heap_end - at >= size;
    return at > frame && at < stack_top && stack_top - at >= size &&
           stack_top - frame < STACK;
}

/**
 * Copies memory of the program. If it may be wrong about that memory, the
 * kernel reads it for us: a bad address is an error then, not a crash. So too
 * under valgrind, which is silent about that. (Volatile, for else this may be
 * made a memcpy(), and that is AddressSanitizer's, which is not.)
 * @param known  not 0: it can be read, for the kernel has just done so
 * @return 1, or 0 if it cannot be read
 */
static int copy(void *to, const void *from, size_t size, int known)
{
    const volatile unsigned char *source = from;
    unsigned char *target = to;
    struct iovec local = {to, size}, remote = {(void *)from, size};
    int error = errno;
    int sure = !in_valgrind && (known || near(from, size));
    long n = -1;
    if (!active)
        return 0;
    if (!sure && from != NULL) {
        n = syscall(SYS_process_vm_readv, getpid(), &local, 1UL, &remote, 1UL,
                    0UL);
        sure = n == -1 && (errno == ENOSYS || errno == EPERM); /* forbidden */
    }
    for (size_t i = 0; sure && i < size; i++)
        target[i] = source[i];
    errno = error;
    return sure || n == (long)size;
}

static int peek(void *to, const void *from, size_t size)
{
    return copy(to, from, size, 0);
}

/** @return SOCK_STREAM or another type, 0 for no socket, -1 for not open */
static int socket_type(int fd)
{
    int error = errno, type = 0;
    socklen_t size = sizeof type;
    if (fd < 0 ||
        (REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &size) == -1 &&
         errno == EBADF))
        type = -1;
    errno = error;
    return type;
}

/** Is a call on this descriptor worth recording? It is on a socket, and on one
 * that is not open: perhaps the program takes it for a socket. */
static int concerns(int fd)
{
    return active && socket_type(fd) != 0;
}

/** @return the length an argument points to, -1 if there is none */
static int64_t length_at(const socklen_t *size)
{
    socklen_t length;
    return peek(&length, size, sizeof length) ? (int64_t)length : -1;
}

static int64_t milliseconds(const struct timespec *time)
{
    struct timespec t;
    if (!peek(&t, time, sizeof t))
        return -1;
    return (int64_t)t.tv_sec * 1000 + (t.tv_nsec + 999999) / 1000000;
}

static int64_t timeval_ms(const struct timeval *time)
{
    struct timeval t;
    if (!peek(&t, time, sizeof t))
        return -1;
    return (int64_t)t.tv_sec * 1000 + (t.tv_usec + 999) / 1000;
}

static int is_ignoring(const struct sigaction *action)
{
    struct sigaction a;
    return peek(&a, action, sizeof a) && a.sa_handler == SIG_IGN;
}

/** @return the first descriptor among these that concerns us; else standard
 * input, if it is there; else -1 */
static int first_polled(const struct pollfd *fds, nfds_t count)
{
    struct pollfd one;
    int input = -1;
    for (nfds_t i = 0; i < count && i < DESCRIPTORS; i++) {
        if (!peek(&one, fds + i, sizeof one) || one.fd < 0)
            continue;
        if (concerns(one.fd))
            return one.fd;
        if (one.fd == STDIN_FILENO)
            input = one.fd;
    }
    return input;
}

/** The same for the descriptors in these sets. */
static int first_selected(int count, const fd_set *a, const fd_set *b,
                          const fd_set *c)
{
    const fd_set *sets[] = {a, b, c};
    count = count < 0 ? 0 : count > FD_SETSIZE ? FD_SETSIZE : count;
    size_t used = ((size_t)count + 63) / 64 * 8; /* bytes the kernel reads */
    int input = -1;
    for (int i = 0; i < 3; i++) {
        fd_set set;
        int there = peek(&set, sets[i], used);
        for (int fd = 0; there && fd < count; fd++) {
            if (FD_ISSET(fd, &set) && concerns(fd))
                return fd;
            if (FD_ISSET(fd, &set) && fd == STDIN_FILENO)
                input = fd;
        }
    }
    return input;
}

/* ---- Writing down ---- */

/** Begins a call: decides whether it is ours and claims a record for it. */
static void enter(struct call *call, int watched, const char *function)
{
    struct witness_record *record = &call->record;
    if (record->call == WITNESS_POLL) {
        watched = record->fd != -1 || record->b == 0;
        if (record->b == 0) /* waiting for no descriptor is a way to sleep */
            record->call = WITNESS_SLEEP;
    }
    if (!watched || inside > 0 || !active)
        return;
    call->watched = 1;
    if (the_log == NULL)
        return;
    uint32_t number =
        __atomic_fetch_add(&the_log->claimed, 1, __ATOMIC_RELAXED);
    if (number >= capacity)
        return;
    call->slot = &the_log->record[number];
    if (record->from < code_begin || record->from >= code_end)
        record->from = 0;
    else
        record->from -= program + 1; /* into the call, not behind it */
    for (size_t i = 0; function[i] && i + 1 < sizeof record->function; i++)
        record->function[i] = function[i];
    record->pid = (int32_t)getpid();
    record->tid = (int32_t)syscall(SYS_gettid);
}

/** Makes the record public as far as it is known. */
static void publish(const struct call *call)
{
    if (call->slot != NULL)
        *call->slot = call->record;
}

/** The real call has just returned. */
static int64_t returned(struct call *call, int64_t result)
{
    call->record.leave = call->slot != NULL ? now() : 0;
    return result;
}

/** Ends a call whose error number is not where it usually is. */
static int64_t leave_with(struct call *call, int64_t result, int error)
{
    if (call->slot != NULL) {
        call->record.result = result;
        call->record.error = error;
        publish(call);
        __atomic_store_n(&call->slot->done, 1, __ATOMIC_RELEASE);
    }
    return result;
}

/** Ends a call. */
static int64_t leave(struct call *call, int64_t result)
{
    return leave_with(call, result, result == -1 ? errno : 0);
}

/** Writes down an address that is passed in. */
static void keep_address(struct call *call, const void *address, socklen_t size)
{
    size_t kept = smaller(size, sizeof call->record.address);
    if (call->slot != NULL && address != NULL &&
        peek(call->record.address, address, kept))
        call->record.address_size = size;
}

/** Writes down the port of a connection, at this end of it or at the other. */
static void keep_port(struct call *call, int fd, int question)
{
    int (*ask)(int, struct sockaddr *, socklen_t *) =
        (__typeof__(ask))original(question);
    struct sockaddr_in6 address; /* in sockaddr_in it is at the same place */
    socklen_t size = sizeof address;
    int error = errno;
    if (call->slot != NULL && fd != -1 &&
        ask(fd, (struct sockaddr *)&address, &size) == 0 &&
        (address.sin6_family == AF_INET || address.sin6_family == AF_INET6))
        call->record.c = ntohs(address.sin6_port);
    errno = error;
}

/** Writes down an address that the kernel has filled in; there was room for so
 * much, -1: none. */
static void keep_answer(struct call *call, int64_t result, const void *address,
                        const socklen_t *size, int64_t room)
{
    struct witness_record *record = &call->record;
    if (record->call == WITNESS_ACCEPT)
        keep_port(call, (int)result, ORIGINAL_getpeername);
    if (call->slot == NULL || result == -1 || address == NULL || room == -1)
        return;
    socklen_t length = 0;
    copy(&length, size, sizeof length, 1);
    if (record->call != WITNESS_RECV) /* that has its flags there */
        record->b = length;
    record->address_size = (uint32_t)smaller(length, (size_t)room);
    copy(record->address, address,
         smaller(record->address_size, sizeof record->address), 1);
}

/** Writes down the first bytes of what was really transferred. With MSG_TRUNC
 * a stream's are dropped, tcp(7), and a datagram is cut, recv(2): then n is its
 * size, which may be more than there is room for. */
static void keep_bytes(struct call *call, int64_t n, const struct iovec *iov,
                       size_t count)
{
    struct witness_record *record = &call->record;
    if (call->slot == NULL || n <= 0 ||
        ((record->b & MSG_TRUNC) && socket_type(record->fd) == SOCK_STREAM))
        return;
    size_t left = smaller((size_t)n, sizeof record->bytes);
    left = smaller(left, (size_t)record->a);
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t size = smaller(iov[i].iov_len, left);
        copy(record->bytes + record->bytes_size, iov[i].iov_base, size, 1);
        record->bytes_size += (uint32_t)size;
        left -= size;
    }
}

/** Writes down the value of an option. */
static void keep_value(struct call *call, const void *value, size_t size)
{
    struct witness_record *record = &call->record;
    int number;
    if (call->slot == NULL || size > sizeof record->bytes ||
        !peek(record->bytes, value, size))
        return;
    record->bytes_size = (uint32_t)size;
    if (size == sizeof number) {
        memcpy(&number, record->bytes, sizeof number);
        record->c = number;
    }
}

/* ---- Faults ---- */

static const struct {
    const char *name;
    unsigned may; /* the actions that make sense */
} kinds[WITNESS_CALLS] = {
    [WITNESS_SOCKET] = {"socket", FAIL | DELAY},
    [WITNESS_BIND] = {"bind", FAIL | DELAY},
    [WITNESS_LISTEN] = {"listen", FAIL | DELAY},
    [WITNESS_ACCEPT] = {"accept", FAIL | DELAY | INTERRUPT},
    [WITNESS_CONNECT] = {"connect", FAIL | DELAY | INTERRUPT},
    [WITNESS_SEND] = {"send", FAIL | DELAY | INTERRUPT | SHORTEN | GONE},
    [WITNESS_RECV] = {"recv", FAIL | DELAY | INTERRUPT | SHORTEN},
    [WITNESS_SHUTDOWN] = {"shutdown", FAIL | DELAY},
    [WITNESS_CLOSE] = {"close", FAIL | DELAY | INTERRUPT},
    [WITNESS_SETSOCKOPT] = {"setsockopt", FAIL | DELAY | HURRY},
    [WITNESS_GETSOCKOPT] = {"getsockopt", FAIL | DELAY},
    [WITNESS_GETSOCKNAME] = {"getsockname", FAIL | DELAY},
    [WITNESS_GETPEERNAME] = {"getpeername", FAIL | DELAY},
    [WITNESS_GETADDRINFO] = {"getaddrinfo", FAIL | DELAY | TWO},
    [WITNESS_POLL] = {"poll", FAIL | DELAY | INTERRUPT | HURRY},
    [WITNESS_DUP] = {"dup", FAIL | DELAY},
    [WITNESS_FORK] = {"fork", FAIL | DELAY},
    [WITNESS_ALARM] = {"alarm", HURRY},
};

/** Is this a call that faults apply to: on a socket, if it is on anything? */
static int exposed(const struct call *call)
{
    switch (call->record.call) {
    case WITNESS_SOCKET:
    case WITNESS_GETADDRINFO:
    case WITNESS_POLL:
    case WITNESS_FORK:
    case WITNESS_ALARM:
        return 1;
    case WITNESS_CONNECT:
    case WITNESS_SEND:
    case WITNESS_RECV:
        return socket_type(call->record.fd) == SOCK_STREAM;
    default:
        return socket_type(call->record.fd) > 0;
    }
}

/** Could a signal interrupt this call? Not one that never waits. */
static int waits(const struct call *call)
{
    const struct witness_record *record = &call->record;
    if (record->call == WITNESS_CLOSE)
        return 1;
    if (record->call == WITNESS_POLL)
        return record->a != 0;
    if (record->call == WITNESS_SEND || record->call == WITNESS_RECV)
        if (record->b & MSG_DONTWAIT)
            return 0;
    return (REAL(fcntl)(record->fd, F_GETFL) & O_NONBLOCK) == 0;
}

static void wait_for(long ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (REAL(clock_nanosleep)(CLOCK_MONOTONIC, TIMER_ABSTIME, &until,
                                 NULL) == EINTR)
        ;
}

/** Makes a fault take effect on a call that is about to be made. */
static void inject(struct fault *fault, struct call *call)
{
    if (fault->action == INTERRUPT) {
        if (!waits(call) ||
            __atomic_fetch_add(&fault->used, 1, __ATOMIC_RELAXED) >=
                fault->value)
            return;
        call->error = EINTR;
    }
    call->actions |= fault->action;
    if (fault->action == FAIL)
        call->error = (int)fault->value;
    else if (fault->action == DELAY)
        wait_for(fault->value);
    else if (fault->action == GONE)
        REAL(shutdown)(call->record.fd, SHUT_WR);
    if (fault->action == SHORTEN) /* nothing has changed yet: see clip() */
        call->limit = (size_t)fault->value;
    else if (fault->action == HURRY) /* the same: see hurried() */
        call->haste = fault->value;
    else if (fault->action == TWO) /* and put_refusing() */
        call->place = fault->value;
    else
        call->record.injected = 1;
}

/**
 * To be asked just before the real call. Publishes what is known of it.
 * @return 1, or 0 if it must not be made: `error` says why
 */
static int permitted(struct call *call)
{
    if (call->slot != NULL)
        call->record.enter = now();
    publish(call);
    enum witness_call kind = call->record.call;
    if (!call->watched || faulty[kind] == 0 || !exposed(call))
        return 1;
    int error = errno;
    unsigned long number = __atomic_add_fetch(&seen[kind], 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < fault_count && call->error == 0; i++)
        if (faults[i].call == kind &&
            (faults[i].only == 0 || faults[i].only == number))
            inject(&faults[i], call);
    publish(call);
    errno = error;
    return call->error == 0;
}

static int64_t refused(const struct call *call)
{
    errno = call->error;
    return -1;
}

/** @return how many bytes this call may transfer */
static size_t clip(struct call *call, size_t size)
{
    if (call->limit == 0 || size <= call->limit)
        return size;
    call->record.injected = 1;
    return call->limit;
}

/** @return how long this call may wait, in the unit of the limit it is given;
 * a limit below 0 is none, and stays so */
static int64_t hurried(struct call *call, int64_t limit, int64_t least)
{
    if (call->haste == 0 || limit <= least)
        return limit;
    call->record.injected = 1;
    if (call->haste < 0)
        return limit * -call->haste;
    return limit / call->haste > least ? limit / call->haste : least;
}

/** The same for a limit in memory; the program's own is left as it is.
 * @return what to pass on: own or theirs */
static struct timespec *hurried_timespec(struct call *call,
                                         struct timespec *own,
                                         const struct timespec *theirs)
{
    if (call->haste == 0 || !peek(own, theirs, sizeof *own))
        return (struct timespec *)theirs;
    int64_t ns = hurried(call, (int64_t)own->tv_sec * 1000000000 + own->tv_nsec,
                         1000000);
    *own = (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
    return own;
}

static struct timeval *hurried_timeval(struct call *call, struct timeval *own,
                                       const struct timeval *theirs)
{
    if (call->haste == 0 || !peek(own, theirs, sizeof *own))
        return (struct timeval *)theirs;
    int64_t us =
        hurried(call, (int64_t)own->tv_sec * 1000000 + own->tv_usec, 1000);
    *own = (struct timeval){.tv_sec = (time_t)(us / 1000000),
                            .tv_usec = (suseconds_t)(us % 1000000)};
    return own;
}

/** A scattered transfer, and room to make it shorter. */
struct scatter {
    const struct iovec *iov;
    size_t count;
    struct iovec part[PARTS];
};

/** @return the bytes of a scattered transfer, 0 if it makes no sense */
static int64_t total_of(const struct scatter *scatter)
{
    struct iovec one;
    size_t total = 0;
    for (size_t i = 0; i < scatter->count && scatter->count <= 1024; i++) {
        if (!peek(&one, scatter->iov + i, sizeof one))
            return 0;
        total += one.iov_len;
    }
    return (int64_t)total;
}

/** Makes a scattered transfer shorter. @return 1, or 0 if it may be as it is */
static int clip_scatter(struct call *call, struct scatter *scatter)
{
    const struct iovec *from = scatter->iov;
    size_t count = 0, left = clip(call, (size_t)call->record.a);
    if (left == (size_t)call->record.a)
        return 0;
    for (; count < PARTS && left > 0; from++) {
        struct iovec part = {from->iov_base, smaller(from->iov_len, left)};
        left -= part.iov_len;
        if (part.iov_len > 0)
            scatter->part[count++] = part;
    }
    scatter->iov = scatter->part;
    scatter->count = count;
    return 1;
}

/** The same for a message. @return the one to pass on: own or the program's */
static struct msghdr *clip_message(struct call *call, struct scatter *scatter,
                                   struct msghdr *own, struct msghdr *theirs)
{
    if (!clip_scatter(call, scatter))
        return theirs;
    own->msg_iov = scatter->part;
    own->msg_iovlen = (__typeof__(own->msg_iovlen))scatter->count;
    return own;
}

/* ---- The end ---- */

/** Calls a function for each descriptor that is open: one poll() finds them. */
static void each_open(void (*act)(int fd, const struct stat *file))
{
    static struct pollfd fds[DESCRIPTORS]; /* a handler has a small stack */
    struct rlimit limit = {.rlim_cur = DESCRIPTORS};
    getrlimit(RLIMIT_NOFILE, &limit);
    int count = (int)smaller((size_t)limit.rlim_cur, DESCRIPTORS);
    for (int fd = 0; fd < count; fd++)
        fds[fd] = (struct pollfd){fd, 0, 0};
    if (REAL(poll)(fds, (nfds_t)count, 0) == -1)
        return;
    struct stat file;
    for (int fd = 0; fd < count; fd++)
        if (!(fds[fd].revents & POLLNVAL) && fstat(fd, &file) == 0)
            act(fd, &file);
}

static void note_inherited(int fd, const struct stat *file)
{
    inherited[fd] = (struct inherited){1, file->st_dev, file->st_ino};
}

static void note_left(int fd, const struct stat *file)
{
    const struct inherited *before = &inherited[fd];
    if (before->open && before->device == file->st_dev &&
        before->inode == file->st_ino)
        return;
    if (the_log->left < WITNESS_LEFT_MAX)
        the_log->left_open[the_log->left] =
            (struct witness_open){fd, S_ISSOCK(file->st_mode)};
    the_log->left++;
}

/** Lists what the first process leaves open: in exit() after all that is the
 * program's own, its atexit() handlers included. */
__attribute__((destructor)) static void take_ledger(void)
{
    if (the_log == NULL || the_log->first_pid != (int32_t)getpid())
        return;
    the_log->left = 0;
    each_open(note_left);
    __atomic_store_n(&the_log->ended, 1, __ATOMIC_RELEASE);
}

/* ---- Stand-ins ---- */

/* Begins the definition of a stand-in. In C it has a name of its own, so that
   what the headers say about the original cannot get in the way. */
#define STAND_IN(type, name, parameters)                                       \
    type stand_in_##name parameters __asm__(#name);                            \
    type stand_in_##name parameters

/* Its first line: the record's kind, descriptor, and a, b, c as far as used. */
#define BEGIN(name, watched, kind, on, ...)                                    \
    __typeof__(&stand_in_##name) real =                                        \
        (__typeof__(real))original(ORIGINAL_##name);                           \
    struct call call = {                                                       \
        .record = {.a = __VA_ARGS__,                                           \
                   .call = WITNESS_##kind,                                     \
                   .fd = on,                                                   \
                   .from = (uintptr_t)__builtin_return_address(0)}};           \
    enter(&call, watched, #name)

/* The real call, unless a fault takes its place. */
#define ATTEMPT(real_call)                                                     \
    returned(&call, permitted(&call) ? (int64_t)(real_call) : refused(&call))

/* A whole stand-in that only passes on. */
#define PLAIN(type, name, parameters, arguments, ...)                          \
    STAND_IN(type, name, parameters)                                           \
    {                                                                          \
        BEGIN(name, __VA_ARGS__);                                              \
        return (type)leave(&call, ATTEMPT(real arguments));                    \
    }

/* A whole stand-in that fills in an address. */
#define NAMING(name, kind)                                                     \
    STAND_IN(int, name, (int fd, struct sockaddr *address, socklen_t *size))   \
    {                                                                          \
        BEGIN(name, 1, kind, fd, length_at(size));                             \
        int64_t result = ATTEMPT(real(fd, address, size));                     \
        keep_answer(&call, result, address, size, call.record.a);              \
        return (int)leave(&call, result);                                      \
    }

/* A whole stand-in that transfers `size` bytes of `buffer`. */
#define TRANSFER(name, parameters, arguments, watched, kind, flags)            \
    STAND_IN(ssize_t, name, parameters)                                        \
    {                                                                          \
        BEGIN(name, watched, kind, fd, (int64_t)size, flags);                  \
        int64_t n = ATTEMPT(real arguments);                                   \
        keep_bytes(&call, n, &(struct iovec){(void *)buffer, (size_t)n}, 1);   \
        return (ssize_t)leave(&call, n);                                       \
    }

/* The same, with the address it comes from. */
#define TRANSFER_FROM(name, parameters, arguments)                             \
    STAND_IN(ssize_t, name, parameters)                                        \
    {                                                                          \
        int64_t given = length_at(length);                                     \
        BEGIN(name, 1, RECV, fd, (int64_t)size, flags);                        \
        int64_t n = ATTEMPT(real arguments);                                   \
        keep_answer(&call, n, address, length, given);                         \
        keep_bytes(&call, n, &(struct iovec){buffer, (size_t)n}, 1);           \
        return (ssize_t)leave(&call, n);                                       \
    }

/* The same, scattered over parts of memory. */
#define SCATTER(name, kind)                                                    \
    STAND_IN(ssize_t, name, (int fd, const struct iovec *iov, int count))      \
    {                                                                          \
        struct scatter all = {.iov = iov, .count = (size_t)count};             \
        BEGIN(name, concerns(fd), kind, fd, total_of(&all));                   \
        int64_t n = ATTEMPT(                                                   \
            (clip_scatter(&call, &all), real(fd, all.iov, (int)all.count)));   \
        keep_bytes(&call, n, all.iov, all.count);                              \
        return (ssize_t)leave(&call, n);                                       \
    }

/* A whole stand-in that sets a signal's handler. */
#define HANDLING(name)                                                         \
    STAND_IN(sighandler_t, name, (int number, sighandler_t handler))           \
    {                                                                          \
        BEGIN(name, 1, SIGNAL, -1, number, handler == SIG_IGN);                \
        int64_t before = ATTEMPT((intptr_t)real(number, handler));             \
        return (sighandler_t)(intptr_t)leave(&call, before);                   \
    }

// clang-format off
PLAIN(int, socket, (int domain, int type, int protocol),
      (domain, type, protocol), 1, SOCKET, -1, domain, type, protocol)
PLAIN(int, listen, (int fd, int backlog), (fd, backlog),
      1, LISTEN, fd, backlog)
PLAIN(int, shutdown, (int fd, int how), (fd, how), 1, SHUTDOWN, fd, how)
NAMING(accept, ACCEPT)
NAMING(getsockname, GETSOCKNAME)
NAMING(getpeername, GETPEERNAME)

TRANSFER(send, (int fd, const void *buffer, size_t size, int flags),
         (fd, buffer, clip(&call, size), flags), 1, SEND, flags)
TRANSFER(write, (int fd, const void *buffer, size_t size),
         (fd, buffer, clip(&call, size)), concerns(fd), SEND, 0)
TRANSFER(recv, (int fd, void *buffer, size_t size, int flags),
         (fd, buffer, clip(&call, size), flags), 1, RECV, flags)
TRANSFER(__recv_chk,
         (int fd, void *buffer, size_t size, size_t room, int flags),
         (fd, buffer, size > room ? size : clip(&call, size), room, flags),
         1, RECV, flags)
TRANSFER(read, (int fd, void *buffer, size_t size),
         (fd, buffer, clip(&call, size)), concerns(fd), RECV, 0)
TRANSFER(__read_chk, (int fd, void *buffer, size_t size, size_t room),
         (fd, buffer, size > room ? size : clip(&call, size), room),
         concerns(fd), RECV, 0)
TRANSFER_FROM(recvfrom,
              (int fd, void *buffer, size_t size, int flags,
               struct sockaddr *address, socklen_t *length),
              (fd, buffer, clip(&call, size), flags, address, length))
TRANSFER_FROM(__recvfrom_chk,
              (int fd, void *buffer, size_t size, size_t room, int flags,
               struct sockaddr *address, socklen_t *length),
              (fd, buffer, size > room ? size : clip(&call, size), room, flags,
               address, length))
SCATTER(writev, SEND)
SCATTER(readv, RECV)
PLAIN(ssize_t, sendfile, (int fd, int file, off_t *offset, size_t size),
      (fd, file, offset, clip(&call, size)),
      concerns(fd), SEND, fd, (int64_t)size)
PLAIN(ssize_t, sendfile64, (int fd, int file, off64_t *offset, size_t size),
      (fd, file, offset, clip(&call, size)),
      concerns(fd), SEND, fd, (int64_t)size)

PLAIN(int, poll, (struct pollfd *fds, nfds_t count, int timeout),
      (fds, count, (int)hurried(&call, timeout, 1)),
      1, POLL, first_polled(fds, count), timeout, (int64_t)count)
PLAIN(int, __poll_chk,
      (struct pollfd *fds, nfds_t count, int timeout, size_t room),
      (fds, count, (int)hurried(&call, timeout, 1), room),
      1, POLL, first_polled(fds, count), timeout, (int64_t)count)
PLAIN(int, ppoll,
      (struct pollfd *fds, nfds_t count, const struct timespec *timeout,
       const sigset_t *mask),
      (fds, count,
       hurried_timespec(&call, &(struct timespec){0, 0}, timeout), mask),
      1, POLL, first_polled(fds, count), milliseconds(timeout), (int64_t)count)
PLAIN(int, __ppoll_chk,
      (struct pollfd *fds, nfds_t count, const struct timespec *timeout,
       const sigset_t *mask, size_t room),
      (fds, count,
       hurried_timespec(&call, &(struct timespec){0, 0}, timeout), mask, room),
      1, POLL, first_polled(fds, count), milliseconds(timeout), (int64_t)count)
PLAIN(int, select,
      (int count, fd_set *in, fd_set *out, fd_set *other,
       struct timeval *timeout),
      (count, in, out, other,
       hurried_timeval(&call, &(struct timeval){0, 0}, timeout)),
      1, POLL, first_selected(count, in, out, other), timeval_ms(timeout),
      count)
PLAIN(int, pselect,
      (int count, fd_set *in, fd_set *out, fd_set *other,
       const struct timespec *timeout, const sigset_t *mask),
      (count, in, out, other,
       hurried_timespec(&call, &(struct timespec){0, 0}, timeout), mask),
      1, POLL, first_selected(count, in, out, other), milliseconds(timeout),
      count)
PLAIN(int, epoll_wait,
      (int fd, struct epoll_event *events, int count, int timeout),
      (fd, events, count, (int)hurried(&call, timeout, 1)), 1, POLL, fd, timeout, count)
PLAIN(int, epoll_pwait,
      (int fd, struct epoll_event *events, int count, int timeout,
       const sigset_t *mask),
      (fd, events, count, (int)hurried(&call, timeout, 1), mask), 1, POLL, fd, timeout, count)

PLAIN(unsigned, sleep, (unsigned seconds), (seconds),
      1, SLEEP, -1, (int64_t)seconds * 1000)
PLAIN(int, usleep, (useconds_t microseconds), (microseconds),
      1, SLEEP, -1, ((int64_t)microseconds + 999) / 1000)
PLAIN(int, nanosleep, (const struct timespec *time, struct timespec *left),
      (time, left), 1, SLEEP, -1, milliseconds(time))

PLAIN(int, dup, (int fd), (fd), concerns(fd), DUP, fd, -1)
PLAIN(int, dup2, (int fd, int wanted), (fd, wanted),
      concerns(fd), DUP, fd, wanted)
PLAIN(int, dup3, (int fd, int wanted, int flags), (fd, wanted, flags),
      concerns(fd), DUP, fd, wanted)
PLAIN(int, sigaction,
      (int number, const struct sigaction *action, struct sigaction *before),
      (number, action, before),
      action != NULL, SIGNAL, -1, number, is_ignoring(action))
HANDLING(signal)
HANDLING(__sysv_signal) /* what signal() is without BSD's or GNU's extensions */
// clang-format on

STAND_IN(int, bind, (int fd, const struct sockaddr *address, socklen_t size))
{
    BEGIN(bind, 1, BIND, fd, size);
    keep_address(&call, address, size);
    return (int)leave(&call, ATTEMPT(real(fd, address, size)));
}

STAND_IN(int, accept4,
         (int fd, struct sockaddr *address, socklen_t *size, int flags))
{
    BEGIN(accept4, 1, ACCEPT, fd, length_at(size));
    int64_t conn = ATTEMPT(real(fd, address, size, flags));
    keep_answer(&call, conn, address, size, call.record.a);
    return (int)leave(&call, conn);
}

/** An interrupted one is begun, and the rest is left to the kernel, as a
 * signal would. */
STAND_IN(int, connect, (int fd, const struct sockaddr *address, socklen_t size))
{
    BEGIN(connect, 1, CONNECT, fd, size);
    keep_address(&call, address, size);
    int64_t result = ATTEMPT(real(fd, address, size));
    if (call.actions & INTERRUPT) {
        int flags = REAL(fcntl)(fd, F_GETFL);
        REAL(fcntl)(fd, F_SETFL, flags | O_NONBLOCK);
        int error = real(fd, address, size) == 0 ? EINPROGRESS : errno;
        REAL(fcntl)(fd, F_SETFL, flags);
        returned(&call, result);
        call.record.injected = error == EINPROGRESS;
        errno = error == EINPROGRESS ? EINTR : error;
    }
    keep_port(&call, fd, ORIGINAL_getsockname);
    return (int)leave(&call, result);
}

STAND_IN(int, setsockopt,
         (int fd, int level, int option, const void *value, socklen_t size))
{
    BEGIN(setsockopt, 1, SETSOCKOPT, fd, level, option);
    keep_value(&call, value, size);
    struct timeval own;
    int64_t result = ATTEMPT(
        real(fd, level, option,
             level == SOL_SOCKET && option == SO_RCVTIMEO &&
                     size >= (socklen_t)sizeof own
                 ? hurried_timeval(&call, &own, (const struct timeval *)value)
                 : value,
             size));
    return (int)leave(&call, result);
}

STAND_IN(int, getsockopt,
         (int fd, int level, int option, void *value, socklen_t *size))
{
    BEGIN(getsockopt, 1, GETSOCKOPT, fd, level, option);
    int64_t result = ATTEMPT(real(fd, level, option, value, size));
    if (result == 0)
        keep_value(&call, value, *size);
    return (int)leave(&call, result);
}

STAND_IN(ssize_t, sendto,
         (int fd, const void *buffer, size_t size, int flags,
          const struct sockaddr *to, socklen_t length))
{
    BEGIN(sendto, 1, SEND, fd, (int64_t)size, flags);
    keep_address(&call, to, length);
    int64_t n = ATTEMPT(real(fd, buffer, clip(&call, size), flags, to, length));
    keep_bytes(&call, n, &(struct iovec){(void *)buffer, (size_t)n}, 1);
    return (ssize_t)leave(&call, n);
}

STAND_IN(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags))
{
    struct msghdr own = {.msg_iov = NULL};
    peek(&own, message, sizeof own);
    struct scatter all = {.iov = own.msg_iov, .count = (size_t)own.msg_iovlen};
    BEGIN(sendmsg, 1, SEND, fd, total_of(&all), flags);
    keep_address(&call, own.msg_name, own.msg_namelen);
    int64_t n = ATTEMPT(real(
        fd, clip_message(&call, &all, &own, (struct msghdr *)message), flags));
    keep_bytes(&call, n, all.iov, all.count);
    return (ssize_t)leave(&call, n);
}

STAND_IN(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags))
{
    struct msghdr own = {.msg_iov = NULL};
    peek(&own, message, sizeof own);
    struct scatter all = {.iov = own.msg_iov, .count = (size_t)own.msg_iovlen};
    BEGIN(recvmsg, 1, RECV, fd, total_of(&all), flags);
    int64_t n =
        ATTEMPT(real(fd, clip_message(&call, &all, &own, message), flags));
    if (n != -1 && own.msg_iov == all.part) { /* the answer is in our copy */
        message->msg_namelen = own.msg_namelen;
        message->msg_controllen = own.msg_controllen;
        message->msg_flags = own.msg_flags;
    }
    keep_bytes(&call, n, all.iov, all.count);
    return (ssize_t)leave(&call, n);
}

STAND_IN(int, clock_nanosleep,
         (clockid_t clock, int flags, const struct timespec *time,
          struct timespec *left))
{
    BEGIN(clock_nanosleep, 1, SLEEP, -1,
          flags & TIMER_ABSTIME ? -1 : milliseconds(time));
    int64_t error = ATTEMPT(real(clock, flags, time, left));
    return (int)leave_with(&call, error, (int)error);
}

/** Has this machine the address ::1? */
static int has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_addr = in6addr_loopback};
    int fd = REAL(socket)(AF_INET6, SOCK_STREAM, 0);
    if (fd == -1)
        return 0;
    __typeof__(&stand_in_bind) real = (__typeof__(real))original(ORIGINAL_bind);
    int result = real(fd, (struct sockaddr *)&address, sizeof address);
    REAL(close)(fd);
    return result == 0;
}

static int is_ipv6_loopback(const struct addrinfo *info)
{
    const struct sockaddr_in6 *address = (const void *)info->ai_addr;
    return info->ai_family == AF_INET6 &&
           memcmp(&address->sin6_addr, &in6addr_loopback,
                  sizeof in6addr_loopback) == 0;
}

/**
 * Puts an address in front of a list at which nobody listens. In the C library
 * each entry is a piece of memory of its own, so the program's freeaddrinfo()
 * frees the longer list as it would have freed the shorter one. Who asks for
 * IPv6 alone, and would find nothing, gets a list of that address.
 * @param list   the address of the list; NULL is there if nothing was found
 * @param place  0: before the others, 1: behind them, 2: before, and IPv4
 * @return 1, or 0 if there is no such address
 */
static int put_refusing(const char *service, const struct addrinfo *hints,
                        struct addrinfo **list, long place)
{
    struct addrinfo want = {.ai_flags = 0}, *first, *last;
    if (hints != NULL)
        want = *hints;
    want.ai_flags &= AI_PASSIVE | AI_CANONNAME | AI_NUMERICSERV;
    want.ai_flags |= AI_NUMERICHOST;
    int ipv6 = place != 2 && want.ai_family != AF_INET &&
               (*list == NULL || !is_ipv6_loopback(*list)) && has_ipv6();
    if (*list == NULL && (want.ai_family != AF_INET6 || !ipv6))
        return 0;
    if (REAL(getaddrinfo)(ipv6 ? "::1" : "127.0.0.2", service, &want, &first))
        return 0;
    int behind = place == 1 && *list != NULL;
    for (last = behind ? *list : first; last->ai_next != NULL;)
        last = last->ai_next;
    last->ai_next = behind ? first : *list;
    *list = behind ? *list : first;
    return 1;
}

STAND_IN(int, getaddrinfo,
         (const char *host, const char *service, const struct addrinfo *hints,
          struct addrinfo **list))
{
    BEGIN(getaddrinfo, 1, GETADDRINFO, -1, 0);
    struct witness_record *record = &call.record;
    size_t size = 0;
    for (; host && host[size] && size < sizeof record->bytes; size++)
        record->bytes[size] = (uint8_t)host[size];
    record->bytes_size = (uint32_t)size;
    if (hints != NULL)
        record->b = hints->ai_flags | hints->ai_family | hints->ai_socktype |
                    hints->ai_protocol;
    int go = permitted(&call);
    inside++;
    int result = go ? real(host, service, hints, list) : call.error;
    struct addrinfo *found = result == 0 ? *list : NULL;
    if ((call.actions & TWO) &&
        put_refusing(service, hints, &found, call.place)) {
        record->injected = 1;
        *list = found;
        result = 0;
    }
    inside--;
    returned(&call, result);
    if (result == 0)
        record->a = (intptr_t)*list;
    return (int)leave_with(&call, result, result == EAI_SYSTEM ? errno : 0);
}

STAND_IN(void, freeaddrinfo, (struct addrinfo * list))
{
    BEGIN(freeaddrinfo, 1, FREEADDRINFO, -1, (intptr_t)list);
    leave(&call, ATTEMPT((real(list), 0)));
}

STAND_IN(int, fcntl, (int fd, int command, ...))
{
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    int copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    BEGIN(fcntl, copies && concerns(fd), DUP, fd, -1);
    return (int)leave(&call, ATTEMPT(real(fd, command, argument)));
}

int fcntl64(int, int, ...) __attribute__((alias("fcntl")));

/** Closes in any case, as Linux does, also when it reports a failure. */
STAND_IN(int, close, (int fd))
{
    /* Standard streams as well: closing one is usually a mistake. */
    BEGIN(close, concerns(fd) || (fd >= 0 && fd <= 2), CLOSE, fd, 0);
    int go = permitted(&call);
    int64_t result = returned(&call, real(fd));
    if (!go && result == 0)
        result = refused(&call);
    return (int)leave(&call, result);
}

STAND_IN(FILE *, fdopen, (int fd, const char *mode))
{
    BEGIN(fdopen, concerns(fd), FDOPEN, fd, 0);
    FILE *file = (FILE *)(intptr_t)ATTEMPT((intptr_t)real(fd, mode));
    call.record.a = (intptr_t)file;
    leave_with(&call, (intptr_t)file, file == NULL ? errno : 0);
    return file;
}

STAND_IN(int, fclose, (FILE * file))
{
    int error = errno, fd = fileno(file); /* -1: one without a descriptor */
    errno = error;
    BEGIN(fclose, fd != -1 && concerns(fd), FCLOSE, fd, (intptr_t)file);
    return (int)leave(&call, ATTEMPT(real(file)));
}

STAND_IN(pid_t, fork, (void))
{
    BEGIN(fork, 1, FORK, -1, 0);
    int64_t child = ATTEMPT(real());
    if (child == 0)
        call.slot = NULL; /* it is the parent's record */
    return (pid_t)leave(&call, child);
}

STAND_IN(int, pthread_create,
         (pthread_t * thread, const pthread_attr_t *attributes,
          void *(*run)(void *), void *argument))
{
    BEGIN(pthread_create, 1, FORK, -1, 0);
    int64_t error = ATTEMPT(real(thread, attributes, run, argument));
    if (error == -1)
        error = call.error;
    return (int)leave_with(&call, error, (int)error);
}

STAND_IN(unsigned, alarm, (unsigned seconds))
{
    BEGIN(alarm, 1, ALARM, -1, (int64_t)seconds * 1000);
    int64_t left = 0;
    if (permitted(&call) && call.haste == 0) {
        left = (int64_t)real(seconds);
    } else {
        int64_t us = hurried(&call, (int64_t)seconds * 1000000, 1000);
        struct itimerval one = {{0, 0}, {us / 1000000, us % 1000000}};
        REAL(setitimer)(ITIMER_REAL, &one, NULL);
    }
    return (unsigned)leave(&call, returned(&call, left));
}

#ifdef __GLIBC__
typedef __itimer_which_t itimer;
#else
typedef int itimer;
#endif

STAND_IN(int, setitimer,
         (itimer which, const struct itimerval *value,
          struct itimerval *before))
{
    BEGIN(setitimer, 1, ALARM, -1,
          value != NULL ? timeval_ms(&value->it_value) : -1);
    struct itimerval own = {{0, 0}, {0, 0}};
    if (peek(&own, value, sizeof own) && permitted(&call) && call.haste != 0) {
        hurried_timeval(&call, &own.it_value, &own.it_value);
        hurried_timeval(&call, &own.it_interval, &own.it_interval);
        value = &own;
    }
    return (int)leave(&call, returned(&call, real(which, value, before)));
}

STAND_IN(void, _exit, (int status))
{
    take_ledger();
    REAL(_exit)(status);
}

void _Exit(int) __attribute__((alias("_exit")));

/* ---- The beginning ---- */

static const struct {
    const char *name;
    enum action action;
    long least; /* the smallest value that makes sense */
} actions[] = {{"short", SHORTEN, 1},    {"eintr", INTERRUPT, 1},
               {"fail", FAIL, LONG_MIN}, {"delay", DELAY, 0},
               {"gone", GONE, 0},        {"two", TWO, 0},
               {"hurry", HURRY, 2},      {"slow", HURRY, 2}};

/** Understands one fault. @return 1, or 0 if it makes no sense */
static int read_fault(const char *text, struct fault *fault)
{
    char kind[16], action[8];
    int used = 0;
    if (sscanf(text, "%15[a-z]:%7[a-z]%n", kind, action, &used) != 2)
        return 0;
    char *end = (char *)text + used;
    if (*end == '=')
        fault->value = strtol(end + 1, &end, 10);
    if (*end == '@')
        fault->only = strtoul(end + 1, &end, 10);
    if (*end != '\0')
        return 0;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(action, actions[i].name) == 0 &&
            fault->value >= actions[i].least)
            fault->action = actions[i].action;
    if (strcmp(action, "slow") == 0)
        fault->value = -fault->value;
    for (int i = 0; i < WITNESS_CALLS; i++)
        if (kinds[i].name != NULL && strcmp(kind, kinds[i].name) == 0)
            fault->call = (enum witness_call)i;
    return (kinds[fault->call].may & fault->action) != 0 &&
           (fault->action != FAIL || fault->value != 0);
}

static void read_faults(const char *text)
{
    char own[256] = "", *rest = own;
    if (text != NULL)
        snprintf(own, sizeof own, "%s", text);
    for (char *one; (one = strtok_r(rest, ",", &rest)) != NULL;) {
        struct fault fault = {.value = 0};
        if (fault_count == FAULTS || !read_fault(one, &fault))
            continue;
        faulty[fault.call] |= fault.action;
        faults[fault_count++] = fault;
    }
}

/** Maps the log. The descriptor is closed again: the program's own first one
 * must be the lowest free one. @return it, or NULL */
static struct witness_log *map_log(const char *path)
{
    struct stat file;
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd == -1)
        return NULL;
    void *memory = MAP_FAILED;
    if (fstat(fd, &file) == 0 &&
        (size_t)file.st_size >= sizeof(struct witness_log))
        memory = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
    REAL(close)(fd);
    struct witness_log *found = memory == MAP_FAILED ? NULL : memory;
    if (found == NULL || found->magic != WITNESS_MAGIC)
        return NULL;
    size_t room =
        ((size_t)file.st_size - sizeof *found) / sizeof(struct witness_record);
    capacity = (uint32_t)smaller(found->capacity, room);
    return found;
}

/** Finds the program among what has been loaded: it comes first. */
static int find_program(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    program = (uintptr_t)info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        code_begin = program + (uintptr_t)segment->p_vaddr;
        code_end = code_begin + (uintptr_t)segment->p_memsz;
    }
    return 1;
}

/** Begins to witness, before the program begins. */
__attribute__((constructor)) static void attach(void)
{
    for (int i = 0; i < ORIGINALS; i++)
        original(i);
    heap_begin = (uintptr_t)sbrk(0); /* empty as yet */
    stack_top = (uintptr_t)environ;  /* lies just above the first frame */
    const char *libraries = getenv("LD_PRELOAD");
    in_valgrind = libraries != NULL && strstr(libraries, "vgpreload") != NULL;
    dl_iterate_phdr(find_program, NULL);
    read_faults(getenv(WITNESS_FAULT));
    struct witness_log *found = map_log(getenv(WITNESS_LOG));
    active = found != NULL || fault_count > 0;
    if (found == NULL)
        return;
    int32_t nobody = 0, self = (int32_t)getpid();
    __atomic_fetch_add(&found->attached, 1, __ATOMIC_RELAXED);
    __atomic_compare_exchange_n(&found->first_pid, &nobody, self, 0,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    if (found->first_pid == self)
        found->begin = found->claimed;
    found->faults = fault_count;
    each_open(note_inherited);
    at_quick_exit(take_ledger);
    the_log = found;
}
