#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/stores/bench_log.h"
#include "stores/postgres/postgres_connection.h"
#include "stores/postgres/postgres_params.h"
#include "stores/postgres/postgres_watchdog.h"

namespace pointsman::bench {
namespace {

/// One round trip and one transaction a group: the rows that append_signals() writes for feedback
/// that is new, without its rules, keys, other subjects and other logs. Two statements, because the
/// second must see what was committed before the log was held; with one alone, which reads as of
/// its own beginning, two writers could both take the same signal for a new one.
constexpr const char* kFunction =
    "CREATE OR REPLACE FUNCTION raw_append("
    "  p_query_id bytea[], p_time bigint[], p_body bytea[], p_tenant bytea, p_router bytea,"
    "  p_slot bytea, p_signal bytea, p_value bytea"
    ") RETURNS SETOF bigint LANGUAGE plpgsql AS $$ DECLARE"
    "  log integer;"
    "  base bigint;"
    "BEGIN"
    "  UPDATE heads SET pos = pos + cardinality(p_query_id)"
    "    WHERE tenant = p_tenant AND router = p_router"
    "    RETURNING id, pos - cardinality(p_query_id) INTO log, base;"
    "  RETURN QUERY WITH asked AS MATERIALIZED ("
    "    SELECT log AS router, base + a.n AS position, d.position AS decision,"
    "           a.time, a.query_id, a.body, s.position AS known"
    "    FROM unnest(p_query_id, p_time, p_body) WITH ORDINALITY AS a(query_id, time, body, n)"
    "    JOIN decisions AS d ON d.query_id = a.query_id AND d.tenant = p_tenant"
    "    LEFT JOIN decision_slots AS s ON s.decision = d.position AND s.name = p_slot"
    "  ), put_records AS ("
    "    INSERT INTO records (router, position, time, decision, reward, confidence, kind, query_id,"
    "                         signal_type, body)"
    "    SELECT router, position, time, decision, 1.0, 1.0, 'feedback', query_id, p_signal, body"
    "    FROM asked"
    "  ), put_slots AS ("
    "    INSERT INTO decision_slots (decision, position, name, value_hash)"
    "    SELECT decision, position, p_slot, p_value FROM asked"
    "    ON CONFLICT (decision, name) DO UPDATE"
    "      SET position = excluded.position, value_hash = excluded.value_hash"
    "  ), put_counts AS ("
    "    INSERT INTO record_counts AS c (router, records, kind, signal_type)"
    "    SELECT router, count(*), 'feedback', p_signal FROM asked GROUP BY router"
    "    ON CONFLICT (router, kind, signal_type)"
    "      DO UPDATE SET records = c.records + excluded.records"
    "  ) SELECT position FROM asked;"
    "END $$";

constexpr PostgresStatement kAppend{"raw_append",
                                    "SELECT raw_append($1, $2, $3, $4, $5, $6, $7, $8)"};

class RawPostgres final : public RawLoop {
 public:
  explicit RawPostgres(const std::string& url)
      : connection_(must(PostgresConnection::open({.url = PostgresUrl(url),
                                                   .connect_timeout = std::chrono::seconds(5),
                                                   .statement_timeout = std::chrono::seconds(30)},
                                                  watchdog_))) {
    const PostgresAnswer made = connection_->run_script(kFunction);
    if (!made.ok()) fail(made.error.message);
  }

  void append(const std::vector<Row>& group) override {
    std::vector<std::optional<std::string_view>> query_ids;
    std::vector<std::optional<std::int64_t>> times;
    std::vector<std::optional<std::string_view>> bodies;
    for (const Row& row : group) {
      query_ids.emplace_back(row.query_id);
      times.emplace_back(row.time);
      bodies.emplace_back(row.body);
    }
    PostgresParams params;
    params.blobs(query_ids).longs(times).blobs(bodies).bytes(kScope.tenant).bytes(kScope.router);
    params.bytes("signal:" + std::string(kSignal)).bytes(kSignal).bytes(std::string(32, '\1'));
    const PostgresAnswer answer = connection_->run(kAppend, params);
    if (!answer.ok()) fail(answer.error.message);
    if (answer.rows.size() != group.size()) fail("the raw loop lost rows");
  }

 private:
  PostgresWatchdog watchdog_;
  std::unique_ptr<PostgresConnection> connection_;
};

}  // namespace

std::unique_ptr<RawLoop> raw_postgres(const std::string& url) {
  return std::make_unique<RawPostgres>(url);
}

}  // namespace pointsman::bench
