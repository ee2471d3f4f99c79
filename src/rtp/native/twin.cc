// The packet path without sockets, for the test that holds it equal to the TypeScript path, and SRTP alone for its
// vectors. Nothing here runs in production.
#include <time.h>

#include <cstring>
#include <memory>
#include <vector>

#include "layout.h"
#include "values.h"

namespace trunkline {
namespace {

// A session whose packets come from JavaScript and go back there.
class Twin final : public EventSink {
 public:
  explicit Twin(const LegPlace places[2]) : session(0, places, 1e300, this) {}
  void onEvent(const Event& event) override { events.push_back(event); }

  std::vector<Event> events;
  Session session;
  KnownKeys keys[2];
};

// createTwin(customerRecord, remoteRecord, family) -> twin
napi_value createTwin(napi_env env, napi_callback_info info) {
  Args args(env, info);
  size_t length = 0;
  LegPlace places[2];
  for (size_t side = 0; side < 2; side++) {
    places[side].record = elements<double>(env, args[side], &length);
    places[side].rtp.address.family = static_cast<uint8_t>(toInt(env, args[2]));
  }
  napi_value external = nullptr;
  napi_create_external(
      env, new Twin(places), [](napi_env, void* data, void*) { delete static_cast<Twin*>(data); }, nullptr, &external);
  return external;
}

// twinDescribe(twin, side, description, nowMs) -> false when a key does not fit
napi_value twinDescribe(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* twin = fromExternal<Twin>(env, args[0]);
  const Side side = toInt(env, args[1]) == 0 ? kCustomer : kRemote;
  auto description = readDescription(env, args[2], &twin->keys[side]);
  if (!description) return boolean(env, false);
  twin->session.describe(side, std::move(description), toDouble(env, args[3]));
  return boolean(env, true);
}

// twinPacket(twin, side, rtcpPort, buffer, length, address, port, nowMs, out: Int32Array[3]) -> forwarded?
// `out`: length, whether by the RTCP socket, port; the bytes are in `buffer`.
napi_value twinPacket(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* twin = fromExternal<Twin>(env, args[0]);
  size_t capacity = 0;
  size_t count = 0;
  uint8_t* packet = elements<uint8_t>(env, args[3], &capacity);
  int32_t* out = elements<int32_t>(env, args[8], &count);
  const int length = toInt(env, args[4]);
  const Endpoint from = {parseAddress(toText(env, args[5]).c_str()), static_cast<uint16_t>(toInt(env, args[6]))};
  const double nowMs = toDouble(env, args[7]);
  Leg& leg = twin->session.legs[toInt(env, args[1])];
  Departure departure;
  const int room = static_cast<int>(capacity);
  const bool goesOn = toBool(env, args[2]) ? leg.onRtcpPort(packet, length, room, from, nowMs, &departure)
                                           : leg.onRtpPort(packet, length, room, from, nowMs, &departure);
  if (goesOn) {
    out[0] = departure.length;
    out[1] = departure.rtcpSocket;
    out[2] = departure.to.port;
  }
  return boolean(env, goesOn);
}

// twinPlay(twin, side, event)
napi_value twinPlay(napi_env env, napi_callback_info info) {
  Args args(env, info);
  fromExternal<Twin>(env, args[0])->session.legs[toInt(env, args[1])].play(readPlayedEvent(env, args[2]));
  return nullptr;
}

// twinPlayOn(twin, side, nowMs, buffer, out: Int32Array[3]) -> whether a packet of our own leaves; `out` as twinPacket
napi_value twinPlayOn(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* twin = fromExternal<Twin>(env, args[0]);
  size_t capacity = 0;
  size_t count = 0;
  uint8_t* packet = elements<uint8_t>(env, args[3], &capacity);
  int32_t* out = elements<int32_t>(env, args[4], &count);
  Departure departure;
  Leg& leg = twin->session.legs[toInt(env, args[1])];
  if (!leg.playOn(toDouble(env, args[2]), packet, static_cast<int>(capacity), &departure)) return boolean(env, false);
  out[0] = departure.length;
  out[1] = departure.rtcpSocket;
  out[2] = departure.to.port;
  return boolean(env, true);
}

// twinReport(twin, side, ssrc, cname, nowMs, wallMs, buffer) -> length of a first report to that side's peer, or 0
napi_value twinReport(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* twin = fromExternal<Twin>(env, args[0]);
  size_t capacity = 0;
  uint8_t* packet = elements<uint8_t>(env, args[6], &capacity);
  const double nowMs = toDouble(env, args[4]);
  if (capacity < Reporter::kMaxBytes) return number(env, 0);
  Reporter reporter;
  reporter.init(static_cast<uint32_t>(toDouble(env, args[2])), 1, toText(env, args[3]).c_str(), nowMs - 10000);
  bool sender = false;
  Leg& leg = twin->session.legs[toInt(env, args[1])];
  return number(env, leg.composeReport(&reporter, nowMs, toDouble(env, args[5]), packet, &sender));
}

// twinFork(twin, side, point: 0 | 1 | 2, memory, maxQueued) -> whether the memory is large enough; it must outlive the twin
napi_value twinFork(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* twin = fromExternal<Twin>(env, args[0]);
  size_t length = 0;
  uint8_t* memory = elements<uint8_t>(env, args[3], &length);
  const auto maxQueued = static_cast<uint32_t>(toDouble(env, args[4]));
  if (length < Fork::memoryBytes(maxQueued)) return boolean(env, false);
  // The session frees it.
  auto* fork = new Fork(0, static_cast<ForkPoint>(toInt(env, args[2])), memory, maxQueued, nullptr);
  twin->session.legs[toInt(env, args[1])].fork(fork);
  return boolean(env, true);
}

// twinFinish(twin)
napi_value twinFinish(napi_env env, napi_callback_info info) {
  Args args(env, info);
  for (Leg& leg : fromExternal<Twin>(env, args[0])->session.legs) leg.finish();
  return nullptr;
}

// twinEvents(twin) -> events since the last call
napi_value twinEvents(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* twin = fromExternal<Twin>(env, args[0]);
  napi_value list = nullptr;
  napi_create_array(env, &list);
  for (uint32_t at = 0; at < twin->events.size(); at++) {
    napi_set_element(env, list, at, writeEvent(env, twin->events[at]));
  }
  twin->events.clear();
  return list;
}

// createSrtp(suite, key, sealing) -> context, or undefined when the key does not fit
napi_value createSrtp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  size_t length = 0;
  const uint8_t* key = elements<uint8_t>(env, args[1], &length);
  const SuiteFacts* suite = findSuite(toText(env, args[0]).c_str());
  auto context = std::make_unique<SrtpContext>();
  if (!suite || length != static_cast<size_t>(suite->keyBytes + suite->saltBytes) ||
      !context->init(*suite, key, toBool(env, args[2]))) {
    return nullptr;
  }
  napi_value external = nullptr;
  napi_create_external(
      env, context.release(), [](napi_env, void* data, void*) { delete static_cast<SrtpContext*>(data); }, nullptr,
      &external);
  return external;
}

// srtp(context, operation: 0 open, 1 seal, 2 open RTCP, 3 seal RTCP, buffer, length) -> length or failure
napi_value srtp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* context = fromExternal<SrtpContext>(env, args[0]);
  size_t capacity = 0;
  uint8_t* packet = elements<uint8_t>(env, args[2], &capacity);
  const int length = toInt(env, args[3]);
  const int room = static_cast<int>(capacity);
  switch (toInt(env, args[1])) {
    case 0:
      return number(env, context->open(packet, length));
    case 1:
      return number(env, context->seal(packet, length, room));
    case 2:
      return number(env, context->openRtcp(packet, length));
    default:
      return number(env, context->sealRtcp(packet, length, room));
  }
}

// timeSeal(context, count) -> microseconds a 172-byte packet takes to be sealed, mean of `count`
napi_value timeSeal(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* context = fromExternal<SrtpContext>(env, args[0]);
  const int count = toInt(env, args[1]);
  uint8_t packet[204] = {0x80};
  timespec before, after;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  for (int at = 0; at < count; at++) {
    packet[2] = static_cast<uint8_t>(at >> 8);
    packet[3] = static_cast<uint8_t>(at);
    context->seal(packet, 172, sizeof packet);
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  const double seconds = static_cast<double>(after.tv_sec - before.tv_sec) +
                         static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e9;
  return number(env, seconds * 1e6 / count);
}

struct Word {
  const char* name;
  int value;
};

constexpr Word kWords[] = {
    {"version", kVersion},
    {"interval", kInterval},
    {"packets", kPackets},
    {"bytes", kBytes},
    {"rtcpPackets", kRtcpPackets},
    {"rtcpBytes", kRtcpBytes},
    {"expected", kExpected},
    {"received", kReceived},
    {"reordered", kReordered},
    {"duplicates", kDuplicates},
    {"jitterUs", kJitterUs},
    {"jitterSumUs", kJitterSumUs},
    {"jitterCount", kJitterCount},
    {"jitterMaxUs", kJitterMaxUs},
    {"jitterMaxInterval", kJitterMaxInterval},
    {"ssrc", kSsrc},
    {"lastPacketMs", kLastPacketMs},
    {"sources", kSources},
    {"settled", kSettled},
    {"settledLost", kSettledLost},
    {"lossRuns", kLossRuns},
    {"bursts", kBursts},
    {"burstPackets", kBurstPackets},
    {"burstLost", kBurstLost},
    {"sentPackets", kSentPackets},
    {"sentBytes", kSentBytes},
    {"sentRtcpPackets", kSentRtcpPackets},
    {"sentRtcpBytes", kSentRtcpBytes},
    {"reports", kReports},
    {"reportedLost", kReportedLost},
    {"reportedJitterUs", kReportedJitterUs},
    {"reportedFractionLost", kReportedFractionLost},
    {"rttUs", kRttUs},
    {"rttSumUs", kRttSumUs},
    {"rttCount", kRttCount},
    {"voipReports", kVoipReports},
    {"voipLossRate", kVoipLossRate},
    {"voipDiscardRate", kVoipDiscardRate},
    {"voipRFactor", kVoipRFactor},
    {"voipMosCq", kVoipMosCq},
    {"payloadTypes", kPayloadTypes},
    {"dropped", kDropped},
};

constexpr const char* kDropNames[kDropReasons] = {
    "source",          "malformed", "srtp-auth",      "srtp-replay",  "direction",    "stun",
    "dtls",            "not-rtp",   "rtcp-malformed", "undescribed",  "no-target",    "peer-direction",
    "srtcp-auth",      "srtcp-replay", "internal",    "srtp-sources", "srtp-seal",
    "telephone-event",
};

// layout() -> { legWords, payloadTypeSlots, fields, drops }
napi_value layout(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  napi_value fields = nullptr;
  napi_value drops = nullptr;
  napi_create_object(env, &result);
  napi_create_object(env, &fields);
  napi_create_array(env, &drops);
  for (const Word& word : kWords) set(env, fields, word.name, number(env, word.value));
  for (uint32_t at = 0; at < kDropReasons; at++) napi_set_element(env, drops, at, text(env, kDropNames[at]));
  set(env, result, "legWords", number(env, kLegWords));
  set(env, result, "payloadTypeSlots", number(env, kPayloadTypeSlots));
  set(env, result, "fields", fields);
  set(env, result, "drops", drops);
  return result;
}

}  // namespace

void exportTwin(napi_env env, napi_value exports) {
  setFunction(env, exports, "createTwin", createTwin);
  setFunction(env, exports, "twinDescribe", twinDescribe);
  setFunction(env, exports, "twinPacket", twinPacket);
  setFunction(env, exports, "twinPlay", twinPlay);
  setFunction(env, exports, "twinPlayOn", twinPlayOn);
  setFunction(env, exports, "twinReport", twinReport);
  setFunction(env, exports, "twinFork", twinFork);
  setFunction(env, exports, "twinFinish", twinFinish);
  setFunction(env, exports, "twinEvents", twinEvents);
  setFunction(env, exports, "createSrtp", createSrtp);
  setFunction(env, exports, "srtp", srtp);
  setFunction(env, exports, "timeSeal", timeSeal);
  setFunction(env, exports, "layout", layout);
}

}  // namespace trunkline
