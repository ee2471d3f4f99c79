// The relay as JavaScript sees it: functions over an opaque handle. binding.ts holds their types and contracts.
#include <algorithm>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "layout.h"
#include "napi.h"
#include "relay.h"
#include "values.h"

namespace trunkline {
namespace {

// Counted up with every change of what crosses to JavaScript; INTERFACE in binding.ts is the same.
constexpr int kInterface = 4;

// What JavaScript's thread knows of a session. Most are in the clear and have no forks: these take no room then.
struct Open {
  Session* session;
  std::unique_ptr<KnownKeys> keys[2];
  std::vector<Fork*> forks;
};

// A relay and what JavaScript's thread keeps about it.
struct Handle {
  std::unique_ptr<Relay> relay;
  std::unordered_map<uint32_t, Open> sessions;
  napi_threadsafe_function wake = nullptr;
  napi_ref counters = nullptr;
  double* words = nullptr;
  size_t wordCount = 0;
};

void wakeJavaScript(void* data) {
  napi_call_threadsafe_function(static_cast<Handle*>(data)->wake, nullptr, napi_tsfn_nonblocking);
}

void stopRelay(void* data) {
  auto* handle = static_cast<Handle*>(data);
  if (handle->relay) handle->relay->stop();
}

void finalize(napi_env env, void* data, void*) {
  auto* handle = static_cast<Handle*>(data);
  napi_remove_env_cleanup_hook(env, stopRelay, handle);
  stopRelay(handle);
  if (handle->wake) napi_release_threadsafe_function(handle->wake, napi_tsfn_abort);
  if (handle->counters) napi_delete_reference(env, handle->counters);
  delete handle;
}

// start({ cpu, raw, clockOffsetMs }, counters, onWake) -> handle, or undefined when no thread can be had
napi_value start(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = new Handle();
  handle->words = elements<double>(env, args[1], &handle->wordCount);
  napi_create_reference(env, args[1], 1, &handle->counters);
  napi_value name = text(env, "media-relay");
  napi_create_threadsafe_function(env, args[2], nullptr, name, 0, 1, nullptr, nullptr, nullptr, nullptr,
                                  &handle->wake);
  // What waits for packets only must not keep the process alive.
  napi_unref_threadsafe_function(env, handle->wake);
  handle->relay = std::make_unique<Relay>(Relay::Options{
      toInt(env, property(env, args[0], "cpu")), toBool(env, property(env, args[0], "raw")),
      toDouble(env, property(env, args[0], "clockOffsetMs")), wakeJavaScript, handle});
  napi_add_env_cleanup_hook(env, stopRelay, handle);
  napi_value external = nullptr;
  napi_create_external(env, handle, finalize, nullptr, &external);
  if (handle->relay->start()) return external;
  return nullptr;
}

// Reads one leg's slot, port and address; false when there is no such slot or it is no IP address.
bool readPlace(const Handle& handle, Words* words, LegPlace* place) {
  const size_t slot = static_cast<size_t>(words->number());
  place->rtp.port = static_cast<uint16_t>(words->number());
  place->rtp.address = parseAddress(words->next().c_str());
  if ((slot + 1) * kLegWords > handle.wordCount || place->rtp.address.family == 0) return false;
  place->record = handle.words + slot * kLegWords;
  return true;
}

// open(handle, id, timeoutMs, { places, cname, seeds }) -> undefined, or why a port could not be bound
napi_value open(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = fromExternal<Handle>(env, args[0]);
  const auto id = static_cast<uint32_t>(toDouble(env, args[1]));
  LegPlace places[2];
  if (!handle->relay->running()) return text(env, "the relay has stopped");
  Words words(toText(env, property(env, args[3], "places")));
  if (!readPlace(*handle, &words, &places[0]) || !readPlace(*handle, &words, &places[1])) {
    return text(env, "not an IP address, or no such slot");
  }
  auto session = std::make_unique<Session>(id, places, toDouble(env, args[2]), handle->relay.get());
  const int error = session->bind(places);
  if (error != 0) return text(env, strerror(error));
  size_t seedCount = 0;
  const uint32_t* seeds = elements<uint32_t>(env, property(env, args[3], "seeds"), &seedCount);
  const std::string cname = toText(env, property(env, args[3], "cname"));
  for (size_t side = 0; side < 2 && seedCount >= 6; side++) {
    const uint64_t seed = uint64_t{seeds[3 * side + 1]} << 32 | seeds[3 * side + 2];
    session->reporters[side].init(seeds[3 * side], seed, cname.c_str(), handle->relay->nowMs());
  }
  handle->sessions[id].session = session.get();
  handle->relay->add(session.release());
  return nullptr;
}

// describe(handle, id, side: 0 | 1, description) -> false when a key does not fit its suite
napi_value describe(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = fromExternal<Handle>(env, args[0]);
  const auto found = handle->sessions.find(static_cast<uint32_t>(toDouble(env, args[1])));
  if (found == handle->sessions.end()) return boolean(env, true);
  const Side side = toInt(env, args[2]) == 0 ? kCustomer : kRemote;
  std::unique_ptr<KnownKeys>& known = found->second.keys[side];
  KnownKeys keys;
  if (known) keys = *known;
  auto description = readDescription(env, args[3], &keys);
  if (!description) return boolean(env, false);
  if (known || !keys.none()) known = std::make_unique<KnownKeys>(std::move(keys));
  handle->relay->describe(found->second.session, side, std::move(description));
  return boolean(env, true);
}

// play(handle, id, side: 0 | 1, event): plays a telephone-event to that side's peer
napi_value play(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = fromExternal<Handle>(env, args[0]);
  const auto found = handle->sessions.find(static_cast<uint32_t>(toDouble(env, args[1])));
  if (found == handle->sessions.end()) return nullptr;
  const Side side = toInt(env, args[2]) == 0 ? kCustomer : kRemote;
  handle->relay->play(found->second.session, side, readPlayedEvent(env, args[3]));
  return nullptr;
}

// close(handle, id): the id comes back from `drain` once the session's counters stand still
napi_value close(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = fromExternal<Handle>(env, args[0]);
  const auto found = handle->sessions.find(static_cast<uint32_t>(toDouble(env, args[1])));
  if (found == handle->sessions.end()) return boolean(env, false);
  handle->relay->remove(found->second.session);
  handle->sessions.erase(found);
  return boolean(env, true);
}

// fork(handle, id, fork, side: 0 | 1, point: 0 | 1 | 2, memory, maxQueued) -> whether there is such a session
napi_value fork(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = fromExternal<Handle>(env, args[0]);
  const auto found = handle->sessions.find(static_cast<uint32_t>(toDouble(env, args[1])));
  const auto number = static_cast<uint32_t>(toDouble(env, args[2]));
  const Side side = toInt(env, args[3]) == 0 ? kCustomer : kRemote;
  const auto point = static_cast<ForkPoint>(toInt(env, args[4]));
  const auto maxQueued = static_cast<uint32_t>(toDouble(env, args[6]));
  size_t length = 0;
  uint8_t* memory = elements<uint8_t>(env, args[5], &length);
  if (found == handle->sessions.end() || maxQueued == 0 || length < Fork::memoryBytes(maxQueued)) {
    return boolean(env, false);
  }
  napi_ref reference = nullptr;
  napi_create_reference(env, args[5], 1, &reference);
  std::shared_ptr<void> owner(reference, [env](void* held) {
    napi_delete_reference(env, static_cast<napi_ref>(held));
  });
  auto* made = new Fork(number, point, memory, maxQueued, std::move(owner));
  found->second.forks.push_back(made);
  handle->relay->fork(found->second.session, side, made);
  return boolean(env, true);
}

// unfork(handle, id, fork) -> whether `drain` will tell of it
napi_value unfork(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = fromExternal<Handle>(env, args[0]);
  const auto found = handle->sessions.find(static_cast<uint32_t>(toDouble(env, args[1])));
  if (found == handle->sessions.end()) return boolean(env, false);
  auto& forks = found->second.forks;
  const auto number = static_cast<uint32_t>(toDouble(env, args[2]));
  const auto forked = std::find_if(forks.begin(), forks.end(), [&](const Fork* fork) { return fork->id == number; });
  if (forked == forks.end()) return boolean(env, false);
  handle->relay->unfork(found->second.session, *forked);
  forks.erase(forked);
  return boolean(env, true);
}

// drain(handle) -> { events, closed, unforked }
napi_value drain(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = fromExternal<Handle>(env, args[0]);
  napi_value result = nullptr;
  napi_value events = nullptr;
  napi_value closed = nullptr;
  napi_create_object(env, &result);
  napi_create_array(env, &events);
  napi_create_array(env, &closed);
  handle->relay->awake();
  // Retired sessions first: their last events are in the ring by then.
  Session* retired = handle->relay->takeRetired();
  Event event;
  for (uint32_t at = 0; handle->relay->nextEvent(&event); at++) {
    napi_set_element(env, events, at, writeEvent(env, event));
  }
  for (uint32_t at = 0; retired; at++) {
    Session* next = retired->next;
    napi_set_element(env, closed, at, number(env, retired->id));
    delete retired;
    retired = next;
  }
  napi_value unforked = nullptr;
  napi_create_array(env, &unforked);
  Fork* given = handle->relay->takeRetiredForks();
  for (uint32_t at = 0; given; at++) {
    Fork* next = given->next;
    napi_set_element(env, unforked, at, number(env, given->id));
    delete given;
    given = next;
  }
  set(env, result, "unforked", unforked);
  set(env, result, "events", events);
  set(env, result, "closed", closed);
  return result;
}

// stop(handle): ends the thread; `drain` once more gives what was left
napi_value stop(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* handle = fromExternal<Handle>(env, args[0]);
  stopRelay(handle);
  handle->sessions.clear();
  if (handle->wake) napi_release_threadsafe_function(handle->wake, napi_tsfn_abort);
  handle->wake = nullptr;
  return nullptr;
}

// sendsRaw(handle) -> whether packets leave by raw sockets
napi_value sendsRaw(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return boolean(env, fromExternal<Handle>(env, args[0])->relay->raw());
}

napi_value init(napi_env env, napi_value exports) {
  setFunction(env, exports, "start", start);
  setFunction(env, exports, "open", open);
  setFunction(env, exports, "describe", describe);
  setFunction(env, exports, "fork", fork);
  setFunction(env, exports, "unfork", unfork);
  setFunction(env, exports, "play", play);
  setFunction(env, exports, "close", close);
  setFunction(env, exports, "drain", drain);
  setFunction(env, exports, "stop", stop);
  setFunction(env, exports, "sendsRaw", sendsRaw);
  set(env, exports, "interface", number(env, kInterface));
  set(env, exports, "sessionBytes", number(env, sizeof(Session)));
  exportForkLayout(env, exports);
  exportTwin(env, exports);
  return exports;
}

}  // namespace
}  // namespace trunkline

NAPI_MODULE_INIT() { return trunkline::init(env, exports); }
