/**
 * @file
 * Tests the witness: usage: test_witness path/to/witness.so. The program is
 * its own subject: it runs itself under the witness, once for each trial, and
 * compares what was written down with what was done. Prints TAP.
 */
#undef _FORTIFY_SOURCE /* we call the checked functions by name */
#define _GNU_SOURCE

#include "witness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *,
                       socklen_t *);
ssize_t __read_chk(int, void *, size_t, size_t);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);

/* ---- What the subjects have in common ---- */

/* Something that must be so in a subject. */
#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "# line %d: not so: %s (%s)\n", __LINE__,          \
                    #condition, strerror(errno));                              \
            _exit(1);                                                          \
        }                                                                      \
    } while (0)

/* A call that must fail, and how. */
#define MUST_FAIL(call, number) MUST((call) == -1 && errno == (number))

/* Not a readable address (volatile, or compilers would say so). */
static void *volatile nowhere = (void *)8;

static struct sockaddr *any(struct sockaddr_in *address)
{
    return (struct sockaddr *)address;
}

/** A listener on the loopback address and where it is. */
static int listener(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(bind(fd, any(address), sizeof *address) == 0);
    MUST(listen(fd, 7) == 0);
    MUST(getsockname(fd, any(address), &size) == 0);
    return fd;
}

/** Two connected sockets. */
static void connected(int fd[2])
{
    struct sockaddr_in address;
    int from = listener(&address);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(fd[0], any(&address), sizeof address) == 0);
    fd[1] = accept(from, NULL, NULL);
    MUST(fd[1] != -1 && close(from) == 0);
}

/** Reads to the end of the stream. */
static size_t drain(int fd, char *buffer, size_t size)
{
    size_t used = 0;
    ssize_t n;
    while ((n = recv(fd, buffer + used, size - used, 0)) > 0)
        used += (size_t)n;
    MUST(n == 0);
    return used;
}

/* ---- What the checks have in common ---- */

static struct witness_log *seen;
static int failures; /* of the trial at hand */
static const char *self, *library;

static void expect(int holds, const char *what, int line)
{
    if (holds)
        return;
    printf("# line %d: expected %s\n", line, what);
    failures++;
}

#define EXPECT(condition) expect((condition), #condition, __LINE__)

static uint32_t records(void)
{
    return seen->claimed < seen->capacity ? seen->claimed : seen->capacity;
}

/** The n-th record (from 1) of a function, "": of any. */
static const struct witness_record *nth(const char *function, int n)
{
    static const struct witness_record none;
    for (uint32_t i = 0; i < records(); i++)
        if (*function == '\0' ||
            strcmp(seen->record[i].function, function) == 0)
            if (--n == 0)
                return &seen->record[i];
    printf("# no such call of %s\n", function);
    failures++;
    return &none;
}

static int count_of(enum witness_call call, int injected)
{
    int count = 0;
    for (uint32_t i = 0; i < records(); i++)
        count += seen->record[i].call == call &&
                 (!injected || seen->record[i].injected);
    return count;
}

static int first_object(struct dl_phdr_info *info, size_t size, void *base)
{
    (void)size;
    *(uintptr_t *)base = info->dlpi_addr;
    return 1;
}

/** Was this call made in this function? It must not be a long one. */
static int made_in(const struct witness_record *r, int (*function)(void))
{
    uintptr_t base = 0;
    dl_iterate_phdr(first_object, &base);
    return r->from - ((uintptr_t)function - base) < 1 << 14;
}

static int has_bytes(const struct witness_record *r, const char *text)
{
    return r->bytes_size == strlen(text) &&
           memcmp(r->bytes, text, strlen(text)) == 0;
}

/** Compares the members that tell most. */
static void expect_call(const char *function, int n, enum witness_call kind,
                        int64_t result, int64_t a, int64_t b, int line)
{
    const struct witness_record *r = nth(function, n);
    if (r->call == kind && r->result == result && r->a == a && r->b == b)
        return;
    printf("# line %d: %s: call %d, result %lld, a %lld, b %lld\n", line,
           function, r->call, (long long)r->result, (long long)r->a,
           (long long)r->b);
    failures++;
}

#define EXPECT_CALL(function, n, kind, result, a, b)                           \
    expect_call(function, n, WITNESS_##kind, result, a, b, __LINE__)

/* ---- Trials: what is recorded ---- */

static int do_connecting(void)
{
    struct sockaddr_in address, peer;
    socklen_t size = 8;
    int yes = 1, from = listener(&address);
    struct linger linger = {1, 2};
    MUST(setsockopt(from, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    MUST(setsockopt(from, SOL_SOCKET, SO_LINGER, &linger, 8) == 0);
    int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    MUST(connect(fd, any(&address), sizeof address) == 0);
    int conn = accept(from, any(&peer), &size);
    MUST(conn != -1 && size == sizeof peer);
    MUST(getpeername(fd, any(&peer), &size) == 0);
    MUST(getsockopt(fd, SOL_SOCKET, SO_TYPE, &yes, &size) == 0);
    int again = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(again, any(&address), sizeof address) == 0);
    size = sizeof peer;
    MUST(accept4(from, any(&peer), &size, SOCK_CLOEXEC) != -1);
    MUST(shutdown(again, SHUT_WR) == 0);
    MUST_FAIL(listen(fd, -5), EINVAL);
    MUST_FAIL(accept(fd, NULL, NULL), EINVAL);
    return 0;
}

static void check_connecting(void)
{
    const struct sockaddr_in *to = (const void *)nth("connect", 1)->address;
    const struct witness_record *r = nth("accept", 1);
    EXPECT_CALL("socket", 1, SOCKET, nth("listen", 1)->fd, AF_INET,
                SOCK_STREAM);
    EXPECT(nth("socket", 2)->c == IPPROTO_TCP);
    EXPECT_CALL("bind", 1, BIND, 0, 16, 0);
    EXPECT_CALL("listen", 1, LISTEN, 0, 7, 0);
    EXPECT_CALL("getsockname", 1, GETSOCKNAME, 0, 16, 16);
    EXPECT_CALL("setsockopt", 1, SETSOCKOPT, 0, SOL_SOCKET, SO_REUSEADDR);
    EXPECT(nth("setsockopt", 1)->c == 1);
    EXPECT(nth("setsockopt", 2)->bytes_size == 8);
    EXPECT(nth("setsockopt", 2)->bytes[4] == 2);
    EXPECT_CALL("connect", 1, CONNECT, 0, 16, 0);
    EXPECT(to->sin_addr.s_addr == htonl(INADDR_LOOPBACK) && to->sin_port != 0);
    EXPECT(nth("connect", 1)->address_size == 16);
    EXPECT_CALL("accept", 1, ACCEPT, r->result, 8, 16);
    EXPECT(r->result > 0 && r->address_size == 8);
    EXPECT(r->c != 0 && r->c == nth("connect", 1)->c);
    EXPECT(nth("accept4", 1)->c == nth("connect", 2)->c);
    EXPECT_CALL("getpeername", 1, GETPEERNAME, 0, 16, 16);
    EXPECT(memcmp(nth("getpeername", 1)->address, to, 16) == 0);
    EXPECT_CALL("getsockopt", 1, GETSOCKOPT, 0, SOL_SOCKET, SO_TYPE);
    EXPECT(nth("getsockopt", 1)->c == SOCK_STREAM);
    EXPECT_CALL("accept4", 1, ACCEPT, nth("accept4", 1)->result, 16, 16);
    EXPECT_CALL("shutdown", 1, SHUTDOWN, 0, SHUT_WR, 0);
    EXPECT(nth("listen", 2)->error == EINVAL && nth("listen", 2)->a == -5);
    EXPECT(made_in(nth("listen", 2), do_connecting));
    EXPECT_CALL("accept", 2, ACCEPT, -1, -1, 0);
    EXPECT(nth("accept", 2)->error == EINVAL);
    for (uint32_t i = 0; i < records(); i++) {
        EXPECT(seen->record[i].done && seen->record[i].from != 0);
        EXPECT(seen->record[i].enter <= seen->record[i].leave);
        EXPECT(seen->record[i].tid == seen->first_pid);
    }
}

static int do_transfers(void)
{
    int fd[2];
    char buffer[64];
    struct iovec part[2] = {{(char[]){"abc"}, 3}, {(char[]){"defg"}, 4}};
    struct iovec room[2] = {{buffer, 2}, {buffer + 2, 30}};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 2};
    connected(fd);
    errno = 77;
    MUST(send(fd[0], "send", 4, MSG_NOSIGNAL) == 4);
    MUST(recv(fd[1], buffer, sizeof buffer, 0) == 4);
    MUST(sendto(fd[0], "sendto", 6, 0, NULL, 0) == 6);
    MUST(recvfrom(fd[1], buffer, sizeof buffer, 0, NULL, NULL) == 6);
    MUST(write(fd[0], "write", 5) == 5 && read(fd[1], buffer, 64) == 5);
    MUST(sendmsg(fd[0], &message, 0) == 7);
    message.msg_iov = room;
    MUST(recvmsg(fd[1], &message, 0) == 7 && memcmp(buffer, "abcdefg", 7) == 0);
    MUST(writev(fd[0], part, 2) == 7 && readv(fd[1], room, 2) == 7);
    MUST(send(fd[0], "123456789", 9, 0) == 9);
    MUST(__recv_chk(fd[1], buffer, 3, 64, 0) == 3);
    MUST(__recvfrom_chk(fd[1], buffer, 3, 64, 0, NULL, NULL) == 3);
    MUST(__read_chk(fd[1], buffer, 3, 64) == 3);
    int file = open(self, O_RDONLY);
    MUST(sendfile(fd[0], file, NULL, 4) == 4 && close(file) == 0);
    MUST(recv(fd[1], NULL, 4, MSG_TRUNC) == 4 && errno == 77);
    MUST_FAIL(recv(fd[1], buffer, 9, MSG_DONTWAIT), EAGAIN);
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
    MUST(send(fd[0], "datagram", 8, 0) == 8);
    MUST(recv(fd[1], buffer, 4, MSG_TRUNC) == 8 && errno == EAGAIN);
    return 0;
}

static void check_transfers(void)
{
    static const struct {
        const char *sent, *received, *bytes;
    } way[] = {{"send", "recv", "send"},
               {"sendto", "recvfrom", "sendto"},
               {"write", "read", "write"},
               {"sendmsg", "recvmsg", "abcdefg"},
               {"writev", "readv", "abcdefg"}};
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        int64_t size = (int64_t)strlen(way[i].bytes);
        int64_t room =
            way[i].received[4] == 'm' || way[i].received[4] == 'v' ? 32 : 64;
        EXPECT_CALL(way[i].sent, 1, SEND, size, size,
                    i == 0 ? MSG_NOSIGNAL : 0);
        EXPECT_CALL(way[i].received, 1, RECV, size, room, 0);
        EXPECT(has_bytes(nth(way[i].sent, 1), way[i].bytes));
        EXPECT(has_bytes(nth(way[i].received, 1), way[i].bytes));
    }
    EXPECT(has_bytes(nth("__recv_chk", 1), "123"));
    EXPECT(has_bytes(nth("__recvfrom_chk", 1), "456"));
    EXPECT(has_bytes(nth("__read_chk", 1), "789"));
    EXPECT_CALL("sendfile", 1, SEND, 4, 4, 0);
    EXPECT_CALL("recv", 2, RECV, 4, 4, MSG_TRUNC);
    EXPECT(nth("recv", 2)->bytes_size == 0);
    EXPECT(nth("recv", 3)->error == EAGAIN);
    EXPECT_CALL("recv", 4, RECV, 8, 4, MSG_TRUNC);
    EXPECT(has_bytes(nth("recv", 4), "data"));
}

static int do_waiting(void)
{
    int fd[2];
    char byte;
    struct timespec short_time = {0, 1500000};
    struct timeval soon = {0, 2000};
    connected(fd);
    struct pollfd polled[2] = {{-1, POLLIN, 0}, {fd[1], POLLIN, 0}};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd[1], &set);
    MUST(poll(polled, 2, 1) == 0 && ppoll(polled, 2, &short_time, NULL) == 0);
    MUST(__poll_chk(polled, 2, 0, sizeof polled) == 0);
    MUST(send(fd[0], "x", 1, 0) == 1);
    MUST(select(fd[1] + 1, &set, NULL, NULL, NULL) == 1);
    MUST(pselect(fd[1] + 1, &set, NULL, NULL, NULL, NULL) == 1);
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fd[1], &event) == 0);
    MUST(epoll_wait(epoll, &event, 1, -1) == 1);
    MUST(recv(fd[1], &byte, 1, 0) == 1);
    MUST(poll(NULL, 0, 2) == 0 && select(0, NULL, NULL, NULL, &soon) == 0);
    MUST(usleep(1000) == 0 && nanosleep(&short_time, NULL) == 0);
    MUST(clock_nanosleep(CLOCK_MONOTONIC, 0, &short_time, NULL) == 0);
    MUST(sleep(0) == 0);
    return 0;
}

static void check_waiting(void)
{
    int fd = nth("recv", 1)->fd;
    EXPECT_CALL("poll", 1, POLL, 0, 1, 2);
    EXPECT_CALL("ppoll", 1, POLL, 0, 2, 2);
    EXPECT_CALL("__poll_chk", 1, POLL, 0, 0, 2);
    EXPECT_CALL("select", 1, POLL, 1, -1, fd + 1);
    EXPECT_CALL("pselect", 1, POLL, 1, -1, fd + 1);
    EXPECT_CALL("epoll_wait", 1, POLL, 1, -1, 1);
    EXPECT(nth("poll", 1)->fd == fd && nth("select", 1)->fd == fd);
    EXPECT_CALL("poll", 2, SLEEP, 0, 2, 0);
    EXPECT_CALL("select", 2, SLEEP, 0, 2, 0);
    EXPECT_CALL("usleep", 1, SLEEP, 0, 1, 0);
    EXPECT_CALL("nanosleep", 1, SLEEP, 0, 2, 0);
    EXPECT_CALL("clock_nanosleep", 1, SLEEP, 0, 2, 0);
    EXPECT_CALL("sleep", 1, SLEEP, 0, 0, 0);
    EXPECT(nth("poll", 1)->leave - nth("poll", 1)->enter >= 1000000);
}

static int do_descriptors(void)
{
    int fd[2];
    connected(fd);
    int a = dup(fd[0]), b = fcntl(fd[0], F_DUPFD, 200), c = dup2(fd[0], 210);
    MUST(a != -1 && b >= 200 && c == 210 && dup3(fd[0], 211, 0) == 211);
    MUST(fcntl(a, F_SETFL, O_NONBLOCK) == 0);
    FILE *file = fdopen(a, "r+");
    MUST(fprintf(file, "stdio") == 5 && fclose(file) == 0);
    MUST(close(b) == 0 && close(c) == 0 && close(211) == 0);
    MUST_FAIL(close(c), EBADF);
    MUST_FAIL(close(-1), EBADF);
    MUST_FAIL(recv(-1, &a, 1, 0), EBADF);
    MUST_FAIL(read(-1, &a, 1), EBADF);
    MUST_FAIL(recv(0, &a, 1, 0), ENOTSOCK);
    return 0;
}

static void check_descriptors(void)
{
    int fd = nth("dup", 1)->fd;
    EXPECT_CALL("dup", 1, DUP, nth("dup", 1)->result, -1, 0);
    EXPECT_CALL("fcntl", 1, DUP, nth("fcntl", 1)->result, -1, 0);
    EXPECT_CALL("dup2", 1, DUP, 210, 210, 0);
    EXPECT_CALL("dup3", 1, DUP, 211, 211, 0);
    EXPECT(nth("fcntl", 1)->fd == fd && count_of(WITNESS_DUP, 0) == 4);
    EXPECT(nth("fdopen", 1)->fd == nth("dup", 1)->result);
    EXPECT(nth("fdopen", 1)->a == nth("fclose", 1)->a);
    EXPECT(nth("fclose", 1)->fd == nth("dup", 1)->result);
    EXPECT(nth("close", 4)->fd == 211 && nth("close", 4)->result == 0);
    EXPECT(nth("close", 5)->fd == 210 && nth("close", 5)->error == EBADF);
    EXPECT(nth("close", 6)->fd == -1 && nth("close", 6)->error == EBADF);
    EXPECT(nth("recv", 1)->error == EBADF && nth("read", 1)->error == EBADF);
    EXPECT(nth("recv", 2)->fd == 0 && nth("recv", 2)->error == ENOTSOCK);
    EXPECT(seen->left == 2 && seen->left_open[0].fd == fd);
}

/** Files, pipes and streams are none of the witness's business. */
static int do_others(void)
{
    int fd[2];
    char *text, byte;
    size_t size;
    errno = 77;
    FILE *memory = open_memstream(&text, &size);
    MUST(fclose(memory) == 0 && errno == 77);
    free(text);
    FILE *file = fopen(self, "r");
    MUST(getc(file) != EOF && fclose(file) == 0);
    MUST(pipe(fd) == 0 && write(fd[1], "x", 1) == 1);
    struct pollfd polled = {fd[0], POLLIN, 0};
    MUST(poll(&polled, 1, -1) == 1 && read(fd[0], &byte, 1) == 1);
    struct iovec part = {&byte, 1};
    MUST(writev(fd[1], &part, 1) == 1 && readv(fd[0], &part, 1) == 1);
    MUST(dup2(fd[0], 50) == 50 && close(50) == 0);
    file = fdopen(fd[0], "r");
    MUST(fclose(file) == 0 && close(fd[1]) == 0 && errno == 77);
    return 0;
}

static void check_others(void)
{
    EXPECT(seen->attached == 1 && seen->claimed == 0);
    EXPECT(seen->ended && seen->left == 0);
}

static int do_bad_addresses(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd[2], from = listener(&address);
    connected(fd);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(client, any(&address), size) == 0);
    MUST_FAIL(accept(from, nowhere, (socklen_t *)16), EFAULT);
    MUST_FAIL(getsockname(from, any(&address), nowhere), EFAULT);
    MUST_FAIL(connect(fd[0], nowhere, 16), EFAULT);
    MUST_FAIL(connect(fd[0], any(&address), 0x7fffffff), EINVAL);
    MUST_FAIL(bind(fd[0], nowhere, 16), EFAULT);
    MUST_FAIL(setsockopt(from, SOL_SOCKET, SO_REUSEADDR, nowhere, 4), EFAULT);
    MUST_FAIL(send(fd[0], nowhere, 5, 0), EFAULT);
    MUST_FAIL(writev(fd[0], nowhere, 2), EFAULT);
    MUST_FAIL(sendmsg(fd[0], nowhere, 0), EFAULT);
    MUST_FAIL(recvmsg(fd[0], nowhere, 0), EFAULT);
    MUST(send(fd[1], "x", 1, 0) == 1);
    MUST_FAIL(recv(fd[0], nowhere, 5, 0), EFAULT);
    MUST_FAIL(poll(nowhere, 1, 0), EFAULT);
    MUST_FAIL(select(9, nowhere, NULL, NULL, NULL), EFAULT);
    MUST_FAIL(nanosleep(nowhere, NULL), EFAULT);
    return 0;
}

static void check_bad_addresses(void)
{
    EXPECT(nth("accept", 2)->error == EFAULT && nth("accept", 2)->a == -1);
    EXPECT(nth("connect", 4)->a == 0x7fffffff);
    EXPECT(nth("send", 1)->error == EFAULT && nth("send", 1)->bytes_size == 0);
    EXPECT(nth("recv", 1)->error == EFAULT);
}

static int do_names(void)
{
    struct addrinfo hints = {.ai_family = AF_INET,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST},
                    *list;
    MUST(getaddrinfo("127.0.0.1", "80", &hints, &list) == 0);
    freeaddrinfo(list);
    MUST(getaddrinfo("no-address", "80", &hints, &list) == EAI_NONAME);
    return 0;
}

static void check_names(void)
{
    EXPECT(has_bytes(nth("getaddrinfo", 1), "127.0.0.1"));
    EXPECT(nth("getaddrinfo", 1)->a != 0);
    EXPECT(nth("freeaddrinfo", 1)->a == nth("getaddrinfo", 1)->a);
    EXPECT(nth("getaddrinfo", 2)->result == EAI_NONAME);
    EXPECT(nth("getaddrinfo", 2)->error == 0 && seen->claimed == 3);
}

static int do_signals(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    MUST(signal(SIGPIPE, SIG_IGN) == SIG_DFL);
    MUST(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
    MUST(sigaction(SIGPIPE, &ignore, NULL) == 0);
    MUST(sigaction(SIGPIPE, NULL, &ignore) == 0);
    return 0;
}

static void check_signals(void)
{
    EXPECT_CALL("signal", 1, SIGNAL, 0, SIGPIPE, 1);
    EXPECT_CALL("signal", 2, SIGNAL, (intptr_t)SIG_IGN, SIGPIPE, 0);
    EXPECT_CALL("sigaction", 1, SIGNAL, 0, SIGPIPE, 1);
    EXPECT(seen->claimed == 3);
}

static int do_fork(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), status;
    pid_t child = fork();
    if (child == 0)
        exit(listen(fd, 3));
    MUST(waitpid(child, &status, 0) == child && status == 0);
    return 0;
}

static void check_fork(void)
{
    EXPECT(nth("fork", 1)->pid == seen->first_pid);
    EXPECT(nth("listen", 1)->pid == nth("fork", 1)->result);
    EXPECT(seen->claimed == 3 && seen->attached == 1);
    EXPECT(seen->ended && seen->left == 1);
}

static int do_exec(void)
{
    MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) != -1);
    execl(self, self, "connecting", (char *)NULL);
    return 1;
}

static void check_exec(void)
{
    EXPECT(seen->attached == 2 && seen->begin == 1 && seen->left == 5);
}

/** The witness's own descriptor must not be in the way of the program's. */
static int do_number(void)
{
    int lowest = open(self, O_RDONLY);
    close(lowest);
    MUST(socket(AF_INET, SOCK_STREAM, 0) == lowest);
    return 0;
}

static void check_number(void)
{
    int lowest = dup(1); /* as in the program: it has inherited the same */
    EXPECT(nth("socket", 1)->result == lowest);
    close(lowest);
}

static void *make_calls(void *nothing)
{
    for (int i = 0; i < 1000; i++)
        MUST_FAIL(listen(-1, i), EBADF);
    return nothing;
}

static int do_threads(void)
{
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        MUST(pthread_create(&thread[i], NULL, make_calls, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    return 0;
}

static void check_threads(void)
{
    int64_t sum = 0, wrong = 0;
    EXPECT(seen->claimed == 4000 + 4);
    for (uint32_t i = 0; i < records(); i++) {
        const struct witness_record *r = &seen->record[i];
        int creates = r->call == WITNESS_FORK;
        sum += creates ? 0 : r->a;
        wrong += !r->done || r->error != (creates ? 0 : EBADF) ||
                 (r->tid == r->pid) != creates;
    }
    EXPECT(nth("pthread_create", 4) != NULL);
    EXPECT(wrong == 0 && sum == 4 * 999 * 1000 / 2);
}

static int do_many(void)
{
    for (int i = 0; i < 100; i++)
        MUST_FAIL(listen(-1, i), EBADF);
    return 0;
}

/** There are more records in the file than it says there may be. */
static void check_bounded(void)
{
    static const struct witness_record none;
    EXPECT(seen->claimed == 100 && nth("listen", 8)->a == 7);
    EXPECT(memcmp(&seen->record[8], &none, sizeof none) == 0);
}

static int do_killed(void)
{
    int fd[2];
    connected(fd);
    struct itimerval soon = {.it_value = {0, 50000}};
    MUST(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    return recv(fd[0], fd, 1, 0) == -1;
}

static void check_killed(void)
{
    const struct witness_record *r = nth("recv", 1);
    EXPECT(!r->done && r->a == 1 && r->enter != 0 && !seen->ended);
}

/* ---- Trials: what is left open ---- */

static void leave_things_open(void)
{
    int pair[2], fd = socket(AF_INET, SOCK_STREAM, 0);
    FILE *file = fdopen(dup(fd), "r+");
    MUST(fclose(file) == 0 && pipe(pair) == 0 && dup2(fd, 0) == 0);
}

static void close_all(void)
{
    for (int fd = 3; fd < 20; fd++)
        close(fd);
}

static int do_left(void)
{
    leave_things_open();
    return 0;
}

static int do_left_exit(void)
{
    leave_things_open();
    _Exit(0);
}

static int do_left_quick_exit(void)
{
    leave_things_open();
    quick_exit(0);
}

/** In place of 0 a socket; and a socket and two ends of a pipe. */
static void check_left(void)
{
    EXPECT(seen->ended && seen->left == 4);
    EXPECT(seen->left_open[0].fd == 0 && seen->left_open[0].socket == 1);
    EXPECT(seen->left_open[1].fd == (int)nth("socket", 1)->result);
    EXPECT(seen->left_open[1].socket == 1 && seen->left_open[2].socket == 0);
}

static int do_left_atexit(void)
{
    atexit(close_all);
    leave_things_open();
    return 0;
}

static void check_left_atexit(void)
{
    EXPECT(seen->ended && seen->left == 1);
}

/* ---- Trials: faults ---- */

/** Whichever way it is sent and received, it is in pieces of three and two. */
static int do_short(void)
{
    int fd[2];
    char b[32];
    struct iovec out[3] = {{(char[]){"1"}, 1}, {b, 0}, {(char[]){"2345"}, 4}};
    struct iovec in[2] = {{b, 1}, {b + 1, 30}};
    struct msghdr gone = {.msg_iov = out, .msg_iovlen = 3};
    struct msghdr come = {.msg_iov = in, .msg_iovlen = 2};
    connected(fd);
    int plain[2];
    MUST(pipe(plain) == 0 && write(plain[1], "12345", 5) == 5);
    MUST(send(fd[0], "12345", 5, 0) == 3 && write(fd[0], "12345", 5) == 3);
    MUST(sendto(fd[0], "12345", 5, 0, NULL, 0) == 3);
    MUST(writev(fd[0], out, 3) == 3 && sendmsg(fd[0], &gone, 0) == 3);
    MUST(send(fd[0], "12", 2, 0) == 2);
    MUST(recv(fd[1], b, 9, 0) == 2 && recv(fd[1], b, 9, MSG_WAITALL) == 2);
    MUST(memcmp(b, "31", 2) == 0 && recv(fd[1], b, 9, MSG_PEEK) == 2);
    MUST(read(fd[1], b, 9) == 2 && memcmp(b, "23", 2) == 0);
    MUST(recvfrom(fd[1], b, 9, 0, NULL, NULL) == 2);
    MUST(__recv_chk(fd[1], b, 9, 9, 0) == 2 && __read_chk(fd[1], b, 9, 9) == 2);
    MUST(memcmp(b, "23", 2) == 0); /* both of them have been sent by writev */
    MUST(readv(fd[1], in, 2) == 2 && memcmp(b, "12", 2) == 0);
    come.msg_flags = -1;
    MUST(recvmsg(fd[1], &come, 0) == 2 && memcmp(b, "31", 2) == 0);
    MUST(come.msg_flags == 0 && recv(fd[1], b, 1, 0) == 1 && b[0] == '2');
    return 0;
}

static void check_short(void)
{
    EXPECT(nth("send", 1)->injected && nth("send", 1)->a == 5);
    EXPECT(has_bytes(nth("send", 1), "123") && !nth("send", 2)->injected);
    EXPECT(has_bytes(nth("writev", 1), "123"));
    EXPECT(has_bytes(nth("readv", 1), "12"));
    EXPECT(count_of(WITNESS_SEND, 1) == 5 && count_of(WITNESS_RECV, 1) == 9);
}

/** What a signal would do: nothing is transferred, but connect() goes on. */
static int do_interrupted(void)
{
    struct sockaddr_in address;
    struct pollfd decided = {.events = POLLOUT};
    int error = -1, from = listener(&address);
    socklen_t size = sizeof error;
    char byte;
    int fd = decided.fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST_FAIL(connect(fd, any(&address), sizeof address), EINTR);
    MUST((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    MUST_FAIL(poll(&decided, 1, -1), EINTR);
    MUST(poll(&decided, 1, -1) == 1);
    MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    MUST(error == 0);
    MUST_FAIL(accept(from, NULL, NULL), EINTR);
    int conn = accept(from, NULL, NULL);
    MUST(conn != -1);
    MUST_FAIL(send(conn, "x", 1, 0), EINTR);
    MUST(send(conn, "x", 1, 0) == 1);
    MUST(recv(fd, &byte, 1, MSG_DONTWAIT) == 1); /* cannot be interrupted */
    MUST(send(conn, "x", 1, 0) == 1);
    MUST_FAIL(read(fd, &byte, 1), EINTR);
    MUST_FAIL(recv(fd, &byte, 1, 0), EINTR);
    MUST(recv(fd, &byte, 1, 0) == 1 && close(from) == 0);
    fd = decided.fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST_FAIL(connect(fd, any(&address), sizeof address), EINTR);
    MUST(poll(&decided, 1, -1) == 1);
    MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    MUST(error == ECONNREFUSED);
    MUST_FAIL(close(fd), EINTR);
    MUST_FAIL(close(fd), EBADF);
    return 0;
}

static void check_interrupted(void)
{
    EXPECT(seen->faults == 6 && nth("connect", 1)->injected);
    EXPECT(nth("connect", 1)->error == EINTR && !nth("accept", 2)->injected);
    EXPECT(nth("connect", 1)->c == nth("accept", 2)->c);
    EXPECT(count_of(WITNESS_RECV, 1) == 2 && count_of(WITNESS_CLOSE, 1) == 1);
}

static int do_failing(void)
{
    struct sockaddr_in address;
    int from = listener(&address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST_FAIL(connect(fd, any(&address), sizeof address), ENETDOWN);
    MUST(connect(fd, any(&address), sizeof address) == 0);
    MUST_FAIL(accept(from, NULL, NULL), EMFILE);
    MUST_FAIL(accept4(from, NULL, NULL, 0), EMFILE);
    MUST(write(fd, "x", 1) == 1);
    MUST_FAIL(send(fd, "x", 1, 0), ECONNRESET);
    MUST(send(fd, "x", 1, 0) == 1);
    MUST_FAIL(socket(AF_INET, SOCK_STREAM, 0), ENFILE);
    MUST(getaddrinfo("127.0.0.1", "1", NULL, NULL) == EAI_AGAIN);
    MUST_FAIL(close(-1), EBADF); /* not counted: no socket */
    MUST(close(open(self, O_RDONLY)) == 0);
    MUST_FAIL(close(fd), EIO);
    MUST_FAIL(close(fd), EBADF);
    MUST_FAIL(fork(), EAGAIN);
    return 0;
}

static void check_failing(void)
{
    EXPECT(seen->faults == 7 && seen->left == 1);
    EXPECT(nth("accept", 1)->injected && nth("accept", 1)->error == EMFILE);
    EXPECT(nth("getaddrinfo", 1)->result == EAI_AGAIN);
    EXPECT(nth("close", 2)->injected && nth("close", 2)->error == EIO);
}

static int do_gone(void)
{
    int fd[2];
    char rest[9];
    connected(fd);
    MUST(send(fd[0], "x", 1, 0) == 1);
    MUST_FAIL(send(fd[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    MUST_FAIL(send(fd[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    MUST(drain(fd[1], rest, sizeof rest) == 1);
    return (int)write(fd[0], "x", 1); /* SIGPIPE */
}

static void check_gone(void)
{
    EXPECT(nth("send", 2)->injected && nth("send", 2)->error == EPIPE);
    EXPECT(!nth("send", 3)->injected && nth("send", 3)->error == EPIPE);
    EXPECT(!nth("write", 1)->done && count_of(WITNESS_SHUTDOWN, 0) == 0);
    EXPECT(!seen->ended);
}

static int do_delayed(void)
{
    MUST(listen(socket(AF_INET, SOCK_STREAM, 0), 1) == 0);
    return 0;
}

static void check_delayed(void)
{
    const struct witness_record *r = nth("listen", 1);
    EXPECT(r->injected && r->leave - r->enter >= 30000000);
}

/** Half a minute in all, if nobody hurries. */
static int do_hurried(void)
{
    int fd[2], epoll = epoll_create1(0);
    char byte;
    struct timespec five = {5, 0};
    struct timeval too = {5, 0};
    struct epoll_event event;
    connected(fd);
    struct pollfd polled = {fd[1], POLLIN, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd[1], &set);
    MUST(poll(&polled, 1, 5000) == 0);
    MUST(ppoll(&polled, 1, &five, NULL) == 0 && five.tv_sec == 5);
    MUST(select(fd[1] + 1, &set, NULL, NULL, &too) == 0);
    FD_SET(fd[1], &set);
    MUST(pselect(fd[1] + 1, &set, NULL, NULL, &five, NULL) == 0);
    MUST(epoll_wait(epoll, &event, 1, 5000) == 0);
    MUST(poll(&polled, 1, 1) == 0 && poll(&polled, 1, 0) == 0);
    too.tv_sec = 5;
    MUST(setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &too, sizeof too) == 0);
    MUST_FAIL(recv(fd[1], &byte, 1, 0), EAGAIN);
    MUST(send(fd[0], "x", 1, 0) == 1 && poll(&polled, 1, -1) == 1);
    return 0;
}

static void check_hurried(void)
{
    static const char *const names[] = {"poll",    "ppoll",      "select",
                                        "pselect", "epoll_wait", "setsockopt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct witness_record *r = nth(names[i], 1);
        EXPECT(r->injected && r->leave - r->enter < 4000000000);
    }
    EXPECT(!nth("poll", 2)->injected && !nth("poll", 3)->injected);
    EXPECT(!nth("poll", 4)->injected && nth("poll", 1)->a == 5000);
    EXPECT(nth("recv", 1)->leave - nth("recv", 1)->enter < 4000000000);
}

/** The two addresses listed for 127.0.0.1 and a port with a listener. */
static struct addrinfo *both_addresses(char port[6])
{
    struct sockaddr_in address;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    hints.ai_family = AF_INET;
    listener(&address);
    snprintf(port, 6, "%d", ntohs(address.sin_port));
    MUST(getaddrinfo("127.0.0.1", port, &hints, &list) == 0);
    MUST(list->ai_next != NULL && list->ai_next->ai_next == NULL);
    return list;
}

static int do_two(void)
{
    char port[6];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = both_addresses(port), *second = list->ai_next;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST_FAIL(connect(fd, list->ai_addr, list->ai_addrlen), ECONNREFUSED);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(fd, second->ai_addr, second->ai_addrlen) == 0);
    freeaddrinfo(list);
    hints.ai_family = AF_UNSPEC;
    MUST(getaddrinfo("127.0.0.1", port, &hints, &list) == 0);
    MUST(list->ai_next != NULL);
    fd = socket(list->ai_family, SOCK_STREAM, 0);
    MUST_FAIL(connect(fd, list->ai_addr, list->ai_addrlen), ECONNREFUSED);
    freeaddrinfo(list);
    MUST(getaddrinfo("::1", port, &hints, &list) == 0);
    MUST(list->ai_family == AF_INET && list->ai_next->ai_family == AF_INET6);
    freeaddrinfo(list);
    hints.ai_flags = AI_NUMERICHOST;
    MUST(getaddrinfo("no-address", port, &hints, &list) == EAI_NONAME);
    hints.ai_family = AF_INET6; /* the address it has besides, and no other */
    MUST(getaddrinfo("127.0.0.1", port, &hints, &list) == 0);
    MUST(list->ai_family == AF_INET6 && list->ai_next == NULL);
    freeaddrinfo(list);
    return 0;
}

static int do_behind(void)
{
    char port[6];
    struct addrinfo *list = both_addresses(port), *second = list->ai_next;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(fd, list->ai_addr, list->ai_addrlen) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST_FAIL(connect(fd, second->ai_addr, second->ai_addrlen), ECONNREFUSED);
    freeaddrinfo(list);
    return 0;
}

static void check_behind(void)
{
    EXPECT(nth("getaddrinfo", 1)->injected);
    EXPECT(nth("freeaddrinfo", 1)->a == nth("getaddrinfo", 1)->a);
}

static int do_alarmed(void)
{
    struct itimerval five = {{5, 0}, {5, 0}}, before;
    MUST(alarm(0) == 0 && setitimer(ITIMER_REAL, &five, &before) == 0);
    MUST(before.it_value.tv_sec == 0 && five.it_value.tv_sec == 5);
    five.it_value.tv_sec = 0; /* disarms it */
    MUST(setitimer(ITIMER_REAL, &five, &before) == 0);
    MUST(before.it_value.tv_sec == 0 && before.it_interval.tv_sec == 0);
    alarm(5);
    for (;;)
        pause();
}

static void check_alarmed(void)
{
    EXPECT(!nth("alarm", 1)->injected && nth("alarm", 2)->injected);
    EXPECT(nth("setitimer", 1)->injected && nth("setitimer", 1)->a == 5000);
    EXPECT(nth("alarm", 2)->a == 5000);
}

static void check_two(void)
{
    EXPECT(nth("getaddrinfo", 1)->injected && nth("getaddrinfo", 3)->injected);
    EXPECT(nth("freeaddrinfo", 1)->a == nth("getaddrinfo", 1)->a);
    EXPECT(count_of(WITNESS_BIND, 0) == 1);
}

static void check_nonsense(void)
{
    EXPECT(seen->faults == 1 && count_of(WITNESS_LISTEN, 1) == 0);
}

static int do_idle(void)
{
    MUST_FAIL(socket(AF_INET, SOCK_STREAM, 0), EACCES);
    MUST(socket(AF_INET, SOCK_STREAM, 0) != -1);
    return 0;
}

static void check_idle(void)
{
    EXPECT(seen->attached == 0 && seen->claimed == 0 && seen->ended == 0);
}

/* ---- What it costs ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int do_cost(void)
{
    enum { TURNS = 2000 };
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd[2];
    char byte = 'x';
    double at[5] = {seconds()};
    connected(fd);
    at[0] = seconds();
    for (int i = 0; i < TURNS; i++)
        getsockname(fd[0], any(&address), &size);
    at[1] = seconds();
    for (int i = 0; i < TURNS; i++)
        MUST(send(fd[0], &byte, 1, 0) == 1);
    at[2] = seconds();
    for (int i = 0; i < TURNS; i++)
        MUST(recv(fd[1], &byte, 1, 0) == 1);
    at[3] = seconds();
    struct pollfd polled = {fd[0], POLLIN, 0};
    for (int i = 0; i < TURNS; i++)
        poll(&polled, 1, 0);
    at[4] = seconds();
    printf("# ns a call %s:", getenv(WITNESS_LOG) ? "with" : "without");
    static const char *const name[] = {"getsockname", "send", "recv", "poll"};
    for (int i = 0; i < 4; i++)
        printf(" %s %.0f", name[i], (at[i + 1] - at[i]) * 1e9 / TURNS);
    putchar('\n');
    return fflush(stdout);
}

static void check_cost(void)
{
    EXPECT(seen->claimed == 4 * 2000 + 8);
    EXPECT(count_of(WITNESS_POLL, 0) == 2000);
}

/* ---- Running them ---- */

enum { ROOM = 10000 }; /* records in a log, unless a trial wants it small */

static const struct trial {
    const char *name;
    int (*subject)(void);
    void (*check)(void);
    int signal;        /* that ends the subject */
    uint32_t capacity; /* of the log, 0: there is none */
    const char *faults;
} trials[] = {
    {"connecting", do_connecting, check_connecting, 0, ROOM, ""},
    {"transfers", do_transfers, check_transfers, 0, ROOM, ""},
    {"waiting", do_waiting, check_waiting, 0, ROOM, ""},
    {"descriptors", do_descriptors, check_descriptors, 0, ROOM, ""},
    {"others", do_others, check_others, 0, ROOM, ""},
    {"bad-addresses", do_bad_addresses, check_bad_addresses, 0, ROOM, ""},
    {"names", do_names, check_names, 0, ROOM, ""},
    {"signals", do_signals, check_signals, 0, ROOM, ""},
    {"fork", do_fork, check_fork, 0, ROOM, ""},
    {"exec", do_exec, check_exec, 0, ROOM, ""},
    {"number", do_number, check_number, 0, ROOM, ""},
    {"threads", do_threads, check_threads, 0, ROOM, ""},
    {"bounded", do_many, check_bounded, 0, 8, ""},
    {"killed", do_killed, check_killed, SIGALRM, ROOM, ""},
    {"left", do_left, check_left, 0, ROOM, ""},
    {"left-exit", do_left_exit, check_left, 0, ROOM, ""},
    {"left-quick-exit", do_left_quick_exit, check_left, 0, ROOM, ""},
    {"left-atexit", do_left_atexit, check_left_atexit, 0, ROOM, ""},
    {"short", do_short, check_short, 0, ROOM, "send:short=3,recv:short=2"},
    {"interrupted", do_interrupted, check_interrupted, 0, ROOM,
     "connect:eintr=2,poll:eintr=1,accept:eintr=1,send:eintr=1,recv:eintr=2,"
     "close:eintr=1@2"},
    {"failing", do_failing, check_failing, 0, ROOM,
     "connect:fail=100@1,accept:fail=24,send:fail=104@2,socket:fail=23@3,"
     "getaddrinfo:fail=-3,close:fail=5@1,fork:fail=11"},
    {"gone", do_gone, check_gone, SIGPIPE, ROOM, "send:gone@2"},
    {"delayed", do_delayed, check_delayed, 0, ROOM, "listen:delay=30"},
    {"hurried", do_hurried, check_hurried, 0, ROOM,
     "poll:hurry=100,setsockopt:hurry=100"},
    {"behind", do_behind, check_behind, 0, ROOM, "getaddrinfo:two=1"},
    {"alarmed", do_alarmed, check_alarmed, SIGALRM, ROOM, "alarm:hurry=100"},
    {"two", do_two, check_two, 0, ROOM, "getaddrinfo:two"},
    {"nonsense", do_delayed, check_nonsense, 0, ROOM,
     "listen:short=1,send:short=0,liten:fail=1,listen:fail,socket:fail=9@9"},
    {"idle", do_idle, check_idle, 0, 0, "socket:fail=13@1"},
    {"cost", do_cost, check_cost, 0, ROOM, ""},
};

enum { TRIALS = sizeof trials / sizeof *trials };

/** Becomes the subject of a trial, under the witness. It has inherited a
 * socket, and is ended if it hangs. */
static void become(const struct trial *trial, const char *log)
{
    MUST(dup2(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 100) == 100);
    setenv("LD_PRELOAD", library, 1);
    setenv(WITNESS_FAULT, trial->faults, 1);
    if (trial->capacity > 0)
        setenv(WITNESS_LOG, log, 1);
    alarm(20);
    execl(self, self, trial->name, (char *)NULL);
    _exit(126);
}

/** Makes a log. @return its size, with room for one record too many */
static size_t make_log(char path[], uint32_t capacity)
{
    size_t size = sizeof *seen + (capacity + 1) * sizeof *seen->record;
    int fd = mkstemp(path);
    MUST(fd != -1 && ftruncate(fd, (off_t)size) == 0);
    seen = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(seen != MAP_FAILED && close(fd) == 0);
    seen->magic = WITNESS_MAGIC;
    seen->capacity = capacity;
    return size;
}

/** @return 1 if all is as expected */
static int judge(const struct trial *trial)
{
    char path[] = "/tmp/witness-XXXXXX";
    int status = -1;
    size_t size = make_log(path, trial->capacity);
    failures = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        become(trial, path);
    MUST(waitpid(child, &status, 0) == child);
    EXPECT(trial->signal == (WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    EXPECT(trial->signal != 0 || WEXITSTATUS(status) == 0);
    trial->check();
    munmap(seen, size);
    unlink(path);
    return failures == 0;
}

int main(int argc, char *argv[])
{
    self = argv[0];
    for (int i = 0; argc == 2 && i < TRIALS; i++)
        if (strcmp(argv[1], trials[i].name) == 0)
            return trials[i].subject();
    if (argc != 2) {
        fprintf(stderr, "usage: test_witness WITNESS.SO\n");
        return 2;
    }
    int failed = 0;
    library = argv[1];
    printf("1..%d\n", TRIALS);
    for (int i = 0; i < TRIALS; i++) {
        int passed = judge(&trials[i]);
        printf("%sok %d - %s\n", passed ? "" : "not ", i + 1, trials[i].name);
        failed += !passed;
    }
    return failed > 0;
}
