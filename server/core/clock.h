#pragma once

#include <chrono>

#include "engine/values/values.h"

namespace pointsman {

/// The server's only source of time; the engine gets every time as a parameter. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace pointsman
