#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "server/services/service.h"

namespace pointsman {

/// GET /log?router=&after=N&limit=1000&wait_s=: the records of a router above a position, one JSON
/// object a line. With wait_s an empty answer waits until there is a record, or for so long, or
/// until `draining` turns true. 410 where the records above `after` were pruned.
class LogService final : public http::Service {
 public:
  LogService(ServiceContext& context, const std::atomic<bool>& draining);
  ~LogService() override;
  void handle(http::Call call) override;

 private:
  struct Reader {
    Scope scope;
    LogPosition after = 0;
    std::size_t limit = 0;
    std::chrono::steady_clock::time_point deadline;
    http::Responder responder;
  };

  void answer(Reader reader);
  void watch();

  ServiceContext& context_;
  const std::atomic<bool>& draining_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Reader> waiting_;
  bool stopping_ = false;
  std::thread watcher_;
};

}  // namespace pointsman
