{
  "targets": [
    {
      "target_name": "relay",
      "sources": [
        "src/rtp/native/addon.cc",
        "src/rtp/native/events.cc",
        "src/rtp/native/fork.cc",
        "src/rtp/native/latch.cc",
        "src/rtp/native/leg.cc",
        "src/rtp/native/relay.cc",
        "src/rtp/native/rtcp.cc",
        "src/rtp/native/srtp.cc",
        "src/rtp/native/stream.cc",
        "src/rtp/native/twin.cc",
        "src/rtp/native/udp.cc",
        "src/rtp/native/values.cc"
      ],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-std=c++17", "-O2", "-flto", "-fvisibility=hidden", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti", "-ffp-contract=off"],
      "ldflags": ["-flto", "-O2"],
      "conditions": [["OS!='linux'", { "type": "none", "sources": [] }]]
    }
  ]
}
