// This file has the part of RouterFold that learns from the rows of warm starts.

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/fold/default_policy.h"
#include "engine/fold/router_fold.h"

namespace pointsman {

void RouterFold::learn_warm(const WarmStart& warm, LogPosition position) {
  const std::size_t rows = warm.rows();
  const std::size_t dims = standardiser_->raw_dims();
  const std::size_t k = warm.arms.size();
  const double age = age_factor(position);
  context_.resize(standardiser_->context_dims());
  for (std::size_t a = 0; a < k; ++a) {
    Arm* arm = find_arm(warm.arms[a]);
    if (arm == nullptr || arm->since > position) continue;
    std::size_t known = 0;
    for (std::size_t row = 0; row < rows; ++row)
      known += std::isnan(warm.quality[row * k + a]) ? 0 : 1;
    if (known == 0) continue;
    const double weight = age * std::min(1.0, warm.effective_samples / static_cast<double>(known));
    for (std::size_t row = 0; row < rows; ++row) {
      const double quality = warm.quality[row * k + a];
      if (std::isnan(quality)) continue;
      standardiser_->apply(std::span(warm.raw).subspan(row * dims, dims), context_);
      observe(*arm, weight, weight * quality);
    }
  }
}

std::vector<std::vector<float>> RouterFold::warm_rows() const {
  std::vector<std::vector<float>> raw;
  for (const auto& [position, warm] : warm_) {
    const std::size_t dims = warm.raw.size() / warm.rows();
    for (std::size_t row = 0; row < warm.rows(); ++row) {
      const auto from = warm.raw.begin() + static_cast<std::ptrdiff_t>(row * dims);
      raw.emplace_back(from, from + static_cast<std::ptrdiff_t>(dims));
    }
  }
  return raw;
}

void RouterFold::fold_warm_start(const WarmStart& warm, LogPosition position) {
  const std::size_t rows = warm.rows();
  const std::size_t k = warm.arms.size();
  if (rows == 0 || warm.raw.size() != rows * standardiser_->raw_dims()) return;  // Another layout.
  for (std::size_t a = 0; a < k; ++a) {
    Arm* arm = find_arm(warm.arms[a]);
    if (arm == nullptr) continue;
    double quality = 0.0;
    double cost = 0.0;
    std::uint64_t known = 0;
    std::uint64_t priced = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      if (const double q = warm.quality[row * k + a]; !std::isnan(q)) quality += q, ++known;
      if (const double c = warm.cost_usd[row * k + a]; !std::isnan(c)) cost += c, ++priced;
    }
    if (known > 0) {
      const double share = std::min(1.0, warm.effective_samples / static_cast<double>(known));
      arm->stats.aged_weight += share * static_cast<double>(known);
      arm->stats.aged_reward_sum += share * quality;
    }
    if (priced > 0) {
      // Whole observations of the mean cost: at least one, as a mean needs.
      const double samples = std::min(static_cast<double>(priced), warm.effective_samples);
      const auto count = static_cast<std::uint64_t>(std::max(1.0, samples));
      arm->stats.costs += count;
      arm->stats.cost_sum += cost / static_cast<double>(priced) * static_cast<double>(count);
    }
  }
  if (standardiser_->version() >= Standardiser::kFrozenVersion) return learn_warm(warm, position);
  warm_.emplace_back(position, warm);
  if (standardiser_->version() > 0 || !schema_decisions_.empty()) return learn_warm(warm, position);
  // Nothing else is known of the requests yet: the rows say how large their coordinates are.
  const std::vector<std::vector<float>> raw = warm_rows();
  std::vector<const std::vector<float>*> pointers;
  pointers.reserve(raw.size());
  for (const auto& row : raw) pointers.push_back(&row);
  standardiser_ = std::make_shared<const Standardiser>(
      revise_schema(0, pointers, standardiser_->raw_dims()), map_inputs(*config_));
  for (const auto& arm : arms_) arm->posterior.reset(prior_);
  shared_stale_ = true;
  for (const auto& [at, each] : warm_) learn_warm(each, at);
}

}  // namespace pointsman
