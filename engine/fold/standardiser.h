#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/fold/landmark_map.h"
#include "engine/log/records.h"

namespace pointsman {

/// Raw vector -> context: x₀ = 1, x_{i+1} = clip((v_i − mean_i)/scale_i, ±5); a missing value (NaN)
/// becomes 0. Version 0 is the identity but for the clip. Under the policy `default` the features
/// of a LandmarkMap over some of these x follow. Immutable; shared by snapshots.
class Standardiser final {
 public:
  static constexpr double kClip = 5.0;
  static constexpr double kLeastVariance = 1e-12;

  /// The decisions of a router after which its standardisation is computed afresh; then it rests.
  static constexpr std::uint64_t kMoments[] = {16, 64, 256, 1024};
  static constexpr std::uint32_t kFrozenVersion = 4;

  /// Version 0 for a raw vector of `raw_dims` numbers. `map_inputs`: the raw coordinates that a
  /// LandmarkMap is over; empty: none.
  explicit Standardiser(std::size_t raw_dims, std::vector<std::uint32_t> map_inputs = {});
  /// Precondition: fits(revision, raw_dims, map_inputs). O(m³) for m landmarks.
  explicit Standardiser(const SchemaRevision& revision, std::vector<std::uint32_t> map_inputs = {});

  /// Whether a revision is of this layout.
  static bool fits(const SchemaRevision& revision, std::size_t raw_dims,
                   std::span<const std::uint32_t> map_inputs);

  std::uint32_t version() const { return revision_.version; }
  const SchemaRevision& revision() const { return revision_; }
  std::size_t raw_dims() const { return revision_.mean.size(); }
  std::size_t context_dims() const {
    return raw_dims() + 1 + (map_inputs_.empty() ? 0 : LandmarkMap::kWidth);
  }
  std::span<const std::uint32_t> map_inputs() const { return map_inputs_; }

  /// Writes context_dims() floats. The arithmetic is f64, rounded once, so that a decision and
  /// the fold of its feedback see the same bits.
  void apply(std::span<const float> raw, std::span<float> context) const;

  /// What this holds, its own size included.
  std::size_t bytes() const;

 private:
  SchemaRevision revision_;
  std::vector<std::uint32_t> map_inputs_;
  LandmarkMap map_;
};

/// Mean and population standard deviation of each coordinate over the rows that have it; scale 1
/// where the variance is below kLeastVariance or no row has it. Two passes, in row order.
SchemaRevision revise_schema(std::uint32_t version, std::span<const std::vector<float>* const> rows,
                             std::size_t raw_dims);

}  // namespace pointsman
