// The signals that are one number, one word or one flag.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/json/json_body.h"
#include "adapters/rewards/reward_adapters.h"

namespace pointsman {
namespace {

constexpr double kSure = 1.0;

class ThumbsAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const std::string value = ascii_lower(reader.require_string("value"));
    if (value != "up" && value != "down") reader.fail("value", "This must be up or down.");
    if (Status ok = reader.finish(); !ok) return ok.error();
    return Reward{value == "up" ? 1.0 : 0.0, kSure};
  }
  std::string_view describe() const override {
    return "{\"value\":\"up\"|\"down\"} in any case is 1 or 0 at confidence 1.";
  }

 private:
  static std::string ascii_lower(std::string text) {
    for (char& c : text) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
  }
};

class RatingAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const double min = reader.optional_number("min", {}).value_or(1.0);
    const double max = reader.optional_number("max", {}).value_or(5.0);
    if (!(min < max)) reader.fail("max", "The scale's max must be above its min.");
    const double rating = reader.require_number("rating", {min, max});
    if (Status ok = reader.finish(); !ok) return ok.error();
    // Halves first: on a scale such as ±1e308 the plain difference would be infinite.
    const double share = (rating / 2 - min / 2) / (max / 2 - min / 2);
    return Reward{std::clamp(share, 0.0, 1.0), kSure};
  }
  std::string_view describe() const override {
    return "{\"rating\",\"min\"?:1,\"max\"?:5} is (rating - min)/(max - min) at confidence 1.";
  }
};

class TaskSuccessAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const bool success = reader.require_bool("success");
    if (Status ok = reader.finish(); !ok) return ok.error();
    return Reward{success ? 1.0 : 0.0, kSure};
  }
  std::string_view describe() const override {
    return "{\"success\":true|false} is 1 or 0 at confidence 1.";
  }
};

class RegenerationAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const bool regenerated = reader.require_bool("regenerated");
    const bool accepted_after = reader.optional_bool("accepted_after").value_or(false);
    if (Status ok = reader.finish(); !ok) return ok.error();
    constexpr double kConfidence = 0.8;
    if (!regenerated) return Reward{1.0, kConfidence};
    return Reward{accepted_after ? 0.3 : 0.0, kConfidence};
  }
  std::string_view describe() const override {
    return "{\"regenerated\",\"accepted_after\"?:false}: 1 if not regenerated, else .3 if the "
           "answer was accepted after all, else 0; confidence .8.";
  }
};

class QualityScoreAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const double score = reader.require_number("score", {0.0, 1.0});
    if (Status ok = reader.finish(); !ok) return ok.error();
    return Reward{score + 0.0, kSure};  // + 0.0 turns -0 into 0.
  }
  std::string_view describe() const override {
    return "{\"score\"} in [0, 1] is the reward at confidence 1.";
  }
};

class CompletionTimeAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const double seconds = reader.require_number("seconds", {.min = 0.0});
    const double target = reader.optional_number("target_seconds", {.min = 0.0}).value_or(300.0);
    if (!(target > 0.0)) reader.fail("target_seconds", "This must be above 0.");
    if (Status ok = reader.finish(); !ok) return ok.error();
    return Reward{std::clamp(1.0 - seconds / target, 0.0, 1.0), 0.5};
  }
  std::string_view describe() const override {
    return "{\"seconds\",\"target_seconds\"?:300} is 1 - seconds/target_seconds, at least 0, at "
           "confidence .5.";
  }
};

class SuggestionAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    static constexpr std::array<std::string_view, 3> kWords{"helpful", "not_helpful", "irrelevant"};
    static constexpr std::array<double, 3> kRewards{1.0, 0.2, 0.0};
    ObjectReader reader(payload, {"/payload"});
    const std::size_t word = reader.require_word("feedback", kWords);
    if (Status ok = reader.finish(); !ok) return ok.error();
    return Reward{kRewards[word], kSure};
  }
  std::string_view describe() const override {
    return "{\"feedback\":\"helpful\"|\"not_helpful\"|\"irrelevant\"} is 1, .2 or 0 at "
           "confidence 1.";
  }
};

}  // namespace

std::unique_ptr<RewardAdapter> make_thumbs_adapter() { return std::make_unique<ThumbsAdapter>(); }
std::unique_ptr<RewardAdapter> make_rating_adapter() { return std::make_unique<RatingAdapter>(); }
std::unique_ptr<RewardAdapter> make_task_success_adapter() {
  return std::make_unique<TaskSuccessAdapter>();
}
std::unique_ptr<RewardAdapter> make_regeneration_adapter() {
  return std::make_unique<RegenerationAdapter>();
}
std::unique_ptr<RewardAdapter> make_quality_score_adapter() {
  return std::make_unique<QualityScoreAdapter>();
}
std::unique_ptr<RewardAdapter> make_completion_time_adapter() {
  return std::make_unique<CompletionTimeAdapter>();
}
std::unique_ptr<RewardAdapter> make_suggestion_adapter() {
  return std::make_unique<SuggestionAdapter>();
}

}  // namespace pointsman
