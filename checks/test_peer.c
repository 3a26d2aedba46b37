/**
 * @file
 * Does a peer know a stranger? Connections are made on both sides of the
 * kernel's queue, and what the witness would have written is put in its log by
 * hand.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct trial t;
static unsigned port;
static int listener, tests, failures;
static char directory[] = "/tmp/test_peer-XXXXXX";

static void ok(bool good, const char *what)
{
    failures += !good;
    printf("%sok %d - %s\n", good ? "" : "not ", ++tests, what);
}

/* The witness has seen a call, on a connection with this port. */
static void saw(enum witness_call call, unsigned at)
{
    struct witness_log *log = t.log.map;
    log->attached = 1;
    log->record[log->claimed++] = (struct witness_record){
        .done = 1, .call = (uint16_t)call, .fd = 3, .c = at};
}

/* A new program, of which nothing is known yet. */
static void begin(void)
{
    t.log.map->claimed = 0;
    t.guests = 0;
    t.disturbed = false;
}

/* Connects past the functions of peer.h, as anybody might. */
static unsigned come(void)
{
    struct sockaddr_in to = ipv4_address(INADDR_LOOPBACK, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == -1)
        perror("connect");
    return own_port(fd);
}

static void test_server(void)
{
    begin();
    ok(!met_stranger(&t), "a server that has accepted nobody met no stranger");
    saw(WITNESS_ACCEPT, own_port(peer_connect(port)));
    ok(!met_stranger(&t), "who comes by peer_connect() is no stranger");
    saw(WITNESS_ACCEPT, 0);
    ok(!met_stranger(&t), "nor is who has gone before anybody looked");
    saw(WITNESS_ACCEPT, come());
    ok(met_stranger(&t), "who comes on his own is one");
    close(accept(listener, NULL, NULL));
    close(accept(listener, NULL, NULL));
}

static void test_client(void)
{
    begin();
    unsigned from = come();
    close(peer_accept(&t, listener));
    ok(!met_stranger(&t), "a client that no witness sees is believed");
    saw(WITNESS_SOCKET, 0);
    ok(met_stranger(&t), "a guest is a stranger if the client did not connect");
    saw(WITNESS_CONNECT, from);
    ok(!met_stranger(&t), "and none if it came from the client's port");
    come();
    close(peer_accept(&t, listener));
    ok(met_stranger(&t), "but a second guest is");
    begin();
    saw(WITNESS_SOCKET, 0);
    ok(!met_stranger(&t), "the next client has its own guests");
}

/* A question that starts several programs stops the one before the next. */
static void test_stopped(void)
{
    begin();
    saw(WITNESS_ACCEPT, own_port(peer_connect(port)));
    stop(&t);
    ok(!met_stranger(&t), "who met no stranger is stopped, and has met none");
    if (log_open(&t.log, directory, 16) == -1)
        perror("log_open");
    saw(WITNESS_ACCEPT, come());
    stop(&t);
    ok(met_stranger(&t), "but who met one is not forgotten when it is stopped");
}

int main(void)
{
    printf("TAP version 13\n");
    listener = peer_listen(AF_INET, &port);
    if (listener == -1 || mkdtemp(directory) == NULL ||
        log_open(&t.log, directory, 16) == -1) {
        perror("test_peer");
        return 2;
    }
    test_server();
    test_client();
    test_stopped();
    rmdir(directory);
    printf("1..%d\n", tests);
    return failures > 0;
}
