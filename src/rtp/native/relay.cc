#include "relay.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
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
    for (Port& port : pair) {
      if (port.fd >= 0) close(port.fd);
      port.fd = -1;
    }
  }
}

int Session::bind(const LegPlace places[2]) {
  for (int side = 0; side < 2; side++) {
    for (int rtcp = 0; rtcp < 2; rtcp++) {
      Port& port = ports[side][rtcp];
      port.side = static_cast<Side>(side);
      port.rtcp = rtcp == 1;
      port.session = this;
      port.leg = &legs[side];
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
  if (bothSinceMs_ < 0 && legs[0].described() && legs[1].described()) bothSinceMs_ = nowMs;
}

void Session::tick(double nowMs, double wallMs, Outbox* outbox) {
  eventBudget_[0] = eventBudget_[1] = kEventsPerTick;
  if (bothSinceMs_ < 0) return;
  for (Leg& leg : legs) {
    watch(leg, nowMs);
    Departure departure;
    if (!leg.report(&reporters[leg.side()], nowMs, wallMs, outbox->slot(), Outbox::kCapacity, &departure)) continue;
    const Port& port = ports[leg.side()][departure.rtcpSocket];
    outbox->send(port.fd, port.local, departure.to, departure.length);
  }
}

bool Session::playOn(double nowMs, Outbox* outbox) {
  for (Leg& leg : legs) {
    Departure departure;
    if (!leg.playOn(nowMs, outbox->slot(), Outbox::kCapacity, &departure)) continue;
    const Port& port = ports[leg.side()][0];
    outbox->send(port.fd, port.local, departure.to, departure.length);
  }
  return legs[0].plays() || legs[1].plays();
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
}

Relay::~Relay() {
  stop();
  for (Session* session = takeRetired(); session;) {
    Session* next = session->next;
    delete session;
    session = next;
  }
  freeForks(takeRetiredForks());
  if (epoll_ >= 0) close(epoll_);
  if (eventfd_ >= 0) close(eventfd_);
}

double Relay::nowMs() const { return clockMs(CLOCK_MONOTONIC) + options_.clockOffsetMs; }

bool Relay::start() {
  if (epoll_ < 0 || eventfd_ < 0) return false;
  // Edge-triggered: each write wakes the thread once, and nothing has to be read back.
  epoll_event interest = {};
  interest.events = EPOLLIN | EPOLLET;
  interest.data.ptr = nullptr;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, eventfd_, &interest) != 0) return false;
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
  close(epoll_);
  close(eventfd_);
  epoll_ = eventfd_ = -1;
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
  nextTickMs_ = nowMs() + kSliceMs;
  while (!ending_) {
    const double wakeMs = playing_.empty() ? nextTickMs_ : std::fmin(nextTickMs_, nextPlayMs_);
    const double waitMs = sessions_.empty() ? -1 : std::ceil(std::fmax(0, wakeMs - nowMs()));
    const int count = epoll_wait(epoll_, ready, kMaxReady, static_cast<int>(waitMs));
    // Orders first, so that a packet never meets a leg whose description waits behind it.
    obey();
    for (int at = 0; at < count; at++) {
      lookAhead(ready, count, at);
      if (ready[at].data.ptr) onReadable(static_cast<Port*>(ready[at].data.ptr));
    }
    if (nowMs() >= nextTickMs_) tick();
    if (!playing_.empty() && nowMs() >= nextPlayMs_) playOn();
    outbox_.flush();
    // Only now: a session that ends may have been among the ready ones.
    for (Session* session : leaving_) retire(session);
    leaving_.clear();
  }
  while (!sessions_.empty()) retire(sessions_.back());
}

// While one packet is worked on, the memory of the next three comes: its port, its leg, then what the leg points to.
void Relay::lookAhead(const epoll_event* ready, int count, int at) {
  if (at + 3 < count) __builtin_prefetch(ready[at + 3].data.ptr);
  if (at + 2 < count && ready[at + 2].data.ptr) {
    const char* leg = reinterpret_cast<const char*>(static_cast<Port*>(ready[at + 2].data.ptr)->leg);
    for (size_t line = 0; line < 256; line += 64) __builtin_prefetch(leg + line);
  }
  if (at + 1 < count && ready[at + 1].data.ptr) static_cast<Port*>(ready[at + 1].data.ptr)->leg->prefetch();
}

void Relay::onReadable(Port* port) {
  uint8_t* packet = outbox_.slot();
  Endpoint from;
  const int length = receive(port->fd, packet, Outbox::kCapacity, &from);
  if (length < 0) return;
  Session& session = *port->session;
  Leg& leg = *port->leg;
  if (length > Outbox::kCapacity) return leg.dropOversized();
  const double now = nowMs();
  Departure departure;
  const bool goesOn = port->rtcp ? leg.onRtcpPort(packet, length, Outbox::kCapacity, from, now, &departure)
                                 : leg.onRtpPort(packet, length, Outbox::kCapacity, from, now, &departure);
  if (!goesOn) return;
  const Port& by = session.ports[1 - port->side][departure.rtcpSocket];
  outbox_.send(by.fd, by.local, departure.to, departure.length);
}

void Relay::tick() {
  const double now = nowMs();
  const double wallMs = clockMs(CLOCK_REALTIME);
  nextTickMs_ = now + kSliceMs;
  for (size_t due = (sessions_.size() + kSlices - 1) / kSlices; due > 0; due--) {
    cursor_ = (cursor_ + 1) % sessions_.size();
    sessions_[cursor_]->tick(now, wallMs, &outbox_);
  }
}

void Relay::startPlaying(const Command& command) {
  command.session->legs[command.side].play(command.event);
  if (playing_.empty()) nextPlayMs_ = nowMs();
  if (std::find(playing_.begin(), playing_.end(), command.session) == playing_.end()) {
    playing_.push_back(command.session);
  }
}

void Relay::playOn() {
  const double now = nowMs();
  nextPlayMs_ = now + kPlayMs;
  const auto over = [&](Session* session) { return !session->playOn(now, &outbox_); };
  playing_.erase(std::remove_if(playing_.begin(), playing_.end(), over), playing_.end());
}

void Relay::obey() {
  Command command;
  while (commands_.pop(&command)) {
    switch (command.order) {
      case Order::kAdd:
        adopt(command.session);
        break;
      case Order::kDescribe:
        command.session->describe(command.side, std::unique_ptr<Description>(command.description), nowMs());
        break;
      case Order::kFork:
        command.session->legs[command.side].fork(command.fork);
        break;
      case Order::kUnfork:
        retireFork(command.session, command.fork);
        break;
      case Order::kPlay:
        startPlaying(command);
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

void Relay::adopt(Session* session) {
  if (sessions_.empty()) nextTickMs_ = nowMs() + kSliceMs;
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
