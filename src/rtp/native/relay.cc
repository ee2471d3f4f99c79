#include "relay.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace trunkline {
namespace {

constexpr int kMaxReady = 256;
// Every session is looked at four times a second, a tenth of them at a time, so that no packet waits for all.
constexpr size_t kSlices = 10;
constexpr double kSliceMs = 25;
constexpr double kPlayMs = 10;
// Ports are fetched that many before their turn.
constexpr int kAhead = 3;

// In a pointer to a port that epoll keeps: the connected socket of that port.
constexpr uintptr_t kConnectedTag = 1;
// Connected sockets are no need: they leave descriptors for what is.
constexpr double kShareOfFiles = 0.75;
// More than a socket's receive buffer holds of voice.
constexpr int kMaxWaiting = 2048;
// Of a port that is to have none.
constexpr int kNoSocket = -2;

int mostFiles() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return INT_MAX;
  return static_cast<int>(kShareOfFiles * std::fmin(static_cast<double>(files.rlim_cur), INT_MAX));
}

// By the raw socket; otherwise by the connected one, where it leads there.
void depart(uint8_t* packet, const Port& by, const Departure& departure, Outbox* outbox) {
  if (by.connected >= 0 && !outbox->sendsRaw(by.local, departure.length) && departure.to == by.peer) {
    outbox->sendConnected(packet, by.connected, departure.length);
  } else {
    outbox->send(packet, by.fd, by.local, departure.to, departure.length);
  }
}

double clockMs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1000 + static_cast<double>(now.tv_nsec) / 1e6;
}

}  // namespace

Session::Session(uint32_t number, const LegPlace places[2], double timeoutMs, EventSink* sink)
    : id(number),
      legs{{kCustomer, places[0].record, places[0].rtp.address.family, this},
           {kRemote, places[1].record, places[1].rtp.address.family, this}},
      sink_(sink),
      timeoutMs_(timeoutMs) {
  legs[0].join(&legs[1]);
  legs[1].join(&legs[0]);
}

// Frees a list of forks.
void freeForks(Fork* forks) {
  while (forks) {
    Fork* next = forks->next;
    delete forks;
    forks = next;
  }
}

Session::~Session() {
  for (Leg& leg : legs) freeForks(leg.takeForks());
  shut();
}

// Closing a socket takes it out of the epoll too, as nothing else holds it.
void Session::shut() {
  for (auto& pair : ports) {
    for (Port& port : pair) port.shut();
  }
}

int Session::bind(const LegPlace places[2]) {
  for (int side = 0; side < 2; side++) {
    for (int rtcp = 0; rtcp < 2; rtcp++) {
      Port& port = ports[side][rtcp];
      port.side = static_cast<Side>(side);
      port.rtcp = rtcp == 1;
      port.leg = &legs[side];
      port.partners = ports[1 - side];
      port.received = places[side].record;
      port.sent = places[1 - side].record;
      port.local = places[side].rtp;
      port.local.port = static_cast<uint16_t>(port.local.port + rtcp);
      port.fd = bindUdp(port.local);
      if (port.fd < 0) return -port.fd;
    }
  }
  return 0;
}

void Session::describe(Side side, std::unique_ptr<Description> description, double nowMs) {
  legs[side].describe(std::move(description), nowMs);
  ports[side][0].proven = false;
  if (bothSinceMs_ < 0 && legs[0].described() && legs[1].described()) bothSinceMs_ = nowMs;
}

void Session::tick(double nowMs, double wallMs, Outbox* outbox) {
  eventBudget_[0] = eventBudget_[1] = kEventsPerTick;
  if (bothSinceMs_ < 0) return;
  for (Leg& leg : legs) {
    watch(leg, nowMs);
    Departure departure;
    uint8_t* packet = outbox->slot();
    if (!leg.report(&reporters[leg.side()], nowMs, wallMs, packet, Outbox::kCapacity, &departure)) continue;
    sendOwn(packet, leg.side(), departure, outbox);
  }
}

bool Session::playOn(double nowMs, Outbox* outbox) {
  for (Leg& leg : legs) {
    Departure departure;
    uint8_t* packet = outbox->slot();
    if (!leg.playOn(nowMs, packet, Outbox::kCapacity, &departure)) continue;
    sendOwn(packet, leg.side(), departure, outbox);
  }
  return legs[0].plays() || legs[1].plays();
}

void Session::sendOwn(uint8_t* packet, Side side, const Departure& departure, Outbox* outbox) {
  const Port& port = ports[side][departure.rtcpSocket];
  outbox->keep();
  depart(packet, port, departure, outbox);
  if (outbox->full()) outbox->flush();
}

// Silence counts from when both sides were described: before that one side has nobody to talk to.
void Session::watch(Leg& leg, double nowMs) {
  if (!leg.listening()) return;
  const double heardMs = std::fmax(leg.lastHeardMs(), bothSinceMs_);
  if (nowMs - heardMs < timeoutMs_ || toldAtMs_[leg.side()] == heardMs) return;
  toldAtMs_[leg.side()] = heardMs;
  onTimeout(leg.side());
}

void Session::onLatched(Side side, const Endpoint& source) {
  ports[side][0].proven = false;
  sink_->onEvent({EventKind::kLatched, side, id, source, 0, 0, 0, 0});
}

void Session::onRefused(Side side, const Endpoint& source) {
  sink_->onEvent({EventKind::kRefused, side, id, source, 0, 0, 0, 0});
}

void Session::onTelephoneEvent(Side side, uint32_t word, uint32_t timestamp, double clockRateHz, double nowMs) {
  if (eventBudget_[side]-- <= 0) return;
  sink_->onEvent({EventKind::kTelephoneEvent, side, id, Endpoint(), word, timestamp, clockRateHz, nowMs});
}

void Session::onTimeout(Side side) { sink_->onEvent({EventKind::kTimeout, side, id, Endpoint(), 0, 0, 0, 0}); }

Relay::Relay(const Options& options) : options_(options), outbox_(options.raw) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  eventfd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

Relay::~Relay() {
  stop();
  for (Session* session = takeRetired(); session;) {
    Session* next = session->next;
    delete session;
    session = next;
  }
  freeForks(takeRetiredForks());
  closeAll();
}

void Relay::closeAll() {
  for (int* fd : {&epoll_, &eventfd_, &timer_}) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
}

double Relay::nowMs() const { return clockMs(CLOCK_MONOTONIC) + options_.clockOffsetMs; }

bool Relay::start() {
  // Edge-triggered: each write or expiry wakes the thread once, and nothing has to be read back.
  epoll_event interest = {};
  interest.events = EPOLLIN | EPOLLET;
  interest.data.ptr = nullptr;
  for (int fd : {eventfd_, timer_}) {
    if (epoll_ < 0 || fd < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &interest) != 0) return false;
  }
  // Signals are the main thread's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  running_ = pthread_create(&thread_, nullptr, &Relay::main, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (running_) pthread_setname_np(thread_, "media-relay");
  return running_;
}

void Relay::stop() {
  if (!running_) return;
  post({Order::kStop, kCustomer, nullptr, nullptr});
  pthread_join(thread_, nullptr);
  running_ = false;
  outbox_.shut();
  closeAll();
}

void* Relay::main(void* self) {
  static_cast<Relay*>(self)->loop();
  return nullptr;
}

// The sockets are listened on from here: a packet wakes the thread, which takes every order before it. So orders that
// nobody waits for wake nobody; the tick finds them, and the first session wakes the thread so that there is a tick.
void Relay::add(Session* session) {
  const Command command = {Order::kAdd, kCustomer, session, nullptr};
  if (added_++ == 0) {
    post(command);
  } else {
    queue(command);
  }
  for (auto& pair : session->ports) {
    for (Port& port : pair) {
      epoll_event interest = {};
      interest.events = EPOLLIN;
      interest.data.ptr = &port;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, port.fd, &interest);
    }
  }
}

void Relay::describe(Session* session, Side side, std::unique_ptr<Description> description) {
  queue({Order::kDescribe, side, session, description.release()});
}

void Relay::fork(Session* session, Side side, Fork* fork) { post({Order::kFork, side, session, nullptr, fork}); }

void Relay::unfork(Session* session, Fork* fork) { post({Order::kUnfork, kCustomer, session, nullptr, fork}); }

void Relay::play(Session* session, Side side, const PlayedEvent& event) {
  post({Order::kPlay, side, session, nullptr, nullptr, event});
}

void Relay::remove(Session* session) {
  added_--;
  queue({Order::kRemove, kCustomer, session, nullptr});
}

void Relay::queue(const Command& command) {
  while (!commands_.push(command)) {
    wakeThread();
    sched_yield();
  }
}

void Relay::post(const Command& command) {
  queue(command);
  wakeThread();
}

void Relay::wakeThread() {
  const uint64_t one = 1;
  // Cannot fail but by overflow, and then the thread is awake already.
  (void)!write(eventfd_, &one, sizeof one);
}

void Relay::loop() {
  if (options_.cpu >= 0) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(options_.cpu, &cores);
    pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
  }
  epoll_event ready[kMaxReady];
  while (!ending_) {
    const int count = epoll_wait(epoll_, ready, kMaxReady, -1);
    // Whatever is ready came before this moment: it is the arrival of all, nearer than that of reading each.
    const double now = nowMs();
    for (int at = 0; at < count && at < kAhead; at++) __builtin_prefetch(ready[at].data.ptr);
    // Orders first, so that a packet never meets a leg whose description waits behind it.
    obey(now);
    for (int at = 0; at < count; at++) {
      if (at + kAhead < count) __builtin_prefetch(ready[at + kAhead].data.ptr);
      if (ready[at].data.ptr) {
        const auto place = reinterpret_cast<uintptr_t>(ready[at].data.ptr);
        take(reinterpret_cast<Port*>(place & ~kConnectedTag), place & kConnectedTag);
      } else {
        timerMs_ = kNever;
      }
      if (outbox_.full()) work(now);
    }
    work(now);
    if (now >= nextTickMs_) tick(now);
    if (now >= nextPlayMs_) playOn(now);
    // Only now: a session that ends may have been among the ready ones.
    for (Session* session : leaving_) retire(session);
    leaving_.clear();
    setTimer();
  }
  while (!sessions_.empty()) retire(sessions_.back());
}

// A timer of its own, set anew only when it has gone off, is cheaper than a timeout that each wait sets and cancels.
void Relay::setTimer() {
  if (sessions_.empty()) nextTickMs_ = kNever;
  if (playing_.empty()) nextPlayMs_ = kNever;
  const double wakeMs = std::fmin(nextTickMs_, nextPlayMs_);
  if (wakeMs == timerMs_) return;
  timerMs_ = wakeMs;
  itimerspec at = {};
  if (wakeMs != kNever) {
    const double monotonicMs = wakeMs - options_.clockOffsetMs;
    const double seconds = std::floor(monotonicMs / 1000);
    at.it_value = {static_cast<time_t>(seconds), static_cast<long>((monotonicMs - seconds * 1000) * 1e6)};
  }
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
}

// With thousands of legs nothing of one is in the cache; what the packet needs comes while the kernel copies it.
bool Relay::take(Port* port, bool connected) {
  Arrival& arrival = arrivals_[arrived_];
  arrival.packet = outbox_.slot();
  port->fetch();
  arrival.proven = connected && port->proven;
  arrival.length = receive(connected ? port->connected : port->fd, arrival.packet, Outbox::kCapacity,
                           arrival.proven ? nullptr : &arrival.from);
  if (arrival.length < 0) return false;
  arrival.port = port;
  port->leg->prefetchKeys();
  outbox_.keep();
  arrived_++;
  return true;
}

void Port::fetch() const {
  leg->prefetch();
  (side == kCustomer ? leg + 1 : leg - 1)->prefetchSending();
  Record::prefetchReceived(received);
  Record::prefetchSent(sent);
  __builtin_prefetch(partners);
}

// A tick after it was connected nothing is under way any more that was let in before, and once it has been empty nothing
// of that waits in it either. A source that moves takes the socket with it; what waits in it from the former one is asked
// where it is from until then.
bool Port::settle(double nowMs) {
  if (connected == kNoSocket) return false;
  if (!leg->settled(nowMs)) {
    proven = false;
    return false;
  }
  if (connected >= 0 && peer == leg->source()) {
    proven = proven || isEmpty(connected);
    return false;
  }
  proven = false;
  peer = leg->source();
  if (connected >= 0) {
    if (connectUdp(connected, peer) == 0) return true;
    peer = Endpoint();
    return false;
  }
  static const int most = mostFiles();
  connected = joinUdp(fd, local, peer, most);
  if (connected >= 0) return true;
  connected = kNoSocket;
  return false;
}

// The peer's packets that came before wait in the first socket: they are taken before the other is looked at.
void Relay::settle(Port* port, double now) {
  const bool listened = port->connected >= 0;
  if (!port->settle(now)) return;
  for (int left = kMaxWaiting; left > 0 && take(port, false); left--) {
    if (outbox_.full()) work(now);
  }
  work(now);
  if (listened) return;
  epoll_event interest = {};
  interest.events = EPOLLIN;
  interest.data.ptr = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(port) | kConnectedTag);
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, port->connected, &interest) == 0) return;
  close(port->connected);
  port->connected = kNoSocket;
}

void Port::shut() {
  for (int* socket : {&fd, &connected}) {
    if (*socket >= 0) close(*socket);
    *socket = -1;
  }
}

// All are received first, then all worked on, then all sent: each of the three keeps its code and data in the cache.
void Relay::work(double now) {
  if (arrived_ == 0) return;
  for (int at = 0; at < arrived_; at++) onArrival(arrivals_[at], now);
  arrived_ = 0;
  outbox_.flush();
}

void Relay::onArrival(const Arrival& arrival, double now) {
  const Port& port = *arrival.port;
  Leg& leg = *port.leg;
  const int length = arrival.length;
  if (length > Outbox::kCapacity) return leg.dropOversized();
  // Unproven since it was taken: the source moved in this round.
  const Endpoint& from = !arrival.proven ? arrival.from : port.proven ? leg.source() : port.peer;
  Departure departure;
  const bool goesOn =
      port.rtcp ? leg.onRtcpPort(arrival.packet, length, Outbox::kCapacity, from, now, &departure)
                : leg.onRtpPort(arrival.packet, length, Outbox::kCapacity, from, now, &departure);
  if (goesOn) depart(arrival.packet, port.partners[departure.rtcpSocket], departure, &outbox_);
}

void Relay::tick(double now) {
  const double wallMs = clockMs(CLOCK_REALTIME);
  nextTickMs_ = now + kSliceMs;
  for (size_t due = (sessions_.size() + kSlices - 1) / kSlices; due > 0; due--) {
    cursor_ = (cursor_ + 1) % sessions_.size();
    sessions_[cursor_]->tick(now, wallMs, &outbox_);
    for (auto& pair : sessions_[cursor_]->ports) settle(&pair[0], now);
  }
  outbox_.flush();
}

void Relay::startPlaying(const Command& command, double now) {
  command.session->legs[command.side].play(command.event);
  if (playing_.empty()) nextPlayMs_ = now;
  if (std::find(playing_.begin(), playing_.end(), command.session) == playing_.end()) {
    playing_.push_back(command.session);
  }
}

void Relay::playOn(double now) {
  nextPlayMs_ = now + kPlayMs;
  const auto over = [&](Session* session) { return !session->playOn(now, &outbox_); };
  playing_.erase(std::remove_if(playing_.begin(), playing_.end(), over), playing_.end());
  outbox_.flush();
}

void Relay::obey(double now) {
  Command command;
  while (commands_.pop(&command)) {
    switch (command.order) {
      case Order::kAdd:
        adopt(command.session, now);
        break;
      case Order::kDescribe:
        command.session->describe(command.side, std::unique_ptr<Description>(command.description), now);
        break;
      case Order::kFork:
        command.session->legs[command.side].fork(command.fork);
        break;
      case Order::kUnfork:
        retireFork(command.session, command.fork);
        break;
      case Order::kPlay:
        startPlaying(command, now);
        break;
      case Order::kRemove:
        leaving_.push_back(command.session);
        break;
      case Order::kStop:
        ending_ = true;
        break;
    }
  }
}

void Relay::adopt(Session* session, double now) {
  if (sessions_.empty()) nextTickMs_ = now + kSliceMs;
  sessions_.push_back(session);
}

void Relay::retire(Session* session) {
  session->shut();
  for (Leg& leg : session->legs) leg.finish();
  playing_.erase(std::remove(playing_.begin(), playing_.end(), session), playing_.end());
  for (Session*& place : sessions_) {
    if (place != session) continue;
    place = sessions_.back();
    sessions_.pop_back();
    break;
  }
  session->next = retired_.load();
  while (!retired_.compare_exchange_weak(session->next, session)) {
  }
  wake();
}

void Relay::retireFork(Session* session, Fork* fork) {
  for (Leg& leg : session->legs) leg.unfork(fork);
  fork->next = retiredForks_.load();
  while (!retiredForks_.compare_exchange_weak(fork->next, fork)) {
  }
  wake();
}

void Relay::onEvent(const Event& event) {
  // Few events arise per leg by their nature; should JavaScript not read for seconds, the newest are lost.
  events_.push(event);
  wake();
}

void Relay::wake() {
  if (!wakePending_.exchange(true)) options_.wake(options_.wakeData);
}

}  // namespace trunkline
