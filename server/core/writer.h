#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/routers/routers.h"
#include "server/http/message.h"

namespace pointsman {

/// When /route answers.
enum class DecisionDurability : std::uint8_t {
  commit,  ///< After the decision is in the store (default).
  queued,  ///< At once, with `stored: false`; a crash loses what the queue held.
};

struct WriterOptions {
  /// Requests that may wait for the store. Above: 503 with Retry-After. Default 65,536.
  std::size_t max_queued = 65'536;
  /// Bytes of those requests. Above: the same. Default 256 MiB.
  std::size_t max_queued_bytes = std::size_t{256} << 20;
  /// Records in one commit. Default 1,024.
  std::size_t max_group = 1'024;
  /// A /route whose commit takes longer answers 503 with a fallback arm. Default 250 ms.
  std::chrono::milliseconds route_commit{250};
};

/// What one request wants written, and how its answer looks. `render` runs on the writer's thread
/// after the commit.
struct WriteJob {
  http::Responder responder;
  std::vector<AppendRequest> requests;
  std::size_t bytes = 0;  ///< About what the job holds, for the queue's bound.
  std::function<http::Response(const Result<std::vector<Committed>>&)> render;
  /// Not null: what to answer when the commit takes longer than WriterOptions::route_commit.
  std::function<http::Response()> render_late;
  /// Not null: makes `requests` and `render` on the writer's thread, right before the commit of its
  /// group, with Routers at its disposal: for what has to wake a router first. Returns null, or who
  /// answers where nothing is to be appended. Not asked for a job that was answered late already.
  using Answer = std::function<void(http::Responder)>;
  std::function<Answer(WriteJob&)> prepare;
};

/// The one thread that appends. Jobs queue up while a commit is in flight and then go together, so
/// groups grow with the load; every answer leaves after its commit, one wake-up an I/O thread.
///
/// Bounded, whatever the store does: the queue in jobs and, with the group in flight, in bytes; the
/// tasks; and the list of answers that may come late.
///
/// Thread-safety: submit(), run() and counters() from any thread.
class Writer final {
 public:
  struct Counters {
    std::uint64_t groups = 0;
    std::uint64_t records = 0;    ///< Requests given to the store, duplicates included.
    std::uint64_t failures = 0;   ///< Groups that the store did not take.
    std::uint64_t late = 0;       ///< Answers given before their commit.
    std::uint64_t refused = 0;    ///< Jobs over the queue's bounds.
    std::size_t queued = 0;       ///< Now.
    std::size_t watched = 0;      ///< Now: answers whose lateness is looked at.
    double commit_seconds = 0.0;  ///< Spent in commits.
  };

  /// Jobs with `prepare` in one group: the others of the group wait for them.
  static constexpr std::size_t kMostPrepared = 16;

  /// Tasks that may wait for run().
  static constexpr std::size_t kMostTasks = 1'024;

  Writer(Routers& routers, WriterOptions options);
  ~Writer();  ///< stop().

  /// Takes the job, or hands it back where the queue is full or the writer has stopped; the caller
  /// then still owns the responder and answers 503.
  std::unique_ptr<WriteJob> submit(std::unique_ptr<WriteJob> job);

  /// Runs `task` on the writer's thread between two groups, where it may use Routers freely. Tasks
  /// go before queued jobs. False where kMostTasks wait already, or once the writer has stopped:
  /// the task is dropped.
  bool run(std::function<void()> task);

  /// Commits all that is queued, saves checkpoints, ends the thread. Idempotent.
  void stop();

  /// True while the last commit went well.
  bool healthy() const { return healthy_.load(std::memory_order_relaxed); }
  Counters counters() const;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  void loop();
  void watch();

  /// A job that may be answered by its commit or by the watchdog, whichever comes first.
  struct Claim {
    std::atomic<bool> answered{false};
    std::unique_ptr<WriteJob> job;
    SteadyTime deadline;
  };
  using Group = std::vector<std::shared_ptr<Claim>>;
  Group take_group();
  void watch_for_lateness(std::shared_ptr<Claim> claim);
  /// Lets the jobs say what they want appended; those that want nothing are answered.
  void prepare(const Group& group);
  void commit(const Group& group);

  Routers& routers_;
  const WriterOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::shared_ptr<Claim>> queue_;
  std::vector<std::function<void()>> tasks_;
  std::size_t held_bytes_ = 0;  ///< Of the jobs that are queued or being committed.
  bool stopping_ = false;
  Counters counters_;

  mutable std::mutex watch_mutex_;
  std::condition_variable watch_wake_;
  std::deque<std::shared_ptr<Claim>> watched_;  ///< In the order of their deadlines.
  bool watch_stopping_ = false;

  std::atomic<bool> healthy_{true};
  std::thread thread_;
  std::thread watchdog_;
};

}  // namespace pointsman
