#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/values/result.h"

namespace pointsman {

class TextModel;

/// A named input. `values` empty: numeric; else categorical, one coordinate a value, and a value
/// that is not listed sets none of them.
struct FieldSpec {
  std::string name;
  std::vector<std::string> values;
  bool operator==(const FieldSpec&) const = default;
};

/// The order and meaning of a router's raw vector:
/// [text counters][text model][embedding][fields in order][hashed fields].
struct FeatureLayout {
  bool text_counters = true;
  std::uint32_t text_model_dims = 0;       ///< 0: no text model. Must equal the model's dims.
  std::string text_model_hash;             ///< Which model; a Decision holds its numbers.
  std::uint32_t embedding_dims = 0;        ///< Length of the caller's embedding; 0: none is taken.
  std::uint32_t embedding_projection = 0;  ///< > 0: project it by seeded random signs to this many.
  std::vector<FieldSpec> fields;
  std::uint32_t hashed_fields =
      0;  ///< Buckets for fields that are not declared; 0: they are errors.
  bool operator==(const FeatureLayout&) const = default;
};

/// What kind of coordinate a raw index holds; decides its prior precision.
enum class CoordinateKind : std::uint8_t { text_counter, embedding, field };

std::size_t raw_dims(const FeatureLayout& layout);
std::vector<CoordinateKind> coordinate_kinds(const FeatureLayout& layout);

/// One named value of a request.
struct FieldValue {
  std::string_view name;
  std::variant<double, std::string_view, bool> value;
};

/// What a caller gave. Absent text or embedding leaves NaN in its block, which standardises to 0.
struct RequestFeatures {
  bool has_text = false;
  std::string_view text;
  std::span<const float> embedding;
  std::span<const FieldValue> fields;
};

/// Turns a request into a router's raw vector. Immutable and safe to share between threads.
class FeatureEncoder final {
 public:
  /// `model` may be null where the layout has no text model; it must outlive the encoder.
  FeatureEncoder(FeatureLayout layout, const TextModel* model);

  const FeatureLayout& layout() const { return layout_; }
  std::size_t dims() const { return dims_; }

  /// Writes dims() floats. Errors name the field: an embedding of another length, a field that is
  /// not declared, a number where a category belongs, a value that is not finite.
  Status encode(const RequestFeatures& request, std::span<float> out) const;

  /// What this holds, its own size included and the text model, which is everybody's, not.
  std::size_t bytes() const { return sizeof *this + layout_bytes_ + 4 * projection_.capacity(); }
  std::size_t layout_bytes() const { return layout_bytes_; }

 private:
  FeatureLayout layout_;
  const TextModel* model_;
  std::size_t dims_;
  std::vector<float> projection_;
  std::size_t layout_bytes_ = 0;  ///< What the fields of layout_ hold.
};

}  // namespace pointsman
