#pragma once

#include <errno.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "engine/log/append_requests.h"
#include "engine/policies/keyed_random.h"
#include "engine/values/result.h"

namespace pointsman::bench {

/// Ends the program with a sentence.
[[noreturn]] inline void fail(const std::string& message) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, message.c_str());
  std::exit(1);
}

inline void must(const Status& status) {
  if (!status) fail(status.error().message);
}

template <class T>
T must(Result<T> result) {
  if (!result) fail(result.error().message);
  return std::move(*result);
}

/// Ids and times of records as a server makes them, from a counter: a millisecond apart.
class Stamps final {
 public:
  /// Two of one purpose give the same ids.
  explicit Stamps(std::string purpose = "stamp") : purpose_(std::move(purpose)) {}

  RecordStamp next() {
    RecordStamp made;
    KeyedRandom random(++tick_, purpose_);
    for (std::size_t at = 0; at + 8 <= made.id.size(); at += 8) {
      const std::uint64_t bits = random.next_u64();
      std::memcpy(made.id.data() + at, &bits, 8);
    }
    made.time = Timestamp(std::chrono::milliseconds(1'790'000'000'000 + tick_));
    return made;
  }

 private:
  std::string purpose_;
  std::uint64_t tick_ = 0;
};

}  // namespace pointsman::bench
