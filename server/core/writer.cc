#include "server/core/writer.h"

#include <algorithm>
#include <utility>

namespace pointsman {
namespace {

std::vector<Committed> slice(std::vector<Committed>& all, std::size_t begin, std::size_t end) {
  return {std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(begin)),
          std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(end))};
}

}  // namespace

Writer::Writer(Routers& routers, WriterOptions options) : routers_(routers), options_(options) {
  thread_ = std::thread([this] { loop(); });
  watchdog_ = std::thread([this] { watch(); });
}

Writer::~Writer() { stop(); }

std::unique_ptr<WriteJob> Writer::submit(std::unique_ptr<WriteJob> job) {
  auto claim = std::make_shared<Claim>();
  claim->deadline = std::chrono::steady_clock::now() + options_.route_commit;
  const bool watched = job->render_late != nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || queue_.size() >= options_.max_queued ||
        held_bytes_ + job->bytes > options_.max_queued_bytes) {
      ++counters_.refused;
      return job;
    }
    held_bytes_ += job->bytes;
    claim->job = std::move(job);
    queue_.push_back(claim);
  }
  work_.notify_one();
  if (watched) watch_for_lateness(std::move(claim));
  return nullptr;
}

void Writer::watch_for_lateness(std::shared_ptr<Claim> claim) {
  const std::scoped_lock lock(watch_mutex_);
  // What is answered stays in line behind what is not. Of the latter there are no more than the
  // queue and a group hold, so that a sweep at twice as many frees half of the list.
  if (watched_.size() >= 2 * (options_.max_queued + options_.max_group)) {
    std::erase_if(watched_, [](const auto& one) { return one->answered.load(); });
  }
  watched_.push_back(std::move(claim));
  if (watched_.size() == 1) watch_wake_.notify_one();
}

bool Writer::run(std::function<void()> task) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || tasks_.size() >= kMostTasks) return false;
    tasks_.push_back(std::move(task));
  }
  work_.notify_one();
  return true;
}

void Writer::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  if (thread_.joinable()) thread_.join();
  {
    const std::scoped_lock lock(watch_mutex_);
    watch_stopping_ = true;
  }
  watch_wake_.notify_one();
  if (watchdog_.joinable()) watchdog_.join();
}

Writer::Counters Writer::counters() const {
  Counters counters;
  {
    const std::scoped_lock lock(mutex_);
    counters = counters_;
    counters.queued = queue_.size();
  }
  const std::scoped_lock lock(watch_mutex_);
  counters.watched = watched_.size();
  return counters;
}

Writer::Group Writer::take_group() {
  Group group;
  std::size_t records = 0;
  std::size_t prepared = 0;
  while (!queue_.empty()) {
    const WriteJob& next = *queue_.front()->job;
    const std::size_t more = next.prepare ? 1 : next.requests.size();
    if (!group.empty() && records + more > options_.max_group) break;
    if (next.prepare && prepared++ == kMostPrepared) break;
    records += more;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void Writer::loop() {
  for (;;) {
    Group group;
    std::vector<std::function<void()>> tasks;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [&] { return stopping_ || !queue_.empty() || !tasks_.empty(); });
      tasks.swap(tasks_);
      group = take_group();
      if (stopping_ && group.empty() && tasks.empty()) break;
    }
    for (const auto& task : tasks) task();
    if (!group.empty()) commit(group);
  }
  if (!routers_.checkpoint_all()) healthy_.store(false);
}

void Writer::prepare(const Group& group) {
  for (const auto& claim : group) {
    if (!claim->job->prepare || claim->answered.load()) continue;
    const WriteJob::Answer answer = claim->job->prepare(*claim->job);
    if (!answer || claim->answered.exchange(true)) continue;
    answer(std::move(claim->job->responder));
    claim->job.reset();
  }
}

void Writer::commit(const Group& group) {
  std::size_t bytes = 0;
  for (const auto& claim : group) bytes += claim->job->bytes;
  prepare(group);
  std::vector<AppendRequest> requests;
  std::vector<std::size_t> counts;
  for (const auto& claim : group) {
    counts.push_back(claim->job ? claim->job->requests.size() : 0);
    if (!claim->job) continue;
    // What the watchdog has answered already is still appended: its client was told that nothing
    // was recorded, and a decision that nobody asks about does no harm.
    for (AppendRequest& request : claim->job->requests) requests.push_back(std::move(request));
  }
  const std::size_t records = requests.size();
  const auto is_answered = [](const auto& claim) { return claim->answered.load(); };
  if (records == 0 && std::all_of(group.begin(), group.end(), is_answered)) {
    // Nothing was appended, which says nothing of the store.
    const std::scoped_lock lock(mutex_);
    held_bytes_ -= bytes;
    return;
  }
  const auto start = std::chrono::steady_clock::now();
  Result<std::vector<Committed>> result = routers_.commit(std::move(requests));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  healthy_.store(result.ok(), std::memory_order_relaxed);

  std::vector<std::pair<http::Responder, http::Response>> answers;
  answers.reserve(group.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    Claim& claim = *group[i];
    const std::size_t first = std::exchange(at, at + counts[i]);
    if (claim.answered.exchange(true)) continue;
    Result<std::vector<Committed>> own =
        result ? Result<std::vector<Committed>>(slice(*result, first, at)) : result.error();
    answers.emplace_back(std::move(claim.job->responder), claim.job->render(own));
    claim.job.reset();  // The watchdog still holds the claim for a while.
  }
  {
    // Before the answers: who has one finds it counted.
    const std::scoped_lock lock(mutex_);
    ++counters_.groups;
    counters_.records += records;
    counters_.commit_seconds += spent.count();
    held_bytes_ -= bytes;
    if (!result) ++counters_.failures;
  }
  http::respond_all(std::move(answers));
}

void Writer::watch() {
  std::unique_lock lock(watch_mutex_);
  while (!watch_stopping_) {
    if (watched_.empty()) {
      watch_wake_.wait(lock);
      continue;
    }
    const std::shared_ptr<Claim> first = watched_.front();
    if (!first->answered.load() && std::chrono::steady_clock::now() < first->deadline) {
      watch_wake_.wait_until(lock, first->deadline);
      continue;
    }
    watched_.pop_front();
    if (first->answered.exchange(true)) continue;
    lock.unlock();
    {
      const std::scoped_lock counting(mutex_);
      ++counters_.late;
    }
    first->job->responder.respond(first->job->render_late());
    lock.lock();
  }
}

}  // namespace pointsman
