#pragma once

#include <cstddef>
#include <future>
#include <utility>
#include <vector>

#include "engine/log/store.h"

namespace pointsman {

/// Reads one log in order, a batch at a time. In a long log it reads ahead: while the caller folds
/// a batch, another thread fetches and decodes the next one, which takes about as long as folding.
///
/// Thread-safety: none; one caller. The store is asked from a second thread while next() is not
/// running, and no more once this is gone.
class LogReader final {
 public:
  static constexpr std::size_t kBatch = 4096;

  /// `store` must outlive this. Begins above `after`.
  LogReader(Store& store, Scope scope, LogPosition after)
      : store_(store), scope_(std::move(scope)), after_(after) {}
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  /// The next records, at most kBatch; fewer: the log ends here, for now. Errors: the store's.
  Result<std::vector<StoredRecord>> next() {
    auto batch = ahead_.valid() ? ahead_.get() : read(after_);
    if (!batch || batch->empty()) return batch;
    after_ = batch->back().position;
    if (batch->size() == kBatch) {
      ahead_ = std::async(std::launch::async, [this, from = after_] { return read(from); });
    }
    return batch;
  }

 private:
  Result<std::vector<StoredRecord>> read(LogPosition after) const {
    return store_.scan(scope_, after, kBatch);
  }

  Store& store_;
  const Scope scope_;
  LogPosition after_;
  std::future<Result<std::vector<StoredRecord>>> ahead_;  ///< Its end waits for the thread.
};

}  // namespace pointsman
