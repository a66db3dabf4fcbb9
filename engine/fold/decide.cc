#include "engine/fold/decide.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "engine/fold/sticky_sessions.h"
#include "engine/policies/draw.h"
#include "engine/policies/keyed_random.h"
#include "engine/policies/policy.h"

namespace pointsman {
namespace {

constexpr std::size_t kMostFallbacks = 8;

constexpr const char* kNotRequested = "not_requested";
constexpr const char* kCostUnknown = "cost_unknown";
constexpr const char* kTooDear = "max_cost_usd";
constexpr const char* kLatencyUnknown = "latency_unknown";
constexpr const char* kTooSlow = "max_latency_ms";
constexpr const char* kLacksTag = "require";

/// Buffers of one thread, so that a decision does not allocate.
struct Scratch {
  std::vector<float> context;
  std::vector<float> projected;  ///< Of a context by one arm, where arms share coefficients.
  std::vector<std::size_t> eligible;
  std::vector<std::size_t> group;  ///< Of the eligible: those the policy chooses among.
  std::vector<ArmUtility> utilities;
  std::vector<double> p;
};

Scratch& scratch() {
  thread_local Scratch s;
  return s;
}

bool has_all_tags(const ArmSpec& spec, const std::vector<std::string>& require) {
  return std::all_of(require.begin(), require.end(), [&](const std::string& tag) {
    return std::find(spec.tags.begin(), spec.tags.end(), tag) != spec.tags.end();
  });
}

const char* exclusion(const ArmModel& arm, const DecideRequest& request) {
  if (!request.arms.empty() &&
      std::find(request.arms.begin(), request.arms.end(), arm.spec.id) == request.arms.end()) {
    return kNotRequested;
  }
  const Constraints& limits = request.constraints;
  if (limits.max_cost_usd) {
    if (!arm.cost_usd) return kCostUnknown;
    if (*arm.cost_usd > *limits.max_cost_usd) return kTooDear;
  }
  if (limits.max_latency_ms) {
    if (!arm.latency_ms) return kLatencyUnknown;
    if (*arm.latency_ms > *limits.max_latency_ms) return kTooSlow;
  }
  if (!has_all_tags(arm.spec, limits.require)) return kLacksTag;
  return nullptr;
}

Error none_left(const RouterSnapshot& snapshot, const Evaluation& evaluation) {
  if (snapshot.arms.empty()) {
    return Error{ErrorCode::unavailable, "the router has no arms", "/router"};
  }
  const auto count = [&](const char* reason) {
    return std::count_if(evaluation.scores.begin(), evaluation.scores.end(),
                         [&](const Evaluation::Score& s) { return s.excluded == reason; });
  };
  std::string message = "no arm is left:";
  std::string field;
  const std::pair<const char*, const char*> limits[] = {
      {kTooDear, "/constraints/max_cost_usd"},   {kCostUnknown, "/constraints/max_cost_usd"},
      {kTooSlow, "/constraints/max_latency_ms"}, {kLatencyUnknown, "/constraints/max_latency_ms"},
      {kLacksTag, "/constraints/require"},       {kNotRequested, "/arms"}};
  for (const auto& [reason, pointer] : limits) {
    if (const auto n = count(reason); n > 0) {
      message +=
          (field.empty() ? " " : ", ") + std::string(reason) + " excludes " + std::to_string(n);
      if (field.empty()) field = pointer;
    }
  }
  return invalid(field, message);
}

Status check_requested_arms(const RouterSnapshot& snapshot, const DecideRequest& request) {
  for (std::size_t i = 0; i < request.arms.size(); ++i) {
    const bool known = std::any_of(snapshot.arms.begin(), snapshot.arms.end(),
                                   [&](const auto& a) { return a->spec.id == request.arms[i]; });
    if (!known) {
      return invalid("/arms/" + std::to_string(i), "router \"" + snapshot.scope.router +
                                                       "\" has no arm \"" + request.arms[i] + "\"");
    }
  }
  return Done{};
}

/// V as a decision uses it: with nothing stated quality alone counts, in its own unit, unless a
/// budget brings dollars into play.
double value_of(const UtilityOptions& utility, const BudgetOptions& budget) {
  const bool paced = budget.usd_per_request || budget.usd_per_day;
  return utility.value_usd.value_or(paced ? kDefaultValueUsd : 1.0);
}

/// Expected utility without quality's part: −(1+λ)·c − s·l. An unknown cost counts as the dearest
/// known one, an unknown latency as the slowest: a missing number is never an advantage.
class PriceTerm final {
 public:
  PriceTerm(const RouterSnapshot& snapshot, const UtilityOptions& utility)
      : cost_factor_((utility.value_usd ? 1.0 : 0.0) + snapshot.lambda),
        usd_per_ms_(utility.usd_per_second / 1000.0) {
    for (const auto& arm : snapshot.arms) {
      dearest_ = std::max(dearest_, arm->cost_usd.value_or(0.0));
      slowest_ = std::max(slowest_, arm->latency_ms.value_or(0.0));
    }
  }

  double of(const ArmModel& arm) const {
    double term = 0.0;
    if (cost_factor_ > 0.0) term -= cost_factor_ * arm.cost_usd.value_or(dearest_);
    if (usd_per_ms_ > 0.0) term -= usd_per_ms_ * arm.latency_ms.value_or(slowest_);
    return term;
  }

 private:
  double cost_factor_;
  double usd_per_ms_;
  double dearest_ = 0.0;
  double slowest_ = 0.0;
};

/// The policy's distribution over the arms `group` (indices into the snapshot), into scratch p.
void run_policy(const RouterSnapshot& snapshot, const Evaluation& evaluation, double value_usd,
                const std::vector<std::size_t>& group, Scratch& s) {
  s.utilities.clear();
  for (const std::size_t a : group) {
    const Evaluation::Score& score = evaluation.scores[a];
    const ArmModel& arm = *snapshot.arms[a];
    s.utilities.push_back(ArmUtility{.arm = arm.spec.id,
                                     .mean = score.utility,
                                     .sigma = value_usd * score.sigma,
                                     .pulls = arm.pulls,
                                     .shift = score.shift,
                                     .weight_sum = arm.weight_sum,
                                     .reward_sum = arm.reward_sum});
  }
  s.p.assign(group.size(), 0.0);
  const PolicyContext context{.decisions = snapshot.decisions, .value_usd = value_usd};
  propensities(snapshot.config->policy, s.utilities, context, s.p);
}

/// Policy and nursery and floor over the eligible arms; fills the scores' propensities.
/// Returns true where the nursery took part.
bool distribute(const RouterSnapshot& snapshot, Evaluation& evaluation, double value_usd,
                Scratch& s) {
  const auto is_young = [&](std::size_t a) { return snapshot.arms[a]->in_nursery; };
  s.group.clear();
  std::copy_if(s.eligible.begin(), s.eligible.end(), std::back_inserter(s.group),
               [&](std::size_t a) { return !is_young(a); });
  const std::size_t young = s.eligible.size() - s.group.size();
  const bool nursery = young > 0 && !s.group.empty();
  if (!nursery) s.group = s.eligible;

  run_policy(snapshot, evaluation, value_usd, s.group, s);
  const double share = nursery ? snapshot.config->nursery.share : 0.0;
  for (std::size_t i = 0; i < s.group.size(); ++i) {
    evaluation.scores[s.group[i]].propensity = (1.0 - share) * s.p[i];
  }
  if (nursery) {
    for (const std::size_t a : s.eligible) {
      if (is_young(a)) evaluation.scores[a].propensity = share / static_cast<double>(young);
    }
  }

  s.p.clear();
  for (const std::size_t a : s.eligible) s.p.push_back(evaluation.scores[a].propensity);
  apply_floor(snapshot.config->propensity_floor, s.p);
  for (std::size_t i = 0; i < s.eligible.size(); ++i) {
    evaluation.scores[s.eligible[i]].propensity = s.p[i];
  }
  return nursery;
}

void make_one_hot(Evaluation& evaluation, std::size_t chosen) {
  for (Evaluation::Score& score : evaluation.scores) score.propensity = 0.0;
  evaluation.scores[chosen].propensity = 1.0;
  evaluation.chosen = chosen;
}

std::optional<std::size_t> eligible_arm(const RouterSnapshot& snapshot, const Scratch& s,
                                        std::string_view id) {
  for (const std::size_t a : s.eligible) {
    if (snapshot.arms[a]->spec.id == id) return a;
  }
  return std::nullopt;
}

Reason reason_of_draw(const RouterSnapshot& snapshot, const Evaluation& evaluation,
                      const Scratch& s, bool nursery) {
  if (s.eligible.size() == 1) return Reason::only_eligible;
  if (nursery && snapshot.arms[evaluation.chosen]->in_nursery) return Reason::nursery;
  double best = evaluation.scores[evaluation.chosen].utility;
  for (const std::size_t a : s.eligible) best = std::max(best, evaluation.scores[a].utility);
  return evaluation.scores[evaluation.chosen].utility >= best ? Reason::exploit : Reason::explore;
}

/// Serves the session's arm, if it has one that is eligible.
bool try_sticky(const RouterSnapshot& snapshot, const DecideRequest& request, const Scratch& s,
                Evaluation& out) {
  if (!snapshot.config->sticky_sessions || snapshot.config->mode == ServingMode::shadow ||
      request.session_id.empty() || !snapshot.sessions) {
    return false;
  }
  auto sticky = snapshot.sessions->find(request.session_id);
  if (!sticky) return false;
  const auto arm = eligible_arm(snapshot, s, sticky->arm);
  if (!arm) return false;
  make_one_hot(out, *arm);
  out.reason = Reason::sticky;
  out.session_decision = std::move(sticky->decision);
  return true;
}

/// What the posteriors say of the request's context, an entry an arm, by `scored(arm number)`;
/// then who is eligible.
template <class Scored>
void score_arms(const RouterSnapshot& snapshot, const DecideRequest& request, Evaluation& out,
                Scratch& s, const Scored& scored) {
  const PriceTerm price(snapshot, out.utility);
  const double value_usd = value_of(out.utility, snapshot.config->budget);
  out.scores.assign(snapshot.arms.size(), Evaluation::Score{});
  s.eligible.clear();
  for (std::size_t a = 0; a < snapshot.arms.size(); ++a) {
    const ArmModel& arm = *snapshot.arms[a];
    Evaluation::Score& score = out.scores[a];
    const MeanVariance said = scored(a);
    score.mean = static_cast<double>(said.mean);
    score.sigma = std::sqrt(static_cast<double>(said.variance));
    score.shift = price.of(arm);
    score.utility = value_usd * score.mean + score.shift;
    score.excluded = exclusion(arm, request);
    if (score.excluded == nullptr) s.eligible.push_back(a);
  }
}

/// evaluate() with the scores of `scored`.
template <class Scored>
Status evaluate_scored(const RouterSnapshot& snapshot, const DecideRequest& request,
                       Evaluation& out, Scratch& s, const Scored& scored) {
  if (Status known = check_requested_arms(snapshot, request); !known) return known;
  out.utility = request.utility.value_or(snapshot.config->utility);
  out.shadow_propensities.clear();
  score_arms(snapshot, request, out, s, scored);
  if (s.eligible.empty()) return none_left(snapshot, out);

  if (!request.parent.empty()) {
    make_one_hot(out, s.eligible.front());
    out.reason = Reason::fallback;
    return Done{};
  }
  if (try_sticky(snapshot, request, s, out)) return Done{};
  const bool nursery = distribute(snapshot, out, value_of(out.utility, snapshot.config->budget), s);
  if (snapshot.config->mode == ServingMode::shadow) {
    if (const auto arm = eligible_arm(snapshot, s, snapshot.config->shadow_arm)) {
      for (const auto& score : out.scores) out.shadow_propensities.push_back(score.propensity);
      make_one_hot(out, *arm);
      out.reason = Reason::shadow;
      return Done{};
    }
  }
  KeyedRandom random(snapshot.config->seed, request.query_id);
  out.chosen = s.eligible[draw(s.p, random.next_unit())];
  out.reason = reason_of_draw(snapshot, out, s, nursery);
  return Done{};
}

void standardise(const RouterSnapshot& snapshot, const DecideRequest& request, Scratch& s) {
  const Standardiser& standardiser = *snapshot.standardiser;
  assert(request.raw.size() == standardiser.raw_dims());
  s.context.assign(PackedMirror::padded_dims(standardiser.context_dims()), 0.0F);
  standardiser.apply(request.raw, s.context);
}

/// Contexts side by side, and what every arm says of them.
class ScoredTile final {
 public:
  explicit ScoredTile(const RouterSnapshot& snapshot)
      : snapshot_(snapshot),
        width_(PackedMirror::tile_width()),
        contexts_(width_ * PackedMirror::padded_dims(snapshot.standardiser->context_dims())),
        scores_(width_ * snapshot.arms.size()) {}

  std::size_t width() const { return width_; }

  /// At most width() requests.
  void score(std::span<const DecideRequest> requests, Scratch& s) {
    std::fill(contexts_.begin(), contexts_.end(), 0.0F);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      standardise(snapshot_, requests[i], s);
      for (std::size_t d = 0; d < s.context.size(); ++d) contexts_[d * width_ + i] = s.context[d];
    }
    for (std::size_t a = 0; a < snapshot_.arms.size(); ++a) {
      snapshot_.arms[a]->mirror->score_tile(contexts_,
                                            std::span(scores_).subspan(a * width_, width_));
    }
  }

  const MeanVariance& of(std::size_t arm, std::size_t request) const {
    return scores_[arm * width_ + request];
  }

 private:
  const RouterSnapshot& snapshot_;
  std::size_t width_;
  std::vector<float> contexts_;  ///< (padded dims, width)
  std::vector<MeanVariance> scores_;
};

}  // namespace

Status evaluate(const RouterSnapshot& snapshot, const DecideRequest& request, Evaluation& out) {
  Scratch& s = scratch();
  standardise(snapshot, request, s);
  const SharedMirror* shared = snapshot.shared.get();
  if (shared != nullptr) s.projected.resize(s.context.size());
  return evaluate_scored(snapshot, request, out, s, [&](std::size_t a) {
    const PackedMirror& mirror = *snapshot.arms[a]->mirror;
    return shared == nullptr ? mirror.score(s.context)
                             : shared->score(mirror, s.context, s.projected);
  });
}

Status evaluate_batch(const RouterSnapshot& snapshot, std::span<const DecideRequest> requests,
                      std::span<Evaluation> out) {
  assert(out.size() == requests.size());
  const auto numbered = [](std::size_t i, Error error) {
    error.field.insert(0, "/" + std::to_string(i));
    return error;
  };
  Scratch& s = scratch();
  ScoredTile tile(snapshot);
  for (std::size_t first = 0; first < requests.size(); first += tile.width()) {
    const auto now = requests.subspan(first, std::min(tile.width(), requests.size() - first));
    // Arms that share coefficients are scored on more than their own mirror.
    if (!snapshot.shared) tile.score(now, s);
    for (std::size_t i = 0; i < now.size(); ++i) {
      const Status status = snapshot.shared
                                ? evaluate(snapshot, now[i], out[first + i])
                                : evaluate_scored(snapshot, now[i], out[first + i], s,
                                                  [&](std::size_t a) { return tile.of(a, i); });
      if (!status) return numbered(first + i, status.error());
    }
  }
  return Done{};
}

Result<Decision> decide(const RouterSnapshot& snapshot, const DecideRequest& request) {
  thread_local Evaluation evaluation;
  if (Status status = evaluate(snapshot, request, evaluation); !status) return status.error();

  Decision decision;
  decision.query_id = request.query_id;
  decision.session_id = request.session_id;
  decision.raw.assign(request.raw.begin(), request.raw.end());
  decision.schema_version = snapshot.standardiser->version();
  decision.arms.reserve(snapshot.arms.size());
  for (std::size_t a = 0; a < snapshot.arms.size(); ++a) {
    const ArmModel& arm = *snapshot.arms[a];
    const Evaluation::Score& score = evaluation.scores[a];
    decision.arms.push_back(ArmView{arm.spec.id, score.propensity, score.mean, score.sigma,
                                    arm.cost_usd, arm.latency_ms, score.utility,
                                    score.excluded != nullptr ? score.excluded : ""});
  }
  decision.chosen = static_cast<std::uint32_t>(evaluation.chosen);
  decision.reason = evaluation.reason;
  if (evaluation.reason == Reason::sticky) decision.session_decision = evaluation.session_decision;
  decision.parent = request.parent;
  decision.shadow_propensities = evaluation.shadow_propensities;
  decision.utility = evaluation.utility;
  decision.lambda = snapshot.lambda;
  decision.model = snapshot.arms[evaluation.chosen]->spec.model;
  decision.expires_at = request.now + std::chrono::milliseconds(snapshot.config->decision_ttl_ms);
  decision.metadata = request.metadata;
  if (snapshot.config->store_inputs) decision.inputs = request.inputs;

  std::vector<std::size_t> others;
  for (std::size_t a = 0; a < snapshot.arms.size(); ++a) {
    if (a != evaluation.chosen && evaluation.scores[a].excluded == nullptr) others.push_back(a);
  }
  const std::size_t kept = std::min(kMostFallbacks, others.size());
  std::partial_sort(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(kept),
                    others.end(), [&](std::size_t a, std::size_t b) {
                      return evaluation.scores[a].utility > evaluation.scores[b].utility;
                    });
  for (std::size_t i = 0; i < kept; ++i) {
    decision.fallbacks.push_back(snapshot.arms[others[i]]->spec.id);
  }
  return decision;
}

}  // namespace pointsman
