// Values that cross between JavaScript and the packet path: descriptions in, events out.
#ifndef TRUNKLINE_VALUES_H
#define TRUNKLINE_VALUES_H

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "leg.h"
#include "napi.h"
#include "relay.h"

namespace trunkline {

// Words of a line, by single spaces; what is left out is empty.
class Words {
 public:
  explicit Words(const std::string& line) : line_(line) {}
  bool more() const { return at_ <= line_.size(); }
  std::string next() {
    const size_t end = std::min(line_.find(' ', at_), line_.size());
    const std::string word = line_.substr(std::min(at_, line_.size()), end - std::min(at_, line_.size()));
    at_ = end + 1;
    return word;
  }
  int number() { return atoi(next().c_str()); }

 private:
  const std::string line_;
  size_t at_ = 0;
};

// The keys a leg was last described with, so that unchanged ones keep their contexts.
struct KnownKeys {
  // Of the description, which latching goes by; UDPTL is not sealed though its description may carry keys.
  std::string described;
  std::string receive;
  std::string send;

  bool none() const { return described.empty() && receive.empty() && send.empty(); }
};

// Reads a PackedDescription (binding.ts); null when a suite or key does not fit, and then `keys` is unchanged.
std::unique_ptr<Description> readDescription(napi_env env, napi_value object, KnownKeys* keys);

// Reads a PlayedEvent (relay/event-player.ts).
PlayedEvent readPlayedEvent(napi_env env, napi_value object);

// An event as a NativeEvent (binding.ts).
napi_value writeEvent(napi_env env, const Event& event);

// Exports for tests: the packet path without sockets, SRTP contexts alone, the layout's numbers.
void exportTwin(napi_env env, napi_value exports);

// The numbers of a fork's memory, for tests.
void exportForkLayout(napi_env env, napi_value exports);

}  // namespace trunkline

#endif
