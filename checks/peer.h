/**
 * @file
 * The moves of a scripted peer: the other end of the connection, played by us.
 * While it waits, the program's output is read and its life is watched.
 */
#ifndef PEER_H
#define PEER_H

#include "check.h"

#include <netinet/in.h>

/** How the stream from the program ended. */
enum stream_end {
    STREAM_ENDED, /**< end of stream, as it should be */
    STREAM_RESET, /**< "Connection reset by peer" */
    STREAM_OPEN   /**< it has not ended: see trial->outcome */
};

/** A program that sends more than this many bytes is not heard to the end. */
enum { HEARD_MAX = 1024 * 1024 };

/** Closes a descriptor, unless it is -1; errno stays as it is. */
void close_if_open(int fd);

/** An address for bind() and connect(); host and port in host order. */
struct sockaddr_in ipv4_address(uint32_t host, unsigned port);

/** The same for IPv6. */
struct sockaddr_in6 ipv6_address(struct in6_addr host, unsigned port);

/**
 * A socket that is bound, and no more.
 * @param type  SOCK_STREAM, SOCK_DGRAM
 * @param port  0: any
 * @return a descriptor, or -1 with errno
 */
int hold_ipv4(int type, uint32_t host, unsigned port);

/** The same for IPv6, a stream socket. */
int hold_ipv6(struct in6_addr host, unsigned port);

/** Can an IPv6 socket be bound to this address here? If not: errno. */
bool has_ipv6(struct in6_addr host);

/** SO_ERROR of a socket: what has become of its connection; 0: nothing. */
int pending_error(int fd);

/** Connects to 127.0.0.1:port. @return a descriptor, or -1 with errno */
int peer_connect(unsigned port);

/** connect(), by a peer whose address is no other's: see met_stranger(). */
int peer_reach(int fd, const void *address, socklen_t size);

/** accept(): who comes should be the program. @return as accept() does */
int peer_accept(struct trial *t, int listener);

/**
 * The connection that the program makes to our listener.
 * @param quiet  milliseconds without a sign of life that are too many
 * @return a descriptor; -1: it makes none, see t->outcome
 */
int accept_program(struct trial *t, int listener, unsigned quiet);

/**
 * Has somebody else met a program of this trial, or us in its place? On a
 * machine where many wrong programs are judged at once, one may try any port.
 * @return false as well if the witness has not seen enough to tell
 */
bool met_stranger(const struct trial *t);

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
