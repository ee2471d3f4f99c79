// Load maker and sink for media relays: sends G.711-sized packets over many flows at a fixed rate, plain or sealed
// (AES_CM_128_HMAC_SHA1_80), takes them back plain or sealed, and prints one line of JSON.
//
//   cc -O2 -o rtp-load rtp-load.c -lcrypto
//   rtp-load -m MAP -r PPS [-t SEC] [-w SEC] [-n RUN] [-P PID]
//
//   MAP  a flow a line, on 127.0.0.1:  SRC_PORT RELAY_PORT SINK_PORT SEND_KEY RECEIVE_KEY
//        a key is 60 hex digits (master key, salt), or `-` for plain packets
//   -n   number of the run against one relay: sealed flows have SSRCs of their own in each, so that no rollover counter
//        is carried over
//   -P   the relay's process id: its processor time and resident size
//
// Of every packet that comes back flow, socket, length and sequence number are checked, and that it comes once; the time
// of its sending is kept here by sequence number. Later than 100 ms it counts as lost. Tag and every octet of the payload
// are checked of the first packet of each reading and of every 16th after it, so of most at low rates: that, and packets
// that are sealed before the run, leave this core to the kernel.
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 12, PAYLOAD = 160, PLAIN = HEADER + PAYLOAD, TAG = 10, SEALED = PLAIN + TAG, ROOM = 512 };
enum { BATCH = 32, READ = 64, CHECK_EACH = 16, SILENCE = 0xd5, BUCKETS = 200000, FIRST_SEQUENCE = 1000 };
// Sendings remembered of each flow, a power of two.
enum { HISTORY = 64 };
static const uint64_t kLateNs = 100000000ull;

struct srtp {
  EVP_CIPHER_CTX *cipher;
  SHA_CTX inner, outer;
  uint8_t salt[16];
};

struct flow {
  struct sockaddr_in to;
  int from, sink;
  // Of the first packet.
  uint16_t sequence;
  struct srtp *send, *receive;
};

// When a packet left, until it is back.
struct sending {
  uint32_t us;
  uint16_t sequence;
  uint16_t away;
};

static struct flow *flows;
static int flow_count;
static int sockets[64], ports[64], socket_count;
static struct sending *sendings;
// Packets sealed beforehand, in the order of sending.
static uint8_t *sealed;
static uint64_t sealed_count;
static uint32_t run_tag;
static uint32_t histogram[BUCKETS + 1];
static uint64_t turns, sent, received, late, misrouted, forged, checked;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(2);
}

static int socket_on(int port) {
  for (int i = 0; i < socket_count; i++)
    if (ports[i] == port) return i;
  if (socket_count == 64) die("too many ports");
  const int big = 64 << 20;
  const struct sockaddr_in local = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big))
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  if (bind(fd, (const struct sockaddr *)&local, sizeof local)) die("bind");
  sockets[socket_count] = fd;
  ports[socket_count] = port;
  return socket_count++;
}

// RFC 3711 §4.3: `count` octets of keystream under the master key, the label in octet 7 of the IV.
static void derive(const uint8_t *master, int label, uint8_t *out, int count) {
  uint8_t iv[16] = {0};
  int written;
  memcpy(iv, master + 16, 14);
  iv[7] ^= (uint8_t)label;
  memset(out, 0, (size_t)count);
  EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(cipher, EVP_aes_128_ctr(), NULL, master, iv);
  EVP_EncryptUpdate(cipher, out, &written, out, count);
  EVP_CIPHER_CTX_free(cipher);
}

static void keyed(SHA_CTX *state, const uint8_t *key, uint8_t pad) {
  uint8_t block[64];
  memset(block, pad, sizeof block);
  for (int i = 0; i < 20; i++) block[i] ^= key[i];
  SHA1_Init(state);
  SHA1_Update(state, block, sizeof block);
}

static struct srtp *context(const char *hex) {
  uint8_t master[30], key[16], auth[20];
  if (strcmp(hex, "-") == 0) return NULL;
  for (int i = 0; i < 30; i++)
    if (sscanf(hex + 2 * i, "%2hhx", &master[i]) != 1) die("key");
  struct srtp *made = calloc(1, sizeof *made);
  derive(master, 0, key, 16);
  derive(master, 1, auth, 20);
  derive(master, 2, made->salt, 14);
  keyed(&made->inner, auth, 0x36);
  keyed(&made->outer, auth, 0x5c);
  made->cipher = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(made->cipher, EVP_aes_128_ctr(), NULL, key, NULL);
  return made;
}

// The rollover counter is 0 throughout: no run lasts 65,536 packets.
static void keystream(struct srtp *with, uint8_t *packet, int length) {
  uint8_t iv[16];
  int written;
  memcpy(iv, with->salt, 16);
  for (int i = 0; i < 4; i++) iv[4 + i] ^= packet[8 + i];
  iv[12] ^= packet[2];
  iv[13] ^= packet[3];
  EVP_EncryptInit_ex(with->cipher, NULL, NULL, NULL, iv);
  EVP_EncryptUpdate(with->cipher, packet + HEADER, &written, packet + HEADER, length - HEADER);
}

static void tag_of(const struct srtp *with, const uint8_t *packet, int length, uint8_t *out) {
  static const uint8_t roc[4];
  SHA_CTX state = with->inner;
  SHA1_Update(&state, packet, (size_t)length);
  SHA1_Update(&state, roc, sizeof roc);
  SHA1_Final(out, &state);
  state = with->outer;
  SHA1_Update(&state, out, SHA_DIGEST_LENGTH);
  SHA1_Final(out, &state);
}

static int by_socket(const void *left, const void *right) {
  const struct flow *one = left, *other = right;
  if (one->from != other->from) return one->from - other->from;
  return ntohs(one->to.sin_port) - ntohs(other->to.sin_port);
}

// Sequence numbers of plain flows go on from run to run, by the clock.
static void read_map(const char *path) {
  char line[512], send[128], receive[128];
  int from, relay, sink;
  const uint16_t sequence = (uint16_t)(now_ns() / 20000000ull);
  FILE *file = fopen(path, "r");
  if (!file) die(path);
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "%d %d %d %127s %127s", &from, &relay, &sink, send, receive) != 5) continue;
    flows = realloc(flows, sizeof *flows * (size_t)(flow_count + 1));
    struct flow *flow = &flows[flow_count++];
    memset(flow, 0, sizeof *flow);
    flow->to.sin_family = AF_INET;
    flow->to.sin_port = htons((uint16_t)relay);
    flow->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    flow->from = socket_on(from);
    flow->sink = socket_on(sink);
    flow->send = context(send);
    flow->receive = context(receive);
    flow->sequence = flow->send || flow->receive ? FIRST_SEQUENCE : sequence;
  }
  fclose(file);
  if (flow_count == 0 || flow_count > 65536) die("flows");
  if (!flows[0].send && !flows[0].receive) run_tag = 0x1000u << 16;
  qsort(flows, (size_t)flow_count, sizeof *flows, by_socket);
  sendings = calloc((size_t)flow_count * HISTORY, sizeof *sendings);
}

// The header of the packet that leaves in a turn; flows take turns.
static void write_header(uint8_t *packet, uint64_t turn) {
  const uint32_t id = (uint32_t)(turn % (uint64_t)flow_count), round = (uint32_t)(turn / (uint64_t)flow_count);
  const uint16_t sequence = (uint16_t)(flows[id].sequence + round);
  const uint32_t words[2] = {htonl(sequence * (uint32_t)PAYLOAD), htonl(run_tag | id)};
  packet[0] = 0x80;
  packet[1] = 0;
  packet[2] = (uint8_t)(sequence >> 8);
  packet[3] = (uint8_t)sequence;
  memcpy(packet + 4, words, 8);
}

// Flows that follow each other lie side by side.
static struct sending *sending_of(uint32_t id, uint16_t sequence) {
  return &sendings[(uint32_t)(sequence % HISTORY) * (uint32_t)flow_count + id];
}

static void seal(uint8_t *packet, uint64_t turn) {
  const struct flow *flow = &flows[turn % (uint64_t)flow_count];
  uint8_t tag[SHA_DIGEST_LENGTH];
  write_header(packet, turn);
  memset(packet + HEADER, SILENCE, PAYLOAD);
  keystream(flow->send, packet, PLAIN);
  tag_of(flow->send, packet, PLAIN, tag);
  memcpy(packet + PLAIN, tag, TAG);
}

static void seal_all(uint64_t count) {
  if (!flows[0].send) return;
  sealed = malloc(count * SEALED);
  if (!sealed) die("no memory for sealed packets");
  for (sealed_count = 0; sealed_count < count; sealed_count++) seal(sealed + sealed_count * SEALED, sealed_count);
}

// Those that leave by one socket go in one call.
static int send_some(int most) {
  static uint8_t packets[BATCH][PLAIN];
  static struct mmsghdr messages[BATCH];
  static struct iovec parts[BATCH];
  if (!packets[0][HEADER]) memset(packets, SILENCE, sizeof packets);
  uint32_t id = (uint32_t)(turns % (uint64_t)flow_count);
  const int from = flows[id].from;
  const uint32_t us = (uint32_t)(now_ns() / 1000);
  int count = 0;
  for (; count < most && id < (uint32_t)flow_count && flows[id].from == from; count++, id++, turns++) {
    if (sealed && turns >= sealed_count) die("more packets than were sealed");
    uint8_t *packet = sealed ? sealed + turns * SEALED : packets[count];
    if (!sealed) write_header(packet, turns);
    const uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
    *sending_of(id, sequence) = (struct sending){us, sequence, 1};
    parts[count] = (struct iovec){packet, sealed ? SEALED : PLAIN};
    messages[count].msg_hdr = (struct msghdr){
        .msg_name = &flows[id].to, .msg_namelen = sizeof flows[id].to, .msg_iov = &parts[count], .msg_iovlen = 1};
  }
  int done = 0;
  while (done < count) {
    const int left = sendmmsg(sockets[from], messages + done, (unsigned)(count - done), 0);
    // What cannot leave is skipped, and missed in the end.
    done += left > 0 ? left : 1;
  }
  sent += (uint64_t)count;
  return count;
}

// Tag and payload, as they must be.
static int is_whole(const struct flow *flow, uint8_t *packet) {
  uint8_t tag[SHA_DIGEST_LENGTH];
  checked++;
  if (flow->receive) {
    tag_of(flow->receive, packet, PLAIN, tag);
    if (memcmp(tag, packet + PLAIN, TAG) != 0) return 0;
    keystream(flow->receive, packet, PLAIN);
  }
  for (int at = HEADER; at < PLAIN; at++)
    if (packet[at] != SILENCE) return 0;
  return 1;
}

// Only the header is here unless `whole`.
static void take(uint8_t *packet, int length, int whole, int at, uint64_t now) {
  uint32_t ssrc;
  memcpy(&ssrc, packet + 8, 4);
  const uint32_t id = ntohl(ssrc) - run_tag;
  if (length < PLAIN || packet[0] != 0x80 || packet[1] != 0 || id >= (uint32_t)flow_count || flows[id].sink != at) {
    misrouted++;
    return;
  }
  if (length != (flows[id].receive ? SEALED : PLAIN) || (whole && !is_whole(&flows[id], packet))) {
    forged++;
    return;
  }
  const uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
  struct sending *sending = sending_of(id, sequence);
  // Sent so long ago that another took its place: late by far.
  uint64_t took = 2 * BUCKETS;
  if (sending->sequence == sequence) {
    if (!sending->away) {
      misrouted++;
      return;
    }
    sending->away = 0;
    took = (uint32_t)(now / 1000) - sending->us;
  }
  received++;
  if (took > kLateNs / 1000) late++;
  histogram[took < BUCKETS ? took : BUCKETS]++;
}

static void receive_some(void) {
  static uint8_t packets[READ][ROOM];
  static struct mmsghdr messages[READ];
  static struct iovec parts[READ];
  for (int i = 0; i < READ && !messages[i].msg_hdr.msg_iov; i++) {
    parts[i] = (struct iovec){packets[i], i % CHECK_EACH == 0 ? ROOM : HEADER};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  for (int at = 0; at < socket_count; at++) {
    const int count = recvmmsg(sockets[at], messages, READ, MSG_DONTWAIT | MSG_TRUNC, NULL);
    if (count <= 0) continue;
    const uint64_t now = now_ns();
    for (int i = 0; i < count; i++) take(packets[i], (int)messages[i].msg_len, i % CHECK_EACH == 0, at, now);
  }
}

static void run_for(double pps, double seconds) {
  const uint64_t start = now_ns();
  uint64_t done = 0, now;
  while ((now = now_ns()) < start + (uint64_t)(seconds * 1e9)) {
    const double due = (double)(now - start) * 1e-9 * pps - (double)done;
    if (due >= 1) done += (uint64_t)send_some(due > BATCH ? BATCH : (int)due);
    receive_some();
  }
}

static void settle(double seconds) {
  const uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
  while (now_ns() < end) receive_some();
}

static double cpu_seconds(int pid) {
  clockid_t clock;
  struct timespec spent;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) != 0) return 0;
  return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static long resident_kb(int pid) {
  char path[64], line[256];
  long kb = 0;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &kb);
  if (file) fclose(file);
  return kb;
}

static double quantile(double share) {
  const uint64_t wanted = (uint64_t)((double)received * share);
  uint64_t seen = 0;
  for (int at = 0; at <= BUCKETS; at++)
    if ((seen += histogram[at]) > wanted) return at + 0.5;
  return -1;
}

int main(int argc, char **argv) {
  const char *map = NULL;
  double pps = 10000, seconds = 2, warm = 0.5;
  int pid = 0, run = 0, option;
  while ((option = getopt(argc, argv, "m:r:t:w:n:P:")) != -1) {
    if (option == 'm') map = optarg;
    else if (option == 'r') pps = atof(optarg);
    else if (option == 't') seconds = atof(optarg);
    else if (option == 'w') warm = atof(optarg);
    else if (option == 'n') run = atoi(optarg);
    else if (option == 'P') pid = atoi(optarg);
    else return 2;
  }
  if (!map) die("-m MAP");
  run_tag = (uint32_t)(0x100 + run) << 16;
  read_map(map);
  seal_all((uint64_t)(pps * (warm + seconds)) + 2 * BATCH);
  run_for(pps, warm);
  settle(0.2);
  sent = received = late = misrouted = forged = checked = 0;
  memset(histogram, 0, sizeof histogram);
  const double cpu = cpu_seconds(pid);
  const uint64_t start = now_ns();
  run_for(pps, seconds);
  const double took = (double)(now_ns() - start) * 1e-9;
  const double spent = cpu_seconds(pid) - cpu;
  const uint64_t in_time = received;
  settle(0.3);
  const double loss = 1 - ((double)received - (double)late) / (double)(sent ? sent : 1);
  printf("{\"sent_pps\":%.0f,\"recv_pps\":%.0f,\"sent\":%llu,\"received\":%llu,\"late\":%llu,\"loss\":%.6f,"
         "\"misrouted\":%llu,\"forged\":%llu,\"checked\":%llu,\"lat_us\":{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f},"
         "\"pid_us_per_pkt\":%.3f,\"rss_kb\":%ld}\n",
         (double)sent / took, (double)in_time / took, (unsigned long long)sent, (unsigned long long)received,
         (unsigned long long)late, loss, (unsigned long long)misrouted, (unsigned long long)forged,
         (unsigned long long)checked, quantile(0.5), quantile(0.99), quantile(0.999), spent * 1e6 / (double)(in_time + 1), resident_kb(pid));
  return 0;
}
