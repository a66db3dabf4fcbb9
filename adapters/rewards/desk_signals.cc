// The signals of people who review drafts: `edit` and `action`.
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/json/json_body.h"
#include "adapters/rewards/edit_reward.h"
#include "adapters/rewards/reward_adapters.h"

namespace pointsman {
namespace {

constexpr Reward kNoSignal{0.0, 0.0};

class EditAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const std::string draft = reader.require_string("draft");
    const std::string final_text = reader.require_string("final");
    if (Status ok = reader.finish(); !ok) return ok.error();
    return edit_reward({.draft = draft, .final_text = final_text});
  }
  std::string_view describe() const override {
    return "{\"draft\",\"final\"}: how much of the draft was kept, less for text that was added "
           "and for a changed number, date, amount, address, id or negation; confidence .9.";
  }
};

enum Action : std::size_t { kApprove, kEdit, kEscalate, kReject };
constexpr std::array<std::string_view, 4> kActions{"approve", "edit", "escalate", "reject"};

// The first three blame the draft; the others say that no answer was called for.
constexpr std::array<std::string_view, 6> kReasonCodes{
    "wrong", "unsafe", "tone", "no_reply_needed", "duplicate", "superseded"};
constexpr std::size_t kBlamingCodes = 3;

class ActionAdapter final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const std::size_t action = reader.require_word("action", kActions);
    const auto reason_code = reader.optional_word("reason_code", kReasonCodes);
    const auto recommended = reader.optional_word("recommended_action", kActions);
    const auto read_seconds = reader.optional_number("read_seconds", {.min = 0.0});
    const auto words = reader.optional_count("words");
    const auto draft = reader.optional_string("draft");
    const auto final_text = reader.optional_string("final");

    if (words && !read_seconds) reader.fail("read_seconds", "This goes with words.");
    if (read_seconds && !words) reader.fail("words", "This goes with read_seconds.");
    if (action == kEdit) {
      if (!draft) reader.fail("draft", "An edit needs the draft and the final text.");
      if (!final_text) reader.fail("final", "An edit needs the draft and the final text.");
    } else {
      if (draft) reader.fail("draft", "This goes with the action edit only.");
      if (final_text) reader.fail("final", "This goes with the action edit only.");
    }
    if (action == kReject && !reason_code) {
      reader.fail("reason_code", "A rejection needs its reason.");
    }
    if (action == kEscalate && !recommended) {
      reader.fail("recommended_action", "An escalation needs what had been recommended.");
    }
    if (Status ok = reader.finish(); !ok) return ok.error();

    switch (action) {
      case kApprove: {
        constexpr double kSecondsAWord = 0.25;  // Faster than this, nobody has read it.
        const bool unread = words && *read_seconds < kSecondsAWord * static_cast<double>(*words);
        return Reward{1.0, unread ? 0.5 : 0.9};
      }
      case kEdit:
        return edit_reward({.draft = *draft, .final_text = *final_text});
      case kEscalate:
        return *recommended == kEscalate ? kNoSignal : Reward{0.3, 0.4};
      default:
        return *reason_code < kBlamingCodes ? Reward{0.0, 1.0} : kNoSignal;
    }
  }
  std::string_view describe() const override {
    return "{\"action\":\"approve\"|\"edit\"|\"escalate\"|\"reject\",…}: approve 1 at .9, or at .5 "
           "if read faster than .25 s a word (read_seconds, words); edit (with draft and final) as "
           "the signal edit; escalate .3 at .4 unless recommended_action says so too; reject for "
           "reason_code wrong, unsafe or tone 0 at 1, for no_reply_needed, duplicate or "
           "superseded no signal.";
  }
};

}  // namespace

std::unique_ptr<RewardAdapter> make_edit_adapter() { return std::make_unique<EditAdapter>(); }
std::unique_ptr<RewardAdapter> make_action_adapter() { return std::make_unique<ActionAdapter>(); }

}  // namespace pointsman
