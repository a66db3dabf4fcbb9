#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace pointsman {

/// A place in a log. Increasing, gaps allowed; 0 stands before the first record.
using LogPosition = std::uint64_t;

/// UTC, in milliseconds. The engine never reads a clock: every time is a parameter or a record's.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// SHA-256 of a canonical body; the engine only compares it.
using Fingerprint = std::array<std::uint8_t, 32>;

/// Random id of a record; tells two histories apart after a failover.
using RecordId = std::array<std::uint8_t, 16>;

/// One log is one scope. Tenants never see each other.
struct Scope {
  std::string tenant;
  std::string router;
  auto operator<=>(const Scope&) const = default;
};

/// What a signal says of a decision.
struct Reward {
  double value = 0.0;       ///< In [0, 1].
  double confidence = 0.0;  ///< In [0, 1]; 0 says "no signal".
  bool operator==(const Reward&) const = default;
};

/// All signals of a decision combined: r = Σ cᵢ rᵢ / Σ cᵢ, w = min(1, Σ cᵢ). Weight 0: none yet.
struct Observation {
  double reward = 0.0;
  double weight = 0.0;
  bool operator==(const Observation&) const = default;
};

}  // namespace pointsman
