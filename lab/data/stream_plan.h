#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/data/data_set.h"

namespace pointsman::lab {

/// How feedback strays from "at once, once, right": shares of the scored rounds, in [0, 1].
struct StreamShares {
  double late = 0.0;   ///< Comes 1 to 200 rounds after its decision.
  double twice = 0.0;  ///< Is sent again, same key and body, up to 200 rounds later.
  double revised =
      0.0;  ///< First says something else; the right value comes 1 to 200 rounds later.
};

struct StreamOptions {
  std::size_t seed_index = 0;  ///< From 0; the seed's name in query ids is one more.
  std::uint64_t shuffle_seed = 1;
  std::size_t warm = 0;  ///< So many rows are first shown in full.
  StreamShares shares;
};

/// One decision to be asked for.
struct StreamRound {
  std::uint32_t row = 0;  ///< Of the data set.
  std::string query_id;   ///< "SEED-LINE", in a warm-up "SEED-LINE-ARM".
  /// Warm-up: the one arm that is allowed. Such rounds count in no score and no baseline.
  std::optional<std::uint32_t> only_arm;
};

enum class StreamAct : std::uint8_t {
  route,
  outcome,  ///< The call's cost; nothing to send where the row's is unknown.
  feedback,
};

/// One call to be made, of a round's decision.
struct StreamEvent {
  StreamAct act = StreamAct::route;
  std::uint32_t round = 0;
  /// Feedback: says this and not the row's quality. A later event of the round says the truth.
  std::optional<double> wrong_value;
  std::string idempotency_key;  ///< Feedback: the same for the same body sent again.
};

/// A whole stream in its order. A plan is a pure function of its arguments, so that the in-process
/// replay and a client of the HTTP server make the very same calls.
struct StreamPlan {
  std::vector<StreamRound> rounds;
  std::vector<StreamEvent> events;
  std::size_t warm_rounds = 0;  ///< The first so many rounds are the warm-up.
};

/// The router's seed in run `seed_index`.
inline std::uint64_t router_seed(std::size_t seed_index) { return seed_index + 1; }

/// Shuffles `rows` (indices into the data set) by Fisher and Yates with
/// KeyedRandom(shuffle_seed + seed_index, "shuffle"), shows the first `warm` of them to each of
/// their known arms, and plans a route, its outcome and its feedback for every other. What strays
/// is drawn from KeyedRandom(shuffle_seed + seed_index, "stream:" + line).
/// Precondition: warm < rows.size().
StreamPlan plan_stream(const DataSet& data, std::span<const std::uint32_t> rows,
                       const StreamOptions& options);

}  // namespace pointsman::lab
