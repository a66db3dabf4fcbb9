#include "lab/replay/warm_start_log.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/fold/observation.h"
#include "engine/fold/router_fold.h"
#include "engine/log/log_reader.h"
#include "engine/policies/keyed_random.h"

namespace pointsman::lab {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// A decision that may become a row; the rest of it is read again if it does.
struct Candidate {
  std::string query_id;
  double propensity = 0.0;
};

/// The candidates of each of the target's arms, oldest first.
struct Candidates {
  std::vector<std::vector<Candidate>> arms;
  std::size_t decisions = 0;
  std::size_t same_layout = 0;
  LogPosition end = 0;  ///< Of the newest record: what comes later is not read.
};

bool was_drawn(const Decision& decision) {
  switch (decision.reason) {
    case Reason::exploit:
    case Reason::explore:
    case Reason::nursery:
    case Reason::only_eligible:
      return true;
    case Reason::sticky:
    case Reason::shadow:
    case Reason::fallback:
      return false;
  }
  return false;
}

std::optional<std::size_t> arm_index(const RouterSnapshot& target, const std::string& id) {
  for (std::size_t a = 0; a < target.arms.size(); ++a) {
    if (target.arms[a]->spec.id == id) return a;
  }
  return std::nullopt;
}

/// Where reading begins, and what is known there of the layout.
struct Beginning {
  LogPosition after = 0;
  LogPosition layout_since = 0;  ///< Decisions before it have another layout.
  bool fits = false;             ///< The layout there is the target's.
};

/// A pruned log is whole from a position on, and what held there its checkpoints know.
Result<Beginning> beginning_of(Store& store, const Scope& from, const RouterSnapshot& target) {
  const auto below = store.pruned_below(from);
  if (!below) return below.error();
  Beginning found;
  if (*below == 0) return found;
  found.after = *below - 1;
  const auto checkpoints = store.load_checkpoints(from);
  if (!checkpoints) return checkpoints.error();
  for (auto oldest = checkpoints->rbegin(); oldest != checkpoints->rend(); ++oldest) {
    RouterFold fold(from, {.text_model = &default_text_model()});
    if (!fold.restore(*oldest)) continue;
    found.layout_since = fold.layout_since();
    found.fits = fold.config()->features == target.config->features;
    break;
  }
  return found;
}

Result<Candidates> candidates_of(Store& store, const Scope& from, const RouterSnapshot& target,
                                 bool drawn_only) {
  Candidates found;
  found.arms.resize(target.arms.size());
  const auto beginning = beginning_of(store, from, target);
  if (!beginning) return beginning.error();
  LogReader reader(store, from, beginning->after);
  bool fits = beginning->fits;
  for (bool more = true; more;) {
    auto batch = reader.next();
    if (!batch) return batch.error();
    more = batch->size() == LogReader::kBatch;
    for (const StoredRecord& stored : *batch) {
      found.end = stored.position;
      if (const auto* config = std::get_if<RouterConfig>(&stored.record.body)) {
        fits = config->features == target.config->features;
      }
      const auto* decision = std::get_if<Decision>(&stored.record.body);
      if (decision == nullptr) continue;
      ++found.decisions;
      if (!fits || stored.position < beginning->layout_since ||
          decision->raw.size() != target.standardiser->raw_dims())
        continue;
      ++found.same_layout;
      const ArmView& chosen = decision->arms[decision->chosen];
      const auto arm = arm_index(target, chosen.arm);
      if (!arm || (drawn_only && !was_drawn(*decision))) continue;
      found.arms[*arm].push_back({decision->query_id, chosen.propensity});
    }
  }
  return found;
}

/// The decision with all that the log says of it.
Result<std::optional<DecisionState>> state_of(Store& store, const Scope& from, LogPosition end,
                                              const Candidate& one) {
  auto own = store.find(from.tenant, one.query_id, end);
  if (!own) return own.error();
  const auto session = session_of(store, *own, end);
  if (!session) return session.error();
  return rebuild_state(*own, *session, end + 1);
}

class RowWriter final {
 public:
  RowWriter(Store& store, const Scope& from, const LogRowsOptions& options, WarmStart& out)
      : store_(store), from_(from), options_(options), out_(out) {}

  /// Reads nothing above `end`.
  void stop_at(LogPosition end) { end_ = end; }

  /// The newest `most` rows of an arm, newest first. Returns how many there are.
  Result<std::size_t> take(const std::vector<Candidate>& arm, std::size_t index, std::size_t most) {
    double least = 1.0;
    for (const Candidate& one : arm) least = std::min(least, one.propensity);
    least = std::max(least, kLeastPropensity);
    std::size_t taken = 0;
    for (auto one = arm.rbegin(); one != arm.rend() && taken < most; ++one) {
      auto state = state_of(store_, from_, end_, *one);
      if (!state) return state.error();
      if (!*state) continue;  // A bounded store has let it go.
      const Observation seen = combine(**state);
      const double thinned =
          options_.inverse_propensity ? std::min(1.0, least / one->propensity) : 1.0;
      KeyedRandom random(1, one->query_id);
      if (random.next_unit() >= seen.weight * thinned) continue;
      write(**state, seen.reward, index);
      ++taken;
    }
    return taken;
  }

 private:
  void write(const DecisionState& state, double reward, std::size_t index) {
    const std::size_t k = out_.arms.size();
    out_.raw.insert(out_.raw.end(), state.raw.begin(), state.raw.end());
    out_.quality.insert(out_.quality.end(), k, kUnknown);
    out_.cost_usd.insert(out_.cost_usd.end(), k, kUnknown);
    const std::size_t at = out_.quality.size() - k + index;
    out_.quality[at] = reward;
    out_.cost_usd[at] = state.outcome.cost_usd.value_or(kUnknown);
  }

  Store& store_;
  const Scope& from_;
  const LogRowsOptions& options_;
  WarmStart& out_;
  LogPosition end_ = 0;
};

}  // namespace

Result<WarmStart> warm_start_from_log(Store& store, const Scope& from, const RouterSnapshot& target,
                                      const LogRowsOptions& options) {
  auto candidates = candidates_of(store, from, target, options.inverse_propensity);
  if (!candidates) return candidates.error();
  if (candidates->decisions == 0) {
    return Error{ErrorCode::not_found, "the other log has no decision of this router",
                 "--from-router"};
  }
  if (candidates->same_layout == 0) {
    return invalid("--from-router",
                   "the other router describes its requests by other features: none of its " +
                       std::to_string(candidates->decisions) +
                       " decisions can be read by this one");
  }
  WarmStart made;
  made.source = "log of " + from.tenant + "/" + from.router;
  made.effective_samples = options.samples;
  for (const auto& arm : target.arms) made.arms.push_back(arm->spec.id);
  const std::size_t share = std::max<std::size_t>(1, options.rows / made.arms.size());
  RowWriter writer(store, from, options, made);
  writer.stop_at(candidates->end);
  std::size_t rows = 0;
  for (std::size_t a = 0; a < made.arms.size() && rows < options.rows; ++a) {
    auto taken = writer.take(candidates->arms[a], a, std::min(share, options.rows - rows));
    if (!taken) return taken.error();
    rows += *taken;
  }
  if (rows == 0) {
    return invalid("--from-router", "the other log has no observation of any of the router's arms");
  }
  return made;
}

}  // namespace pointsman::lab
