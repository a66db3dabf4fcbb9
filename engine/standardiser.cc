#include "engine/standardiser.h"

#include <cassert>
#include <cmath>

namespace pointsman {

Standardiser::Standardiser(std::size_t raw_dims)
    : revision_{0, std::vector<double>(raw_dims, 0.0), std::vector<double>(raw_dims, 1.0)} {}

Standardiser::Standardiser(const SchemaRevision& revision) : revision_(revision) {
  assert(revision_.mean.size() == revision_.scale.size());
}

void Standardiser::apply(std::span<const float> raw, std::span<float> context) const {
  assert(raw.size() == raw_dims() && context.size() >= context_dims());
  context[0] = 1.0F;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    double x = (static_cast<double>(raw[i]) - revision_.mean[i]) / revision_.scale[i];
    if (!(x == x)) x = 0.0;
    if (x > kClip) x = kClip;
    if (x < -kClip) x = -kClip;
    context[i + 1] = static_cast<float>(x);
  }
}

SchemaRevision revise_schema(std::uint32_t version, std::span<const std::vector<float>* const> rows,
                             std::size_t raw_dims) {
  SchemaRevision revision{version, std::vector<double>(raw_dims, 0.0),
                          std::vector<double>(raw_dims, 1.0)};
  for (std::size_t i = 0; i < raw_dims; ++i) {
    double count = 0.0;
    double sum = 0.0;
    for (const std::vector<float>* row : rows) {
      const double v = static_cast<double>((*row)[i]);
      if (v == v) {
        count += 1.0;
        sum += v;
      }
    }
    if (count == 0.0) continue;
    const double mean = sum / count;
    double squares = 0.0;
    for (const std::vector<float>* row : rows) {
      const double v = static_cast<double>((*row)[i]);
      if (v == v) squares += (v - mean) * (v - mean);
    }
    const double variance = squares / count;
    revision.mean[i] = mean;
    if (variance >= Standardiser::kLeastVariance) revision.scale[i] = std::sqrt(variance);
  }
  return revision;
}

}  // namespace pointsman
