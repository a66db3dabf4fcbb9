#include "server/services/query_parameters.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace pointsman {

Result<std::uint64_t> read_parameter(const http::Request& request, NumberParameter parameter) {
  const auto text = request.parameter(parameter.name);
  if (!text) return parameter.otherwise;
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (fault != std::errc{} || end != text->data() + text->size() || value < parameter.min ||
      value > parameter.max) {
    return invalid("?" + std::string(parameter.name), "must be a whole number from " +
                                                          std::to_string(parameter.min) + " to " +
                                                          std::to_string(parameter.max));
  }
  return value;
}

Status refuse_unknown(const http::Request& request, std::initializer_list<std::string_view> known) {
  for (const http::QueryParameter& given : request.query) {
    if (std::find(known.begin(), known.end(), given.name) == known.end()) {
      return invalid("?" + given.name, "is not a parameter of this route");
    }
  }
  return Done{};
}

}  // namespace pointsman
