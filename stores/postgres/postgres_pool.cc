#include "stores/postgres/postgres_pool.h"

#include <algorithm>

namespace pointsman {

Result<std::unique_ptr<PostgresConnection>> PostgresDoor::open() {
  {
    const std::lock_guard lock(mutex_);
    if (std::chrono::steady_clock::now() < not_before_) return last_failure_;
  }
  Result<std::unique_ptr<PostgresConnection>> opened =
      PostgresConnection::open(options_.connection, watchdog_);
  const std::lock_guard lock(mutex_);
  if (opened.ok()) {
    ++opened_;
    pause_ = options_.first_pause;
    not_before_ = {};
  } else {
    last_failure_ = opened.error();
    not_before_ = std::chrono::steady_clock::now() + pause_;
    pause_ = std::min(2 * pause_, options_.longest_pause);
  }
  return opened;
}

Result<std::unique_ptr<PostgresConnection>> PostgresPool::borrow() {
  {
    std::unique_lock lock(mutex_);
    if (!returned_.wait_for(lock, patience_, [this] { return out_ < limit_; })) {
      return Error{ErrorCode::unavailable, "All connections to PostgreSQL are in use.", ""};
    }
    ++out_;
    while (!idle_.empty()) {
      std::unique_ptr<PostgresConnection> connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->alive()) return connection;
    }
  }
  Result<std::unique_ptr<PostgresConnection>> opened = door_.open();
  if (!opened.ok()) give_back(nullptr);
  return opened;
}

void PostgresPool::give_back(std::unique_ptr<PostgresConnection> connection) {
  {
    const std::lock_guard lock(mutex_);
    --out_;
    if (connection && !connection->lost()) idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

Result<pqxx::result> PostgresPool::run(const PostgresStatement& statement,
                                       const PostgresParams& params) {
  PostgresAnswer answer;
  for (int attempt = 0; attempt < 2; ++attempt) {
    Result<std::unique_ptr<PostgresConnection>> borrowed = borrow();
    if (!borrowed.ok()) return borrowed.error();
    answer = (*borrowed)->run(statement, params);
    give_back(std::move(borrowed).value());
    if (answer.ok()) return std::move(answer.rows);
    if (answer.fault != PostgresFault::lost && answer.fault != PostgresFault::race) break;
  }
  return std::move(answer.error);
}

}  // namespace pointsman
