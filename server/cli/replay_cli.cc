#include "server/cli/replay_cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "engine/policies/policy_help.h"

namespace pointsman {

void add_replay_command(CLI::App& app, ReplayCli& cli) {
  lab::ReplayOptions& to = cli.options;
  CLI::App* command =
      app.add_subcommand("replay", "Let a policy learn on a data set, the chosen outcome revealed");
  command->footer(policy_help());
  // One value a flag: "--data A B" would otherwise swallow what follows.
  command->add_option("--data", to.data, "Outcome table (folder) or classification CSV; repeatable")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--policy", to.policies, "A spec, below, such as lints:alpha=.2; repeatable")
      ->allow_extra_args(false);
  command->add_option("--features", to.features, "Of text, task, domain, raw; comma-separated");
  command->add_option("--rows", to.rows, "complete: every arm is known (default), or all");
  command->add_option("--split", to.split, "Only rows of this split");
  command->add_option("--value-usd", to.value_usd, "V: the reward is quality - cost/V");
  command
      ->add_option("--budget-usd", to.budget_usd,
                   "Mean dollars of a request to keep to; repeatable, a result each")
      ->allow_extra_args(false);
  command->add_option("--warm", to.warm, "Rows shown in full first and not scored");
  command->add_option("--warm-samples", to.warm_samples,
                      "Give the --warm rows as one warm-start record of so many observations");
  command->add_option("--seeds", to.seeds, "Shuffles (default 10)");
  command->add_option("--shuffle-seed", to.shuffle_seed, "Of the first shuffle (default 1)");
  command->add_option("--late", to.shares.late,
                      "Share of feedback that comes 1 to 200 rounds late");
  command->add_option("--twice", to.shares.twice, "Share of feedback that is sent twice");
  command->add_option("--revised", to.shares.revised, "Share of feedback that is revised later");
  command->add_option("--format", to.format, "table (default), json or html");
  command->add_option("--out", to.out, "File for the result, instead of stdout");
}

int run_replay(const ReplayCli& cli) {
  return lab::run_replay_command(cli.options, std::cout, std::cerr, isatty(STDERR_FILENO) == 1);
}

}  // namespace pointsman
