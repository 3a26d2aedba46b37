/**
 * @file
 * The moves of a scripted peer: the other end of the connection, played by us.
 * While it waits, the program's output is read and its life is watched.
 */
#ifndef PEER_H
#define PEER_H

#include "check.h"

/** How the stream from the program ended. */
enum stream_end {
    STREAM_ENDED, /**< end of stream, as it should be */
    STREAM_RESET, /**< "Connection reset by peer" */
    STREAM_OPEN   /**< it has not ended: see trial->outcome */
};

/** A program that sends more than this many bytes is not heard to the end. */
enum { HEARD_MAX = 1024 * 1024 };

/** Connects to 127.0.0.1:port. @return a descriptor, or -1 with errno */
int peer_connect(unsigned port);

/**
 * Listens on a loopback address.
 * @param family  AF_INET or AF_INET6
 * @param port    wanted, 0: any; set to the real one
 * @return a descriptor, or -1 with errno
 */
int peer_listen(int family, unsigned *port);

/**
 * Sends bytes, all at once or piece by piece: the next piece follows when the
 * program has taken the one before (or does not take it for 40 ms).
 * @return false if the connection is gone
 */
bool peer_send(struct trial *t, int fd, const char *bytes, size_t size,
               size_t piece);

/** Does to our side what the script says; a reset also closes it. */
void peer_end_side(int *fd, enum side side);

/**
 * Reads into t->heard until the program ends its side.
 * @param newline  stop at the first newline as well
 * @param quiet    milliseconds of silence after which the program is BLOCKED;
 *                 one that sends without end is TOO_LONG
 */
enum stream_end peer_read(struct trial *t, int fd, bool newline,
                          unsigned quiet);

/** The port that a socket has at our end (0: unknown). */
unsigned own_port(int fd);

/** A port that was free a moment ago, outside the range of automatic ones. */
unsigned free_port(void);

#endif
