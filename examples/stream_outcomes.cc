// pointsman_stream: streams a data set through a running server, call by call as a product would,
// and says how the router did beside what needs no learning.
//
//   pointsman_stream --data DIR --write-config stream.toml
//   pointsman serve --config stream.toml --store sqlite:stream.db &
//   pointsman_stream --data DIR
//
// It makes the calls that `pointsman replay` makes in process, so that the two can be compared. It
// may be run while the server is killed and started again: it asks again with the same ids.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "examples/stream_client.h"
#include "lab/replay/replay.h"
#include "server/config/router_section.h"

namespace pointsman::examples {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

struct Flags {
  std::string data;
  std::string url = "http://127.0.0.1:8080";
  std::size_t seed = 1;
  std::size_t limit = 0;  ///< 0: all rows.
  std::string features;   ///< Empty: the default of the data set's kind.
  std::string policy;     ///< Empty: the one that runs where none is named.
  std::string rows = "complete";
  std::optional<double> value_usd;
  lab::StreamShares shares;
  std::string write_config;
  std::string format = "table";
};

void add_flags(CLI::App& app, Flags& flags) {
  const CLI::Range share(0.0, 1.0);
  app.add_option("--data", flags.data, "Outcome table (a folder) or classification CSV")
      ->required();
  app.add_option("--url", flags.url, "The running server")->capture_default_str();
  app.add_option("--seed", flags.seed, "Of the shuffle and the router, as replay's seeds: 1, 2, …")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}))
      ->capture_default_str();
  app.add_option("--limit", flags.limit, "Only the first so many rows; 0: all");
  app.add_option("--features", flags.features, "text, task, domain, raw, with commas");
  app.add_option("--policy", flags.policy, "For --write-config, such as lints:alpha=.2");
  app.add_option("--rows", flags.rows, "complete: rows in which every arm is known; or all")
      ->check(CLI::IsMember({"complete", "all"}))
      ->capture_default_str();
  app.add_option("--value-usd", flags.value_usd, "Score quality - cost/V")
      ->check(CLI::PositiveNumber);
  app.add_option("--late", flags.shares.late, "Share of feedback that comes late")->check(share);
  app.add_option("--twice", flags.shares.twice, "Share that is sent twice")->check(share);
  app.add_option("--revised", flags.shares.revised, "Share that is first wrong")->check(share);
  app.add_option("--write-config", flags.write_config,
                 "Write the server's configuration to this file, and stream nothing");
  app.add_option("--format", flags.format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

int complain(int code, const std::string& message) {
  std::fprintf(stderr, "pointsman_stream: %s\n", message.c_str());
  return code;
}

int complain(const Error& error) {
  const bool usage = error.field.starts_with("--");
  return complain(usage ? kWrongUsage : kFailed,
                  usage ? error.field + ": " + error.message : error.message);
}

int write_config(const lab::DataSet& data, const Flags& flags, const lab::FeatureSet& features) {
  const auto policy = flags.policy.empty() ? Result<PolicySpec>(unnamed_policy_spec())
                                           : lab::policy_for(data.kind, flags.policy);
  if (!policy) return complain(kWrongUsage, "--policy: " + policy.error().message);
  if (Status known = lab::check_policy(data, *policy); !known) return complain(known.error());
  RouterEntry entry;
  entry.config = lab::router_config_for(
      data, *policy, {features, flags.value_usd, lab::router_seed(flags.seed - 1)});
  std::ofstream file(flags.write_config, std::ios::binary);
  file << "# The router that `pointsman replay` runs on " << data.name << ", seed " << flags.seed
       << ".\n"
       << render_router_toml(entry);
  file.close();
  if (!file) return complain(kFailed, flags.write_config + ": cannot be written");
  return 0;
}

nlohmann::ordered_json json_of(const StreamJob& job, const StreamResult& result) {
  const std::size_t best = lab::best_fixed_arm(result.baselines);
  const auto mix = lab::best_mix_at(result.baselines, result.mean_cost_usd);
  nlohmann::ordered_json choices = nlohmann::ordered_json::object();
  for (std::size_t a = 0; a < result.pulls.size(); ++a) {
    choices[job.data.arms[a]] = result.pulls[a];
  }
  return {{"dataset", job.data.name},
          {"rounds", result.rounds},
          {"mean_reward", result.mean_reward},
          {"mean_cost_usd", result.mean_cost_usd},
          {"random_mean_reward", result.baselines.random},
          {"best_fixed",
           {{"arm", job.data.arms[best]}, {"mean_reward", result.baselines.fixed[best].score}}},
          {"best_mix_mean_reward", mix ? nlohmann::ordered_json(*mix) : nullptr},
          {"oracle_mean_reward", result.baselines.oracle},
          {"choices", std::move(choices)},
          {"requests", result.requests},
          {"retried", result.retried},
          {"duplicates", result.duplicates},
          {"revisions", result.revisions}};
}

void print_table(const StreamJob& job, const StreamResult& result) {
  const std::size_t best = lab::best_fixed_arm(result.baselines);
  const auto line = [](const std::string& what, double reward) {
    std::printf("  %-44s %8.4f\n", what.c_str(), reward);
  };
  std::printf("%s: %zu rounds, %zu requests (%zu retried), %zu duplicates, %zu revisions\n",
              job.data.name.c_str(), result.rounds, result.requests, result.retried,
              result.duplicates, result.revisions);
  line("the router", result.mean_reward);
  line("random", result.baselines.random);
  line("best fixed arm: " + job.data.arms[best], result.baselines.fixed[best].score);
  if (const auto mix = lab::best_mix_at(result.baselines, result.mean_cost_usd)) {
    line("best mix of two arms at the same spend", *mix);
  }
  line("oracle", result.baselines.oracle);
  std::printf("mean cost %.6f USD; choices:\n", result.mean_cost_usd);
  for (std::size_t a = 0; a < result.pulls.size(); ++a) {
    std::printf("  %-44s %8zu\n", job.data.arms[a].c_str(), result.pulls[a]);
  }
}

/// A line on stderr that is drawn over itself, on a terminal only.
StreamProgress progress_line() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  return [](std::size_t event, std::size_t of) {
    constexpr std::size_t kEvery = 64;
    if (event % kEvery == 0) std::fprintf(stderr, "\r\x1b[K%zu/%zu calls", event, of);
    if (event + 1 == of) std::fprintf(stderr, "\r\x1b[K");
  };
}

int run(const Flags& flags) {
  const auto data = lab::read_data_set(flags.data);
  if (!data) return complain(data.error());
  lab::ReplaySettings settings;
  settings.features = lab::default_features(data->kind);
  if (!flags.features.empty()) {
    const auto named = lab::parse_feature_set(flags.features);
    if (!named) return complain(named.error());
    settings.features = *named;
  }
  settings.complete_rows = flags.rows == "complete";
  settings.rule.value_usd = flags.value_usd;
  auto prepared = lab::prepare_replay(*data, settings);
  if (!prepared) return complain(prepared.error());
  if (!flags.write_config.empty()) return write_config(*data, flags, settings.features);
  if (flags.limit > 0 && flags.limit < prepared->rows.size()) prepared->rows.resize(flags.limit);

  const auto address = parse_url(flags.url);
  if (!address) return complain(address.error());
  HttpClient client({.address = *address});
  const StreamJob job{.data = *data,
                      .rows = std::move(prepared->rows),
                      .features = settings.features,
                      .rule = settings.rule,
                      .options = {.seed_index = flags.seed - 1, .shares = flags.shares}};
  const auto result = stream_outcomes(client, job, progress_line());
  if (!result) return complain(result.error());
  if (flags.format == "json") {
    std::printf("%s\n", json_of(job, *result).dump(2).c_str());
  } else {
    print_table(job, *result);
  }
  return 0;
}

}  // namespace
}  // namespace pointsman::examples

int main(int argc, char** argv) {
  CLI::App app{"Streams a data set through a running Pointsman server"};
  pointsman::examples::Flags flags;
  pointsman::examples::add_flags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : pointsman::examples::kWrongUsage;
  }
  return pointsman::examples::run(flags);
}
