#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/log/decision_source.h"
#include "engine/log/records.h"
#include "engine/values/result.h"
#include "engine/values/values.h"

namespace pointsman {

/// A caller's idempotency key. Scoped to (tenant, route).
struct IdempotencyKey {
  std::string route;  ///< "feedback", "outcome", "session", …
  std::string key;
  Fingerprint body{};  ///< Of the canonical body.
};

/// A named value of a subject, of which the log remembers the current one. A feedback has one slot
/// (its signal type), an outcome one a field. An append whose slots all hold these values already
/// is a duplicate; one that finds none of them is recorded; any other is a revision.
struct Slot {
  std::string name;
  Fingerprint value{};
};

enum class SubjectKind : std::uint8_t {
  none = 0,      ///< No duplicate check but the idempotency key.
  decision = 1,  ///< `subject` is a query_id.
  session = 2,   ///< `subject` is a session_id; slots are kept a router.
  router = 3,    ///< The router itself: configurations, schema revisions.
};

/// One record to append, with what makes it exactly-once.
struct AppendRequest {
  Scope scope;  ///< An empty router: that of the decision `subject`.
  Record record;
  std::optional<IdempotencyKey> key;
  SubjectKind subject_kind = SubjectKind::none;
  std::string subject;
  bool creates_subject = false;  ///< A Decision: its query_id must be new, its slot is final.
  bool first_wins = false;       ///< Any earlier slot of this name makes it a duplicate.
  std::vector<Slot> slots;
};

/// An idempotency key lives as long as its decision is open to feedback, and this long at the
/// least.
constexpr std::chrono::days kLeastKeyLife{7};

enum class AppendStatus : std::uint8_t {
  recorded,
  revised,    ///< Appended; it replaces an earlier value of its slot.
  duplicate,  ///< Not appended; `position` is the first one's.
  conflict,   ///< Not appended: the same key or query_id with another content.
  unknown,    ///< Not appended: the decision does not exist, or is past its expiry.
  failed,     ///< Not appended for a reason of its own, such as its size; `message` says which.
};

struct AppendResult {
  AppendStatus status = AppendStatus::unknown;
  LogPosition position = 0;
  Scope scope;          ///< With the router filled in.
  std::string message;  ///< Of `failed`: a sentence for a person.
};

/// A saved fold. Chunks are one an arm plus a manifest; how they are encoded is the fold's affair.
struct Checkpoint {
  Scope scope;
  std::uint32_t format = 0;
  LogPosition position = 0;
  std::uint64_t checksum = 0;
  std::vector<std::pair<std::string, std::string>> chunks;  ///< Name, bytes; the manifest is last.
};

/// Where the log of a scope stands.
struct LogHead {
  Scope scope;
  LogPosition position = 0;  ///< Of its newest record.
};

/// A step of pruning: what it looks at, and what may go. See Store::prune.
struct PruneStep {
  Scope scope;
  LogPosition below = 0;     ///< Nothing at this position or above it goes.
  Timestamp now{};           ///< Judges what is over.
  LogPosition after = 0;     ///< Where to begin: the step before's `looked_to`.
  std::size_t limit = 4096;  ///< Records to look at.
};

struct PruneOutcome {
  LogPosition looked_to = 0;  ///< The last record that was looked at.
  bool last = false;          ///< Nothing is left to look at.
  std::uint64_t removed = 0;  ///< Records.
  std::uint64_t kept = 0;     ///< Records above `after`, up to `looked_to`, that stay.
};

/// Counted since the start: what was pruned is part of it.
struct StoreCounts {
  std::uint64_t decisions = 0;
  std::uint64_t outcomes = 0;
  std::uint64_t session_feedback = 0;
  std::vector<std::pair<std::string, std::uint64_t>> feedback_by_type;
  std::uint64_t open_decisions = 0;  ///< Not past their expiry at `now`.
};

/// How thoroughly Store::check() looks.
enum class StoreCheck : std::uint8_t {
  identity,  ///< Reads what names the log.
  writing,   ///< Also writes, and leaves the log as it was.
};

/// The log, behind a port. One append call is one atomic, durable group: when it returns, every
/// record it reports as recorded survives what the store's settings survive (see durability()).
///
/// Thread-safety: all calls are safe from any thread. Only one thread at a time should append;
/// stores that allow several processes order their appends themselves.
/// Errors: `unavailable` (nothing was appended), `in_doubt` (unknown; the same group may be given
/// again and duplicates are recognised), `corrupt`. An error never appends a part of a group.
class Store : public DecisionSource {
 public:
  /// Appends in order. The result has one entry a request, in the same order. Duplicates inside
  /// the group are recognised too. Expiry is judged here, from record.time and the decision's
  /// recorded expires_at. An Error means that nothing was appended.
  virtual Result<std::vector<AppendResult>> append(std::span<const AppendRequest> group) = 0;

  /// The routers in which a session has decisions.
  virtual Result<std::vector<Scope>> session_scopes(std::string_view tenant,
                                                    std::string_view session_id) = 0;

  /// Records of a scope above `after`, in order, at most `limit` of them. Error: `pruned` where
  /// after + 1 < pruned_below(scope), since the records from there on are not all there any more.
  virtual Result<std::vector<StoredRecord>> scan(const Scope& scope, LogPosition after,
                                                 std::size_t limit) = 0;

  /// Feedback and session feedback of a tenant below `before` (0: from the end), newest first.
  virtual Result<std::vector<StoredRecord>> recent_feedback(std::string_view tenant,
                                                            LogPosition before,
                                                            std::size_t limit) = 0;

  /// Every scope that has at least one record, in order, with its newest position. One call, so
  /// that a replica which follows thousands of routers asks only for what moved.
  virtual Result<std::vector<LogHead>> heads() = 0;

  /// The scopes of heads().
  Result<std::vector<Scope>> scopes();

  /// The id of the record at a position; nothing where none stands there. One indexed read.
  Result<std::optional<RecordId>> record_id_at(const Scope& scope, LogPosition position);

  /// Keeps the newest two checkpoints of a scope. The same (scope, format, position) with another
  /// checksum is a `conflict`: two replicas folded one log to different states.
  virtual Status save_checkpoint(const Checkpoint& checkpoint) = 0;

  /// Newest first.
  virtual Result<std::vector<Checkpoint>> load_checkpoints(const Scope& scope) = 0;

  /// Removes the checkpoint with this scope, format, position and checksum, where it is there: one
  /// that holds records which the log has lost would keep the place of a good one.
  virtual Status drop_checkpoint(const Checkpoint& checkpoint) = 0;

  /// Removes what a fold from position `below` on cannot ask for: decisions of which every record
  /// is below it and which are over, with all that was said of them and the slots of it; decisions
  /// of a session go together, with its feedback, and only when all of them are over. A decision
  /// is over when the idempotency keys of its feedback are dead too, kLeastKeyLife after its
  /// expiry; a session's feedback, so long after its own time. Configurations, arms, schema
  /// revisions, warm starts and the router's own slots stay.
  ///
  /// First `below` becomes pruned_below(), durably: a step that breaks off leaves a log that says
  /// so, and the same steps again complete it. Each unit goes in one atomic step, judged together
  /// with the appends of its router. Looks at `limit` records; call it until `last`.
  ///
  /// Precondition: a checkpoint at or above `below` (see prune_log, which keeps it).
  virtual Result<PruneOutcome> prune(const PruneStep& step) = 0;

  /// From this position on the log is whole; 0: it was never pruned.
  virtual Result<LogPosition> pruned_below(const Scope& scope) = 0;

  /// Gives what pruning freed back to the machine, where that does not happen by itself.
  virtual Status compact() = 0;

  virtual Result<StoreCounts> counts(const Scope& scope, Timestamp now) = 0;

  /// Whether the log can be reached and is still the one that was opened: a file may be removed or
  /// replaced under its name, a server emptied. Waits for no append, but as long as the store's own
  /// timeouts. Error: `unavailable` with what is wrong; where the log is another, append() is
  /// refused with the same until it is back, so that nothing is acknowledged that is lost.
  virtual Status check(StoreCheck how) = 0;

  /// The settings found, as name and value, for /stats: kind, synchronous mode, eviction, …
  virtual std::vector<std::pair<std::string, std::string>> settings() const = 0;

  /// True where other processes may append to the same log.
  virtual bool shared() const = 0;

  /// True where it lets go of old records by itself, without a mark: what no checkpoint holds may
  /// not be there to be folded again.
  virtual bool evicts() const { return false; }

  /// How many connections to the log were made so far. When it moves, another server may answer
  /// than before, one that a failover left without the newest records.
  virtual std::uint64_t connections() const = 0;
};

}  // namespace pointsman
