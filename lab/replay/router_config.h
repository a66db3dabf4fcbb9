#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/features/features.h"
#include "engine/log/records.h"
#include "engine/policies/policy_spec.h"
#include "engine/values/result.h"
#include "lab/data/data_set.h"

namespace pointsman::lab {

/// Which inputs of a row a router sees.
struct FeatureSet {
  bool text = false;    ///< The prompt: text counters and the built-in text model.
  bool task = false;    ///< The task label as a category.
  bool domain = false;  ///< The domain label as a category.
  bool raw = false;     ///< The numeric fields f0, f1, …
  bool operator==(const FeatureSet&) const = default;
};

/// Parses "text,task"; errors name the word that is none of text, task, domain, raw.
Result<FeatureSet> parse_feature_set(std::string_view text);

/// text for an outcome table, raw for a classification set.
FeatureSet default_features(DataKind kind);

/// Errors say which features the data set does not have.
Status check_features(const DataSet& data, const FeatureSet& features);

/// The prior of a policy that is named: PosteriorOptions' defaults for an outcome table, and one
/// for classification; neither is tuned a set.
PosteriorOptions default_posterior(DataKind kind);

/// Parses a policy spec over the prior of the kind: what it names overrides it. Where no policy is
/// named, unnamed_policy_spec() runs instead, on a server's prior whatever the data is.
Result<PolicySpec> policy_for(DataKind kind, std::string_view spec);

/// Errors where the policy names an arm that the data set does not have.
Status check_policy(const DataSet& data, const PolicySpec& spec);

/// How a replayed router differs from one seed or question to the next.
struct RouterSetup {
  FeatureSet features;
  std::optional<double> value_usd;
  std::uint64_t seed = 1;
  BudgetOptions budget;
};

/// The configuration of the router that replay runs: everything that a server needs to be the same
/// router. The text model is the built-in one.
RouterConfig router_config_for(const DataSet& data, const PolicySpec& spec,
                               const RouterSetup& setup);

/// Makes rows into requests as a caller would send them. Not thread-safe.
class RowRequest final {
 public:
  /// `data` must outlive it.
  RowRequest(const DataSet& data, const FeatureSet& features);

  /// Views into the data set and into this object: good until the next call.
  RequestFeatures of(std::size_t row);

 private:
  const DataSet& data_;
  FeatureSet features_;
  std::vector<std::string> names_;  ///< Of the numeric fields.
  std::vector<FieldValue> fields_;
};

/// The raw vectors of `rows`, (rows, dims) row-major, each encoded once: all seeds and policies
/// share them.
struct EncodedRows {
  std::size_t dims = 0;
  std::vector<std::uint32_t> place;  ///< Of a data set's row among the encoded ones.
  std::vector<float> values;

  std::span<const float> of(std::size_t row) const {
    return std::span(values).subspan(place[row] * dims, dims);
  }
};
Result<EncodedRows> encode_rows(const DataSet& data, std::span<const std::uint32_t> rows,
                                const FeatureSet& features);

/// What a warm start takes of a data set.
struct WarmRows {
  std::span<const std::uint32_t> rows;  ///< Of the data set; each of them encoded.
  double effective_samples = 0.0;
};
WarmStart warm_start_of(const EncodedRows& encoded, const DataSet& data, const WarmRows& warm);

/// "f0", "f1", …: what a numeric field of a data set is called.
std::string field_name(std::size_t index);

}  // namespace pointsman::lab
