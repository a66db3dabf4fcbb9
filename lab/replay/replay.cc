#include "lab/replay/replay.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include "adapters/json/json_text.h"
#include "engine/features/default_text_model.h"
#include "engine/fold/decide.h"
#include "engine/log/append_requests.h"
#include "engine/routers/routers.h"
#include "stores/memory/memory_store.h"

namespace pointsman::lab {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Fingerprint fingerprint_of(double value) {
  Fingerprint print{};
  const auto bits = std::bit_cast<std::uint64_t>(value);
  std::memcpy(print.data(), &bits, sizeof(bits));
  return print;
}

/// Drives one router through one plan.
class Run final {
 public:
  Run(const ReplayData& prepared, const ReplaySettings& settings, StreamPlan plan)
      : prepared_(prepared),
        data_(*prepared.data),
        rule_(settings.rule),
        warm_samples_(settings.warm_samples),
        plan_(std::move(plan)),
        store_({.max_records = 4 * plan_.events.size() + 64}),
        chosen_(plan_.rounds.size(), 0) {}

  Status open(const RouterConfig& config) {
    Routers::Options options;
    options.fold.text_model = config.features.text_model_dims > 0 ? &default_text_model() : nullptr;
    options.checkpoint_every = 0;
    options.record_ids = [this] { return stamp().id; };
    auto routers = Routers::open(store_, std::move(options));
    if (!routers) return routers.error();
    routers_ = std::move(*routers);
    pending_.push_back(append_config(scope_, stamp(), config));
    if (warm_samples_) {
      std::vector<std::uint32_t> rows;
      for (std::size_t i = 0; i < plan_.warm_rounds; ++i) {
        if (rows.empty() || rows.back() != plan_.rounds[i].row) rows.push_back(plan_.rounds[i].row);
      }
      pending_.push_back(append_warm_start(
          scope_, stamp(), warm_start_of(prepared_.encoded, data_, {rows, *warm_samples_}),
          fingerprint_of(*warm_samples_)));
    }
    return commit_pending();
  }

  Status go() {
    for (const StreamEvent& event : plan_.events) {
      if (warm_samples_ && event.round < plan_.warm_rounds) continue;  // The record has its row.
      if (event.act == StreamAct::route) {
        if (Status status = commit_pending(); !status) return status;
        if (Status status = route(event.round); !status) return status;
      } else if (event.act == StreamAct::feedback) {
        pending_.push_back(feedback(event));
      } else if (std::isfinite(cost_of_choice(event.round))) {
        pending_.push_back(outcome(event.round));
      }
    }
    return commit_pending();
  }

  SeedRun finish() {
    run_.mean_reward = reward_sum_ / static_cast<double>(run_.scores.size());
    run_.mean_cost_usd = costs_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                                     : cost_sum_ / static_cast<double>(costs_);
    std::vector<std::uint32_t> rows;
    for (std::size_t i = plan_.warm_rounds; i < plan_.rounds.size(); ++i) {
      rows.push_back(plan_.rounds[i].row);
    }
    run_.baselines = baselines_over(data_, rows, rule_);
    run_.checksum = routers_->report(scope_).checksum;
    run_.decisions = plan_.rounds.size();
    return std::move(run_);
  }

 private:
  RecordStamp stamp() {
    RecordStamp made;
    ++records_;
    std::memcpy(made.id.data(), &records_, sizeof(records_));
    made.time = Timestamp{std::chrono::seconds(rounds_)};
    return made;
  }

  Status route(std::uint32_t index) {
    const StreamRound& round = plan_.rounds[index];
    ++rounds_;
    DecideRequest request;
    request.query_id = round.query_id;
    request.raw = prepared_.encoded.of(round.row);
    request.now = Timestamp{std::chrono::seconds(rounds_)};
    offer(round, request.arms);
    const auto start = Clock::now();
    const auto snapshot = routers_->snapshot(scope_);
    auto decision = decide(*snapshot, request);
    run_.decide_seconds += seconds_since(start);
    if (!decision) return decision.error();
    chosen_[index] = decision->chosen;
    if (!round.only_arm) {
      score(round.row, decision->chosen);
      predict(round.row, *snapshot, *decision);
    }
    pending_.push_back(
        append_decision(scope_, stamp(), std::move(*decision), fingerprint_of(index)));
    return commit(false);
  }

  /// The arms that the row has; empty (all of them) where it has every one.
  void offer(const StreamRound& round, std::vector<std::string>& arms) const {
    if (round.only_arm) {
      arms.push_back(data_.arms[*round.only_arm]);
      return;
    }
    for (std::size_t a = 0; a < data_.arms.size(); ++a) {
      if (!std::isnan(score_of(data_, {round.row, a}, rule_))) arms.push_back(data_.arms[a]);
    }
    if (arms.size() == data_.arms.size()) arms.clear();
  }

  void score(std::size_t row, std::uint32_t arm) {
    const double value = score_of(data_, {row, arm}, rule_);
    reward_sum_ += value;
    run_.choices.push_back(arm);
    run_.scores.push_back(static_cast<float>(value));
    if (const double cost = data_.cost_of(row)[arm]; !std::isnan(cost)) {
      cost_sum_ += cost;
      ++costs_;
    }
  }

  void predict(std::size_t row, const RouterSnapshot& snapshot, const Decision& decision) {
    const double quality = data_.quality_of(row)[decision.chosen];
    if (snapshot.arms[decision.chosen]->pulls < kWarmPulls || std::isnan(quality)) return;
    run_.predictions.push_back({static_cast<float>(decision.arms[decision.chosen].expected_reward),
                                static_cast<float>(quality)});
  }

  double cost_of_choice(std::uint32_t index) const {
    return data_.cost_of(plan_.rounds[index].row)[chosen_[index]];
  }

  AppendRequest outcome(std::uint32_t index) {
    const StreamRound& round = plan_.rounds[index];
    Outcome made;
    made.query_id = round.query_id;
    made.cost_usd = cost_of_choice(index);
    return append_outcome(scope_, stamp(), std::move(made));
  }

  AppendRequest feedback(const StreamEvent& event) {
    const StreamRound& round = plan_.rounds[event.round];
    double value = event.wrong_value.value_or(data_.quality_of(round.row)[chosen_[event.round]]);
    Feedback made;
    made.query_id = round.query_id;
    if (data_.kind == DataKind::classification) {
      value = value >= 0.5 ? 1.0 : 0.0;
      made.signal_type = "task_success";
      made.payload = value > 0.0 ? R"({"success":true})" : R"({"success":false})";
    } else {
      made.signal_type = "quality_score";
      made.payload = R"({"score":)";
      append_json_number(value, made.payload);
      made.payload += '}';
    }
    made.reward = Reward{value, 1.0};
    AppendRequest request =
        append_feedback(scope_, stamp(), std::move(made), fingerprint_of(value));
    request.key = IdempotencyKey{"feedback", event.idempotency_key, fingerprint_of(value)};
    return request;
  }

  Status commit_pending() { return pending_.empty() ? Status(Done{}) : commit(true); }

  Status commit(bool timed) {
    const auto start = Clock::now();
    auto committed = routers_->commit(std::exchange(pending_, {}));
    if (timed) run_.update_seconds += seconds_since(start);
    if (!committed) return committed.error();
    for (const Committed& one : *committed) {
      if (one.status == AppendStatus::conflict || one.status == AppendStatus::unknown ||
          one.status == AppendStatus::failed) {
        return Error{ErrorCode::internal, "the log refused a record of the replay: " + one.message,
                     ""};
      }
    }
    return Done{};
  }

  const ReplayData& prepared_;
  const DataSet& data_;
  const ScoreRule rule_;
  const std::optional<double> warm_samples_;
  const StreamPlan plan_;
  const Scope scope_{"replay", "replay"};
  MemoryStore store_;
  std::unique_ptr<Routers> routers_;
  std::vector<AppendRequest> pending_;
  std::vector<std::uint32_t> chosen_;  ///< The arm of every round.
  SeedRun run_;
  double reward_sum_ = 0.0;
  double cost_sum_ = 0.0;
  std::size_t costs_ = 0;
  std::uint64_t records_ = 0;
  std::int64_t rounds_ = 0;
};

/// Means over the seeds.
void summarise_runs(ReplayResult& result) {
  const auto mean_of = [&](auto&& value) {
    double sum = 0.0;
    for (const SeedRun& run : result.runs) sum += value(run);
    return sum / static_cast<double>(result.runs.size());
  };
  std::vector<double> rewards;
  for (const SeedRun& run : result.runs) rewards.push_back(run.mean_reward);
  result.reward = summarise(rewards);
  result.mean_cost_usd = mean_of([](const SeedRun& run) { return run.mean_cost_usd; });
  result.random = mean_of([](const SeedRun& run) { return run.baselines.random; });
  result.oracle = mean_of([](const SeedRun& run) { return run.baselines.oracle; });
  Baselines mean;
  for (std::size_t a = 0; a < result.arms.size(); ++a) {
    mean.fixed.push_back(
        {mean_of([&](const SeedRun& run) { return run.baselines.fixed[a].score; }),
         mean_of([&](const SeedRun& run) { return run.baselines.fixed[a].cost_usd; })});
  }
  result.best_arm = best_fixed_arm(mean);
  result.fixed = std::move(mean.fixed);

  std::vector<double> differences;
  std::vector<double> mixes;
  for (const SeedRun& run : result.runs) {
    differences.push_back(run.mean_reward - run.baselines.fixed[result.best_arm].score);
    if (const auto mix = best_mix_at(run.baselines, run.mean_cost_usd)) mixes.push_back(*mix);
  }
  result.against_best_fixed = student_interval(differences);
  result.worst_against_best_fixed = *std::min_element(differences.begin(), differences.end());
  if (mixes.size() == result.runs.size()) result.best_mix = summarise(mixes).mean;
}

ReplayResult::Paced paced_by(double target_usd, const std::vector<SeedRun>& runs) {
  ReplayResult::Paced paced{target_usd, 0.0, std::nullopt};
  std::vector<double> differences;
  for (const SeedRun& run : runs) {
    paced.dearest_seed_usd = std::max(paced.dearest_seed_usd, run.mean_cost_usd);
    const auto mix = best_mix_at(run.baselines, target_usd);
    if (mix) differences.push_back(run.mean_reward - *mix);
  }
  if (differences.size() == runs.size()) paced.against_mix = student_interval(differences);
  return paced;
}

}  // namespace

Result<ReplayData> prepare_replay(const DataSet& data, const ReplaySettings& settings) {
  if (Status status = check_features(data, settings.features); !status) return status.error();
  ReplayData prepared;
  prepared.data = &data;
  for (std::size_t row = 0; row < data.rows.size(); ++row) {
    if (!settings.split.empty() && data.rows[row].split != settings.split) continue;
    std::size_t known = 0;
    for (std::size_t a = 0; a < data.arms.size(); ++a) {
      if (!std::isnan(score_of(data, {row, a}, settings.rule))) ++known;
    }
    if (known == data.arms.size() || (known > 0 && !settings.complete_rows)) {
      prepared.rows.push_back(static_cast<std::uint32_t>(row));
    }
  }
  if (prepared.rows.size() <= settings.warm) {
    return invalid(settings.warm > 0 ? "--warm" : "--rows",
                   data.name + ": " + std::to_string(prepared.rows.size()) +
                       " rows take part, which leaves none to score");
  }
  auto encoded = encode_rows(data, prepared.rows, settings.features);
  if (!encoded) return encoded.error();
  prepared.encoded = std::move(*encoded);
  return prepared;
}

Result<SeedRun> replay_seed(const ReplayData& prepared, const PolicySpec& policy,
                            const ReplaySettings& settings, std::size_t seed_index) {
  const RouterConfig config =
      router_config_for(*prepared.data, policy,
                        {.features = settings.features,
                         .value_usd = settings.rule.value_usd,
                         .seed = router_seed(seed_index),
                         .budget = {.usd_per_request = settings.budget_usd}});
  Run run(prepared, settings,
          plan_stream(*prepared.data, prepared.rows,
                      {seed_index, settings.shuffle_seed, settings.warm, settings.shares}));
  if (Status status = run.open(config); !status) return status.error();
  if (Status status = run.go(); !status) return status.error();
  return run.finish();
}

Result<ReplayResult> replay(const ReplayData& prepared, const PolicySpec& policy,
                            const ReplaySettings& settings, const ReplayProgress& progress) {
  assert(settings.seeds > 0);
  const auto start = Clock::now();
  ReplayResult result;
  result.dataset = prepared.data->name;
  result.kind = prepared.data->kind;
  result.policy = policy;
  result.arms = prepared.data->arms;
  result.rounds = prepared.rows.size() - settings.warm;
  for (std::size_t i = 0; i < settings.seeds; ++i) {
    auto run = replay_seed(prepared, policy, settings, i);
    if (!run) return run.error();
    result.runs.push_back(std::move(*run));
    if (progress) progress(i + 1);
  }
  summarise_runs(result);
  std::vector<Prediction> predictions;
  for (const SeedRun& run : result.runs) {
    predictions.insert(predictions.end(), run.predictions.begin(), run.predictions.end());
  }
  result.calibration = calibrate(predictions, result.runs.size());
  if (settings.budget_usd) result.paced = paced_by(*settings.budget_usd, result.runs);
  result.seconds = seconds_since(start);
  return result;
}

}  // namespace pointsman::lab
