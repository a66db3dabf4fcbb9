#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/log/records.h"
#include "engine/log/store.h"
#include "engine/values/result.h"
#include "engine/values/values.h"

namespace pointsman {

/// What expired before this is over: every idempotency key on it is dead too. See Store::prune.
inline Timestamp over_before(Timestamp now) { return now - kLeastKeyLife; }

/// Whether a scan of what is above `after` would miss something.
inline bool begins_in_pruned(LogPosition after, LogPosition below) {
  return below > 0 && after < below - 1;
}

/// The error of a scan that begins in what was pruned.
inline Error pruned_error(LogPosition below) {
  return {ErrorCode::pruned,
          "The log was pruned: it is whole from position " + std::to_string(below) + " on.", ""};
}

/// What a store remembers of an idempotency key.
struct KeyEntry {
  std::string router;  ///< Of session feedback, whose key counts a router; else empty.
  Fingerprint body{};
  LogPosition position = 0;  ///< Of the first record, or of the one it was a duplicate of.
  Timestamp expires_at{};    ///< Past it the key may be used anew.
};

/// What a store remembers of a decision, beside its record.
struct DecisionEntry {
  std::string router;
  LogPosition position = 0;
  Timestamp expires_at{};
  Fingerprint body{};
};

/// The current value of a slot, and the record that set it.
struct SlotEntry {
  Fingerprint value{};
  LogPosition position = 0;
};

/// Whose slot. Borrows its strings.
struct SubjectKey {
  SubjectKind kind = SubjectKind::none;
  std::string_view tenant;
  std::string_view router;  ///< Empty for a decision, whose query_id names it in all routers.
  std::string_view subject;
  LogPosition decision = 0;  ///< Of a decision subject: where its record stands; else 0.
};

/// What the rules of append() need from a store that keeps its index itself. One group at a time;
/// what was put is seen by the next find. Not thread-safe.
///
/// A store that can fail in the middle does it like this: after a failure every find gives nothing
/// and every put does nothing, add_record() gives the error, and the store undoes the record or
/// the group before it believes a result.
class AppendIndex {
 public:
  virtual ~AppendIndex() = default;

  /// The key's entry for `router`, or else that of any other router.
  virtual std::optional<KeyEntry> find_key(std::string_view tenant, const IdempotencyKey& key,
                                           std::string_view router) = 0;
  virtual std::optional<DecisionEntry> find_decision(std::string_view tenant,
                                                     std::string_view query_id) = 0;
  virtual std::optional<SlotEntry> find_slot(const SubjectKey& subject, std::string_view name) = 0;

  /// Gives the record its position. `decision` is the position of the decision that it speaks of,
  /// 0 where it speaks of none. Error: this record cannot be stored, whatever the reason.
  virtual Result<LogPosition> add_record(const Scope& scope, const Record& record,
                                         LogPosition decision) = 0;
  virtual void put_key(std::string_view tenant, const IdempotencyKey& key,
                       const KeyEntry& entry) = 0;
  virtual void put_decision(std::string_view tenant, std::string_view query_id,
                            const DecisionEntry& entry) = 0;
  virtual void put_slot(const SubjectKey& subject, std::string_view name,
                        const SlotEntry& entry) = 0;
};

/// What tells two bodies of one query_id apart: the first slot's value, or else the record's own
/// id, so that a group given again after an in-doubt commit is still recognised.
Fingerprint decision_body(const AppendRequest& request);

/// Judges one request against the index and appends it where the rules say so. The same rules for
/// every store: engine/log/store.h states them. In order: a key that is known with this body is a
/// duplicate, even past the decision's expiry; then existence and expiry (`unknown`); then a key
/// with another body (`conflict`); then the query_id of a new decision; then the slots.
AppendResult append_by_rules(const AppendRequest& request, AppendIndex& index);

}  // namespace pointsman
