#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/fold/observation.h"
#include "engine/fold/router_fold.h"
#include "engine/log/append_requests.h"
#include "engine/log/store.h"

namespace pointsman {

/// What became of one appended record.
struct Committed {
  AppendStatus status = AppendStatus::unknown;
  LogPosition position = 0;  ///< For a duplicate, the first record's position.
  Scope scope;
  std::string message;           ///< Where the status is `failed`: why, as a sentence.
  Reward reward;                 ///< Feedback: the signal as recorded, a duplicate's as at first.
  Observation observation;       ///< Feedback: the decision's observation at `position`.
  std::uint64_t propagated = 0;  ///< Session feedback: decisions it reached.
  std::shared_ptr<const Decision> decision;  ///< For a duplicate decision, the stored one.
};

/// Fills in what a record brought about. `fold` has folded the record at committed.position and may
/// have folded later ones, of which the answer does not speak. Errors: the store's.
Status describe(RouterFold& fold, Store& store, const RecordBody& body, Committed& committed);

/// Fills in what the record brought about of which `request` is a duplicate, from the store.
/// Errors: the store's.
Status describe_duplicate(Store& store, const AppendRequest& request, Committed& committed);

}  // namespace pointsman
