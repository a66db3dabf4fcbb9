#include "engine/fold/landmark_map.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

namespace pointsman {
namespace {

/// Added to the kernel's diagonal: contexts may come twice.
constexpr double kJitter = 1e-3;
/// Contexts at a smaller squared distance count as one: after one wild value of a field its usual
/// ones differ by rounding alone, and a kernel as narrow as that has no f32.
constexpr double kLeastSquare = 1e-12;
/// What an earlier release put into a log may be narrower still.
constexpr double kLargestInverseWidth = 1e30;

/// exp(−t) for t ≥ 0 from + × ÷ alone: the exponential series of t/16, sixteen times. Within 1e-5
/// where it is above 1e-2, and below 1e-5 wherever exp(−t) is.
template <class Real>
Real decay(Real t) {
  const Real u = t * Real(0.0625);
  const Real series =
      Real(1) + u * (Real(1) + u * (Real(0.5) + u * (Real(1.0 / 6) +
                                                     u * (Real(1.0 / 24) + u * Real(1.0 / 120)))));
  const Real once = Real(1) / series;
  const Real twice = once * once;
  const Real four = twice * twice;
  const Real eight = four * four;
  return eight * eight;
}

double squared_distance(std::span<const float> contexts, std::size_t inputs,
                        std::pair<std::size_t, std::size_t> rows) {
  double sum = 0.0;
  for (std::size_t i = 0; i < inputs; ++i) {
    const double difference = static_cast<double>(contexts[rows.first * inputs + i]) -
                              static_cast<double>(contexts[rows.second * inputs + i]);
    sum += difference * difference;
  }
  return sum;
}

/// C of K + jitter·I = C C', in the lower triangle of a (count, count) matrix.
std::vector<double> factor_kernel(std::span<const float> landmarks, std::size_t inputs,
                                  double inverse_width) {
  const std::size_t count = landmarks.size() / inputs;
  std::vector<double> c(count * count, 0.0);
  for (std::size_t i = 0; i < count; ++i) {
    double* row = &c[i * count];
    for (std::size_t j = 0; j <= i; ++j) {
      const double* other = &c[j * count];
      double value = i == j ? 1.0 + kJitter
                            : decay(inverse_width * squared_distance(landmarks, inputs, {i, j}));
      for (std::size_t k = 0; k < j; ++k) value -= row[k] * other[k];
      // What rounding leaves of a pivot is never below a part of the jitter.
      row[j] = i == j ? std::sqrt(std::max(value, kJitter / 4)) : value / other[j];
    }
  }
  return c;
}

/// C⁻¹ column by column, each from its diagonal down.
std::vector<float> invert_lower(const std::vector<double>& c, std::size_t count) {
  std::vector<float> packed;
  packed.reserve(count * (count + 1) / 2);
  std::vector<double> column(count);
  for (std::size_t j = 0; j < count; ++j) {
    for (std::size_t i = j; i < count; ++i) {
      const double* row = &c[i * count];
      double value = i == j ? 1.0 : 0.0;
      for (std::size_t k = j; k < i; ++k) value -= row[k] * column[k];
      column[i] = value / row[i];
      packed.push_back(static_cast<float>(column[i]));
    }
  }
  return packed;
}

}  // namespace

LandmarkMap::LandmarkMap(const SchemaRevision& revision, std::size_t inputs)
    : inputs_(inputs), count_(inputs == 0 ? 0 : revision.landmarks.size() / inputs) {
  assert(revision.landmarks.size() == count_ * inputs_ && count_ <= kWidth);
  if (count_ == 0) return;
  const double inverse_width =
      std::min(1.0 / (2.0 * revision.bandwidth * revision.bandwidth), kLargestInverseWidth);
  inverse_width_ = static_cast<float>(inverse_width);
  landmarks_.resize(revision.landmarks.size());
  for (std::size_t i = 0; i < inputs_; ++i) {
    for (std::size_t m = 0; m < count_; ++m) {
      landmarks_[i * count_ + m] = revision.landmarks[m * inputs_ + i];
    }
  }
  whitening_ = invert_lower(factor_kernel(revision.landmarks, inputs_, inverse_width), count_);
}

void LandmarkMap::apply(std::span<const float> z, std::span<float> out) const {
  assert(z.size() == inputs_ && out.size() >= kWidth);
  std::fill_n(out.begin(), kWidth, 0.0F);
  if (count_ == 0) return;
  // One input or one column at a time, so that each sum has the same order in vectors of any
  // length.
  std::array<float, kWidth> kernel{};
  for (std::size_t i = 0; i < inputs_; ++i) {
    const float* row = &landmarks_[i * count_];
    for (std::size_t m = 0; m < count_; ++m) {
      const float difference = z[i] - row[m];
      kernel[m] += difference * difference;
    }
  }
  for (std::size_t m = 0; m < count_; ++m) kernel[m] = decay(kernel[m] * inverse_width_);
  const float* column = whitening_.data();
  for (std::size_t j = 0; j < count_; ++j) {
    float* below = &out[j];
    for (std::size_t i = 0; i < count_ - j; ++i) below[i] += column[i] * kernel[j];
    column += count_ - j;
  }
}

void choose_landmarks(std::span<const float> contexts, std::size_t inputs, double bandwidth,
                      SchemaRevision& revision) {
  if (inputs == 0) return;
  const std::size_t count = std::min(contexts.size() / inputs, LandmarkMap::kWidth);
  std::vector<double> squares;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      squares.push_back(squared_distance(contexts, inputs, {i, j}));
    }
  }
  if (squares.empty()) return;
  const auto middle = squares.begin() + static_cast<std::ptrdiff_t>(squares.size() / 2);
  std::nth_element(squares.begin(), middle, squares.end());
  // Most contexts are the same one: any two that differ are far apart.
  const double median =
      *middle >= kLeastSquare ? *middle : *std::max_element(squares.begin(), squares.end());
  if (median < kLeastSquare) return;
  revision.bandwidth = bandwidth * std::sqrt(median);
  revision.landmarks.assign(contexts.begin(),
                            contexts.begin() + static_cast<std::ptrdiff_t>(count * inputs));
}

}  // namespace pointsman
