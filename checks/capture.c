/**
 * @file
 * What really crossed: a capture on the loopback interface, for those who may
 * (Linux, CAP_NET_RAW). The kernel copies the head of each packet into a ring
 * of memory that we read: see packet(7).
 */
#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 256, FRAMES = 16384, RING = FRAME * FRAMES, BLOCK = 1 << 16 };

#if defined __linux__ && defined __has_include
#if __has_include(<linux/filter.h>) && __has_include(<linux/if_packet.h>)
#define CAN_CAPTURE
#endif
#endif

#ifdef CAN_CAPTURE
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>

/* Makes the socket a capture, and maps its ring. @return 0, or -1 */
static int set_up(struct capture *c)
{
    /* Only what is sent: loopback shows each packet once more, received. */
    struct sock_filter sent[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, FRAME), BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog filter = {sizeof sent / sizeof *sent, sent};
    int version = TPACKET_V2;
    struct tpacket_req ring = {BLOCK, RING / BLOCK, FRAME, FRAMES};
    struct sockaddr_ll lo;
    memset(&lo, 0, sizeof lo);
    lo.sll_family = AF_PACKET;
    lo.sll_protocol = htons(ETH_P_ALL);
    lo.sll_ifindex = (int)if_nametoindex("lo");
    if (setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
                   sizeof filter) == -1 ||
        setsockopt(c->fd, SOL_PACKET, PACKET_VERSION, &version,
                   sizeof version) == -1 ||
        setsockopt(c->fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) == -1)
        return -1;
    void *at = mmap(NULL, RING, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
    if (at == MAP_FAILED)
        return -1;
    c->ring = (uint8_t *)at;
    return bind(c->fd, (struct sockaddr *)&lo, sizeof lo);
}

int capture_open(struct capture *c)
{
    memset(c, 0, sizeof *c);
    c->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (c->fd == -1 || set_up(c) == 0)
        return c->fd == -1 ? -1 : 0;
    int error = errno;
    capture_close(c);
    errno = error;
    return -1;
}

/* A number of two or four bytes in network order. */
static uint32_t number(const uint8_t *at, int bytes)
{
    uint32_t n = 0;
    while (bytes-- > 0)
        n = n << 8 | *at++;
    return n;
}

/* Understands a packet of `size` bytes. @return false if it is not TCP */
static bool dissect(const uint8_t *packet, uint32_t size, struct segment *s)
{
    bool six = packet[0] >> 4 == 6;
    uint32_t head = six ? 40 : (packet[0] & 0xfu) * 4;
    const uint8_t *tcp = packet + head;
    if (packet[six ? 6 : 9] != IPPROTO_TCP || size < head + 20)
        return false;
    s->from = number(tcp, 2);
    s->to = number(tcp + 2, 2);
    s->sequence = number(tcp + 4, 4);
    s->flags = tcp[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
    s->bytes = size - head - (tcp[12] >> 4) * 4u;
    return true;
}

/* Is it of our ports, and more than word that something has arrived? That
 * word counts where it ends a handshake. */
static bool is_wanted(struct capture *c, const struct segment *s)
{
    bool bare = s->flags == TCP_ACK && s->bytes == 0;
    if ((!c->ours[s->from] && !c->ours[s->to]) || (bare && !c->greets[s->from]))
        return false;
    c->greets[s->from] = false;
    c->greets[s->to] |= s->flags == (TCP_SYN | TCP_ACK);
    return true;
}

/* The clock of packets is the time of day, that of calls is not. */
static uint64_t clocks_apart(void)
{
    struct timespec day;
    clock_gettime(CLOCK_REALTIME, &day);
    uint64_t now = now_ns();
    return (uint64_t)day.tv_sec * 1000000000 + (uint64_t)day.tv_nsec - now;
}

bool capture_read(struct capture *c, struct segment *segment, size_t *count)
{
    uint64_t apart = clocks_apart();
    struct tpacket_stats lost = {0, 0};
    socklen_t size = sizeof lost;
    for (;; c->next = (c->next + 1) % FRAMES) {
        uint8_t *frame = c->ring + (size_t)c->next * FRAME;
        struct tpacket2_hdr *head = (struct tpacket2_hdr *)(void *)frame;
        struct segment s;
        if (!(__atomic_load_n(&head->tp_status, __ATOMIC_ACQUIRE) &
              TP_STATUS_USER))
            break;
        s.at = head->tp_sec * UINT64_C(1000000000) + head->tp_nsec - apart;
        if (dissect(frame + head->tp_net, head->tp_len, &s) &&
            is_wanted(c, &s) && *count < SEGMENTS)
            segment[(*count)++] = s;
        __atomic_store_n(&head->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    }
    getsockopt(c->fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size);
    c->lost = c->lost || lost.tp_drops > 0 || *count == SEGMENTS;
    return !c->lost;
}

#else /* nobody may */

int capture_open(struct capture *c)
{
    c->fd = -1;
    errno = ENOSYS;
    return -1;
}

bool capture_read(struct capture *c, struct segment *segment, size_t *count)
{
    (void)c, (void)segment, (void)count;
    return false;
}

#endif

void capture_close(struct capture *c)
{
    if (c->fd == -1)
        return;
    if (c->ring != NULL)
        munmap(c->ring, RING);
    close(c->fd);
    c->fd = -1;
}
