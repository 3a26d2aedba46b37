/**
 * @file
 * The finished server and client, talking, with both their outputs shown in
 * the order in which they were written: every stream is a datagram socket of
 * its own that sends to one receiver, so the kernel keeps the order and the
 * sender's address tells which stream it was.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEADLINE_MS = 10000 };

static const char *const who[] = {"server", "client"};
static const char *const which[] = {"stdout", "stderr"};

/* Where everything arrives, and where it comes from. */
struct stage {
    char directory[64];
    int receiver;
    pid_t pid[2];
    int status[2];
    char port[8];
};

static int bound_socket(const char *directory, const char *name)
{
    struct sockaddr_un a;
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", directory, name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd != -1 && bind(fd, (struct sockaddr *)&a, sizeof a) == -1) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A stream that arrives at the receiver under the name "server.stdout". */
static int stream_to(const struct stage *s, int program, int stream)
{
    char name[32];
    struct sockaddr_un a;
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    snprintf(a.sun_path, sizeof a.sun_path, "%s/receiver", s->directory);
    snprintf(name, sizeof name, "%s.%s", who[program], which[stream]);
    int fd = bound_socket(s->directory, name);
    if (fd != -1 && connect(fd, (struct sockaddr *)&a, sizeof a) == -1) {
        close(fd);
        return -1;
    }
    return fd;
}

static int start_program(struct stage *s, int program, const char *path,
                         const char *a, const char *b)
{
    int out = stream_to(s, program, 0), err = stream_to(s, program, 1);
    if (out == -1 || err == -1) {
        perror("demo: a stream");
        return -1;
    }
    s->pid[program] = fork();
    if (s->pid[program] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        execl(path, path, a, b, (char *)NULL);
        perror(path);
        _exit(127);
    }
    close(out);
    close(err);
    return s->pid[program] == -1 ? -1 : 0;
}

/* Prints what a program wrote, line by line, with its name before it. */
static void show(const char *from, char *text)
{
    const char *name = strrchr(from, '/');
    char program[16] = "?", stream[16] = "?";
    bool colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    if (name == NULL || sscanf(name, "/%15[^.].%15s", program, stream) != 2)
        return;
    bool talk = strcmp(stream, "stdout") == 0;
    const char *colour = !colours ? "" : talk ? "\033[1m" : "\033[2m";
    for (char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        printf("  %s  %s  %s%.*s%s\n", program, stream, colour, (int)n, line,
               colours ? "\033[0m" : "");
        line += n + (line[n] == '\n');
    }
    fflush(stdout);
}

/* Waits for words, shows them; returns false if none came in time. */
static bool next_words(struct stage *s, int milliseconds, char *text,
                       size_t size)
{
    struct pollfd ready = {s->receiver, POLLIN, 0};
    struct sockaddr_un from;
    socklen_t from_size = sizeof from;
    memset(&from, 0, sizeof from);
    if (poll(&ready, 1, milliseconds) != 1)
        return false;
    ssize_t n = recvfrom(s->receiver, text, size - 1, 0,
                         (struct sockaddr *)&from, &from_size);
    if (n == -1)
        return false;
    text[n] = '\0';
    show(from.sun_path, text);
    return true;
}

/* Starts the server and waits until it says where it listens. */
static bool start_server(struct stage *s, const char *path)
{
    char text[4096];
    if (start_program(s, SERVER, path, "0", NULL) == -1)
        return false;
    while (next_words(s, DEADLINE_MS, text, sizeof text)) {
        const char *port = strstr(text, "listening on 127.0.0.1:");
        if (port != NULL) {
            snprintf(s->port, sizeof s->port, "%.*s", 5,
                     strrchr(port, ':') + 1);
            s->port[strcspn(s->port, "\n")] = '\0';
            return true;
        }
    }
    return false;
}

static bool await_program(struct stage *s, int program)
{
    char text[4096];
    for (int waited = 0; waited < DEADLINE_MS; waited += 20) {
        while (next_words(s, 20, text, sizeof text))
            ;
        if (waitpid(s->pid[program], &s->status[program], WNOHANG) > 0) {
            s->pid[program] = 0;
            while (next_words(s, 0, text, sizeof text))
                ;
            return true;
        }
    }
    return false;
}

static bool perform(struct stage *s, const char *server, const char *client)
{
    printf("$ %s 0\n", server);
    fflush(stdout);
    if (!start_server(s, server))
        return false;
    printf("$ %s 127.0.0.1 %s\n", client, s->port);
    fflush(stdout);
    if (start_program(s, CLIENT, client, "127.0.0.1", s->port) == -1)
        return false;
    return await_program(s, CLIENT) && await_program(s, SERVER);
}

static void clear(struct stage *s)
{
    static const char *const names[] = {"receiver", "server.stdout",
                                        "server.stderr", "client.stdout",
                                        "client.stderr"};
    char path[128];
    for (int i = 0; i < 2; i++)
        if (s->pid[i] > 0) {
            kill(s->pid[i], SIGKILL);
            waitpid(s->pid[i], NULL, 0);
        }
    close(s->receiver);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", s->directory, names[i]);
        unlink(path);
    }
    rmdir(s->directory);
}

int demo(const char *server, const char *client)
{
    struct stage s = {.directory = "/tmp/demo-XXXXXX"};
    if (mkdtemp(s.directory) == NULL ||
        (s.receiver = bound_socket(s.directory, "receiver")) == -1) {
        perror("demo");
        return 2;
    }
    bool done = perform(&s, server, client);
    bool well = done && s.status[SERVER] == 0 && s.status[CLIENT] == 0;
    if (well)
        printf("Both ended with status 0. Eight steps lead there.\n"
               "next: steps/01-socket/README.md\n");
    else
        printf("%s\nnext: make check-step 8\n",
               done ? "One of them failed." : "They did not come to an end.");
    clear(&s);
    return well ? 0 : 1;
}
