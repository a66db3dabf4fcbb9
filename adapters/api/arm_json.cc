#include "adapters/api/arm_json.h"

#include <algorithm>
#include <string>

#include "adapters/json/json_body.h"

namespace pointsman {
namespace {

constexpr std::size_t kMostTags = 64;

std::vector<std::string> read_tags(ObjectReader& reader, const nlohmann::json& list) {
  std::vector<std::string> tags;
  if (!list.is_array() || list.size() > kMostTags) {
    reader.fail("tags", "This must be an array of at most 64 strings.");
    return tags;
  }
  for (const nlohmann::json& item : list) {
    if (!item.is_string() || !id_fault(item.get_ref<const std::string&>()).empty()) {
      reader.fail("tags", "Each tag must be 1 to 200 bytes of text without control characters.");
      return {};
    }
    auto tag = item.get<std::string>();
    if (std::find(tags.begin(), tags.end(), tag) != tags.end()) {
      reader.fail("tags", "\"" + tag + "\" stands twice.");
      return {};
    }
    tags.push_back(std::move(tag));
  }
  return tags;
}

}  // namespace

nlohmann::ordered_json arm_to_json(const ArmSpec& arm) {
  nlohmann::ordered_json out = {{"id", arm.id}, {"model", arm.model}};
  const std::pair<const char*, const std::optional<double>&> numbers[] = {
      {"input_usd_per_million_tokens", arm.input_usd_per_million_tokens},
      {"output_usd_per_million_tokens", arm.output_usd_per_million_tokens},
      {"expected_cost_usd", arm.expected_cost_usd},
      {"expected_latency_ms", arm.expected_latency_ms}};
  for (const auto& [name, value] : numbers) {
    if (value) out[name] = *value;
  }
  out["tags"] = arm.tags;
  return out;
}

Result<ArmSpec> arm_from_json(const nlohmann::json& body, std::string_view id) {
  ObjectReader reader(body, {});
  ArmSpec arm;
  arm.id = id;
  if (const auto given = reader.optional_id("id"); given && *given != arm.id) {
    reader.fail("id", "This differs from the arm in the path.");
  }
  arm.model = reader.optional_id("model").value_or(arm.id);
  arm.input_usd_per_million_tokens =
      reader.optional_number("input_usd_per_million_tokens", kNotNegative);
  arm.output_usd_per_million_tokens =
      reader.optional_number("output_usd_per_million_tokens", kNotNegative);
  arm.expected_cost_usd = reader.optional_number("expected_cost_usd", kNotNegative);
  arm.expected_latency_ms = reader.optional_number("expected_latency_ms", kNotNegative);
  if (const nlohmann::json* tags = reader.optional_value("tags")) {
    arm.tags = read_tags(reader, *tags);
  }
  if (Status ok = reader.finish(); !ok) return ok.error();
  return arm;
}

}  // namespace pointsman
