// A relay thread: sockets, one epoll, the sessions that live on it. JavaScript's thread orders, this one carries.
//
//   JavaScript ── Command ring, eventfd ──► relay thread: wait, receive, Leg, Outbox ──► wire
//              ◄── Event ring, wake ───────      │
//              ◄── records in shared memory ─────╯
//
// A session belongs to the relay thread from its `add` command until it is found in `takeRetired`.
#ifndef TRUNKLINE_RELAY_H
#define TRUNKLINE_RELAY_H

#include <pthread.h>
#include <sys/epoll.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "leg.h"
#include "ring.h"
#include "udp.h"

namespace trunkline {

enum class EventKind : uint8_t { kLatched, kRefused, kTelephoneEvent, kTimeout };

struct Event {
  EventKind kind;
  Side side;
  uint32_t session;
  Endpoint source;
  uint32_t word;
  uint32_t timestamp;
  double clockRateHz;
  double nowMs;
};

class Session;

// One bound port, and where all is that a packet from it needs; in one line of the cache, but for `peer`.
//
// An RTP port has a second socket once its leg's source has settled, connected to it: what comes by it need not be asked
// where it is from, and strangers fill the queue of the first alone.
struct alignas(64) Port {
  int fd = -1;
  Side side = kCustomer;
  bool rtcp = false;
  Endpoint local;
  // Whether all that waits in `connected` is from `peer`, and that is the leg's source.
  bool proven = false;
  int connected = -1;
  Leg* leg = nullptr;
  // The other side's ports, RTP then RTCP.
  const Port* partners = nullptr;
  // Records of this leg and of the other.
  const double* received = nullptr;
  const double* sent = nullptr;
  // Whom `connected` is connected to.
  Endpoint peer;

  // Fetches what a packet touches, but for its keys: nothing here waits for anything but the first line.
  void fetch() const;
  // Looks after `connected`, from tick to tick; true when it has just been connected, and what waits in `fd` goes before.
  bool settle(double nowMs);
  void shut();
};
static_assert(offsetof(Port, peer) == 64, "a line of the cache");

// Where the pair of ports of a leg is, and its record.
struct LegPlace {
  Endpoint rtp;
  double* record;
};

class EventSink {
 public:
  virtual void onEvent(const Event& event) = 0;

 protected:
  ~EventSink() = default;
};

class Session final : public LegEvents {
 public:
  Session(uint32_t number, const LegPlace places[2], double timeoutMs, EventSink* sink);
  ~Session();

  // Binds the four ports; 0, or the errno of the first that failed.
  int bind(const LegPlace places[2]);
  // Closes them.
  void shut();
  void describe(Side side, std::unique_ptr<Description> description, double nowMs);
  // Timeouts and our own reports; `outbox` takes what is to be sent.
  void tick(double nowMs, double wallMs, Outbox* outbox);
  // Sends what is due of the events that are played; whether some still are.
  bool playOn(double nowMs, Outbox* outbox);

  void onLatched(Side side, const Endpoint& source) override;
  void onRefused(Side side, const Endpoint& source) override;
  void onTelephoneEvent(Side side, uint32_t word, uint32_t timestamp, double clockRateHz, double nowMs) override;
  void onTimeout(Side side) override;

  const uint32_t id;
  Leg legs[2];
  Reporter reporters[2];
  // By side, RTP then RTCP.
  Port ports[2][2];
  // Links sessions that the relay thread has given up.
  Session* next = nullptr;

 private:
  void sendOwn(uint8_t* packet, Side side, const Departure& departure, Outbox* outbox);
  void watch(Leg& leg, double nowMs);
  EventSink* const sink_;
  const double timeoutMs_;
  double toldAtMs_[2] = {-1, -1};
  double bothSinceMs_ = -1;
  // Telephone-event packets told between two ticks at most (12 are usual): a flood must not reach JavaScript.
  static constexpr int kEventsPerTick = 64;
  int eventBudget_[2] = {kEventsPerTick, kEventsPerTick};
};

class Relay final : public EventSink {
 public:
  struct Options {
    // The core to run on, or -1.
    int cpu;
    bool raw;
    // JavaScript's monotonic milliseconds minus this process's CLOCK_MONOTONIC.
    double clockOffsetMs;
    // Called in the relay thread, at most once until `awake`, when there is something to drain.
    void (*wake)(void*);
    void* wakeData;
  };

  explicit Relay(const Options& options);
  ~Relay();
  // False when the thread cannot be started.
  bool start();
  // Ends the thread; every session is retired then.
  void stop();
  bool running() const { return running_; }
  bool raw() const { return outbox_.raw(); }
  double nowMs() const;

  // JavaScript's thread from here on.
  void add(Session* session);
  void describe(Session* session, Side side, std::unique_ptr<Description> description);
  void fork(Session* session, Side side, Fork* fork);
  // The fork is found in `takeRetiredForks` once nothing is written to it any more.
  void unfork(Session* session, Fork* fork);
  // Plays a telephone-event to that side's peer.
  void play(Session* session, Side side, const PlayedEvent& event);
  void remove(Session* session);
  void awake() { wakePending_.store(false); }
  bool nextEvent(Event* event) { return events_.pop(event); }
  // Sessions that the thread has finished with, linked by `next`; the caller owns them.
  Session* takeRetired() { return retired_.exchange(nullptr); }
  // The same of forks. Those still in a session are freed with it.
  Fork* takeRetiredForks() { return retiredForks_.exchange(nullptr); }

  void onEvent(const Event& event) override;

 private:
  enum class Order : uint8_t { kAdd, kDescribe, kFork, kUnfork, kPlay, kRemove, kStop };
  struct Command {
    Order order;
    Side side;
    Session* session;
    Description* description;
    Fork* fork = nullptr;
    PlayedEvent event = {};
  };
  static void* main(void* self);
  void loop();
  void queue(const Command& command);
  void post(const Command& command);
  void wakeThread();
  void obey(double now);
  void adopt(Session* session, double now);
  void retire(Session* session);
  void retireFork(Session* session, Fork* fork);
  // A datagram of this round, in a slot of the outbox.
  struct Arrival {
    Port* port;
    uint8_t* packet;
    int length;
    // By the connected socket, from its peer; `from` says nothing then.
    bool proven;
    Endpoint from;
  };
  bool take(Port* port, bool connected);
  void settle(Port* port, double now);
  void work(double now);
  void onArrival(const Arrival& arrival, double now);
  void tick(double now);
  void startPlaying(const Command& command, double now);
  void playOn(double now);
  void setTimer();
  void closeAll();
  void wake();

  const Options options_;
  Outbox outbox_;
  int epoll_ = -1;
  int eventfd_ = -1;
  pthread_t thread_ = {};
  bool running_ = false;
  bool ending_ = false;
  // Sessions added and not removed, as JavaScript's thread knows it.
  size_t added_ = 0;
  // Milliseconds, or never.
  static constexpr double kNever = 1e300;
  int timer_ = -1;
  double timerMs_ = kNever;
  double nextTickMs_ = kNever;
  Arrival arrivals_[Outbox::kSlots];
  int arrived_ = 0;
  std::vector<Session*> sessions_;
  // Those that play telephone-events, looked at every 10 ms.
  std::vector<Session*> playing_;
  double nextPlayMs_ = kNever;
  // Ordered to end, once this round's packets are done.
  std::vector<Session*> leaving_;
  // The session looked at last.
  size_t cursor_ = 0;
  std::atomic<Session*> retired_{nullptr};
  std::atomic<Fork*> retiredForks_{nullptr};
  std::atomic<bool> wakePending_{false};
  Ring<Command, 1024> commands_;
  Ring<Event, 4096> events_;
};

}  // namespace trunkline

#endif
