#include "values.h"

#include <arpa/inet.h>

#include <cstdlib>
#include <vector>

namespace trunkline {
namespace {

// Suite name, a colon, key octets: equal when both are.
std::string keyText(napi_env env, napi_value keys) {
  if (isUndefined(env, keys)) return std::string();
  size_t length = 0;
  const uint8_t* bytes = elements<uint8_t>(env, property(env, keys, "key"), &length);
  std::string whole = toText(env, property(env, keys, "suite"));
  whole += ':';
  whole.append(reinterpret_cast<const char*>(bytes), length);
  return whole;
}

// A context for `keys` unless they are the ones known; false when they do not fit their suite.
bool makeContext(const std::string& keys, const std::string& known, bool sealing,
                 std::unique_ptr<SrtpContext>* context) {
  if (keys == known) return true;
  const size_t colon = keys.find(':');
  const SuiteFacts* suite = colon == std::string::npos ? nullptr : findSuite(keys.substr(0, colon).c_str());
  if (!suite || keys.size() - colon - 1 != static_cast<size_t>(suite->keyBytes + suite->saltBytes)) return false;
  auto made = std::make_unique<SrtpContext>();
  if (!made->init(*suite, reinterpret_cast<const uint8_t*>(keys.data()) + colon + 1, sealing)) return false;
  *context = std::move(made);
  return true;
}

// "address/prefix" blocks; TypeScript has checked them.
void readBlocks(napi_env env, napi_value list, LatchFacts* latch) {
  if (isUndefined(env, list)) return;
  latch->bounded = true;
  for (Words blocks(toText(env, list)); blocks.more();) {
    const std::string block = blocks.next();
    const size_t slash = block.find('/');
    if (slash == std::string::npos) continue;
    const Address address = parseAddress(block.substr(0, slash).c_str());
    if (address.family != 0) latch->allowed.push_back({address, atoi(block.c_str() + slash + 1)});
  }
}

// Tables in use lately, the newest first; each JavaScript thread has its own.
constexpr size_t kTablesKept = 16;
thread_local std::vector<std::shared_ptr<const PayloadTable>> tables;

std::shared_ptr<const PayloadTable> readTypes(napi_env env, napi_value object) {
  size_t clocks = 0;
  size_t kinds = 0;
  const double* rates = elements<double>(env, property(env, object, "clockRatesHz"), &clocks);
  const uint8_t* marks = elements<uint8_t>(env, property(env, object, "kinds"), &kinds);
  auto made = std::make_shared<PayloadTable>();
  for (size_t type = 0; type < 128 && clocks == 128 && kinds == 128; type++) {
    made->types[type].clockRateHz = rates[type];
    made->types[type].kind = static_cast<Kind>(marks[type]);
  }
  for (const auto& known : tables) {
    if (*known == *made) return known;
  }
  tables.insert(tables.begin(), made);
  if (tables.size() > kTablesKept) tables.pop_back();
  return made;
}

}  // namespace

std::unique_ptr<Description> readDescription(napi_env env, napi_value object, KnownKeys* keys) {
  auto made = std::make_unique<Description>();
  Words words(toText(env, property(env, object, "facts")));
  const int flags = words.number();
  const auto flag = [flags](int bit) { return (flags >> bit & 1) != 0; };
  made->mux = flag(0);
  made->sends = flag(1);
  made->receives = flag(2);
  made->udptl = flag(3);
  made->dropsEvents = flag(4);
  made->splices = flag(4) || flag(5);
  made->hasRtcpAddress = flag(6);
  made->hasRtcpPort = flag(7);
  made->rtp.port = static_cast<uint16_t>(words.number());
  made->rtcpPort = static_cast<uint16_t>(words.number());
  made->rtp.address = parseAddress(words.next().c_str());
  made->rtcpAddress = parseAddress(words.next().c_str());
  made->latch.signalling = parseAddress(words.next().c_str());
  readBlocks(env, property(env, object, "allowedSources"), &made->latch);
  made->types = readTypes(env, object);
  KnownKeys now;
  now.described = keyText(env, property(env, object, "receive"));
  if (!made->udptl) {
    now.receive = now.described;
    now.send = keyText(env, property(env, object, "send"));
  }
  made->sealed = !now.receive.empty();
  made->newReceiveKey = now.described != keys->described;
  if (made->sealed && (!makeContext(now.receive, keys->receive, false, &made->receive) ||
                       !makeContext(now.send, keys->send, true, &made->send))) {
    return nullptr;
  }
  *keys = now;
  return made;
}

PlayedEvent readPlayedEvent(napi_env env, napi_value object) {
  const auto value = [&](const char* name) { return toDouble(env, property(env, object, name)); };
  PlayedEvent made;
  made.event = static_cast<uint8_t>(value("event"));
  made.durationMs = value("durationMs");
  made.ssrc = static_cast<uint32_t>(value("ssrc"));
  made.sequence = static_cast<uint16_t>(value("sequence"));
  made.timestamp = static_cast<uint32_t>(value("timestamp"));
  return made;
}

napi_value writeEvent(napi_env env, const Event& event) {
  static const char* const kKinds[] = {"latched", "source-refused", "telephone-event", "timeout"};
  napi_value object = nullptr;
  napi_create_object(env, &object);
  set(env, object, "kind", text(env, kKinds[static_cast<int>(event.kind)]));
  set(env, object, "id", number(env, event.session));
  set(env, object, "side", text(env, event.side == kCustomer ? "customer" : "remote"));
  if (event.kind == EventKind::kTelephoneEvent) {
    set(env, object, "word", number(env, event.word));
    set(env, object, "timestamp", number(env, event.timestamp));
    set(env, object, "clockRateHz", number(env, event.clockRateHz));
    set(env, object, "nowMs", number(env, event.nowMs));
  } else if (event.kind != EventKind::kTimeout) {
    char address[INET6_ADDRSTRLEN];
    formatAddress(event.source.address, address, sizeof address);
    set(env, object, "address", text(env, address));
    set(env, object, "port", number(env, event.source.port));
  }
  return object;
}

}  // namespace trunkline
