#include "lab/replay/router_config.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "engine/features/default_text_model.h"
#include "lab/data/csv_reader.h"

namespace pointsman::lab {
namespace {

std::vector<std::string> vocabulary(const DataSet& data, std::string DataRow::*label) {
  std::set<std::string> seen;
  for (const DataRow& row : data.rows) {
    if (!(row.*label).empty()) seen.insert(row.*label);
  }
  return {seen.begin(), seen.end()};
}

FeatureLayout layout_for(const DataSet& data, const FeatureSet& features) {
  FeatureLayout layout;
  layout.text_counters = features.text;
  if (features.text) {
    layout.text_model_dims = default_text_model().dims();
    layout.text_model_hash = default_text_model().hash();
  }
  if (features.task) layout.fields.push_back({"task", vocabulary(data, &DataRow::task)});
  if (features.domain) layout.fields.push_back({"domain", vocabulary(data, &DataRow::domain)});
  if (features.raw) {
    for (std::size_t i = 0; i < data.field_count; ++i) layout.fields.push_back({field_name(i), {}});
  }
  return layout;
}

/// For labels: one right arm of several, and numeric fields that say nearly all. The vague
/// intercept lets one observation overrule it; optimism (mean 1) would try every label for too
/// long (soybean has 19). Feature precision 3 to 5 and intercept mean .2 to .5 differ by less than
/// .005 in mean loss over the seven sets.
PosteriorOptions classification_posterior() {
  PosteriorOptions posterior;
  posterior.intercept_mean = 0.2;
  posterior.intercept_precision = 0.5;
  posterior.field_precision = 5.0;
  return posterior;
}

}  // namespace

std::string field_name(std::size_t index) { return "f" + std::to_string(index); }

Result<FeatureSet> parse_feature_set(std::string_view text) {
  FeatureSet features;
  for (std::string_view rest = text;;) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view word = rest.substr(0, end);
    if (word == "text") {
      features.text = true;
    } else if (word == "task") {
      features.task = true;
    } else if (word == "domain") {
      features.domain = true;
    } else if (word == "raw") {
      features.raw = true;
    } else {
      return invalid("--features", "\"" + std::string(word) +
                                       "\" is no feature; the features are text, task, domain, "
                                       "raw");
    }
    if (end == rest.size()) return features;
    rest.remove_prefix(end + 1);
  }
}

FeatureSet default_features(DataKind kind) {
  FeatureSet features;
  (kind == DataKind::outcome_table ? features.text : features.raw) = true;
  return features;
}

Status check_features(const DataSet& data, const FeatureSet& features) {
  const bool table = data.kind == DataKind::outcome_table;
  const auto lacks = [&](const char* what) {
    return invalid("--features", data.name + " has no " + what);
  };
  if (features.text && !table) return lacks("text");
  if (features.task && vocabulary(data, &DataRow::task).empty()) return lacks("task labels");
  if (features.domain && vocabulary(data, &DataRow::domain).empty()) return lacks("domain labels");
  if (features.raw && data.field_count == 0) return lacks("numeric fields (raw)");
  return Done{};
}

PosteriorOptions default_posterior(DataKind kind) {
  return kind == DataKind::classification ? classification_posterior() : PosteriorOptions{};
}

Result<PolicySpec> policy_for(DataKind kind, std::string_view spec) {
  auto parsed = parse_policy_spec(spec, default_posterior(kind));
  // The one default for all takes no help from knowing what it is to learn.
  if (parsed && std::holds_alternative<DefaultOptions>(parsed->policy)) {
    return parse_policy_spec(spec);
  }
  return parsed;
}

Status check_policy(const DataSet& data, const PolicySpec& spec) {
  const std::string* const named = named_arm(spec.policy);
  if (named == nullptr ||
      std::find(data.arms.begin(), data.arms.end(), *named) != data.arms.end()) {
    return Done{};
  }
  return invalid("--policy", spec.text + ": " + data.name + " has no such arm");
}

RouterConfig router_config_for(const DataSet& data, const PolicySpec& spec,
                               const RouterSetup& setup) {
  RouterConfig config;
  config.seed = setup.seed;
  config.policy = spec.policy;
  config.posterior = spec.posterior;
  config.propensity_floor = spec.propensity_floor;
  config.features = layout_for(data, setup.features);
  config.utility.value_usd = setup.value_usd;
  config.budget = setup.budget;
  for (const std::string& arm : data.arms) {
    ArmSpec made;
    made.id = arm;
    made.model = arm;
    config.arms.push_back(std::move(made));
  }
  return config;
}

RequestFeatures RowRequest::of(std::size_t row) {
  const DataRow& one = data_.rows[row];
  RequestFeatures request;
  request.has_text = features_.text;
  if (features_.text) request.text = one.prompt;
  fields_.clear();
  const auto category = [&](const char* name, const std::string& value) {
    if (!value.empty()) fields_.push_back({name, std::string_view(value)});
  };
  if (features_.task) category("task", one.task);
  if (features_.domain) category("domain", one.domain);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto value = static_cast<double>(data_.fields_of(row)[i]);
    if (!std::isnan(value)) fields_.push_back({names_[i], value});
  }
  request.fields = fields_;
  return request;
}

RowRequest::RowRequest(const DataSet& data, const FeatureSet& features)
    : data_(data), features_(features) {
  for (std::size_t i = 0; features.raw && i < data.field_count; ++i) {
    names_.push_back(field_name(i));
  }
}

WarmStart warm_start_of(const EncodedRows& encoded, const DataSet& data, const WarmRows& warm) {
  WarmStart made;
  made.source = data.name;
  made.effective_samples = warm.effective_samples;
  made.arms = data.arms;
  for (const std::uint32_t row : warm.rows) {
    const auto raw = encoded.of(row);
    const auto quality = data.quality_of(row);
    const auto cost = data.cost_of(row);
    made.raw.insert(made.raw.end(), raw.begin(), raw.end());
    made.quality.insert(made.quality.end(), quality.begin(), quality.end());
    made.cost_usd.insert(made.cost_usd.end(), cost.begin(), cost.end());
  }
  return made;
}

Result<EncodedRows> encode_rows(const DataSet& data, std::span<const std::uint32_t> rows,
                                const FeatureSet& features) {
  const FeatureEncoder encoder(layout_for(data, features),
                               features.text ? &default_text_model() : nullptr);
  EncodedRows encoded;
  encoded.dims = encoder.dims();
  encoded.place.assign(data.rows.size(), 0);
  encoded.values.resize(rows.size() * encoded.dims);
  RowRequest request(data, features);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    encoded.place[rows[i]] = static_cast<std::uint32_t>(i);
    const std::span<float> out = std::span(encoded.values).subspan(i * encoded.dims, encoded.dims);
    if (Status status = encoder.encode(request.of(rows[i]), out); !status) {
      return fault_at({data.name, data.rows[rows[i]].line, ""}, status.error().message);
    }
  }
  return encoded;
}

}  // namespace pointsman::lab
