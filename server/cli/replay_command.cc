#include "server/cli/replay_command.h"

#include <cmath>
#include <fstream>
#include <utility>

#include "lab/replay/replay.h"
#include "lab/report/replay_report.h"

namespace pointsman::lab {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr std::size_t kMostSeeds = 100'000;

/// A fault with the exit code that it means.
struct Fault {
  int code = kFailed;
  std::string message;
};

bool is_share(double value) { return value >= 0.0 && value <= 1.0; }

/// What can be judged before any file is read; empty where all is well.
std::string wrong_usage(const ReplayOptions& options) {
  if (options.data.empty()) return "--data: name at least one data set";
  if (options.rows != "all" && options.rows != "complete") return "--rows: all or complete";
  if (options.value_usd && !(*options.value_usd > 0.0 && std::isfinite(*options.value_usd))) {
    return "--value-usd: a number of dollars above 0";
  }
  for (const double budget : options.budget_usd) {
    if (!(budget > 0.0 && std::isfinite(budget)))
      return "--budget-usd: a number of dollars above 0";
  }
  if (options.warm_samples &&
      !(*options.warm_samples > 0.0 && std::isfinite(*options.warm_samples) && options.warm > 0)) {
    return "--warm-samples: a number above 0, together with --warm";
  }
  if (options.seeds == 0 || options.seeds > kMostSeeds) return "--seeds: 1 to 100000";
  if (options.format != "table" && options.format != "json" && options.format != "html") {
    return "--format: table, json or html";
  }
  const StreamShares& shares = options.shares;
  if (!is_share(shares.late) || !is_share(shares.twice) || !is_share(shares.revised)) {
    return "--late, --twice, --revised: a share in [0, 1]";
  }
  for (const std::string& policy : options.policies) {
    const auto parsed = policy_for(DataKind::outcome_table, policy);
    if (!parsed) return "--policy " + policy + ": " + parsed.error().message;
  }
  if (!options.features.empty()) {
    const auto features = parse_feature_set(options.features);
    if (!features) return "--features: " + features.error().message;
  }
  return "";
}

/// One bar, drawn over itself, on a terminal only.
class ProgressBar final {
 public:
  ProgressBar(std::ostream& stream, bool shown) : stream_(stream), shown_(shown) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  struct State {
    std::string what;
    std::size_t done = 0;
    std::size_t of = 1;
  };
  void draw(const State& state) {
    if (!shown_) return;
    constexpr std::size_t kWidth = 30;
    const std::size_t filled = kWidth * state.done / state.of;
    stream_ << "\r\x1b[K[" << std::string(filled, '#') << std::string(kWidth - filled, ' ') << "] "
            << state.done << "/" << state.of << " seeds  " << state.what.substr(0, 48)
            << std::flush;
    drawn_ = true;
  }
  void clear() {
    if (drawn_) stream_ << "\r\x1b[K" << std::flush;
    drawn_ = false;
  }

 private:
  std::ostream& stream_;
  bool shown_;
  bool drawn_ = false;
};

ReplaySettings settings_for(const ReplayOptions& options, DataKind kind) {
  ReplaySettings settings;
  settings.features =
      options.features.empty() ? default_features(kind) : *parse_feature_set(options.features);
  settings.complete_rows = options.rows == "complete";
  settings.split = options.split;
  settings.rule.value_usd = options.value_usd;
  settings.warm = options.warm;
  settings.warm_samples = options.warm_samples;
  settings.seeds = options.seeds;
  settings.shuffle_seed = options.shuffle_seed;
  settings.shares = options.shares;
  return settings;
}

/// An option that this data set cannot serve is wrong usage; a broken file is a failure.
Fault fault_of(const Error& error) {
  return {error.field.starts_with("--") ? kWrongUsage : kFailed,
          (error.field.starts_with("--") ? error.field + ": " : "") + error.message};
}

/// The policies to replay on a data set, in the order in which they were named.
Result<std::vector<PolicySpec>> policies_for(const ReplayOptions& options, const DataSet& data) {
  if (options.policies.empty()) return std::vector<PolicySpec>{unnamed_policy_spec()};
  std::vector<PolicySpec> policies;
  for (const std::string& text : options.policies) {
    auto policy = policy_for(data.kind, text);
    if (!policy) return invalid("--policy " + text, policy.error().message);
    if (Status status = check_policy(data, *policy); !status) return status.error();
    policies.push_back(std::move(*policy));
  }
  return policies;
}

Result<Done> replay_data_set(const ReplayOptions& options, const std::string& path,
                             ProgressBar& bar, std::vector<ReplayResult>& results) {
  const auto data = read_data_set(path);
  if (!data) return data.error();
  ReplaySettings settings = settings_for(options, data->kind);
  const auto prepared = prepare_replay(*data, settings);
  if (!prepared) return prepared.error();
  const auto policies = policies_for(options, *data);
  if (!policies) return policies.error();
  for (const PolicySpec& policy : *policies) {
    const auto progress = [&](std::size_t done) {
      bar.draw({data->name + " " + policy.text, done, settings.seeds});
    };
    std::vector<std::optional<double>> budgets(options.budget_usd.begin(),
                                               options.budget_usd.end());
    if (budgets.empty()) budgets.emplace_back();
    for (const auto& budget : budgets) {
      settings.budget_usd = budget;
      progress(0);
      auto result = replay(*prepared, policy, settings, progress);
      if (!result) return result.error();
      results.push_back(std::move(*result));
    }
  }
  return Done{};
}

std::string render(const ReplayOptions& options, const std::vector<ReplayResult>& results) {
  if (options.format == "json") return render_json(results);
  if (options.format == "html") return render_html(results);
  return render_table(results);
}

}  // namespace

int run_replay_command(const ReplayOptions& options, std::ostream& out, std::ostream& progress,
                       bool progress_is_terminal) {
  const auto fail = [&](const Fault& fault) {
    progress << "replay: " << fault.message << "\n";
    return fault.code;
  };
  if (const std::string wrong = wrong_usage(options); !wrong.empty()) {
    return fail({kWrongUsage, wrong});
  }
  std::ofstream file;
  if (!options.out.empty()) {
    // Opened first: nobody wants to learn after an hour that the path was wrong.
    file.open(options.out, std::ios::binary);
    if (!file) return fail({kFailed, options.out + ": the file cannot be written"});
  }
  std::vector<ReplayResult> results;
  {
    ProgressBar bar(progress, progress_is_terminal);
    for (const std::string& path : options.data) {
      if (Status status = replay_data_set(options, path, bar, results); !status) {
        bar.clear();
        return fail(fault_of(status.error()));
      }
    }
  }
  std::ostream& target = options.out.empty() ? out : file;
  target << render(options, results) << std::flush;
  if (!target) return fail({kFailed, "the result could not be written"});
  return kOk;
}

}  // namespace pointsman::lab
