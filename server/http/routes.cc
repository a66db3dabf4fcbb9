#include "server/http/routes.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "server/http/problem.h"
#include "server/http/target.h"

namespace pointsman::http {

namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  assert(path.starts_with('/'));
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == path.npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

Response options(std::string allow) {
  return {.status = 204, .content_type = {}, .body = {}, .headers = {{"Allow", std::move(allow)}}};
}

}  // namespace

const std::string& RouteMatch::parameter(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const QueryParameter& each) { return each.name == name; });
  assert(found != parameters.end());
  return found->value;
}

Result<std::vector<RouteTable::Segment>> RouteTable::parse_pattern(std::string_view pattern) {
  if (!pattern.starts_with('/')) return invalid("pattern", "A pattern begins with '/'.");
  std::vector<Segment> segments;
  for (const std::string_view text : split(pattern)) {
    if (text.find_first_of("{}") == text.npos) {
      segments.push_back({.text = std::string(text), .is_parameter = false});
      continue;
    }
    const std::string_view name = text.size() > 2 ? text.substr(1, text.size() - 2) : "";
    if (name.empty() || text.front() != '{' || text.back() != '}' ||
        name.find_first_of("{}") != name.npos) {
      return invalid("pattern", "A {parameter} is a whole segment: " + std::string(pattern));
    }
    segments.push_back({.text = std::string(name), .is_parameter = true});
  }
  return segments;
}

bool RouteTable::same_shape(const std::vector<Segment>& a, const std::vector<Segment>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Segment& x, const Segment& y) {
    return x.is_parameter == y.is_parameter && (x.is_parameter || x.text == y.text);
  });
}

std::string RouteTable::allow_of(const std::vector<Method>& methods) {
  std::string allow;
  for (const Method& method : methods) {
    allow += method.name + ", ";
    if (method.name == "GET") allow += "HEAD, ";
  }
  return allow + "OPTIONS";
}

Status RouteTable::add(const Route& route, std::size_t index) {
  Result<std::vector<Segment>> segments = parse_pattern(route.pattern);
  if (!segments) return segments.error();
  auto path = std::find_if(paths_.begin(), paths_.end(),
                           [&](const Path& each) { return same_shape(each.segments, *segments); });
  if (path == paths_.end()) {
    path =
        paths_.insert(paths_.end(), {.segments = std::move(*segments), .methods = {}, .allow = {}});
  } else if (path->segments != *segments) {
    return invalid("pattern", "Two names for one path parameter: " + route.pattern);
  }
  for (const Method& method : path->methods) {
    if (method.name == route.method) {
      return invalid("pattern", "Two routes for " + route.method + " " + route.pattern);
    }
  }
  path->methods.push_back({.name = route.method, .index = index});
  path->allow = allow_of(path->methods);
  return Done{};
}

Result<RouteTable> RouteTable::make(const std::vector<Route>& routes) {
  RouteTable table;
  std::vector<Method> anywhere;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (Status added = table.add(routes[i], i); !added) return added.error();
    const bool known = std::any_of(anywhere.begin(), anywhere.end(), [&](const Method& method) {
      return method.name == routes[i].method;
    });
    if (!known) anywhere.push_back({.name = routes[i].method, .index = i});
  }
  table.allow_anywhere_ = allow_of(anywhere);
  // Where two patterns both fit, the one whose first difference is literal wins.
  std::stable_sort(table.paths_.begin(), table.paths_.end(), [](const Path& a, const Path& b) {
    return std::lexicographical_compare(
        a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
        [](const Segment& x, const Segment& y) { return x.is_parameter < y.is_parameter; });
  });
  for (std::size_t i = 0; i < table.paths_.size(); ++i) {
    std::string literal;
    for (const Segment& segment : table.paths_[i].segments) {
      if (segment.is_parameter) {
        literal.clear();
        break;
      }
      literal += '/' + segment.text;
    }
    if (!literal.empty()) table.literal_paths_.emplace(std::move(literal), i);
  }
  return table;
}

const RouteTable::Path* RouteTable::find(std::string_view path,
                                         std::vector<QueryParameter>& parameters) const {
  if (const auto literal = literal_paths_.find(path); literal != literal_paths_.end()) {
    return &paths_[literal->second];
  }
  if (!path.starts_with('/')) return nullptr;
  std::vector<std::string> segments;
  for (const std::string_view each : split(path)) {
    Result<std::string> decoded = percent_decode(each);
    if (!decoded) return nullptr;
    segments.push_back(std::move(*decoded));
  }
  for (const Path& candidate : paths_) {
    const bool fits =
        std::equal(candidate.segments.begin(), candidate.segments.end(), segments.begin(),
                   segments.end(), [](const Segment& want, const std::string& have) {
                     return want.is_parameter ? !have.empty() : want.text == have;
                   });
    if (!fits) continue;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (!candidate.segments[i].is_parameter) continue;
      parameters.push_back({.name = candidate.segments[i].text, .value = std::move(segments[i])});
    }
    return &candidate;
  }
  return nullptr;
}

std::variant<RouteMatch, Response> RouteTable::match(const Request& request) const {
  if (request.path == "*" && request.method == "OPTIONS") return options(allow_anywhere_);
  RouteMatch match;
  const Path* path = find(request.path, match.parameters);
  if (path == nullptr) return problem(404, "There is nothing at " + request.path + ".");
  const std::string_view wanted =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  for (const Method& method : path->methods) {
    if (method.name != wanted) continue;
    match.index = method.index;
    return match;
  }
  if (request.method == "OPTIONS") return options(path->allow);
  Response refusal =
      problem(405, request.path + " takes " + path->allow + ", not " + request.method + ".");
  refusal.headers.emplace_back("Allow", path->allow);
  return refusal;
}

}  // namespace pointsman::http
