/**
 * @file
 * Reading what the witness wrote down (witness.h).
 */
#ifndef LOG_H
#define LOG_H

#include "witness.h"

#include <stdbool.h>
#include <stddef.h>

/** A log: a file that both the witness and we have mapped. */
struct log {
    char path[256];
    struct witness_log *map; /**< NULL: none */
    size_t size;             /**< of the mapping, in bytes */
};

/**
 * Makes an empty log in a directory.
 * @param capacity  records it has room for
 * @return 0, or -1 with errno
 */
int log_open(struct log *log, const char *directory, unsigned capacity);

/** Unmaps and removes a log. */
void log_close(struct log *log);

/** How many calls can be read: at most the capacity. */
size_t log_count(const struct log *log);

/** The i-th call, in the order in which they began. */
const struct witness_record *log_at(const struct log *log, size_t i);

/** The first call of a kind on a descriptor (-1: any), or NULL. */
const struct witness_record *log_first(const struct log *log,
                                       enum witness_call call, int fd);

/** The last call of a kind on a descriptor (-1: any), or NULL. */
const struct witness_record *log_last(const struct log *log,
                                      enum witness_call call, int fd);

/** The first call of a kind that failed with errno `error` (0: any error). */
const struct witness_record *log_failed(const struct log *log,
                                        enum witness_call call, int error);

/** The bytes that a program has received in all; looked at (MSG_PEEK) is not.
 */
size_t log_received(const struct log *log);

/** The call that has not returned, or NULL; with several, the first. */
const struct witness_record *log_pending(const struct log *log);

/** True if the witness was loaded and saw at least one call. */
bool log_saw_calls(const struct log *log);

/** True if the program left a socket open when it ended by exit(). */
bool log_left_socket(const struct log *log, int *fd);

/** The same for a descriptor that is no socket. */
bool log_left_other(const struct log *log, int *fd);

/** The port of an address that was recorded, in host order; 0: none. */
unsigned record_port(const struct witness_record *r);

/** A port whose two bytes are the other way round. */
unsigned swapped(unsigned port);

/** The address family recorded, or -1. */
int record_family(const struct witness_record *r);

/** The IPv4 address recorded, in host order, or 0. */
uint32_t record_ipv4(const struct witness_record *r);

/** Symbolic name of an errno, as in "ECONNRESET". */
const char *errno_name(int error);

/** Writes a call as a line of C: `send(4, "Hello\n", 6) = 6`. */
void record_format(const struct witness_record *r, char *text, size_t size);

/** Writes bytes readably between quotes, cut after `size` characters. */
void quote_bytes(const void *bytes, size_t length, char *text, size_t size);

#endif
