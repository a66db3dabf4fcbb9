#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/values/result.h"
#include "stores/postgres/postgres_connection.h"

namespace pointsman {

/// Opens connections, and after a failure not again before a while, which doubles up to a bound:
/// so a call fails at once while PostgreSQL is away, and nobody storms it when it comes back.
/// Thread-safe.
class PostgresDoor final {
 public:
  struct Options {
    PostgresConnection::Options connection;
    std::chrono::milliseconds first_pause;
    std::chrono::milliseconds longest_pause;
  };

  explicit PostgresDoor(Options options)
      : options_(std::move(options)), pause_(options_.first_pause) {}

  /// Error: `unavailable`.
  Result<std::unique_ptr<PostgresConnection>> open();

  const PostgresUrl& url() const { return options_.connection.url; }
  std::uint64_t opened() const { return opened_.load(); }  ///< Connections so far.

 private:
  const Options options_;
  PostgresWatchdog watchdog_;
  std::mutex mutex_;
  std::chrono::milliseconds pause_;
  std::chrono::steady_clock::time_point not_before_{};
  Error last_failure_;
  std::atomic<std::uint64_t> opened_{0};
};

/// A bounded set of sessions for reading, opened as they are first wanted. Thread-safe.
class PostgresPool final {
 public:
  /// `patience`: how long a call waits while all are out.
  PostgresPool(PostgresDoor& door, std::size_t limit, std::chrono::milliseconds patience)
      : door_(door), limit_(limit), patience_(patience) {}

  /// Runs a statement that may be run twice: one that finds its session lost is run in another.
  Result<pqxx::result> run(const PostgresStatement& statement, const PostgresParams& params = {});

 private:
  Result<std::unique_ptr<PostgresConnection>> borrow();
  void give_back(std::unique_ptr<PostgresConnection> connection);

  PostgresDoor& door_;
  const std::size_t limit_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::size_t out_ = 0;
  std::vector<std::unique_ptr<PostgresConnection>> idle_;
};

}  // namespace pointsman
