#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/records.h"

namespace pointsman {

/// Raw vector -> context: x₀ = 1, x_{i+1} = clip((v_i − mean_i)/scale_i, ±5); a missing value (NaN)
/// becomes 0. Version 0 is the identity but for the clip. Immutable; shared by snapshots.
class Standardiser final {
 public:
  static constexpr double kClip = 5.0;
  static constexpr double kLeastVariance = 1e-12;

  /// The decisions of a router after which its standardisation is computed afresh; then it rests.
  static constexpr std::uint64_t kMoments[] = {16, 64, 256, 1024};
  static constexpr std::uint32_t kFrozenVersion = 4;

  /// Version 0 for a raw vector of `raw_dims` numbers.
  explicit Standardiser(std::size_t raw_dims);
  explicit Standardiser(const SchemaRevision& revision);

  std::uint32_t version() const { return revision_.version; }
  const SchemaRevision& revision() const { return revision_; }
  std::size_t raw_dims() const { return revision_.mean.size(); }
  std::size_t context_dims() const { return raw_dims() + 1; }

  /// Writes context_dims() floats. The arithmetic is f64, rounded once, so that a decision and
  /// the fold of its feedback see the same bits.
  void apply(std::span<const float> raw, std::span<float> context) const;

 private:
  SchemaRevision revision_;
};

/// Mean and population standard deviation of each coordinate over the rows that have it; scale 1
/// where the variance is below kLeastVariance or no row has it. Two passes, in row order.
SchemaRevision revise_schema(std::uint32_t version, std::span<const std::vector<float>* const> rows,
                             std::size_t raw_dims);

}  // namespace pointsman
