#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/values/result.h"
#include "examples/http_client.h"
#include "lab/data/data_set.h"
#include "lab/data/stream_plan.h"
#include "lab/estimators/baselines.h"
#include "lab/replay/router_config.h"

namespace pointsman::examples {

/// What is streamed through the router "default" of a running server.
struct StreamJob {
  const lab::DataSet& data;
  std::vector<std::uint32_t> rows;  ///< Those that take part, in the file's order.
  lab::FeatureSet features;
  lab::ScoreRule rule;
  lab::StreamOptions options;
};

/// What came of it. Means are over the scored rounds, which are all but the warm-up's.
struct StreamResult {
  std::size_t rounds = 0;
  double mean_reward = 0.0;
  double mean_cost_usd = 0.0;          ///< NaN: no cost is known.
  std::vector<std::uint32_t> choices;  ///< The arm of every scored round, in order.
  std::vector<std::size_t> pulls;      ///< Scored rounds an arm.
  lab::Baselines baselines;            ///< Over the rows that were scored.
  std::size_t requests = 0;
  std::size_t retried = 0;     ///< Requests that needed more than one try.
  std::size_t duplicates = 0;  ///< Outcomes and feedback that the log had already.
  std::size_t revisions = 0;   ///< Feedback that took the place of an earlier one.
};

/// Told before every event of the plan, of how many: a place for a progress line.
using StreamProgress = std::function<void(std::size_t event, std::size_t of)>;

/// Makes the calls that `pointsman replay` makes in process, in the same order and with the same
/// ids: each prompt's /route, the chosen arm's cost as its /outcome and its quality as its
/// /feedback. Against a fresh server with the same RouterConfig the choices and the posterior's
/// checksum are those of the replay. One request at a time.
/// Errors: the first answer that is not 200, or a server that is away for longer than the client's
/// patience.
Result<StreamResult> stream_outcomes(HttpClient& client, const StreamJob& job,
                                     const StreamProgress& progress = {});

}  // namespace pointsman::examples
