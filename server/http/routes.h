#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "engine/values/result.h"
#include "server/http/message.h"

namespace pointsman::http {

/// One row of a route table.
struct Route {
  std::string method;   ///< "GET", "POST"... GET answers HEAD too.
  std::string pattern;  ///< "/routers/{router}/arms/{arm}"; a {name} is one whole segment.
};

/// Which route a request means, and with what path parameters.
struct RouteMatch {
  std::size_t index = 0;                   ///< Into the routes that the table was made of.
  std::vector<QueryParameter> parameters;  ///< In the pattern's order, percent-decoded, not empty.

  /// The parameter of this name. Precondition: the pattern has it.
  const std::string& parameter(std::string_view name) const;
};

/// (method, path) -> route. A literal segment goes before a parameter. Immutable once made, so any
/// number of threads may match at once. Cost of a match without parameters: one hash lookup.
class RouteTable final {
 public:
  /// Errors: `invalid` for a pattern that does not begin with '/', a parameter that is not a whole
  /// segment, and two routes of one method and shape.
  static Result<RouteTable> make(const std::vector<Route>& routes);

  /// The route, or the answer to give instead: 404; 405 with Allow; 204 with Allow for OPTIONS.
  std::variant<RouteMatch, Response> match(const Request& request) const;

 private:
  struct Segment {
    std::string text;  ///< The literal, or the parameter's name.
    bool is_parameter = false;
    bool operator==(const Segment&) const = default;
  };
  struct Method {
    std::string name;
    std::size_t index = 0;
  };
  /// The routes that share one shape of path.
  struct Path {
    std::vector<Segment> segments;
    std::vector<Method> methods;
    std::string allow;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  static Result<std::vector<Segment>> parse_pattern(std::string_view pattern);
  static bool same_shape(const std::vector<Segment>& a, const std::vector<Segment>& b);
  static std::string allow_of(const std::vector<Method>& methods);
  Status add(const Route& route, std::size_t index);
  const Path* find(std::string_view path, std::vector<QueryParameter>& parameters) const;

  std::vector<Path> paths_;  ///< Literal ones first, so that they win.
  std::string allow_anywhere_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> literal_paths_;
};

}  // namespace pointsman::http
