// Values that cross between JavaScript and the packet path: descriptions in, events out.
#ifndef TRUNKLINE_VALUES_H
#define TRUNKLINE_VALUES_H

#include <memory>
#include <string>

#include "leg.h"
#include "napi.h"
#include "relay.h"

namespace trunkline {

// The keys a leg was last described with, so that unchanged ones keep their contexts.
struct KnownKeys {
  // Of the description, which latching goes by; UDPTL is not sealed though its description may carry keys.
  std::string described;
  std::string receive;
  std::string send;
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
