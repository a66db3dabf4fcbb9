#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/values/result.h"
#include "stores/sqlite/sqlite_connection.h"

namespace pointsman {

/// A bounded set of read-only connections, opened as they are first wanted. In WAL mode a reader
/// sees the last commit and never waits for the writer. Thread-safe.
class SqliteReaders final {
 public:
  /// A connection on loan to one thread. It goes back to the set when this goes.
  class Loan final {
   public:
    Loan(SqliteReaders& owner, std::unique_ptr<SqliteConnection> connection)
        : owner_(&owner), connection_(std::move(connection)) {}
    Loan(Loan&&) = default;
    Loan& operator=(Loan&&) = delete;
    ~Loan();

    SqliteConnection& connection() { return *connection_; }

    /// The error of a failed call. A connection that is broken does not go back.
    Error fail(int code);

   private:
    SqliteReaders* owner_;
    std::unique_ptr<SqliteConnection> connection_;
    bool broken_ = false;
  };

  SqliteReaders(SqliteConnection::Options options, std::size_t limit)
      : options_(std::move(options)), limit_(limit) {}

  const SqliteConnection::Options& options() const { return options_; }

  /// Waits while all connections are out.
  Result<Loan> borrow();

 private:
  friend class Loan;
  void give_back(std::unique_ptr<SqliteConnection> connection);
  void forget_one();

  const SqliteConnection::Options options_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::size_t open_ = 0;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;
};

}  // namespace pointsman
