#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "engine/values/result.h"
#include "server/http/message.h"

namespace pointsman {

/// A whole number of a query string. Errors name it as "?name".
struct NumberParameter {
  std::string_view name;
  std::uint64_t otherwise = 0;  ///< Where it is absent.
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};
Result<std::uint64_t> read_parameter(const http::Request& request, NumberParameter parameter);

/// Refuses a parameter that is not in `known`.
Status refuse_unknown(const http::Request& request, std::initializer_list<std::string_view> known);

}  // namespace pointsman
