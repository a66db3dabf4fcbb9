#include "adapters/json/canonical_json.h"

#include <gtest/gtest.h>

#include <string>

#include "adapters/json/canonical_tree.h"

namespace pointsman {
namespace {

std::string hex(const Fingerprint& digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

std::string canonical(const std::string& text) {
  const Result<std::string> out = canonical_json_of_text(text);
  EXPECT_TRUE(out.ok()) << text;
  return out.ok() ? *out : "";
}

TEST(CanonicalJson, SpellingOrderAndWhiteSpaceDoNotCount) {
  EXPECT_EQ(canonical(" { \"b\" : [ 1.0 , 1e0 ] ,\n\"a\" : -0.0 } "), R"({"a":0,"b":[1,1]})");
  EXPECT_EQ(canonical(R"("\u0041\/\u00e9\ud83d\ude00\u001f")"), "\"A/é😀\\u001f\"");
  EXPECT_EQ(canonical("10e-1"), "1");
  EXPECT_EQ(canonical("0.10"), "0.1");
  EXPECT_EQ(canonical("1e2"), "100");
  EXPECT_EQ(canonical("-0"), "0");
  EXPECT_EQ(canonical("1.5E300"), "1.5e+300");
  EXPECT_EQ(canonical("100000000000000000000"), canonical("1e20"));
  EXPECT_EQ(canonical("18446744073709551615"), "18446744073709551615");
}

TEST(CanonicalJson, DifferentValuesStayDifferent) {
  EXPECT_NE(canonical("9007199254740992"), canonical("9007199254740993"));
  EXPECT_NE(canonical("1"), canonical("\"1\""));
  EXPECT_NE(canonical("1"), canonical("true"));
  EXPECT_NE(canonical("null"), canonical("[]"));
  EXPECT_NE(canonical("[1,2]"), canonical("[2,1]"));
  EXPECT_NE(canonical(R"({"a":null})"), canonical("{}"));
  EXPECT_NE(canonical("0.1"), canonical("0.10000000000000002"));
}

TEST(CanonicalJson, FaultsOfTheTextArePassedOn) {
  EXPECT_TRUE(canonical_json_of_text(std::string_view("{")).error().field.empty());
  EXPECT_EQ(canonical_json_of_text(std::string_view(R"({"a":1e999})")).error().field, "/a");
}

TEST(CanonicalJson, BothParsersGiveTheSameBytes) {
  for (
      const std::string& text : std::initializer_list<std::string>{
          R"({"z":1,"a":{"é":2.50,"e":[true,false,null,"x\ny"]},"":-1e-7,"B":18446744073709551615})",
          R"([-9223372036854775808,1e17,1e18,1e19,0.1,1e-320,-0.0,123456789.125])",
          R"({"\ud83d\ude00":1,"\uffff":2,"z":[]})"}) {
    simdjson::dom::parser parser;
    std::string out;
    append_canonical(parser.parse(simdjson::padded_string(text)).value_unsafe(), out);
    EXPECT_EQ(out, canonical(text));
  }
}

TEST(Sha256, GivesTheDigestsOfTheStandard) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, TwoSpellingsOfOneBodyHaveOneFingerprint) {
  EXPECT_EQ(fingerprint(nlohmann::json::parse(R"({"a":1,"b":2})")),
            fingerprint(nlohmann::json::parse(R"({ "b":2.0, "a":1e0 })")));
  EXPECT_NE(fingerprint(nlohmann::json::parse(R"({"a":1})")),
            fingerprint(nlohmann::json::parse(R"({"a":2})")));
}

}  // namespace
}  // namespace pointsman
