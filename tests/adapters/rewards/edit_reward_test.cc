#include "adapters/rewards/edit_reward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "adapters/rewards/edit_tokens.h"

namespace pointsman {
namespace {

const std::string kRefund = "Your refund takes 14 days.";

double reward_of(const std::string& draft, const std::string& final_text) {
  const Result<Reward> reward = edit_reward({.draft = draft, .final_text = final_text});
  EXPECT_TRUE(reward.ok());
  EXPECT_DOUBLE_EQ(reward->confidence, 0.9);
  return reward->value;
}

EditMeasure measured(const std::string& draft, const std::string& final_text) {
  return *measure_edit({.draft = draft, .final_text = final_text});
}

bool critical(const std::string& draft, const std::string& final_text) {
  return measured(draft, final_text).critical;
}

std::vector<std::string> tokens(const std::string& text) {
  const std::string normalised = normalise_for_edit(text);
  std::vector<std::string> out;
  for (const EditToken& token : tokenise_for_edit(normalised)) out.emplace_back(token.text);
  return out;
}

using Words = std::vector<std::string>;

TEST(EditReward, AWrongFactIsWorthLessThanHalf) {
  EXPECT_NEAR(reward_of(kRefund, "Your refund takes 30 days."), .425, 1e-12);
}

TEST(EditReward, AGreetingInFrontCostsLittle) {
  EXPECT_NEAR(reward_of(kRefund, "Hello Anna, thanks for writing. " + kRefund), .788, 5e-4);
}

TEST(EditReward, ANegationPutInTurnsTheMeaning) {
  EXPECT_NEAR(reward_of(kRefund, "Your refund not takes 14 days."), .536, 5e-4);
}

TEST(EditReward, AStubThatGrewBy33TokensWithANegationIsWorthTheLeast) {
  std::string grown = "Hello. We do not";
  for (int i = 0; i < 30; ++i) grown += " word";
  EXPECT_EQ(measured("Hello.", grown).final_tokens, 35U);
  EXPECT_DOUBLE_EQ(reward_of("Hello.", grown), .05);
}

TEST(EditReward, AStubThatGrewWithoutANegationFollowsTheFormula) {
  std::string grown = "Hello.";
  for (int i = 0; i < 33; ++i) grown += " word";
  EXPECT_NEAR(reward_of("Hello.", grown), .15 + .75 * 4 / 35 - .10 * 33 / 35, 1e-12);
}

TEST(EditReward, TheSameTextIsAnApproval) {
  EXPECT_DOUBLE_EQ(reward_of(kRefund, kRefund), 1.0);
  EXPECT_DOUBLE_EQ(reward_of(kRefund, "  Your refund\n\ntakes 14 days.\r\n"), 1.0);
  EXPECT_DOUBLE_EQ(reward_of("Café", "Cafe\xCC\x81"), 1.0);
  EXPECT_DOUBLE_EQ(reward_of("각", "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8"), 1.0);
  EXPECT_LT(reward_of("Café", "Cafe"), 1.0);
  EXPECT_LT(reward_of("your refund", "Your refund"), 1.0);
}

TEST(EditReward, AnEmptyDraftSaysNothing) {
  for (const char* draft : {"", "  \n\t", "> quoted only", "-- \nAnna"}) {
    const Result<Reward> reward = edit_reward({.draft = draft, .final_text = "Hello."});
    ASSERT_TRUE(reward.ok());
    EXPECT_EQ(*reward, (Reward{0.0, 0.0})) << draft;
  }
}

TEST(EditReward, ADraftThatWasThrownAwayIsWorthTheBase) {
  EXPECT_NEAR(reward_of("We will help.", ""), .15, 1e-12);
  EXPECT_NEAR(reward_of(kRefund, ""), .05, 1e-12);
  EXPECT_NEAR(reward_of("alpha beta", "gamma delta"), .15, 1e-12);
}

TEST(EditReward, AnEditThatOnlyMovesSpacesIsNotQuiteAnApproval) {
  EXPECT_DOUBLE_EQ(reward_of("Hello.", "Hello ."), .90);
}

TEST(EditReward, QuotedThreadsAndSignaturesAreCut) {
  EXPECT_DOUBLE_EQ(reward_of(kRefund, kRefund + "\n\n-- \nAnna\nSupport 24/7"), 1.0);
  EXPECT_DOUBLE_EQ(reward_of(kRefund, kRefund + "\n> Where is it?\n> 99 days now!"), 1.0);
  EXPECT_DOUBLE_EQ(
      reward_of(kRefund, kRefund + "\n\nOn 3 May 2026, Bo <bo@x.org> wrote:\nWhere is it?"), 1.0);
  EXPECT_DOUBLE_EQ(reward_of(kRefund, kRefund + "\nAm 3. Mai 2026 schrieb Bo:\n> Wo?"), 1.0);
  EXPECT_DOUBLE_EQ(reward_of(kRefund, kRefund + "\n-----Original Message-----\nFrom: Bo"), 1.0);
  EXPECT_LT(reward_of(kRefund, kRefund + "\nOn our page it stood wrote: so"), 1.0);
}

TEST(EditReward, FactsOfTheDraftAreCritical) {
  EXPECT_TRUE(critical("Pay 14 now", "Pay 41 now"));
  EXPECT_TRUE(critical("Pay 1,234.50 now", "Pay 1,234.05 now"));
  EXPECT_TRUE(critical("Pay 14 now", "Pay now"));
  EXPECT_TRUE(critical("It costs €20", "It costs $20"));
  EXPECT_TRUE(critical("It costs 20 EUR", "It costs 20 USD"));
  EXPECT_TRUE(critical("on 2026-11-21", "on 2026-11-22"));
  EXPECT_TRUE(critical("on 3 May", "on 3 June"));
  EXPECT_TRUE(critical("on Monday", "on Tuesday"));
  EXPECT_TRUE(critical("See https://a.org/x.", "See https://a.org/y."));
  EXPECT_TRUE(critical("Write to help@a.org.", "Write to sales@a.org."));
  EXPECT_TRUE(critical("Order ORD-1234-AB is here", "Order ORD-1234-AC is here"));
  EXPECT_TRUE(critical("Order #991 is here", "Order #992 is here"));
  EXPECT_TRUE(critical("a 5% fee", "a 5 fee"));
}

TEST(EditReward, NegationsAreCriticalBothWays) {
  EXPECT_TRUE(critical("You can return it", "You cannot return it"));
  EXPECT_TRUE(critical("You can't return it", "You can return it"));
  EXPECT_TRUE(critical("You can’t return it", "You can return it"));
  EXPECT_TRUE(critical("Das geht", "Das geht nicht"));
  EXPECT_TRUE(critical("C'est possible", "Ce n'est pas possible"));
  EXPECT_TRUE(critical("Можно вернуть", "Не можно вернуть"));
  EXPECT_TRUE(critical("可以退款", "不可以退款"));
  EXPECT_TRUE(critical("できる", "できない"));
  EXPECT_TRUE(critical("يمكن الإرجاع", "لا يمكن الإرجاع"));
  EXPECT_FALSE(critical("You can't return it", "You can’t return it now"));
}

TEST(EditReward, WordsAndFactsThatWereAddedAreNotCritical) {
  EXPECT_FALSE(critical("Your refund is near", "Your refund of 20 € is near, see order #17"));
  EXPECT_FALSE(critical("You may go", "You might go"));
  EXPECT_FALSE(critical("14 days", "within 14 working days"));
  EXPECT_FALSE(critical("See https://a.org/x.", "Please see https://a.org/x, thanks"));
}

TEST(EditTokens, WordsNumbersIdsAndAddressesStayWhole) {
  EXPECT_EQ(tokens("Don't pay 1,234.50 €!"), (Words{"Don't", "pay", "1,234.50", "€", "!"}));
  EXPECT_EQ(tokens("a follow-up, 14-day"),
            (Words{"a", "follow", "-", "up", ",", "14", "-", "day"}));
  EXPECT_EQ(tokens("ORD-1234 A1B2 #77 2026-11-21 10:30."),
            (Words{"ORD-1234", "A1B2", "#77", "2026-11-21", "10:30", "."}));
  EXPECT_EQ(tokens("(https://a.org/b?c=1), x.y@a.org."),
            (Words{"(", "https://a.org/b?c=1", ")", ",", "x.y@a.org", "."}));
  EXPECT_EQ(tokens("-5 + 3"), (Words{"-5", "+", "3"}));
}

TEST(EditTokens, EveryScriptFindsItsTokens) {
  EXPECT_EQ(tokens("退款需要14天。"), (Words{"退", "款", "需", "要", "14", "天", "。"}));
  EXPECT_EQ(tokens("カタカナ"), (Words{"カ", "タ", "カ", "ナ"}));
  EXPECT_EQ(tokens("환불은 삼일"), (Words{"환불은", "삼일"}));
  EXPECT_EQ(tokens("שלום לכם!"), (Words{"שלום", "לכם", "!"}));
  EXPECT_EQ(tokens("مرحبا بك"), (Words{"مرحبا", "بك"}));
  EXPECT_EQ(tokens("ok 👍🏽 👩‍💻 🇩🇪🇫🇷 ❤️"),
            (Words{"ok", "👍🏽", "👩‍💻", "🇩🇪", "🇫🇷", "❤️"}));
  EXPECT_EQ(tokens("हिन्दी में"), (Words{"हिन्दी", "में"}));
}

TEST(EditReward, ScriptsWithoutSpacesAreComparedCharacterByCharacter) {
  EXPECT_EQ(measured("退款需要三天", "退款大约需要三天").kept_tokens, 6U);
  EXPECT_GT(reward_of("退款需要三天", "退款大约需要三天"), .8);
}

// Plain dynamic programming, to hold the bit vectors against.
std::size_t plain_lcs(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<std::size_t>> best(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      best[i + 1][j + 1] = a[i] == b[j] ? best[i][j] + 1 : std::max(best[i][j + 1], best[i + 1][j]);
    }
  }
  return best[a.size()][b.size()];
}

std::string random_text(std::mt19937_64& random, std::size_t count, std::size_t vocabulary) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += "w";
    text += std::string(1 + random() % vocabulary, 'x');
    text += ' ';
  }
  return text;
}

TEST(EditReward, BitVectorsFindTheSameSubsequenceAsDynamicProgramming) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const std::size_t vocabulary = 1 + random() % 40;
    const std::string draft = random_text(random, 1 + random() % 300, vocabulary);
    const std::string final_text = random_text(random, 1 + random() % 300, vocabulary);
    ASSERT_EQ(measured(draft, final_text).kept_tokens, plain_lcs(tokens(draft), tokens(final_text)))
        << "round " << round;
  }
}

TEST(EditReward, MoreKeptTextIsNeverWorthLess) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> draft;
    for (int i = 0; i < 40; ++i) draft.push_back("w" + std::string(1 + random() % 30, 'x'));
    std::vector<std::string> sent = draft;
    std::vector<std::size_t> order(draft.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    const auto joined = [](const std::vector<std::string>& words) {
      std::string text;
      for (const std::string& word : words) text += word + " ";
      return text;
    };
    double last = reward_of(joined(draft), joined(sent));
    EXPECT_DOUBLE_EQ(last, 1.0);
    for (const std::size_t i : order) {
      sent[i] = "other";
      const double now = reward_of(joined(draft), joined(sent));
      ASSERT_LE(now, last);
      last = now;
    }
    EXPECT_DOUBLE_EQ(last, .15);
  }
}

TEST(EditReward, AnyBytesGiveAFiniteRewardInItsRange) {
  std::mt19937_64 random(13);
  const std::vector<std::string> pieces{"Hello",
                                        " ",
                                        "14",
                                        "€",
                                        "not",
                                        "\n",
                                        "-- \n",
                                        "> ",
                                        "退",
                                        "款",
                                        "👩‍💻",
                                        "\xE2\x80\xAE",
                                        "שלום",
                                        "\t",
                                        "a@b.cd",
                                        "\xFF",
                                        "\xC3",
                                        "e\xCC\x81",
                                        "-",
                                        "#",
                                        "'",
                                        "https://",
                                        "www.",
                                        "@",
                                        "On 3 wrote:",
                                        "\xED\xA0\x80",
                                        std::string(1, '\0')};
  for (int round = 0; round < 3000; ++round) {
    const auto text = [&] {
      std::string out;
      for (std::size_t n = random() % 30; n > 0; --n) out += pieces[random() % pieces.size()];
      return out;
    };
    const std::string draft = text();
    const std::string final_text = text();
    const Result<Reward> reward = edit_reward({.draft = draft, .final_text = final_text});
    ASSERT_TRUE(reward.ok());
    ASSERT_TRUE(std::isfinite(reward->value));
    const bool silent = reward->confidence == 0.0;
    ASSERT_TRUE(silent || reward->value == 1.0 || (reward->value >= .05 && reward->value <= .90))
        << reward->value;
    // Tokens cover the text: nothing but spaces lies between them.
    const std::string normalised = normalise_for_edit(draft);
    std::string joined;
    for (const EditToken& token : tokenise_for_edit(normalised)) joined += token.text;
    std::string squeezed = normalised;
    std::erase(squeezed, ' ');
    ASSERT_EQ(joined, squeezed);
  }
}

TEST(EditReward, ATextBeyondTheBoundIsRefusedByName) {
  std::mt19937_64 random(3);
  const std::string longest = random_text(random, kMaxEditTokens, 3);
  EXPECT_TRUE(edit_reward({.draft = longest, .final_text = "w x"}).ok());
  EXPECT_EQ(edit_reward({.draft = longest + " w", .final_text = "w"}).error().field,
            "/payload/draft");
  EXPECT_EQ(edit_reward({.draft = "w", .final_text = longest + " w"}).error().field,
            "/payload/final");
}

}  // namespace
}  // namespace pointsman
