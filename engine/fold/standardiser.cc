#include "engine/fold/standardiser.h"

#include <cassert>
#include <cmath>
#include <utility>

namespace pointsman {

namespace {

SchemaRevision identity(std::uint32_t version, std::size_t raw_dims) {
  SchemaRevision revision;
  revision.version = version;
  revision.mean.assign(raw_dims, 0.0);
  revision.scale.assign(raw_dims, 1.0);
  return revision;
}

}  // namespace

Standardiser::Standardiser(std::size_t raw_dims, std::vector<std::uint32_t> map_inputs)
    : Standardiser(identity(0, raw_dims), std::move(map_inputs)) {}

Standardiser::Standardiser(const SchemaRevision& revision, std::vector<std::uint32_t> map_inputs)
    : revision_(revision), map_inputs_(std::move(map_inputs)), map_(revision_, map_inputs_.size()) {
  assert(revision_.mean.size() == revision_.scale.size());
}

bool Standardiser::fits(const SchemaRevision& revision, std::size_t raw_dims,
                        std::span<const std::uint32_t> map_inputs) {
  if (revision.mean.size() != raw_dims) return false;
  if (revision.landmarks.empty()) return true;
  return !map_inputs.empty() && revision.landmarks.size() % map_inputs.size() == 0 &&
         revision.landmarks.size() <= LandmarkMap::kWidth * map_inputs.size();
}

std::size_t Standardiser::bytes() const {
  return sizeof *this + 8 * (revision_.mean.capacity() + revision_.scale.capacity()) +
         4 * (revision_.landmarks.capacity() + map_inputs_.capacity()) + map_.bytes();
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
  if (map_inputs_.empty()) return;
  thread_local std::vector<float> inputs;
  inputs.clear();
  for (const std::uint32_t input : map_inputs_) inputs.push_back(context[input + 1]);
  map_.apply(inputs, context.subspan(raw_dims() + 1));
}

SchemaRevision revise_schema(std::uint32_t version, std::span<const std::vector<float>* const> rows,
                             std::size_t raw_dims) {
  SchemaRevision revision = identity(version, raw_dims);
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
