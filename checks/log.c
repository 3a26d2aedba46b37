/**
 * @file
 * Implements log.h.
 */
#define _GNU_SOURCE /* strerrorname_np */
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int log_open(struct log *log, const char *directory, unsigned capacity)
{
    memset(log, 0, sizeof *log);
    snprintf(log->path, sizeof log->path, "%s/log-XXXXXX", directory);
    int fd = mkstemp(log->path);
    if (fd == -1)
        return -1;
    log->size =
        sizeof(struct witness_log) + capacity * sizeof(struct witness_record);
    void *map = MAP_FAILED;
    errno = posix_fallocate(fd, 0, (off_t)log->size);
    if (errno == 0) /* a hole in a full disk would be a SIGBUS later */
        map = mmap(NULL, log->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        unlink(log->path);
        return -1;
    }
    log->map = (struct witness_log *)map;
    log->map->capacity = capacity;
    log->map->magic = WITNESS_MAGIC;
    return 0;
}

void log_close(struct log *log)
{
    if (log->map == NULL)
        return;
    munmap(log->map, log->size);
    unlink(log->path);
    memset(log, 0, sizeof *log);
}

/* What a launcher did before it became the program is not the program's. */
size_t log_count(const struct log *log)
{
    if (log->map == NULL)
        return 0;
    uint32_t n = __atomic_load_n(&log->map->claimed, __ATOMIC_ACQUIRE);
    n = n < log->map->capacity ? n : log->map->capacity;
    return n > log->map->begin ? n - log->map->begin : 0;
}

const struct witness_record *log_at(const struct log *log, size_t i)
{
    return &log->map->record[log->map->begin + i];
}

static bool matches(const struct witness_record *r, enum witness_call call,
                    int fd)
{
    return r->call == call && (fd == -1 || r->fd == fd);
}

const struct witness_record *log_first(const struct log *log,
                                       enum witness_call call, int fd)
{
    for (size_t i = 0; i < log_count(log); i++)
        if (matches(log_at(log, i), call, fd))
            return log_at(log, i);
    return NULL;
}

const struct witness_record *log_last(const struct log *log,
                                      enum witness_call call, int fd)
{
    for (size_t i = log_count(log); i > 0; i--)
        if (matches(log_at(log, i - 1), call, fd))
            return log_at(log, i - 1);
    return NULL;
}

const struct witness_record *log_failed(const struct log *log,
                                        enum witness_call call, int error)
{
    for (size_t i = 0; i < log_count(log); i++) {
        const struct witness_record *r = log_at(log, i);
        if (r->call == call && r->done && r->error != 0 &&
            (error == 0 || r->error == error))
            return r;
    }
    return NULL;
}

size_t log_received(const struct log *log)
{
    size_t sum = 0;
    for (size_t i = 0; i < log_count(log); i++) {
        const struct witness_record *r = log_at(log, i);
        if (r->call == WITNESS_RECV && r->result > 0 && (r->b & MSG_PEEK) == 0)
            sum += (size_t)r->result;
    }
    return sum;
}

const struct witness_record *log_pending(const struct log *log)
{
    for (size_t i = 0; i < log_count(log); i++)
        if (!__atomic_load_n(&log_at(log, i)->done, __ATOMIC_ACQUIRE))
            return log_at(log, i);
    return NULL;
}

bool log_saw_calls(const struct log *log)
{
    return log->map != NULL && log->map->attached > 0 && log_count(log) > 0;
}

/* A descriptor left open, of the kind asked for. */
static bool left(const struct log *log, uint32_t socket, int *fd)
{
    if (log->map == NULL || !log->map->ended)
        return false;
    for (uint32_t i = 0; i < log->map->left && i < WITNESS_LEFT_MAX; i++)
        if (log->map->left_open[i].socket == socket) {
            *fd = log->map->left_open[i].fd;
            return true;
        }
    return false;
}

bool log_left_socket(const struct log *log, int *fd)
{
    return left(log, 1, fd);
}

bool log_left_other(const struct log *log, int *fd)
{
    return left(log, 0, fd);
}

unsigned record_port(const struct witness_record *r)
{
    struct sockaddr_in
        in; /* the port stands at the same place in sockaddr_in6 */
    if (r->address_size < sizeof in)
        return 0;
    memcpy(&in, r->address, sizeof in);
    return ntohs(in.sin_port);
}

unsigned swapped(unsigned port)
{
    return (port & 0xff) << 8 | port >> 8;
}

int record_family(const struct witness_record *r)
{
    struct sockaddr sa;
    if (r->address_size < sizeof sa.sa_family)
        return -1;
    memcpy(&sa, r->address, sizeof sa);
    return sa.sa_family;
}

uint32_t record_ipv4(const struct witness_record *r)
{
    struct sockaddr_in in;
    if (r->address_size < sizeof in)
        return 0;
    memcpy(&in, r->address, sizeof in);
    return ntohl(in.sin_addr.s_addr);
}

const char *errno_name(int error)
{
#if defined __GLIBC__ && __GLIBC_PREREQ(2, 32)
    const char *name = strerrorname_np(error);
    return name != NULL ? name : "?";
#else
    return strerror(error);
#endif
}

void quote_bytes(const void *bytes, size_t length, char *text, size_t size)
{
    const unsigned char *b = (const unsigned char *)bytes;
    size_t at = 0;
    if (size < 8)
        return;
    text[at++] = '"';
    size_t i = 0;
    for (; i < length && at + 9 < size; i++) {
        const char *escape = b[i] == '\n'   ? "\\n"
                             : b[i] == '\r' ? "\\r"
                             : b[i] == '\t' ? "\\t"
                             : b[i] == '\0' ? "\\0"
                             : b[i] == '"'  ? "\\\""
                             : b[i] == '\\' ? "\\\\"
                                            : NULL;
        if (escape != NULL)
            at += (size_t)snprintf(text + at, size - at, "%s", escape);
        else if (b[i] < 32 || b[i] > 126)
            at += (size_t)snprintf(text + at, size - at, "\\x%02x", b[i]);
        else
            text[at++] = (char)b[i];
    }
    snprintf(text + at, size - at, i < length ? "\"..." : "\"");
}

static void format_address(const struct witness_record *r, char *text,
                           size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    int family = record_family(r);
    if (family == AF_INET && r->address_size >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, r->address, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, record_port(r));
    } else if (family == AF_INET6 &&
               r->address_size >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, r->address, sizeof in6);
        inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, record_port(r));
    } else if (family == -1) {
        snprintf(text, size, "-");
    } else {
        snprintf(text, size, "family %d", family);
    }
}

struct name {
    int64_t number;
    const char *text;
};

static const char *named(const struct name *names, int64_t number, char *text,
                         size_t size)
{
    for (; names->text != NULL; names++)
        if (names->number == number)
            return names->text;
    snprintf(text, size, "%lld", (long long)number);
    return text;
}

static const struct name families[] = {{AF_INET, "AF_INET"},
                                       {AF_INET6, "AF_INET6"},
                                       {AF_UNIX, "AF_UNIX"},
                                       {0, NULL}};
static const struct name types[] = {
    {SOCK_STREAM, "SOCK_STREAM"}, {SOCK_DGRAM, "SOCK_DGRAM"}, {0, NULL}};
static const struct name protocols[] = {
    {IPPROTO_TCP, "IPPROTO_TCP"}, {IPPROTO_UDP, "IPPROTO_UDP"}, {0, NULL}};
static const struct name hows[] = {{SHUT_RD, "SHUT_RD"},
                                   {SHUT_WR, "SHUT_WR"},
                                   {SHUT_RDWR, "SHUT_RDWR"},
                                   {0, NULL}};
static const struct name options[] = {
    {SO_REUSEADDR, "SO_REUSEADDR"}, {SO_REUSEPORT, "SO_REUSEPORT"},
    {SO_LINGER, "SO_LINGER"},       {SO_RCVTIMEO, "SO_RCVTIMEO"},
    {SO_SNDTIMEO, "SO_SNDTIMEO"},   {SO_TYPE, "SO_TYPE"},
    {SO_ERROR, "SO_ERROR"},         {SO_PROTOCOL, "SO_PROTOCOL"},
    {SO_DOMAIN, "SO_DOMAIN"},       {SO_RCVBUF, "SO_RCVBUF"},
    {SO_SNDBUF, "SO_SNDBUF"},       {0, NULL}};

/* An option by its level and its own name, as far as they are known. */
static void format_option(const struct witness_record *r, char *text,
                          size_t size)
{
    char name[24];
    if (r->a == SOL_SOCKET)
        snprintf(text, size, "%d, %s, %lld", r->fd,
                 named(options, r->b, name, sizeof name), (long long)r->c);
    else if (r->a == IPPROTO_TCP && r->b == TCP_NODELAY)
        snprintf(text, size, "%d, TCP_NODELAY, %lld", r->fd, (long long)r->c);
    else
        snprintf(text, size, "%d, level %lld, option %lld", r->fd,
                 (long long)r->a, (long long)r->b);
}

/* What is waited for; only the first descriptor is known. */
static void format_poll(const struct witness_record *r, char *text, size_t size)
{
    if (strstr(r->function, "poll") == r->function)
        snprintf(text, size, "{%d}, %lld, %lld", r->fd, (long long)r->b,
                 (long long)r->a);
    else
        snprintf(text, size, "{%d}, %lld ms", r->fd, (long long)r->a);
}

/* The calls that are about addresses; false: it is none of them. */
static bool format_naming(const struct witness_record *r, char *text,
                          size_t size)
{
    char one[24], two[24], three[24], address[64];
    bool given = r->call == WITNESS_BIND || r->call == WITNESS_CONNECT;
    int type = (int)r->b & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    format_address(r, address, sizeof address);
    switch (r->call) {
    case WITNESS_SOCKET:
        snprintf(text, size, "%s, %s, %s",
                 named(families, r->a, one, sizeof one),
                 named(types, type, two, sizeof two),
                 named(protocols, r->c, three, sizeof three));
        return true;
    case WITNESS_BIND:
    case WITNESS_CONNECT:
    case WITNESS_ACCEPT:
    case WITNESS_GETSOCKNAME:
    case WITNESS_GETPEERNAME:
        snprintf(text, size, "%d, %s", r->fd,
                 given || r->address_size > 0 ? address : "...");
        return true;
    default:
        return false;
    }
}

static void format_arguments(const struct witness_record *r, char *text,
                             size_t size)
{
    char how[24], bytes[60];
    bool no_sockets = strstr(r->function, "poll") != NULL;
    quote_bytes(r->bytes, r->bytes_size, bytes, sizeof bytes);
    switch (r->call) {
    case WITNESS_SEND:
    case WITNESS_RECV:
        snprintf(text, size, "%d, %s, %lld", r->fd,
                 r->result > 0 ? bytes : "...", (long long)r->a);
        break;
    case WITNESS_LISTEN:
        snprintf(text, size, "%d, %lld", r->fd, (long long)r->a);
        break;
    case WITNESS_SHUTDOWN:
        snprintf(text, size, "%d, %s", r->fd,
                 named(hows, r->a, how, sizeof how));
        break;
    case WITNESS_SETSOCKOPT:
    case WITNESS_GETSOCKOPT:
        format_option(r, text, size);
        break;
    case WITNESS_POLL:
        format_poll(r, text, size);
        break;
    case WITNESS_GETADDRINFO:
        snprintf(text, size, "%s", bytes);
        break;
    case WITNESS_ALARM:
    case WITNESS_SLEEP:
        snprintf(text, size, no_sockets ? "NULL, 0, %lld" : "%lld ms",
                 (long long)r->a);
        break;
    case WITNESS_CLOSE:
    case WITNESS_DUP:
    case WITNESS_FDOPEN:
        snprintf(text, size, "%d", r->fd);
        break;
    default:
        if (!format_naming(r, text, size))
            text[0] = '\0';
    }
}

void record_format(const struct witness_record *r, char *text, size_t size)
{
    char arguments[200];
    format_arguments(r, arguments, sizeof arguments);
    int n = snprintf(text, size, "%.16s(%s)", r->function, arguments);
    if (n < 0 || (size_t)n >= size)
        return;
    text += n;
    size -= (size_t)n;
    if (!r->done)
        snprintf(text, size, "  ... has not returned");
    else if (r->call == WITNESS_GETADDRINFO)
        snprintf(text, size, " = %lld%s%s", (long long)r->result,
                 r->result != 0 ? " " : "",
                 r->result != 0 ? gai_strerror((int)r->result) : "");
    else if (r->error != 0)
        snprintf(text, size, " = -1 %s%s", errno_name(r->error),
                 r->injected ? " (injected by the check)" : "");
    else if (r->call == WITNESS_FDOPEN)
        snprintf(text, size, " = a FILE");
    else if (r->call != WITNESS_FREEADDRINFO)
        snprintf(text, size, " = %lld", (long long)r->result);
}
