#include "server/http/app.h"

#include <cassert>
#include <utility>
#include <variant>

#include "server/http/admission.h"

namespace pointsman::http {
namespace {

RouteTable make_table(const std::vector<App::Entry>& entries) {
  std::vector<Route> routes;
  routes.reserve(entries.size());
  for (const App::Entry& entry : entries) routes.push_back(entry.route);
  auto table = RouteTable::make(routes);
  assert(table.ok());
  return std::move(*table);
}

}  // namespace

App::App(Keys keys, std::vector<Entry> entries)
    : keys_(std::move(keys)), entries_(std::move(entries)), table_(make_table(entries_)) {}

void App::handle(Request request, Responder responder) {
  auto matched = table_.match(request);
  if (auto* answer = std::get_if<Response>(&matched)) {
    return responder.respond(std::move(*answer));
  }
  auto& match = std::get<RouteMatch>(matched);
  Entry& entry = entries_[match.index];
  Caller caller;
  if (entry.access == Access::key) {
    auto admitted = admit(keys_, request);
    if (auto* refusal = std::get_if<Response>(&admitted)) {
      return responder.respond(std::move(*refusal));
    }
    caller = std::move(std::get<Caller>(admitted));
  }
  entry.service->handle(
      Call{std::move(request), std::move(match), std::move(caller), std::move(responder)});
}

}  // namespace pointsman::http
