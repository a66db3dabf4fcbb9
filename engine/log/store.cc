#include "engine/log/store.h"

#include <cassert>
#include <utility>

namespace pointsman {

Result<std::vector<Scope>> Store::scopes() {
  auto found = heads();
  if (!found) return found.error();
  std::vector<Scope> names;
  names.reserve(found->size());
  for (LogHead& head : *found) names.push_back(std::move(head.scope));
  return names;
}

Result<std::optional<RecordId>> Store::record_id_at(const Scope& scope, LogPosition position) {
  assert(position > 0);
  const auto found = scan(scope, position - 1, 1);
  if (!found) return found.error();
  if (found->empty() || found->front().position != position) return std::optional<RecordId>{};
  return std::optional(found->front().record.id);
}

}  // namespace pointsman
