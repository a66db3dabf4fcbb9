#include "adapters/json/json_body.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pointsman {
namespace {

using nlohmann::json;

// Builds the document and keeps the path to the value at hand, so that a fault can name it.
class TreeBuilder final : public nlohmann::json_sax<json> {
 public:
  json take() && { return std::move(root_); }
  const std::optional<Error>& error() const { return error_; }

  bool null() override { return add(json(nullptr)); }
  bool boolean(bool value) override { return add(json(value)); }
  bool number_integer(number_integer_t value) override { return add(json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return add(json(value)); }
  bool string(string_t& value) override { return add(json(std::move(value))); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    Level& level = levels_.back();
    if (level.node->contains(value)) {
      error_ = invalid(pointer() + pointer_token(value), "This key stands twice in its object.");
      return false;
    }
    level.key = std::move(value);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& fault) override {
    constexpr int kNumberOverflow = 406;
    if (fault.id == kNumberOverflow) {
      error_ = invalid(levels_.empty() ? std::string(kWholeBody) : value_pointer(),
                       "This number is beyond the range of a double.");
    } else {
      error_ = malformed_json("The body is not JSON: the fault is near byte " +
                              std::to_string(position) + ".");
    }
    return false;
  }

 private:
  struct Level {
    json* node;
    std::string key;  // Of the member being read; arrays use their size.
  };

  // Of the innermost open container.
  std::string pointer() const {
    std::string text;
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) text += member_token(levels_[i], 1);
    return text;
  }
  // Of the value that is being read.
  std::string value_pointer() const { return pointer() + member_token(levels_.back(), 0); }
  // `pushed` is 1 where the member already lies in its array.
  static std::string member_token(const Level& level, std::size_t pushed) {
    if (level.node->is_array()) return "/" + std::to_string(level.node->size() - pushed);
    return pointer_token(level.key);
  }

  json* place(json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = levels_.back();
    if (level.node->is_array()) {
      level.node->push_back(std::move(value));
      return &level.node->back();
    }
    json& member = (*level.node)[level.key];
    member = std::move(value);
    return &member;
  }

  bool add(json value) {
    place(std::move(value));
    return true;
  }
  bool open(json container) {
    if (levels_.size() == kMaxJsonDepth) {
      error_ = invalid(value_pointer(), "The body is nested deeper than " +
                                            std::to_string(kMaxJsonDepth) + " levels.");
      return false;
    }
    levels_.push_back({place(std::move(container)), {}});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }

  json root_;
  std::vector<Level> levels_;
  std::optional<Error> error_;
};

std::string type_sentence(std::string_view wanted) {
  return "This must be " + std::string(wanted) + ".";
}

}  // namespace

bool is_malformed_json(const Error& error) {
  return error.code == ErrorCode::invalid && error.field.empty();
}

Error malformed_json(std::string message) { return invalid({}, std::move(message)); }

Result<nlohmann::json> parse_json_body(std::string_view body) {
  if (body.starts_with("\xEF\xBB\xBF")) {
    return malformed_json("The body starts with a byte order mark.");
  }
  TreeBuilder builder;
  if (!json::sax_parse(body.begin(), body.end(), &builder)) {
    return builder.error().value_or(malformed_json("The body is not JSON."));
  }
  return std::move(builder).take();
}

std::string pointer_token(std::string_view key) {
  std::string token = "/";
  for (const char c : key) {
    if (c == '~') {
      token += "~0";
    } else if (c == '/') {
      token += "~1";
    } else {
      token += c;
    }
  }
  return token;
}

std::string_view id_fault(std::string_view id) {
  if (id.empty()) return "This must not be empty.";
  if (id.size() > 200) return "This must be at most 200 bytes long.";
  for (std::size_t i = 0; i < id.size(); ++i) {
    const auto byte = static_cast<unsigned char>(id[i]);
    // U+0080 to U+009F, the second block of controls, is C2 80 to C2 9F in UTF-8.
    const bool second_block =
        byte == 0xC2 && i + 1 < id.size() && static_cast<unsigned char>(id[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F || second_block) {
      return "This must not hold control characters.";
    }
  }
  return {};
}

ObjectReader::ObjectReader(const nlohmann::json& object, At at)
    : object_(object), pointer_(std::move(at.pointer)) {
  if (!object_.is_object()) {
    error_ =
        invalid(pointer_.empty() ? std::string(kWholeBody) : pointer_, type_sentence("an object"));
  }
}

std::string ObjectReader::pointer_to(std::string_view key) const {
  return pointer_ + pointer_token(key);
}

void ObjectReader::fail(std::string_view key, std::string message) {
  if (!error_) error_ = invalid(pointer_to(key), std::move(message));
}

const json* ObjectReader::find(std::string_view key) {
  asked_.push_back(key);
  if (error_) return nullptr;
  const auto it = object_.find(key);
  return it == object_.end() ? nullptr : &*it;
}

const json* ObjectReader::require(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) fail(key, "This field is required.");
  return value;
}

std::optional<std::string> ObjectReader::optional_string(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    fail(key, type_sentence("a string"));
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::string ObjectReader::require_string(std::string_view key) {
  if (require(key) == nullptr) return {};
  return optional_string(key).value_or("");
}

std::optional<std::string> ObjectReader::optional_id(std::string_view key) {
  std::optional<std::string> id = optional_string(key);
  if (!id) return std::nullopt;
  if (const std::string_view fault = id_fault(*id); !fault.empty()) {
    fail(key, std::string(fault));
    return std::nullopt;
  }
  return id;
}

std::string ObjectReader::require_id(std::string_view key) {
  if (require(key) == nullptr) return {};
  return optional_id(key).value_or("");
}

std::optional<double> ObjectReader::optional_number(std::string_view key,
                                                    const NumberRange& range) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    fail(key, type_sentence("a number"));
    return std::nullopt;
  }
  const double number = value->get<double>();
  if (!range.holds(number)) {
    fail(key, type_sentence(range.text()));
    return std::nullopt;
  }
  return number;
}

double ObjectReader::require_number(std::string_view key, const NumberRange& range) {
  if (require(key) == nullptr) return 0.0;
  return optional_number(key, range).value_or(0.0);
}

std::optional<std::uint64_t> ObjectReader::optional_count(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  // 3.0 and 3e0 are the integer 3 to most writers of JSON.
  if (value->is_number_float()) {
    const double number = value->get<double>();
    constexpr double kExactIntegers = 9007199254740992.0;
    if (number >= 0.0 && number <= kExactIntegers && number == std::floor(number)) {
      return static_cast<std::uint64_t>(number);
    }
  }
  fail(key, type_sentence("a whole number that is not negative"));
  return std::nullopt;
}

std::uint64_t ObjectReader::require_count(std::string_view key) {
  if (require(key) == nullptr) return 0;
  return optional_count(key).value_or(0);
}

std::optional<bool> ObjectReader::optional_bool(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    fail(key, type_sentence("true or false"));
    return std::nullopt;
  }
  return value->get<bool>();
}

bool ObjectReader::require_bool(std::string_view key) {
  if (require(key) == nullptr) return false;
  return optional_bool(key).value_or(false);
}

std::optional<std::size_t> ObjectReader::optional_word(std::string_view key,
                                                       std::span<const std::string_view> words) {
  const std::optional<std::string> word = optional_string(key);
  if (!word) return std::nullopt;
  const auto it = std::find(words.begin(), words.end(), *word);
  if (it != words.end()) return static_cast<std::size_t>(it - words.begin());
  std::string list;
  for (const std::string_view known : words) {
    list += (list.empty() ? "" : ", ") + std::string(known);
  }
  fail(key, "This must be one of: " + list + ".");
  return std::nullopt;
}

std::size_t ObjectReader::require_word(std::string_view key,
                                       std::span<const std::string_view> words) {
  if (require(key) == nullptr) return 0;
  return optional_word(key, words).value_or(0);
}

const json* ObjectReader::require_value(std::string_view key) { return require(key); }
const json* ObjectReader::optional_value(std::string_view key) { return find(key); }

const json* ObjectReader::require_object(std::string_view key) {
  const json* value = require(key);
  if (value == nullptr || value->is_object()) return value;
  fail(key, type_sentence("an object"));
  return nullptr;
}

const json* ObjectReader::require_array(std::string_view key) {
  const json* value = require(key);
  if (value == nullptr || value->is_array()) return value;
  fail(key, type_sentence("an array"));
  return nullptr;
}

Status ObjectReader::finish() {
  if (error_) return *error_;
  for (const auto& [key, value] : object_.items()) {
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) {
      fail(key, "This field is not known.");
      return *error_;
    }
  }
  return Done{};
}

Status ObjectReader::finish_open() const {
  if (error_) return *error_;
  return Done{};
}

}  // namespace pointsman
