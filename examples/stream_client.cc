#include "examples/stream_client.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace pointsman::examples {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const FieldValue& field) {
  return std::visit([](const auto& value) { return Json(value); }, field.value);
}

/// One run through one plan.
class Streamer final {
 public:
  Streamer(HttpClient& client, const StreamJob& job)
      : client_(client),
        job_(job),
        plan_(lab::plan_stream(job.data, job.rows, job.options)),
        row_request_(job.data, job.features),
        chosen_(plan_.rounds.size(), 0) {
    result_.pulls.resize(job.data.arms.size());
  }

  Status go(const StreamProgress& progress) {
    for (std::size_t i = 0; i < plan_.events.size(); ++i) {
      if (progress) progress(i, plan_.events.size());
      if (Status done = act(plan_.events[i]); !done) return done;
    }
    return Done{};
  }

  StreamResult finish() {
    std::vector<std::uint32_t> rows;
    for (std::size_t i = plan_.warm_rounds; i < plan_.rounds.size(); ++i) {
      rows.push_back(plan_.rounds[i].row);
    }
    result_.rounds = rows.size();
    result_.mean_reward = reward_sum_ / static_cast<double>(rows.size());
    result_.mean_cost_usd = costs_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                                        : cost_sum_ / static_cast<double>(costs_);
    result_.baselines = lab::baselines_over(job_.data, rows, job_.rule);
    return std::move(result_);
  }

 private:
  Status act(const lab::StreamEvent& event) {
    switch (event.act) {
      case lab::StreamAct::route:
        return route(event.round);
      case lab::StreamAct::outcome:
        return outcome(event.round);
      case lab::StreamAct::feedback:
        return feedback(event);
    }
    return Done{};
  }

  Status route(std::uint32_t index) {
    const lab::StreamRound& round = plan_.rounds[index];
    const RequestFeatures features = row_request_.of(round.row);
    Json body = {{"query_id", round.query_id}};
    if (features.has_text) body["text"] = features.text;
    for (const FieldValue& field : features.fields) {
      body["features"][std::string(field.name)] = json_of(field);
    }
    if (Json offered = offer(round); !offered.empty()) body["arms"] = std::move(offered);
    const auto answer = post("/route", body);
    if (!answer) return answer.error();
    const std::string arm = answer->value("arm", "");
    const auto found = std::find(job_.data.arms.begin(), job_.data.arms.end(), arm);
    if (found == job_.data.arms.end()) {
      return Error{ErrorCode::internal,
                   "The server chose \"" + arm +
                       "\", which the data set does not have. Give it the configuration that "
                       "--write-config writes.",
                   ""};
    }
    chosen_[index] = static_cast<std::uint32_t>(found - job_.data.arms.begin());
    if (!round.only_arm) score(round.row, chosen_[index]);
    return Done{};
  }

  /// The arms that the row has; empty (all of them) where it has every one.
  Json offer(const lab::StreamRound& round) const {
    if (round.only_arm) return Json::array({job_.data.arms[*round.only_arm]});
    Json arms = Json::array();
    for (std::size_t a = 0; a < job_.data.arms.size(); ++a) {
      if (!std::isnan(lab::score_of(job_.data, {round.row, a}, job_.rule))) {
        arms.push_back(job_.data.arms[a]);
      }
    }
    return arms.size() == job_.data.arms.size() ? Json::array() : arms;
  }

  void score(std::size_t row, std::uint32_t arm) {
    reward_sum_ += lab::score_of(job_.data, {row, arm}, job_.rule);
    result_.choices.push_back(arm);
    ++result_.pulls[arm];
    if (const double cost = job_.data.cost_of(row)[arm]; !std::isnan(cost)) {
      cost_sum_ += cost;
      ++costs_;
    }
  }

  Status outcome(std::uint32_t index) {
    const lab::StreamRound& round = plan_.rounds[index];
    const double cost = job_.data.cost_of(round.row)[chosen_[index]];
    if (!std::isfinite(cost)) return Done{};
    return tell("/outcome", {{"query_id", round.query_id}, {"cost_usd", cost}});
  }

  Status feedback(const lab::StreamEvent& event) {
    const lab::StreamRound& round = plan_.rounds[event.round];
    const double value =
        event.wrong_value.value_or(job_.data.quality_of(round.row)[chosen_[event.round]]);
    const bool graded = job_.data.kind == lab::DataKind::outcome_table;
    const Json payload = graded ? Json{{"score", value}} : Json{{"success", value >= 0.5}};
    return tell("/feedback", {{"query_id", round.query_id},
                              {"signal_type", graded ? "quality_score" : "task_success"},
                              {"payload", payload},
                              {"idempotency_key", event.idempotency_key}});
  }

  /// An outcome or a feedback: counts what the log made of it.
  Status tell(const char* target, const Json& body) {
    const auto answer = post(target, body);
    if (!answer) return answer.error();
    const std::string status = answer->value("status", "");
    if (status == "duplicate") ++result_.duplicates;
    if (status == "revised") ++result_.revisions;
    return Done{};
  }

  Result<Json> post(const char* target, const Json& body) {
    const auto answer =
        client_.ask({.method = "POST", .target = target, .body = body.dump(), .headers = {}});
    if (!answer) return answer.error();
    ++result_.requests;
    if (answer->tries > 1) ++result_.retried;
    Json parsed = Json::parse(answer->body, nullptr, false);
    if (answer->status != 200 || !parsed.is_object()) {
      return Error{ErrorCode::internal,
                   std::string(target) + " was answered " + std::to_string(answer->status) + ": " +
                       answer->body,
                   ""};
    }
    return parsed;
  }

  HttpClient& client_;
  const StreamJob& job_;
  const lab::StreamPlan plan_;
  lab::RowRequest row_request_;
  std::vector<std::uint32_t> chosen_;  ///< The arm of every round.
  StreamResult result_;
  double reward_sum_ = 0.0;
  double cost_sum_ = 0.0;
  std::size_t costs_ = 0;
};

}  // namespace

Result<StreamResult> stream_outcomes(HttpClient& client, const StreamJob& job,
                                     const StreamProgress& progress) {
  Streamer streamer(client, job);
  if (Status done = streamer.go(progress); !done) return done.error();
  return streamer.finish();
}

}  // namespace pointsman::examples
