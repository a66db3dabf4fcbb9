#include "adapters/api/route_request.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "adapters/api/route_request_scan.h"
#include "adapters/json/canonical_json.h"
#include "adapters/json/canonical_tree.h"
#include "adapters/json/json_body.h"

namespace pointsman {
namespace {

namespace dom = simdjson::dom;

// A fault is an error of the reader; none is the common case and costs nothing.
using Fault = std::optional<Error>;

Fault fault(std::string pointer, std::string_view message) {
  return invalid(std::move(pointer), std::string(message));
}

Fault read_string(dom::element value, std::string_view pointer, std::string& out) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    return fault(std::string(pointer), "This must be a string.");
  }
  out.assign(text);
  return {};
}

Fault read_id(dom::element value, std::string_view pointer, std::string& out) {
  if (Fault bad = read_string(value, pointer, out)) return bad;
  if (const std::string_view why = id_fault(out); !why.empty()) {
    return fault(std::string(pointer), why);
  }
  return {};
}

Fault read_bool(dom::element value, std::string_view pointer, bool& out) {
  if (value.get(out) != simdjson::SUCCESS) {
    return fault(std::string(pointer), "This must be true or false.");
  }
  return {};
}

// A finite number that is not negative.
Fault read_amount(dom::element value, std::string_view pointer, std::optional<double>& out) {
  double number = 0.0;
  if (value.get(number) != simdjson::SUCCESS) {
    return fault(std::string(pointer), "This must be a number.");
  }
  if (!(number >= 0.0)) return fault(std::string(pointer), "This must not be negative.");
  out = number;
  return {};
}

Fault read_embedding(dom::element value, std::vector<float>& out) {
  dom::array items;
  if (value.get(items) != simdjson::SUCCESS) return fault("/embedding", "This must be an array.");
  out.reserve(items.size());
  for (const dom::element item : items) {
    double number = 0.0;
    if (item.get(number) != simdjson::SUCCESS) {
      return fault("/embedding/" + std::to_string(out.size()), "This must be a number.");
    }
    if (!(std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max()))) {
      return fault("/embedding/" + std::to_string(out.size()),
                   "This number is beyond the range of a float.");
    }
    out.push_back(static_cast<float>(number));
  }
  if (out.empty()) return fault("/embedding", "This must not be empty.");
  return {};
}

Fault read_ids(dom::element value, std::string_view pointer, std::vector<std::string>& out) {
  dom::array items;
  const std::string base(pointer);
  if (value.get(items) != simdjson::SUCCESS) return fault(base, "This must be an array.");
  if (items.size() > kMaxRouteArms) return fault(base, "This list is too long.");
  std::size_t count = 0;
  for (const dom::element item : items) {
    if (count == out.size()) out.emplace_back();
    if (Fault bad = read_id(item, base + "/" + std::to_string(count), out[count])) return bad;
    const auto end = out.begin() + static_cast<std::ptrdiff_t>(count);
    if (std::find(out.begin(), end, *end) != end) {
      return fault(base + "/" + std::to_string(count), "This stands twice in the list.");
    }
    ++count;
  }
  if (count == 0) return fault(base, "This must not be empty.");
  out.resize(count);
  return {};
}

Fault read_feature(std::string_view name, dom::element value, RouteRequest& out) {
  const auto own = [&](std::string_view text) {
    const std::size_t start = out.feature_bytes.size();
    out.feature_bytes.append(text);
    return std::string_view(out.feature_bytes).substr(start);
  };
  if (const std::string_view why = id_fault(name); !why.empty()) {
    return fault("/features" + pointer_token(name), why);
  }
  FieldValue& field = out.features.emplace_back();
  field.name = own(name);
  std::string_view text;
  double number = 0.0;
  bool flag = false;
  if (value.get(number) == simdjson::SUCCESS) {
    field.value = number;
  } else if (value.get(text) == simdjson::SUCCESS) {
    field.value = own(text);
  } else if (value.get(flag) == simdjson::SUCCESS) {
    field.value = flag;
  } else {
    return fault("/features" + pointer_token(name), "This must be a number, a string, or a bool.");
  }
  return {};
}

Fault find_repeated_feature(const std::vector<FieldValue>& features) {
  constexpr std::size_t kFew = 16;  // Below it, looking at every pair beats sorting.
  const auto twice = [](std::string_view name) {
    return fault("/features" + pointer_token(name), "This key stands twice in its object.");
  };
  if (features.size() <= kFew) {
    for (std::size_t i = 1; i < features.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (features[i].name == features[j].name) return twice(features[i].name);
      }
    }
    return {};
  }
  std::vector<std::string_view> names;
  names.reserve(features.size());
  for (const FieldValue& field : features) names.push_back(field.name);
  std::sort(names.begin(), names.end());
  const auto it = std::adjacent_find(names.begin(), names.end());
  return it == names.end() ? Fault{} : twice(*it);
}

Fault read_features(dom::element value, RouteRequest& out) {
  dom::object members;
  if (value.get(members) != simdjson::SUCCESS) {
    return fault("/features", "This must be an object.");
  }
  if (members.size() > kMaxRouteFeatures) return fault("/features", "These are too many.");
  for (const dom::key_value_pair member : members) {
    if (Fault bad = read_feature(member.key, member.value, out)) return bad;
  }
  return find_repeated_feature(out.features);
}

Fault read_constraints(dom::element value, RouteConstraints& out) {
  dom::object members;
  if (value.get(members) != simdjson::SUCCESS) {
    return fault("/constraints", "This must be an object.");
  }
  bool seen[3] = {};
  for (const dom::key_value_pair member : members) {
    Fault bad;
    std::size_t which = 0;
    if (member.key == "max_cost_usd") {
      bad = read_amount(member.value, "/constraints/max_cost_usd", out.max_cost_usd);
    } else if (member.key == "max_latency_ms") {
      which = 1;
      bad = read_amount(member.value, "/constraints/max_latency_ms", out.max_latency_ms);
    } else if (member.key == "require") {
      which = 2;
      bad = read_ids(member.value, "/constraints/require", out.require);
    } else {
      bad = fault("/constraints" + pointer_token(member.key), "This field is not known.");
    }
    if (!bad && std::exchange(seen[which], true)) {
      bad =
          fault("/constraints" + pointer_token(member.key), "This key stands twice in its object.");
    }
    if (bad) return bad;
  }
  return {};
}

Fault read_preference(dom::element value, RouteRequest& out) {
  std::string_view word;
  if (value.get(word) == simdjson::SUCCESS) {
    static constexpr std::array<std::pair<std::string_view, Preference>, 4> kWords{
        {{"quality", Preference::quality},
         {"balanced", Preference::balanced},
         {"cost", Preference::cost},
         {"speed", Preference::speed}}};
    for (const auto& [name, preference] : kWords) {
      if (name == word) {
        out.preference = preference;
        return {};
      }
    }
    return fault("/preference", "This must be one of: quality, balanced, cost, speed.");
  }
  dom::object members;
  if (value.get(members) != simdjson::SUCCESS) {
    return fault("/preference", "This must be a word or an object.");
  }
  for (const dom::key_value_pair member : members) {
    const bool is_value = member.key == "value_usd";
    if (!is_value && member.key != "usd_per_second") {
      return fault("/preference" + pointer_token(member.key), "This field is not known.");
    }
    std::optional<double>& target = is_value ? out.value_usd : out.usd_per_second;
    const std::string pointer = "/preference" + pointer_token(member.key);
    if (target) return fault(pointer, "This key stands twice in its object.");
    if (Fault bad = read_amount(member.value, pointer, target)) return bad;
  }
  if (!out.value_usd && !out.usd_per_second) {
    return fault("/preference", "This must hold value_usd or usd_per_second.");
  }
  out.preference = Preference::explicit_dollars;
  return {};
}

// One bit a field, so that a repeated one is seen.
enum class Field : std::uint8_t {
  router,
  text,
  embedding,
  features,
  session_id,
  arms,
  constraints,
  preference,
  query_id,
  metadata,
  dry_run,
  fallback_of,
  unknown,
};

Field field_of(std::string_view key) {
  static constexpr std::array<std::string_view, 12> kNames{
      "router",      "text",       "embedding", "features", "session_id", "arms",
      "constraints", "preference", "query_id",  "metadata", "dry_run",    "fallback_of"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == key) return static_cast<Field>(i);
  }
  return Field::unknown;
}

Fault read_field(Field field, const dom::key_value_pair& member, RouteRequest& out) {
  switch (field) {
    case Field::router:
      out.has_router = true;
      return read_id(member.value, "/router", out.router);
    case Field::text:
      out.has_text = true;
      if (Fault bad = read_string(member.value, "/text", out.text)) return bad;
      return out.text.empty() ? fault("/text", "This must not be empty.") : Fault{};
    case Field::embedding:
      return read_embedding(member.value, out.embedding);
    case Field::features:
      return read_features(member.value, out);
    case Field::session_id:
      return read_id(member.value, "/session_id", out.session_id);
    case Field::arms:
      return read_ids(member.value, "/arms", out.arms);
    case Field::constraints:
      return read_constraints(member.value, out.constraints);
    case Field::preference:
      return read_preference(member.value, out);
    case Field::query_id:
      return read_id(member.value, "/query_id", out.query_id);
    case Field::metadata:
      return {};  // Copied from the body's own bytes, later.
    case Field::dry_run:
      return read_bool(member.value, "/dry_run", out.dry_run);
    case Field::fallback_of:
      return read_id(member.value, "/fallback_of", out.fallback_of);
    case Field::unknown:
      break;
  }
  return fault(pointer_token(member.key), "This field is not known.");
}

// simdjson reads up to SIMDJSON_PADDING bytes past the end, so each thread keeps a padded copy.
class PaddedParser final {
  static constexpr std::size_t kSimdjsonDepth = kMaxJsonDepth + 1;  // It refuses its own limit.

 public:
  simdjson::simdjson_result<dom::element> parse(std::string_view body) {
    if (capacity_ < body.size() + simdjson::SIMDJSON_PADDING) {
      capacity_ = 2 * body.size() + simdjson::SIMDJSON_PADDING;
      bytes_ = std::make_unique<char[]>(capacity_);
    }
    std::memcpy(bytes_.get(), body.data(), body.size());
    std::memset(bytes_.get() + body.size(), 0, simdjson::SIMDJSON_PADDING);
    if (parser_.capacity() < body.size() || parser_.max_depth() != kSimdjsonDepth) {
      const std::size_t capacity = std::max<std::size_t>(2 * body.size(), 4096);
      if (parser_.allocate(capacity, kSimdjsonDepth) != simdjson::SUCCESS) {
        return simdjson::MEMALLOC;
      }
    }
    return parser_.parse(bytes_.get(), body.size(), false);
  }

  // A thread that has once seen a large body does not hold its memory for ever.
  void release_if_large() {
    constexpr std::size_t kLarge = std::size_t{1} << 20U;
    if (capacity_ <= kLarge) return;
    capacity_ = 0;
    bytes_.reset();
    parser_ = dom::parser();
  }

 private:
  dom::parser parser_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
};

Status read_body(dom::element root, std::string_view body, RouteRequest& out) {
  dom::object members;
  if (root.get(members) != simdjson::SUCCESS) {
    return invalid(std::string(kWholeBody), "This must be an object.");
  }
  unsigned seen = 0;
  std::size_t index = 0;
  std::size_t metadata_index = 0;
  for (const dom::key_value_pair member : members) {
    const Field field = field_of(member.key);
    const unsigned bit = 1U << static_cast<unsigned>(field);
    if ((seen & bit) != 0) {
      return invalid(pointer_token(member.key), "This key stands twice in its object.");
    }
    if (field == Field::metadata) metadata_index = index;
    if (Fault bad = read_field(field, member, out)) return *std::move(bad);
    seen |= bit;
    ++index;
  }
  const bool has_context = out.has_text || !out.embedding.empty() || !out.features.empty();
  if (!has_context && out.fallback_of.empty()) {
    return invalid("/text", "Give at least one of text, embedding and features.");
  }
  if ((seen & (1U << static_cast<unsigned>(Field::metadata))) != 0) {
    out.metadata.assign(nth_member_bytes(body, metadata_index));
  }
  if (!out.query_id.empty()) {
    std::string canonical;
    append_canonical(root, canonical);
    out.body_fingerprint = sha256(canonical);
  }
  return Done{};
}

// simdjson says little about a fault, and refuses integers beyond 64 bits, which are sound JSON.
// The slow parser has the last word on both.
Status parse_slowly(std::string_view body, PaddedParser& parser, RouteRequest& out) {
  const Result<nlohmann::json> tree = parse_json_body(body);
  if (!tree) return tree.error();
  const std::string respelt = tree->dump();
  dom::element root;
  if (parser.parse(respelt).get(root) != simdjson::SUCCESS) {
    return malformed_json("The body is not JSON that this server can read.");
  }
  return read_body(root, respelt, out);
}

}  // namespace

RequestFeatures RouteRequest::features_view() const {
  return {.has_text = has_text, .text = text, .embedding = embedding, .fields = features};
}

void RouteRequest::clear() {
  router.assign("default");
  has_router = false;
  has_text = false;
  text.clear();
  embedding.clear();
  features.clear();
  session_id.clear();
  arms.clear();
  constraints.max_cost_usd.reset();
  constraints.max_latency_ms.reset();
  constraints.require.clear();
  preference = Preference::router;
  value_usd.reset();
  usd_per_second.reset();
  query_id.clear();
  metadata.clear();
  dry_run = false;
  fallback_of.clear();
  body_fingerprint.reset();
  feature_bytes.clear();
}

Status parse_route_request(std::string_view body, RouteRequest& out) {
  static thread_local PaddedParser parser;
  out.clear();
  // Unescaped text is never longer than its JSON, so the views into it stay where they are.
  out.feature_bytes.reserve(body.size());
  dom::element root;
  const bool parsed = parser.parse(body).get(root) == simdjson::SUCCESS;
  Status status = parsed ? read_body(root, body, out) : parse_slowly(body, parser, out);
  parser.release_if_large();
  return status;
}

}  // namespace pointsman
