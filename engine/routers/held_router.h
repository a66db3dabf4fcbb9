#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/fold/router_fold.h"
#include "engine/routers/router_report.h"
#include "engine/routers/snapshot_cell.h"

namespace pointsman {

/// Where readers find a router.
struct RouterCell {
  SnapshotCell<RouterView> view;
  std::atomic<bool> used{false};  ///< Whether it was used since Resting last looked at it.

  void use() {
    // Read first: a line that nobody writes stays in every core's cache.
    if (!used.load(std::memory_order_relaxed)) used.store(true, std::memory_order_relaxed);
  }
};

/// One router of a store, as this process holds it. One thread at a time, but for the cell.
struct HeldRouter {
  HeldRouter(const Scope& name, const RouterFold::Options& options)
      : scope(name),
        fold(std::make_unique<RouterFold>(name, options)),
        cell(std::make_shared<RouterCell>()) {}

  const Scope scope;
  std::unique_ptr<RouterFold> fold;  ///< Null while it rests; a fork puts another in its place.
  std::shared_ptr<const RouterReport> resting;  ///< Null while it is awake.
  RecordId rested_at{};  ///< While it rests: the id of its last folded record.
  std::shared_ptr<RouterCell> cell;
  std::size_t bytes = 0;  ///< What it holds, or held when it went to rest.
  std::uint64_t since_checkpoint = 0;
  std::uint64_t unsaved = 0;  ///< Records that were folded and that no checkpoint of ours has.
  std::uint64_t forks = 0;
  std::uint64_t divergences = 0;
  bool behind = false;       ///< The log may hold unfolded records: scan before the next fold.
  std::uint64_t doubts = 0;  ///< RouterLog's count of doubts when the log was last compared.
  bool touched = false;      ///< It waits in RouterDirectory to be published.
};

RouterReport report_of(const HeldRouter& router);

}  // namespace pointsman
