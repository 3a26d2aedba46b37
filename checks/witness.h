/**
 * @file
 * What the witness writes down: the format of its log, shared by the witness
 * itself (witness.c, preloaded into the program that is judged) and by those
 * who read it (the grader, the trace).
 *
 * The log is a file that the reader creates, sizes and maps; the witness maps
 * the same file. Every socket call of the program becomes one record. A record
 * is claimed by an atomic increment of `claimed` before the call and completed
 * after it, so the log may be read while the program runs: a record whose
 * `done` is 0 is a call that has not returned. The file's blocks should be
 * allocated (posix_fallocate): on a full disk, writing to a page that has none
 * kills the program.
 */
#ifndef WITNESS_H
#define WITNESS_H

#include <stdint.h>

/** Environment variable: the path of the log. Unset: the witness is idle. */
#define WITNESS_LOG "WITNESS_LOG"

/**
 * Environment variable: the faults to inject, comma-separated, at most 8, each
 * `CALL:ACTION[=VALUE][@K]`.
 *
 * | action   | calls                    | meaning                            |
 * |----------|--------------------------|------------------------------------|
 * | short=N  | send, recv               | at most N bytes a call, really     |
 * |          |                          | that many                          |
 * | eintr=N  | accept, connect, send,   | the first N calls that would wait  |
 * |          | recv, poll, close        | end with EINTR; a connection is    |
 * |          |                          | begun all the same, a descriptor   |
 * |          |                          | closed                             |
 * | fail=E   | all                      | the call is not made and fails     |
 * |          |                          | with errno number E, getaddrinfo   |
 * |          |                          | with EAI number E; close closes    |
 * | delay=MS | all                      | it is made MS milliseconds later   |
 * | gone     | send                     | the sending side is shut down      |
 * |          |                          | first, so that the kernel itself   |
 * |          |                          | answers EPIPE, with its SIGPIPE    |
 * | two[=N]  | getaddrinfo              | an address that refuses is put     |
 * |          |                          | before the others, =1: behind      |
 * |          |                          | them, =2: before, always an IPv4   |
 * | hurry=N  | poll, setsockopt, alarm  | a time limit given to it is N      |
 * |          |                          | times shorter, but at least 1 ms   |
 * | slow=N   | the same                 | the limit is N times longer        |
 *
 * `@K` limits a fault to the K-th call of that kind in a process (from 1, only
 * calls on sockets are counted); without it, each call. CALL is a name of enum
 * witness_call in lower case, but not freeaddrinfo, fdopen, fclose, sleep or
 * signal; `send` means every way to write to a socket, `recv` every way to
 * read from one, `poll` every way to wait for one. Faults of connect, send and
 * recv are for stream sockets. What makes no sense is left out: see `faults`.
 */
#define WITNESS_FAULT "WITNESS_FAULT"

/**
 * The kinds of call. Different functions of one kind differ in `function`.
 * read, write, poll, close, dup and their like are recorded only on a socket
 * or on a descriptor that is not open. An address a call passes in, or is
 * given, is in `address`.
 */
enum witness_call {
    WITNESS_NONE,
    WITNESS_SOCKET,   /* a: domain, b: type, c: protocol */
    WITNESS_BIND,     /* a: address length as passed */
    WITNESS_LISTEN,   /* a: backlog */
    WITNESS_ACCEPT,   /* a: length passed in (-1: NULL), b: length out,
                         c: the port of the peer, 0: unknown */
    WITNESS_CONNECT,  /* a: address length as passed, c: the own port, 0: … */
    WITNESS_SEND,     /* a: bytes asked for, b: flags */
    WITNESS_RECV,     /* a: room offered, b: flags */
    WITNESS_SHUTDOWN, /* a: how */
    WITNESS_CLOSE,
    WITNESS_SETSOCKOPT,   /* a: level, b: option, c: value if it is an int */
    WITNESS_GETSOCKOPT,   /* the same; bytes: the value whatever it is */
    WITNESS_GETSOCKNAME,  /* a: length passed in (-1: NULL), b: length out */
    WITNESS_GETPEERNAME,  /* the same */
    WITNESS_GETADDRINFO,  /* a: the list as a number, b: flags, family, type
                             and protocol of the hints, or-ed; bytes: host */
    WITNESS_FREEADDRINFO, /* a: the list as a number */
    WITNESS_POLL,         /* poll, select, epoll: a: timeout in ms, -1: none,
                             b: the count passed; fd: the first socket, or
                             standard input */
    WITNESS_DUP,          /* dup, dup2, dup3, fcntl(F_DUPFD): result: the new,
                             a: the one wanted, -1: any */
    WITNESS_FDOPEN,       /* a: the FILE as a number */
    WITNESS_FCLOSE,       /* a: the FILE as a number; fd: the one it had */
    WITNESS_SLEEP,        /* sleep, usleep, nanosleep, poll and select without
                             descriptors: a: milliseconds, -1: until a time */
    WITNESS_SIGNAL,       /* signal, sigaction: a: number, b: 1 if ignored */
    WITNESS_ALARM,        /* alarm, setitimer: a: milliseconds, 0: none */
    WITNESS_FORK,         /* fork, pthread_create */
    WITNESS_CALLS         /* how many kinds there are */
};

/** One call. */
struct witness_record {
    uint32_t done;     /**< 0 while the call is under way */
    uint16_t call;     /**< enum witness_call */
    uint16_t injected; /**< 1 if a fault changed this call */
    char function[16]; /**< the function called: "recv", "readv", … */
    int32_t pid;       /**< who called */
    int32_t tid;
    int32_t fd;            /**< the descriptor argument, -1 if there is none */
    int32_t error;         /**< errno after a failure, 0 after a success */
    int64_t result;        /**< what the call returned */
    int64_t a, b, c;       /**< further arguments, see enum witness_call */
    uint64_t enter;        /**< CLOCK_MONOTONIC in nanoseconds, before … */
    uint64_t leave;        /**< … and after the call */
    uint64_t from;         /**< where in the program's file: for addr2line; 0:
                                elsewhere. (Built with clang's sanitizers, a
                                program calls some from their own code.) */
    uint32_t address_size; /**< of the address argument, or 0: in as passed,
                                out as much as there was room for */
    uint32_t bytes_size;   /**< how many of `bytes` are used */
    uint8_t address[28];   /**< a sockaddr_in or sockaddr_in6 as it was */
    uint8_t bytes[64];     /**< the first bytes sent, received; a host name; an
                                option's value */
};

/** A descriptor that was still open when the process ended. */
struct witness_open {
    int32_t fd;
    uint32_t socket; /**< 1 for a socket, 0 for anything else */
};

enum { WITNESS_LEFT_MAX = 32 };

/** The log: this header, then `capacity` records. */
struct witness_log {
    uint32_t magic;    /**< WITNESS_MAGIC, put there by the reader */
    uint32_t capacity; /**< records there is room for; set by the reader */
    uint32_t attached; /**< processes that the witness has been loaded in */
    uint32_t claimed;  /**< calls seen; those past capacity are only counted */
    uint32_t ended;    /**< 1 once the first process has ended by exit() or the
                            like; 0 if by a signal or a sanitizer's report */
    uint32_t left;     /**< how many descriptors it left open … */
    int32_t first_pid; /**< the first process attached */
    uint32_t faults;   /**< entries of WITNESS_FAULT that were understood */
    uint32_t begin;    /**< the first process's first record; before it are the
                            calls of what has become it by exec (valgrind is
                            started by a shell script) */
    uint32_t reserved;
    struct witness_open left_open[WITNESS_LEFT_MAX]; /**< … and which */
    struct witness_record record[];
};

enum { WITNESS_MAGIC = 0x5749544e };

#endif
