#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <string_view>

#include "engine/values/result.h"
#include "stores/postgres/postgres_params.h"
#include "stores/postgres/postgres_url.h"
#include "stores/postgres/postgres_watchdog.h"

namespace pointsman {

/// What a failed statement means for its caller.
enum class PostgresFault {
  none,
  record,   ///< The statement's own values: a constraint, a size.
  race,     ///< Another transaction came first, or a deadlock was broken: the same again may pass.
  refused,  ///< PostgreSQL answered, and did nothing.
  lost,     ///< No answer, and the connection is of no more use: it may be done or not.
};

/// A statement by its name; its text must live as long as the connection.
struct PostgresStatement {
  const char* name;
  const char* sql;
};

struct PostgresAnswer {
  PostgresFault fault = PostgresFault::none;
  Error error;  ///< `unavailable`, or what fits better.
  pqxx::result rows;

  bool ok() const { return fault == PostgresFault::none; }
};

/// A session of libpqxx (6.4), at whose edge its exceptions end. Never reconnects by itself: a
/// transaction must not go on in another session. One thread at a time.
class PostgresConnection final {
 public:
  struct Options {
    PostgresUrl url;
    std::chrono::milliseconds connect_timeout;
    std::chrono::milliseconds statement_timeout;  ///< PostgreSQL's own; ours is longer by this:
    std::chrono::milliseconds grace{3'000};
  };

  /// The session's settings are made; the schema "pointsman" is its search path. `watchdog` must
  /// outlive it. Error: `unavailable`.
  static Result<std::unique_ptr<PostgresConnection>> open(const Options& options,
                                                          PostgresWatchdog& watchdog);

  /// Whether it still stood when it was last heard of. No round trip: an idle session has nothing
  /// to say but that it ends.
  bool alive() const;

  /// Prepares the statement where this session has not seen it.
  PostgresAnswer run(const PostgresStatement& statement, const PostgresParams& params = {});

  /// Statements without parameters, one transaction unless they say otherwise.
  PostgresAnswer run_script(const std::string& sql);

  bool lost() const { return lost_; }

 private:
  PostgresConnection(const Options& options, PostgresWatchdog& watchdog);
  template <class Call>
  PostgresAnswer guarded(const Call& call);

  const PostgresUrl url_;
  const std::chrono::milliseconds patience_;
  PostgresWatchdog& watchdog_;
  std::optional<pqxx::connection> session_;
  std::optional<pqxx::quiet_errorhandler> quiet_;  ///< Before session_ goes, this does.
  std::set<const char*> prepared_;
  bool lost_ = false;
};

/// The bytes of a bytea column; empty where it is NULL.
std::string bytes_at(const pqxx::row& row, int column);
/// Of two lower-case digits a byte.
std::string bytes_of_hex(std::string_view text);
std::int64_t integer_at(const pqxx::row& row, int column);

}  // namespace pointsman
