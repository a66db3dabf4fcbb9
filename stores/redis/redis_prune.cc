#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "stores/append_rules.h"
#include "stores/redis/redis_keys.h"
#include "stores/redis/redis_link.h"
#include "stores/redis/redis_scripts.h"
#include "stores/redis/redis_store.h"

// The pruning of a RedisStore: a page of the log is read here, and a script
// (stores/redis/prune.lua) judges again what looked over and takes it out.

namespace pointsman {
namespace {

/// Bounds how long one script holds up Redis.
constexpr std::size_t kUnitsAScript = 256;

/// What goes together or not at all.
struct Unit {
  std::string session;  ///< Empty: a decision without one.
  std::size_t session_records = 0;
  std::vector<std::string> decisions;  ///< Their query_ids.
};

/// The unit of a session, where its own records say that it may be over. Its decisions' other
/// records are the script's to judge.
std::optional<Unit> session_unit(const PruneStep& step, const std::string& session,
                                 const std::vector<StoredRecord>& records) {
  // It is looked at where it begins, once.
  if (records.empty() || records.front().position <= step.after) return std::nullopt;
  Unit unit{.session = session, .session_records = records.size(), .decisions = {}};
  for (const StoredRecord& stored : records) {
    if (stored.position >= step.below) return std::nullopt;
    if (const auto* decision = std::get_if<Decision>(&stored.record.body)) {
      if (decision->expires_at >= over_before(step.now)) return std::nullopt;
      unit.decisions.push_back(decision->query_id);
    } else if (stored.record.time >= over_before(step.now)) {
      return std::nullopt;
    }
  }
  return unit;
}

/// The arguments of one script.
class PruneCall final {
 public:
  PruneCall(const PruneStep& step, LogPosition looked_to, bool cluster)
      : step_(step), looked_to_(looked_to), cluster_(cluster), keys_of_(step.scope) {
    keys_ = {keys_of_.pruned(), keys_of_.log(), keys_of_.feedback(), keys_of_.open()};
  }

  void add(const Unit& unit) {
    const std::string& tenant = step_.scope.tenant;
    ++units_;
    const bool in_session = !unit.session.empty();
    put(in_session ? number_of(keys_of_.session(unit.session)) : "0");
    put(in_session && !cluster_ ? number_of(redis_session_key(tenant, unit.session)) : "0");
    put(std::to_string(unit.session_records));
    put(std::to_string(unit.decisions.size()));
    for (const std::string& query_id : unit.decisions) {
      put(number_of(keys_of_.decision(query_id)));
      put(cluster_ ? "0" : number_of(redis_claim_key(tenant, query_id)));
    }
  }

  bool full() const { return units_ >= kUnitsAScript; }

  RedisCommand command(const std::string& sha) const {
    std::vector<std::string> arguments = {
        std::to_string(step_.below),
        std::to_string(over_before(step_.now).time_since_epoch().count()),
        std::to_string(looked_to_), step_.scope.router, std::to_string(units_)};
    arguments.insert(arguments.end(), arguments_.begin(), arguments_.end());
    return redis_script(sha, kRedisPruneScript, keys_, arguments);
  }

 private:
  void put(std::string argument) { arguments_.push_back(std::move(argument)); }
  /// No key is named twice: a decision is of one unit.
  std::string number_of(std::string key) {
    keys_.push_back(std::move(key));
    return std::to_string(keys_.size());
  }

  const PruneStep& step_;
  LogPosition looked_to_;
  bool cluster_;
  RedisRouterKeys keys_of_;
  std::vector<std::string> keys_;
  std::vector<std::string> arguments_;
  std::size_t units_ = 0;
};

}  // namespace

Result<PruneOutcome> RedisStore::prune(const PruneStep& step) {
  const Result<std::vector<StoredRecord>> read = link_->read_log(
      step.scope,
      {.after = step.after, .below = step.below, .limit = step.limit, .over_gaps = true});
  if (!read.ok()) return read.error();
  const std::vector<StoredRecord>& page = *read;
  PruneOutcome outcome{.looked_to = page.empty() ? step.after : page.back().position,
                       .last = page.size() < step.limit};
  std::vector<Unit> units;
  std::set<std::string> sessions;
  for (const StoredRecord& stored : page) {
    if (const auto* feedback = std::get_if<SessionFeedback>(&stored.record.body)) {
      sessions.insert(feedback->session_id);
    }
    const auto* decision = std::get_if<Decision>(&stored.record.body);
    if (decision == nullptr) continue;
    if (!decision->session_id.empty()) {
      sessions.insert(decision->session_id);
    } else if (decision->expires_at < over_before(step.now)) {
      units.push_back({.decisions = {decision->query_id}});
    }
  }
  for (const std::string& session : sessions) {
    Result<std::vector<StoredRecord>> records =
        session_records(step.scope, session, std::numeric_limits<std::int64_t>::max());
    if (!records.ok()) return records.error();
    if (auto unit = session_unit(step, session, *records)) units.push_back(*std::move(unit));
  }

  auto next = units.begin();
  std::uint64_t removed_of_page = 0;
  do {
    PruneCall call(step, outcome.looked_to, link_->found().cluster);
    while (next != units.end() && !call.full()) call.add(*next++);
    Result<RedisReply> reply = link_->ask(call.command(link_->scripts().prune));
    if (!reply.ok()) return reply.error();
    const auto counts = elements_of(**reply);
    if (counts.size() != 2) {
      return Error{ErrorCode::corrupt, "Redis gave an answer that is none of our script's.", ""};
    }
    outcome.removed += static_cast<std::uint64_t>(counts[0]->integer);
    removed_of_page += static_cast<std::uint64_t>(counts[1]->integer);
  } while (next != units.end());
  outcome.kept = page.size() - removed_of_page;
  return outcome;
}

Result<LogPosition> RedisStore::pruned_below(const Scope& scope) {
  const std::string key = RedisRouterKeys(scope).pruned();
  Result<RedisReply> reply = link_->ask({{"GET", key}, key});
  if (!reply.ok()) return reply.error();
  return redis_number(bytes_of(**reply)).value_or(0);
}

Status RedisStore::compact() { return Done{}; }

}  // namespace pointsman
