#include "tests/traffic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace pointsman::testing {
namespace {

using nlohmann::json;

examples::HttpRequest post(std::string target, const json& body) {
  return {.method = "POST", .target = std::move(target), .body = body.dump(), .headers = {}};
}

/// What a client may say, and what the contract makes of it.
struct Saying {
  const char* type;
  const char* payload;
  Reward reward;
};
const std::vector<Saying>& sayings() {
  static const std::vector<Saying> all = {
      {"thumbs", R"({"value":"up"})", {1.0, 1.0}},
      {"thumbs", R"({"value":"down"})", {0.0, 1.0}},
      {"rating", R"({"rating":1})", {0.0, 1.0}},
      {"rating", R"({"rating":4})", {0.75, 1.0}},
      {"rating", R"({"rating":5})", {1.0, 1.0}},
      {"quality_score", R"({"score":0.25})", {0.25, 1.0}},
      {"quality_score", R"({"score":0.9})", {0.9, 1.0}},
      {"completion_time", R"({"seconds":150})", {0.5, 0.5}},
      {"completion_time", R"({"seconds":600})", {0.0, 0.5}},
      {"regeneration", R"({"regenerated":false})", {1.0, 0.8}},
      {"regeneration", R"({"regenerated":true,"accepted_after":true})", {0.3, 0.8}},
  };
  return all;
}

bool close(double a, double b) { return std::abs(a - b) < 1e-12; }

/// What the log tells of one decision.
struct Found {
  std::size_t decisions = 0;
  std::string arm;
  double propensity = 0.0;
  std::vector<std::pair<std::string, json>> said;
  std::vector<json> outcomes;
};

std::map<std::string, Found> by_decision(const std::vector<json>& log) {
  std::map<std::string, Found> found;
  for (const json& record : log) {
    if (!record.contains("query_id")) continue;
    Found& entry = found[record["query_id"]];
    const std::string kind = record["kind"];
    if (kind == "decision") {
      ++entry.decisions;
      entry.arm = record["arm"];
      entry.propensity = record["propensity"];
    } else if (kind == "feedback") {
      entry.said.emplace_back(record["signal_type"], record["payload"]);
    } else if (kind == "outcome") {
      json fields = json::object();
      for (const char* name : {"cost_usd", "latency_ms"}) {
        if (record.contains(name)) fields[name] = record[name];
      }
      entry.outcomes.push_back(std::move(fields));
    }
  }
  return found;
}

void expect_found(const Story& story, const Found& found) {
  SCOPED_TRACE(story.query_id);
  EXPECT_EQ(found.decisions, 1U);
  EXPECT_EQ(found.arm, story.arm);
  EXPECT_EQ(found.propensity, story.propensity);
  std::vector<std::pair<std::string, json>> said;
  for (const Said& each : story.said) said.emplace_back(each.type, each.payload);
  EXPECT_EQ(found.said, said);
  EXPECT_EQ(found.outcomes, story.outcomes);
}

}  // namespace

std::string crash_config(int route_commit_ms) {
  return R"toml(
[server]
log_level = "warn"
[store]
checkpoint_every = 300
route_commit_ms = )toml" +
         std::to_string(route_commit_ms) + R"toml(
[[routers]]
policy = "lints:alpha=.3"
[routers.features]
text = false
fields = [{ name = "task", values = ["chat", "code", "math"] }, { name = "tokens" }]
[[routers.arms]]
id = "small"
[[routers.arms]]
id = "medium"
[[routers.arms]]
id = "large"
)toml";
}

const Said* Story::current(const std::string& type) const {
  const auto last =
      std::find_if(said.rbegin(), said.rend(), [&](const Said& each) { return each.type == type; });
  return last == said.rend() ? nullptr : &*last;
}

Observation Story::observation() const {
  std::map<std::string, Reward> signals;
  for (const Said& each : said) signals[each.type] = each.reward;
  double weight = 0.0;
  double sum = 0.0;
  for (const auto& [type, reward] : signals) {
    weight += reward.confidence;
    sum += reward.confidence * reward.value;
  }
  return {weight > 0.0 ? sum / weight : 0.0, std::min(1.0, weight)};
}

TrafficClient::TrafficClient(const ServerProcess& server, Options options)
    : TrafficClient(std::vector<const ServerProcess*>{&server}, options) {}

TrafficClient::TrafficClient(const std::vector<const ServerProcess*>& replicas, Options options)
    : prefix_("c" + std::to_string(options.number) + "-"),
      random_(options.seed, "traffic " + prefix_) {
  for (const ServerProcess* replica : replicas) clients_.push_back(replica->client());
}

std::size_t TrafficClient::below(std::size_t bound) {
  return static_cast<std::size_t>(random_.next_unit() * static_cast<double>(bound));
}

Story& TrafficClient::some_story() {
  // Mostly a recent one; now and then one that recovery took from a checkpoint.
  const std::size_t window = below(8) == 0 ? stories_.size() : std::min(stories_.size(), 20UL);
  return stories_[stories_.size() - 1 - below(window)];
}

void TrafficClient::run(const std::atomic<bool>& stop) {
  while (!stop && faults_.size() < 10) {
    const std::size_t dice = below(100);
    if (stories_.empty() || dice < 40) {
      route();
    } else if (dice < 70) {
      give_feedback();
    } else if (dice < 85) {
      tell_outcome();
    } else if (dice < 92) {
      repeat_feedback();
    } else if (dice < 96) {
      repeat_route();
    } else {
      look_up();
    }
  }
}

void TrafficClient::route() {
  static constexpr std::array kTasks{"chat", "code", "math"};
  Story story;
  story.query_id = prefix_ + std::to_string(stories_.size());
  story.route = {{"query_id", story.query_id},
                 {"features", {{"task", kTasks[below(3)]}, {"tokens", below(1000)}}}};
  const json answer = ask(post("/route", story.route));
  if (answer.is_null()) return;
  if (answer["query_id"] != story.query_id) fault("another query_id", answer);
  story.arm = answer["arm"];
  story.propensity = answer["propensity"];
  stories_.push_back(std::move(story));
  ++routes_;
}

void TrafficClient::give_feedback() {
  Story& story = some_story();
  const Saying& saying = sayings()[below(sayings().size())];
  const json payload = json::parse(saying.payload);
  json body = {{"query_id", story.query_id}, {"signal_type", saying.type}, {"payload", payload}};
  const bool keyed = below(2) == 0;
  if (keyed) body["idempotency_key"] = prefix_ + "k" + std::to_string(keys_++);
  const examples::HttpRequest request = post("/feedback", body);
  const json answer = ask(request);
  if (answer.is_null()) return;
  const Said* before = story.current(saying.type);
  const bool changes = before == nullptr || before->payload != payload;
  check_status(answer, !changes ? "duplicate" : before == nullptr ? "recorded" : "revised");
  if (changes) story.said.push_back({saying.type, payload, saying.reward});
  if (keyed) story.keyed.push_back({request, saying.reward.value});
  if (!close(answer["reward"], saying.reward.value) ||
      !close(answer["confidence"], saying.reward.confidence)) {
    fault("another reward", answer);
  }
  // A duplicate gets the answer that the first one got, which later signals may have overtaken.
  if (changes) check_observation(answer, story);
}

void TrafficClient::tell_outcome() {
  Story& story = some_story();
  json fields = json::object();
  const std::size_t which = 1 + below(3);
  if ((which & 1U) != 0) fields["cost_usd"] = 0.001 * static_cast<double>(1 + below(3));
  if ((which & 2U) != 0) fields["latency_ms"] = 100.0 * static_cast<double>(1 + below(3));
  json body = fields;
  body["query_id"] = story.query_id;
  const json answer = ask(post("/outcome", body));
  if (answer.is_null()) return;
  bool any_known = false;
  bool any_changed = false;
  for (const auto& [name, value] : fields.items()) {
    const auto known = story.outcome.find(name);
    any_known = any_known || known != story.outcome.end();
    any_changed = any_changed || known == story.outcome.end() || known->second != value;
    story.outcome[name] = value;
  }
  check_status(answer, !any_changed ? "duplicate" : any_known ? "revised" : "recorded");
  if (any_changed) story.outcomes.push_back(fields);
}

void TrafficClient::repeat_feedback() {
  const Story& story = some_story();
  if (story.keyed.empty()) return;
  const Story::Keyed& keyed = story.keyed[below(story.keyed.size())];
  const json answer = ask(keyed.request);
  if (answer.is_null()) return;
  if (answer["status"] != "duplicate" || !close(answer["reward"], keyed.reward)) {
    fault("a repeated feedback is not a duplicate of the first", answer);
  }
}

void TrafficClient::repeat_route() {
  const Story& story = some_story();
  const json answer = ask(post("/route", story.route));
  if (answer.is_null()) return;
  if (answer["arm"] != story.arm || answer["propensity"] != story.propensity) {
    fault("a repeated route got another answer than " + story.arm, answer);
  }
}

void TrafficClient::look_up() {
  const Story& story = some_story();
  const json answer =
      ask({.method = "GET", .target = "/queries/" + story.query_id, .body = "", .headers = {}});
  if (!answer.is_null()) check_observation(answer, story);
}

json TrafficClient::ask(const examples::HttpRequest& request) {
  const auto answer = clients_[asked_++ % clients_.size()].ask(request);
  if (!answer) {
    faults_.push_back(request.target + ": " + answer.error().message);
    return nullptr;
  }
  last_tries_ = answer->tries;
  if (answer->tries > 1) ++retried_;
  json parsed = json::parse(answer->body, nullptr, false);
  if (answer->status == 200 && parsed.is_object()) return parsed;
  faults_.push_back(request.target + " " + request.body + ": " + answer->body);
  return nullptr;
}

void TrafficClient::check_status(const json& answer, const std::string& expected) {
  const std::string status = answer["status"];
  if (status == expected || (last_tries_ > 1 && status == "duplicate")) return;
  fault("not " + expected, answer);
}

void TrafficClient::check_observation(const json& answer, const Story& story) {
  const Observation expected = story.observation();
  const json& given = answer["observation"];
  const bool same_weight = close(given["weight"], expected.weight);
  if (same_weight && (expected.weight == 0.0 || close(given["reward"], expected.reward))) return;
  fault("another observation than " + std::to_string(expected.reward) + " at weight " +
            std::to_string(expected.weight),
        answer);
}

void TrafficClient::fault(const std::string& what, const json& answer) {
  faults_.push_back(what + ": " + answer.dump());
}

std::vector<json> whole_log(const ServerProcess& server) {
  std::vector<json> log;
  std::uint64_t after = 0;
  examples::HttpClient client = server.client();
  for (;;) {
    const auto page = client.ask({.method = "GET",
                                  .target = "/log?limit=5000&after=" + std::to_string(after),
                                  .body = "",
                                  .headers = {}});
    EXPECT_TRUE(page.ok() && page->status == 200);
    if (!page || page->status != 200 || page->body.empty()) return log;
    for (std::size_t at = 0; at < page->body.size();) {
      const std::size_t end = page->body.find('\n', at);
      log.push_back(json::parse(page->body.substr(at, end - at)));
      at = end + 1;
      const auto position = log.back()["position"].get<std::uint64_t>();
      EXPECT_GT(position, after) << "positions must grow";
      after = position;
    }
  }
}

void expect_arms_match(const ServerProcess& server, const std::vector<Story>& stories) {
  struct Sum {
    std::uint64_t pulls = 0;
    double weight = 0.0;
    double reward = 0.0;
  };
  std::map<std::string, Sum> expected;
  for (const Story& story : stories) {
    const Observation observation = story.observation();
    Sum& sum = expected[story.arm];
    ++sum.pulls;
    sum.weight += observation.weight;
    sum.reward += observation.weight * observation.reward;
  }
  const json router = server.get("/stats")["routers"]["default"];
  EXPECT_EQ(router["decisions"], stories.size());
  for (const auto& [arm, sum] : expected) {
    SCOPED_TRACE(arm);
    const json& said = router["arms"][arm];
    EXPECT_EQ(said["pulls"], sum.pulls);
    if (sum.weight > 0.0) {
      EXPECT_NEAR(said["mean_reward"].get<double>(), sum.reward / sum.weight, 1e-9);
    }
  }
}

void expect_log_holds(const ServerProcess& server, const std::vector<Story>& stories) {
  const std::map<std::string, Found> found = by_decision(whole_log(server));
  EXPECT_EQ(found.size(), stories.size()) << "decisions that nobody asked for, or that are gone";
  examples::HttpClient client = server.client();
  for (const Story& story : stories) {
    const auto entry = found.find(story.query_id);
    ASSERT_NE(entry, found.end()) << story.query_id << " was acknowledged and is gone";
    expect_found(story, entry->second);
    const auto answer = client.ask(
        {.method = "GET", .target = "/queries/" + story.query_id, .body = "", .headers = {}});
    ASSERT_TRUE(answer.ok() && answer->status == 200) << story.query_id;
    const json observation = json::parse(answer->body)["observation"];
    const Observation expected = story.observation();
    EXPECT_NEAR(observation["weight"].get<double>(), expected.weight, 1e-12) << story.query_id;
    if (expected.weight > 0.0) {
      EXPECT_NEAR(observation["reward"].get<double>(), expected.reward, 1e-12) << story.query_id;
    }
    if (::testing::Test::HasFailure()) return;  // One broken story tells enough.
  }
}

}  // namespace pointsman::testing
