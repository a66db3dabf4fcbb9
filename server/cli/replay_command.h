#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "lab/data/stream_plan.h"

namespace pointsman::lab {

/// What `pointsman replay` takes, as the command line writes it; run_replay_command checks it.
struct ReplayOptions {
  std::vector<std::string> data;  ///< Outcome tables (folders), classification sets (.csv).
  std::vector<std::string>
      policies;                     ///< Specs, as "linucb:alpha=.2"; empty: unnamed_policy_spec().
  std::string features;             ///< "text,task,domain,raw"; empty: what the data suggests.
  std::string rows = "complete";    ///< Or "all": rows with an arm that is not known take part.
  std::string split;                ///< Only rows of this split; empty: all.
  std::optional<double> value_usd;  ///< V > 0: the score is quality − cost/V.
  std::vector<double> budget_usd;   ///< Mean spend of a request to keep; each is a run of its own.
  std::optional<double> warm_samples;  ///< The warm rows as a WarmStart record of so many samples.
  std::size_t warm = 0;                ///< Full-information rows shown first, not scored.
  std::size_t seeds = 10;
  std::uint64_t shuffle_seed = 1;
  StreamShares shares;           ///< Of feedback that is late, sent twice, or revised.
  std::string format = "table";  ///< "table", "json" or "html".
  std::string out;               ///< A file for the result; empty: the stream.
};

/// Replays every policy on every data set and writes the result to `out` (or options.out). Faults
/// go to `progress`, and so does a progress bar if that is a terminal. Returns the exit code: 0 ok,
/// 1 failed, 2 wrong usage.
int run_replay_command(const ReplayOptions& options, std::ostream& out, std::ostream& progress,
                       bool progress_is_terminal);

}  // namespace pointsman::lab
