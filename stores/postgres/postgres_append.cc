#include "stores/postgres/postgres_append.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/log/record_codec.h"
#include "stores/append_rules.h"
#include "stores/plain_columns.h"
#include "stores/postgres/postgres_signals.h"
#include "stores/postgres/postgres_waves.h"

namespace pointsman {
namespace {

using Bytes = std::optional<std::string_view>;

constexpr PostgresStatement kLockRouters{
    "lock_routers", "SELECT lock_routers($1::bytea[], $2, $3::integer[], $4, $5)"};

constexpr PostgresStatement kAppendBatch{
    "append_batch",
    "SELECT request, status, position, router FROM append_batch("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, "
    "$21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)"};

constexpr int kAttemptsAtARecord = 3;

/// One message to PostgreSQL holds less than 1 GB.
constexpr std::size_t kMaxGroupBytes = 512U << 20;

std::int64_t millis(Timestamp time) { return time.time_since_epoch().count(); }

std::string_view bytes_of(const Fingerprint& value) {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

Bytes unless_empty(std::string_view value) { return value.empty() ? Bytes() : Bytes(value); }

/// The logs that a group names, and the decisions whose logs it means.
class NamedLogs final {
 public:
  explicit NamedLogs(std::span<const AppendRequest> group) {
    number_.reserve(group.size());
    for (const AppendRequest& request : group) number_.push_back(add(request));
  }

  void put(PostgresParams& params) const {
    params.blobs(tenant_).blobs(router_).integers(may_begin_);
    params.blobs(asked_tenant_).blobs(asked_query_id_);
  }

  /// Of each request's log, from 1; 0: that of its decision.
  const std::vector<std::int32_t>& numbers() const { return number_; }

 private:
  std::int32_t add(const AppendRequest& request) {
    const bool on_decision =
        request.subject_kind == SubjectKind::decision && !request.creates_subject;
    if (request.scope.router.empty()) {
      if (on_decision && asked_.insert({request.scope.tenant, request.subject}).second) {
        asked_tenant_.push_back(request.scope.tenant);
        asked_query_id_.push_back(request.subject);
      }
      return 0;
    }
    const auto [found, is_new] =
        named_.try_emplace({request.scope.tenant, request.scope.router}, named_.size());
    if (is_new) {
      tenant_.push_back(request.scope.tenant);
      router_.push_back(request.scope.router);
      may_begin_.push_back(0);
    }
    // A signal on a decision that is not there must not begin a log.
    if (!on_decision) may_begin_[found->second] = 1;
    return static_cast<std::int32_t>(found->second + 1);
  }

  std::map<std::pair<std::string_view, std::string_view>, std::size_t> named_;
  std::set<std::pair<std::string_view, std::string_view>> asked_;
  std::vector<Bytes> tenant_;
  std::vector<Bytes> router_;
  std::vector<std::int32_t> may_begin_;
  std::vector<Bytes> asked_tenant_;
  std::vector<Bytes> asked_query_id_;
  std::vector<std::int32_t> number_;
};

/// The group as append_batch() takes it, a column an array. Borrows from the group and `bodies`.
class Columns final {
 public:
  Columns(std::span<const AppendRequest> group, const std::vector<std::string>& bodies,
          std::size_t max_record_bytes) {
    for (std::size_t i = 0; i < group.size(); ++i) {
      add_subject(group[i]);
      add_record(group[i]);
      body.push_back(bodies[i].size() > max_record_bytes ? Bytes() : Bytes(bodies[i]));
      add_key(group[i]);
      add_slots(group[i]);
    }
  }

  /// As append_batch() takes them.
  void put(PostgresParams& params) const {
    params.blobs(tenant).integers(subject_kind).blobs(subject).integers(creates);
    params.integers(first_wins).longs(time).words(kind).blobs(query_id).blobs(session_id);
    params.blobs(arm).blobs(signal_type).reals(reward).reals(confidence).reals(cost_usd);
    params.reals(latency_ms).blobs(body).longs(decision_expires_at);
    std::vector<Bytes> decision_bytes;
    for (const auto& print : decision_prints) {
      decision_bytes.push_back(print ? Bytes(bytes_of(*print)) : Bytes());
    }
    params.blobs(decision_bytes).blobs(key).blobs(key_route).blobs(key_router).blobs(key_body);
    params.longs(key_expires_at).integers(slot_first).integers(slot_last);
    params.blobs(slot_name).blobs(slot_value);
  }

 private:
  void add_subject(const AppendRequest& request) {
    tenant.push_back(request.scope.tenant);
    subject_kind.push_back(static_cast<std::int32_t>(request.subject_kind));
    subject.push_back(request.subject);
    creates.push_back(request.creates_subject ? 1 : 0);
    first_wins.push_back(request.first_wins ? 1 : 0);
    const auto* decision =
        request.creates_subject ? std::get_if<Decision>(&request.record.body) : nullptr;
    assert(!request.creates_subject || decision != nullptr);
    decision_expires_at.push_back(
        decision ? std::optional<std::int64_t>(millis(decision->expires_at)) : std::nullopt);
    decision_prints.push_back(decision ? std::optional<Fingerprint>(decision_body(request))
                                       : std::nullopt);
  }

  void add_record(const AppendRequest& request) {
    const PlainColumns plain = plain_columns(request.record.body);
    time.push_back(millis(request.record.time));
    kind.push_back(kind_name(request.record.body));
    query_id.push_back(unless_empty(plain.query_id));
    session_id.push_back(unless_empty(plain.session_id));
    arm.push_back(unless_empty(plain.arm));
    signal_type.push_back(unless_empty(plain.signal_type));
    reward.push_back(plain.reward);
    confidence.push_back(plain.confidence);
    cost_usd.push_back(plain.cost_usd);
    latency_ms.push_back(plain.latency_ms);
  }

  void add_key(const AppendRequest& request) {
    const bool of_session = request.subject_kind == SubjectKind::session;
    key.push_back(request.key ? Bytes(request.key->key) : Bytes());
    key_route.push_back(request.key ? Bytes(request.key->route) : Bytes());
    key_router.push_back(of_session ? std::string_view(request.scope.router) : std::string_view());
    key_body.push_back(request.key ? Bytes(bytes_of(request.key->body)) : Bytes());
    key_expires_at.push_back(millis(request.record.time + kLeastKeyLife));
  }

  void add_slots(const AppendRequest& request) {
    slot_first.push_back(static_cast<std::int32_t>(slot_name.size() + 1));
    // A new decision's slot is its body; without a subject there is nothing to hold a slot.
    if (!request.creates_subject && request.subject_kind != SubjectKind::none) {
      for (const Slot& slot : request.slots) {
        slot_name.push_back(slot.name);
        slot_value.push_back(bytes_of(slot.value));
      }
    }
    slot_last.push_back(static_cast<std::int32_t>(slot_name.size()));
  }

  std::vector<Bytes> tenant, subject, query_id, session_id, arm, signal_type, body;
  std::vector<Bytes> key, key_route, key_router, key_body, slot_name, slot_value;
  std::vector<std::int32_t> subject_kind, creates, first_wins, slot_first, slot_last;
  std::vector<std::optional<std::int64_t>> time, decision_expires_at, key_expires_at;
  std::vector<std::optional<double>> reward, confidence, cost_usd, latency_ms;
  std::vector<std::string_view> kind;
  std::vector<std::optional<Fingerprint>> decision_prints;
};

PostgresAnswer append_batch(PostgresConnection& connection, std::span<const AppendRequest> group,
                            const std::vector<std::string>& bodies,
                            const PostgresAppendOptions& options) {
  PostgresParams params;
  const PostgresWaves waves = waves_of(group);
  const Columns columns(group, bodies, options.max_record_bytes);
  const NamedLogs logs(group);
  logs.put(params);
  params.integers(waves.order).integers(waves.end).integers(logs.numbers());
  columns.put(params);
  Timestamp now = Timestamp::max();
  for (const AppendRequest& request : group) now = std::min(now, request.record.time);
  params.integer(options.forget_expired_keys ? millis(now) : 0);
  return connection.run(kAppendBatch, params);
}

std::vector<AppendResult> results_of(std::span<const AppendRequest> group,
                                     const pqxx::result& rows) {
  std::vector<AppendResult> results(group.size());
  for (const pqxx::row& row : rows) {
    const auto i = static_cast<std::size_t>(integer_at(row, 0) - 1);
    assert(i < group.size());
    AppendResult& made = results[i];
    made.status = static_cast<AppendStatus>(integer_at(row, 1));
    made.position = static_cast<LogPosition>(integer_at(row, 2));
    made.scope = group[i].scope;
    if (!row[3].is_null()) made.scope.router = bytes_at(row, 3);
    if (made.status == AppendStatus::failed) {
      made.message = kTooLargeForPostgres;
    }
  }
  return results;
}

/// A statement of a transaction that is not yet committing: a loss means that nothing was done.
bool went_well(const PostgresAnswer& answer, PostgresGroupOutcome& outcome) {
  if (answer.ok()) return true;
  outcome.fault = answer.fault;
  outcome.error = answer.error;
  return false;
}

AppendResult failed(const AppendRequest& request, const Error& error) {
  return {.status = AppendStatus::failed,
          .position = 0,
          .scope = request.scope,
          .message = error.message};
}

/// Appends one request behind a savepoint, or fails it alone.
bool append_apart(PostgresConnection& connection, const AppendRequest& request,
                  const PostgresAppendOptions& options, PostgresGroupOutcome& outcome) {
  for (int attempt = 1;; ++attempt) {
    if (!went_well(connection.run_script("SAVEPOINT one_record"), outcome)) return false;
    PostgresGroupOutcome one = append_at_once(connection, {&request, 1}, options);
    if (one.fault == PostgresFault::none) {
      outcome.results.push_back(std::move(one.results.front()));
      return went_well(connection.run_script("RELEASE SAVEPOINT one_record"), outcome);
    }
    const bool again = one.fault == PostgresFault::race && attempt < kAttemptsAtARecord;
    if (one.fault != PostgresFault::record && !again) {
      outcome.fault = one.fault;
      outcome.error = std::move(one.error);
      return false;
    }
    if (!went_well(connection.run_script("ROLLBACK TO SAVEPOINT one_record"), outcome)) {
      return false;
    }
    if (again) continue;
    outcome.results.push_back(failed(request, one.error));
    return true;
  }
}

bool append_all_apart(PostgresConnection& connection, std::span<const AppendRequest> group,
                      const PostgresAppendOptions& options, PostgresGroupOutcome& outcome) {
  if (!went_well(connection.run_script("BEGIN"), outcome)) return false;
  // All logs first, in their order: taken one by one they could wait for another group in a ring.
  PostgresParams logs;
  NamedLogs(group).put(logs);
  if (!went_well(connection.run(kLockRouters, logs), outcome)) return false;
  for (const AppendRequest& request : group) {
    if (!append_apart(connection, request, options, outcome)) return false;
  }
  return true;
}

}  // namespace

PostgresGroupOutcome append_at_once(PostgresConnection& connection,
                                    std::span<const AppendRequest> group,
                                    const PostgresAppendOptions& options) {
  PostgresGroupOutcome outcome;
  std::vector<std::string> bodies;
  bodies.reserve(group.size());
  std::size_t bytes = 0;
  for (const AppendRequest& request : group) {
    bodies.push_back(encode(request.record));
    if (bodies.back().size() <= options.max_record_bytes) bytes += bodies.back().size();
  }
  if (bytes > kMaxGroupBytes) {
    outcome.fault = PostgresFault::refused;
    outcome.error = {ErrorCode::exhausted, "The group is larger than PostgreSQL takes at once.",
                     ""};
    return outcome;
  }
  const bool signals = !options.forget_expired_keys && are_postgres_signals(group);
  PostgresAnswer answer =
      signals ? append_postgres_signals(connection, group, bodies, options.max_record_bytes)
              : append_batch(connection, group, bodies, options);
  outcome.fault = answer.fault;
  outcome.committing = answer.fault == PostgresFault::lost;
  outcome.error = std::move(answer.error);
  if (answer.ok()) {
    outcome.results =
        signals ? postgres_signal_results(group, answer.rows) : results_of(group, answer.rows);
  }
  return outcome;
}

PostgresGroupOutcome append_one_by_one(PostgresConnection& connection,
                                       std::span<const AppendRequest> group,
                                       const PostgresAppendOptions& options) {
  PostgresGroupOutcome outcome;
  outcome.results.reserve(group.size());
  if (!append_all_apart(connection, group, options, outcome)) {
    // Whatever the answer: a session that cannot roll back is lost, and its transaction with it.
    connection.run_script("ROLLBACK");
    return outcome;
  }
  const PostgresAnswer committed = connection.run_script("COMMIT");
  went_well(committed, outcome);
  outcome.committing = committed.fault == PostgresFault::lost;
  return outcome;
}

}  // namespace pointsman
