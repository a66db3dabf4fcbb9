#include "stores/sqlite/sqlite_readers.h"

namespace pointsman {

Result<SqliteReaders::Loan> SqliteReaders::borrow() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty() || open_ < limit_; });
    if (!idle_.empty()) {
      std::unique_ptr<SqliteConnection> connection = std::move(idle_.back());
      idle_.pop_back();
      return Loan(*this, std::move(connection));
    }
    ++open_;
  }
  Result<std::unique_ptr<SqliteConnection>> opened = SqliteConnection::open(options_);
  if (!opened.ok()) {
    forget_one();
    return opened.error();
  }
  return Loan(*this, std::move(opened).value());
}

SqliteReaders::Loan::~Loan() {
  if (!connection_) return;
  if (broken_) {
    connection_.reset();
    owner_->forget_one();
  } else {
    owner_->give_back(std::move(connection_));
  }
}

Error SqliteReaders::Loan::fail(int code) {
  broken_ = broken_ || fault_of(code) == SqliteFault::broken;
  return connection_->error(code);
}

void SqliteReaders::give_back(std::unique_ptr<SqliteConnection> connection) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

void SqliteReaders::forget_one() {
  {
    const std::lock_guard lock(mutex_);
    --open_;
  }
  returned_.notify_one();
}

}  // namespace pointsman
