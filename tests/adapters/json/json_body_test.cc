#include "adapters/json/json_body.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace pointsman {
namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(ParseJsonBody, BytesThatAreNotJsonAreMalformed) {
  const std::string rows[] = {"",
                              " ",
                              "{",
                              "nope",
                              "{\"a\":NaN}",
                              "{\"a\":Infinity}",
                              "{\"a\":-Infinity}",
                              "{\"a\":01}",
                              "{\"a\":+1}",
                              "{\"a\":.5}",
                              "{\"a\":1,}",
                              "{'a':1}",
                              "{\"a\":1} x",
                              "{\"a\":\"\xFF\"}",
                              "{\"a\":\"\xED\xA0\x80\"}",
                              "{\"a\":\"\\ud800\"}",
                              "{\"a\":\"\\udc00\"}",
                              "{\"a\":\"\\ud800\\u0041\"}",
                              "{\"a\":\"tab\tinside\"}",
                              "\xEF\xBB\xBF{}",
                              "// {}\n{}"};
  for (const std::string& row : rows) {
    const Result<nlohmann::json> body = parse_json_body(row);
    ASSERT_FALSE(body.ok()) << row;
    EXPECT_TRUE(is_malformed_json(body.error())) << row << " at " << body.error().field;
  }
}

TEST(ParseJsonBody, JsonThatBreaksABoundNamesThePlace) {
  const auto field = [](const std::string& body) {
    const Result<nlohmann::json> parsed = parse_json_body(body);
    return parsed.ok() ? std::string("none") : parsed.error().field;
  };
  EXPECT_EQ(field("1e999"), kWholeBody);
  EXPECT_EQ(field(R"({"a":1e999})"), "/a");
  EXPECT_EQ(field(R"({"a":[1,[2,-1e999]]})"), "/a/1/1");
  EXPECT_EQ(field(R"({"a":[{},{"b/c":[],"d":{"e~":1e400}}]})"), "/a/1/d/e~0");
  EXPECT_EQ(field(R"({"a":1,"b":{"x":1,"y":2,"x":3}})"), "/b/x");
  EXPECT_EQ(field(R"([0,{"a":1,"a":1}])"), "/1/a");
  EXPECT_EQ(field(nested(kMaxJsonDepth)), "none");
  EXPECT_EQ(field(nested(kMaxJsonDepth + 1)).substr(0, 6), "/0/0/0");
}

TEST(ParseJsonBody, SoundJsonIsKeptAsItIs) {
  const std::string text = R"({"a":[1,-2,3.5,"x\u0000y",null,true],"b":{"c":{}},"d":1e-400})";
  const Result<nlohmann::json> body = parse_json_body(text);
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(*body, nlohmann::json::parse(text));
  EXPECT_EQ((*parse_json_body("100000000000000000000")).get<double>(), 1e20);
}

TEST(ObjectReader, ReadsEveryTypeAndThenHasNothingLeftToSay) {
  const nlohmann::json body = {{"s", "text"}, {"id", "q 1é"}, {"n", 2.5},        {"c", 3.0},
                               {"b", true},   {"w", "two"},   {"o", {{"x", 1}}}, {"a", {1, 2}}};
  constexpr std::array<std::string_view, 2> kWords{"one", "two"};
  ObjectReader reader(body, {});
  EXPECT_EQ(reader.require_string("s"), "text");
  EXPECT_EQ(reader.require_id("id"), "q 1é");
  EXPECT_EQ(reader.require_number("n", {.min = 0.0}), 2.5);
  EXPECT_EQ(reader.require_count("c"), 3U);
  EXPECT_TRUE(reader.require_bool("b"));
  EXPECT_EQ(reader.require_word("w", kWords), 1U);
  EXPECT_NE(reader.require_object("o"), nullptr);
  EXPECT_NE(reader.require_array("a"), nullptr);
  EXPECT_FALSE(reader.optional_string("absent").has_value());
  EXPECT_TRUE(reader.finish().ok());
}

TEST(ObjectReader, TheFirstFaultWinsAndLaterReadsAreEmpty) {
  const nlohmann::json body = {{"a", 1}, {"b", 2}, {"c", "x"}};
  ObjectReader reader(body, {"/outer/3"});
  EXPECT_EQ(reader.require_string("a"), "");
  EXPECT_FALSE(reader.require_bool("b"));
  EXPECT_EQ(reader.require_string("c"), "");
  EXPECT_EQ(reader.finish().error().field, "/outer/3/a");
}

TEST(ObjectReader, AFieldNobodyAskedForIsAFaultUnlessTheObjectIsOpen) {
  const nlohmann::json body = {{"known", 1}, {"un/known", 2}};
  ObjectReader reader(body, {});
  reader.require_number("known", {});
  EXPECT_TRUE(reader.finish_open().ok());
  EXPECT_EQ(reader.finish().error().field, "/un~1known");
}

TEST(ObjectReader, ABodyThatIsNoObjectIsASchemaFaultNotAMalformedOne) {
  for (const char* text : {"[]", "1", "null", "\"x\""}) {
    const nlohmann::json body = nlohmann::json::parse(text);
    ObjectReader reader(body, {});
    const Status status = reader.finish();
    ASSERT_FALSE(status.ok());
    EXPECT_FALSE(is_malformed_json(status.error()));
  }
}

TEST(ObjectReader, AnIdIsShortAndPrintable) {
  const auto good = [](const std::string& id) { return id_fault(id).empty(); };
  EXPECT_TRUE(good("a"));
  EXPECT_TRUE(good(std::string(200, 'x')));
  EXPECT_TRUE(good("日本 é"));
  EXPECT_FALSE(good(""));
  EXPECT_FALSE(good(std::string(201, 'x')));
  EXPECT_FALSE(good("a\nb"));
  EXPECT_FALSE(good(std::string("a\0b", 3)));
  EXPECT_FALSE(good("a\x7F"));
  EXPECT_FALSE(good("a\xC2\x85"));
  EXPECT_TRUE(good("a\xC2\xA0"));
}

}  // namespace
}  // namespace pointsman
