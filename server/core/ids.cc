#include "server/core/ids.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace pointsman {

RecordId random_record_id() {
  // 256 is the most that getrandom() gives without the chance of a short read.
  thread_local std::array<unsigned char, 256> buffer;
  thread_local std::size_t used = buffer.size();
  RecordId id;
  if (used + id.size() > buffer.size()) {
    if (getrandom(buffer.data(), buffer.size(), 0) != static_cast<ssize_t>(buffer.size())) {
      std::abort();  // A Linux without random numbers cannot keep any promise of ours.
    }
    used = 0;
  }
  std::memcpy(id.data(), buffer.data() + used, id.size());
  used += id.size();
  return id;
}

std::string make_query_id(Timestamp now) {
  static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
  RecordId bits = random_record_id();
  const auto millis = static_cast<std::uint64_t>(now.time_since_epoch().count());
  for (unsigned i = 0; i < 6; ++i) bits[i] = static_cast<std::uint8_t>(millis >> (40U - 8U * i));
  std::string id = "q_";
  unsigned accumulator = 0;
  int held = 0;
  for (const std::uint8_t byte : bits) {
    accumulator = (accumulator << 8U) | byte;
    for (held += 8; held >= 5; held -= 5) {
      id += kDigits[(accumulator >> static_cast<unsigned>(held - 5)) & 31U];
    }
  }
  id += kDigits[(accumulator << static_cast<unsigned>(5 - held)) & 31U];
  return id;
}

}  // namespace pointsman
