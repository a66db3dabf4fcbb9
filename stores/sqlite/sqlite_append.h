#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "engine/log/store.h"
#include "stores/append_rules.h"
#include "stores/sqlite/sqlite_connection.h"

namespace pointsman {

/// The index of append_by_rules() over the tables of one connection, inside its transaction.
class SqliteAppendIndex final : public AppendIndex {
 public:
  SqliteAppendIndex(SqliteConnection& connection, std::size_t max_record_bytes)
      : connection_(connection), max_record_bytes_(max_record_bytes) {}

  std::optional<KeyEntry> find_key(std::string_view tenant, const IdempotencyKey& key,
                                   std::string_view router) override;
  std::optional<DecisionEntry> find_decision(std::string_view tenant,
                                             std::string_view query_id) override;
  std::optional<SlotEntry> find_slot(const SubjectKey& subject, std::string_view name) override;
  Result<LogPosition> add_record(const Scope& scope, const Record& record,
                                 LogPosition decision) override;
  void put_key(std::string_view tenant, const IdempotencyKey& key, const KeyEntry& entry) override;
  void put_decision(std::string_view tenant, std::string_view query_id,
                    const DecisionEntry& entry) override;
  void put_slot(const SubjectKey& subject, std::string_view name, const SlotEntry& entry) override;

  /// SQLITE_OK, or the first failure since the last clear().
  int failure() const { return failure_; }
  const Error& failure_error() const { return error_; }
  void clear() { failure_ = SQLITE_OK; }

 private:
  void note(const SqliteQuery& query);
  bool read(const SqliteQuery& query, int column, Fingerprint& out);

  SqliteConnection& connection_;
  const std::size_t max_record_bytes_;
  int failure_ = SQLITE_OK;
  Error error_;
};

/// How far a group came. `code` is SQLITE_OK where the group is committed.
struct SqliteGroupOutcome {
  int code = SQLITE_OK;
  bool committing = false;  ///< It failed in the COMMIT itself: it may be durable or not.
  Error error;
  std::vector<AppendResult> results;
};

/// Runs one transaction over the group. `apart` puts a savepoint around each record, so that one
/// which breaks for a reason of its own is `failed` alone; without it such a record ends the group
/// with SqliteFault::record. Whatever fails is rolled back.
SqliteGroupOutcome append_group(SqliteConnection& connection, std::span<const AppendRequest> group,
                                std::size_t max_record_bytes, bool apart);

}  // namespace pointsman
