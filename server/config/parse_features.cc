#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/features/features.h"
#include "server/config/sections.h"

namespace pointsman {
namespace {

/// A posterior is a d × d matrix an arm: 64 MiB at this bound, in double precision and packed.
constexpr std::size_t kMaxDims = 4'096;

void read_text(ConfigSection& table, FeatureLayout& layout) {
  bool text = true;
  table.read("text", text);
  bool model = text;
  table.read("text_model", model);
  layout.text_counters = text;
  if (!model) return;
  layout.text_model_dims = default_text_model().dims();
  layout.text_model_hash = default_text_model().hash();
}

void read_embedding(ConfigSection& table, FeatureLayout& layout) {
  table.read_count("embedding_dims", layout.embedding_dims, {0, 65'536});
  table.read_count("embedding_projection", layout.embedding_projection, {0, kMaxDims});
  if (layout.embedding_projection > 0 && layout.embedding_projection >= layout.embedding_dims) {
    table.fault("embedding_projection", "This must be less than embedding_dims.");
    layout.embedding_projection = 0;
  }
}

void read_fields(ConfigSection& table, FeatureLayout& layout) {
  std::map<std::string, int> lines;
  for (ConfigSection& section : table.tables("fields")) {
    FieldSpec field;
    const bool named = section.read_id("name", field.name);
    if (!section.has("name")) section.fault("name", "This option is required.");
    const bool listed = section.read_names("values", field.values);
    if (listed && field.values.empty()) {
      section.fault("values", "This must not be empty; a number has no values.");
    }
    section.finish();
    if (named) {
      const auto [first, fresh] = lines.emplace(field.name, section.line_of("name"));
      if (!fresh) {
        section.fault("name", "A field of this name stands on line " +
                                  std::to_string(first->second) + " already.");
      }
    }
    layout.fields.push_back(std::move(field));
  }
}

}  // namespace

void read_features(ConfigSection& router, FeatureLayout& layout) {
  ConfigSection table = router.table("features");
  read_text(table, layout);
  read_embedding(table, layout);
  read_fields(table, layout);
  table.read_count("hashed_fields", layout.hashed_fields, {0, kMaxDims});
  table.finish();
  const std::size_t dims = raw_dims(layout);
  if (dims > kMaxDims) {
    table.fault("", "The features have " + std::to_string(dims) + " coordinates; at most " +
                        std::to_string(kMaxDims) +
                        " can be learnt from. embedding_projection makes an embedding shorter.");
  }
}

}  // namespace pointsman
