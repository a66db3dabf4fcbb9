#include "adapters/api/route_request.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/json/canonical_json.h"
#include "adapters/json/json_body.h"

namespace pointsman {
namespace {

constexpr const char* kMalformed = "";

struct FaultRow {
  std::string body;
  const char* field;
};

std::string with(const std::string& member) { return R"({"text":"hi",)" + member + "}"; }

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + "1" + std::string(depth, ']');
}

const std::vector<FaultRow>& faults() {
  static const std::string long_id(201, 'x');
  static const std::vector<FaultRow> rows{
      // Not JSON at all.
      {"", kMalformed},
      {"   ", kMalformed},
      {"{", kMalformed},
      {"hello", kMalformed},
      {R"({"text":"hi"} x)", kMalformed},
      {R"({"text":"hi"}{"text":"hi"})", kMalformed},
      {R"({"text":"hi",})", kMalformed},
      {R"({'text':'hi'})", kMalformed},
      {R"({"embedding":[1,NaN]})", kMalformed},
      {R"({"embedding":[1,Infinity]})", kMalformed},
      {R"({"embedding":[1,.5]})", kMalformed},
      {R"({"embedding":[01]})", kMalformed},
      {R"({"text":"a\x"})", kMalformed},
      {R"({"text":"\ud800"})", kMalformed},
      {R"({"text":"\udc00"})", kMalformed},
      {"{\"text\":\"\xFF\"}", kMalformed},
      {"{\"text\":\"\xED\xA0\x80\"}", kMalformed},
      {"{\"text\":\"a\nb\"}", kMalformed},
      {"\xEF\xBB\xBF{\"text\":\"hi\"}", kMalformed},
      {with(R"("metadata":{"a":tru})"), kMalformed},
      {with(R"("metadata":[1,)"), kMalformed},
      // No object, or nothing to route on.
      {"[]", "/"},
      {"\"text\"", "/"},
      {"null", "/"},
      {"3", "/"},
      {"{}", "/text"},
      {R"({"router":"r"})", "/text"},
      {R"({"features":{}})", "/text"},
      // Wrong types and values, field by field.
      {R"({"text":null})", "/text"},
      {R"({"text":7})", "/text"},
      {R"({"text":["hi"]})", "/text"},
      {R"({"text":""})", "/text"},
      {R"({"embedding":"1,2"})", "/embedding"},
      {R"({"embedding":{}})", "/embedding"},
      {R"({"embedding":[]})", "/embedding"},
      {R"({"embedding":null})", "/embedding"},
      {R"({"embedding":[1,"2"]})", "/embedding/1"},
      {R"({"embedding":[null]})", "/embedding/0"},
      {R"({"embedding":[1,2,[3]]})", "/embedding/2"},
      {R"({"embedding":[1,true]})", "/embedding/1"},
      {R"({"embedding":[1,1e999]})", "/embedding/1"},
      {R"({"embedding":[0,0,-1e999,0]})", "/embedding/2"},
      {R"({"embedding":[1,3.5e38]})", "/embedding/1"},
      {R"({"embedding":[-1e300]})", "/embedding/0"},
      {R"({"features":[]})", "/features"},
      {R"({"features":"task"})", "/features"},
      {R"({"features":{"task":null}})", "/features/task"},
      {R"({"features":{"task":[1]}})", "/features/task"},
      {R"({"features":{"a/b~c":{}}})", "/features/a~1b~0c"},
      {R"({"features":{"":1}})", "/features/"},
      {R"({"features":{"n":1e999}})", "/features/n"},
      {R"({"features":{"n":1,"m":2,"n":3}})", "/features/n"},
      {with(R"("router":"")"), "/router"},
      {with(R"("router":1)"), "/router"},
      {with(R"("router":null)"), "/router"},
      {with(R"("router":"a\nb")"), "/router"},
      {with(R"("router":")" + long_id + R"(")"), "/router"},
      {with(R"("session_id":"")"), "/session_id"},
      {with(R"("session_id":12)"), "/session_id"},
      {with(R"("session_id":"a\u0000")"), "/session_id"},
      {with(R"("session_id":")" + long_id + R"(")"), "/session_id"},
      {with(R"("query_id":"")"), "/query_id"},
      {with(R"("query_id":{})"), "/query_id"},
      {with(R"("query_id":"\u0085")"), "/query_id"},
      {with(R"("query_id":")" + long_id + R"(")"), "/query_id"},
      {with(R"("arms":"a")"), "/arms"},
      {with(R"("arms":[])"), "/arms"},
      {with(R"("arms":["a",1])"), "/arms/1"},
      {with(R"("arms":["a",""])"), "/arms/1"},
      {with(R"("arms":["a","b","a"])"), "/arms/2"},
      {with(R"("constraints":[])"), "/constraints"},
      {with(R"("constraints":null)"), "/constraints"},
      {with(R"("constraints":{"max_cost":1})"), "/constraints/max_cost"},
      {with(R"("constraints":{"max_cost_usd":-0.1})"), "/constraints/max_cost_usd"},
      {with(R"("constraints":{"max_cost_usd":"1"})"), "/constraints/max_cost_usd"},
      {with(R"("constraints":{"max_cost_usd":null})"), "/constraints/max_cost_usd"},
      {with(R"("constraints":{"max_cost_usd":1,"max_cost_usd":2})"), "/constraints/max_cost_usd"},
      {with(R"("constraints":{"max_latency_ms":-1})"), "/constraints/max_latency_ms"},
      {with(R"("constraints":{"max_latency_ms":1e999})"), "/constraints/max_latency_ms"},
      {with(R"("constraints":{"require":"vision"})"), "/constraints/require"},
      {with(R"("constraints":{"require":[]})"), "/constraints/require"},
      {with(R"("constraints":{"require":[3]})"), "/constraints/require/0"},
      {with(R"("constraints":{"require":["a","a"]})"), "/constraints/require/1"},
      {with(R"("preference":"cheap")"), "/preference"},
      {with(R"("preference":"Quality")"), "/preference"},
      {with(R"("preference":1)"), "/preference"},
      {with(R"("preference":{})"), "/preference"},
      {with(R"("preference":{"value":1})"), "/preference/value"},
      {with(R"("preference":{"value_usd":-1})"), "/preference/value_usd"},
      {with(R"("preference":{"value_usd":true})"), "/preference/value_usd"},
      {with(R"("preference":{"usd_per_second":"x"})"), "/preference/usd_per_second"},
      {with(R"("dry_run":"true")"), "/dry_run"},
      {with(R"("dry_run":1)"), "/dry_run"},
      {with(R"("dry_run":null)"), "/dry_run"},
      {with(R"("fallback_of":7)"), "/fallback_of"},
      {with(R"("fallback_of":"")"), "/fallback_of"},
      {with(R"("metadata":{"x":[1,1e999]})"), "/metadata/x/1"},
      // Fields that are unknown or stand twice.
      {with(R"("prompt":"hi")"), "/prompt"},
      {with(R"("Router":"hi")"), "/Router"},
      {with(R"("a/b":"hi")"), "/a~1b"},
      {R"({"text":"a","text":"a"})", "/text"},
      {with(R"("metadata":1,"metadata":1)"), "/metadata"},
  };
  return rows;
}

TEST(RouteRequest, EveryFaultNamesItsPlace) {
  ASSERT_GE(faults().size(), 60U);
  RouteRequest request;
  for (const FaultRow& row : faults()) {
    const Status status = parse_route_request(row.body, request);
    ASSERT_FALSE(status.ok()) << row.body;
    EXPECT_EQ(status.error().code, ErrorCode::invalid) << row.body;
    EXPECT_EQ(status.error().field, row.field) << row.body;
    EXPECT_FALSE(status.error().message.empty()) << row.body;
  }
}

TEST(RouteRequest, EveryFieldOfTheContractIsRead) {
  const std::string body =
      R"({"router":"chat","text":"Café \ud83d\ude00?","embedding":[0.5,-2,1e-3],
    "features":{"task":"math","tokens":812,"urgent":true,"n\u00e9":""},"session_id":"s 1",
    "arms":["a","b"],
    "constraints":{"max_cost_usd":0.002,"max_latency_ms":1500,"require":["vision","json"]},
    "preference":{"value_usd":0.01,"usd_per_second":0.0005},"query_id":"mine",
    "m\u0065tadata": { "k" : [1.0, "}\"" ] , "s":"\\" } ,"dry_run":true})";
  RouteRequest request;
  const Status status = parse_route_request(body, request);
  ASSERT_TRUE(status.ok()) << status.error().field << status.error().message;
  EXPECT_EQ(request.router, "chat");
  EXPECT_TRUE(request.has_text);
  EXPECT_EQ(request.text, "Café 😀?");
  EXPECT_EQ(request.embedding, (std::vector<float>{0.5F, -2.0F, 0.001F}));
  ASSERT_EQ(request.features.size(), 4U);
  EXPECT_EQ(request.features[0].name, "task");
  EXPECT_EQ(std::get<std::string_view>(request.features[0].value), "math");
  EXPECT_EQ(std::get<double>(request.features[1].value), 812.0);
  EXPECT_EQ(std::get<bool>(request.features[2].value), true);
  EXPECT_EQ(request.features[3].name, "né");
  EXPECT_EQ(std::get<std::string_view>(request.features[3].value), "");
  EXPECT_EQ(request.session_id, "s 1");
  EXPECT_EQ(request.arms, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request.constraints.max_cost_usd, 0.002);
  EXPECT_EQ(request.constraints.max_latency_ms, 1500.0);
  EXPECT_EQ(request.constraints.require, (std::vector<std::string>{"vision", "json"}));
  EXPECT_EQ(request.preference, Preference::explicit_dollars);
  EXPECT_EQ(request.value_usd, 0.01);
  EXPECT_EQ(request.usd_per_second, 0.0005);
  EXPECT_EQ(request.query_id, "mine");
  EXPECT_EQ(request.metadata, R"({ "k" : [1.0, "}\"" ] , "s":"\\" })");
  EXPECT_TRUE(request.dry_run);

  const RequestFeatures view = request.features_view();
  EXPECT_TRUE(view.has_text);
  EXPECT_EQ(view.text, request.text);
  EXPECT_EQ(view.embedding.size(), 3U);
  EXPECT_EQ(view.fields.size(), 4U);
}

TEST(RouteRequest, AFallbackNeedsNoContextAsItsParentHasOne) {
  RouteRequest request;
  ASSERT_TRUE(parse_route_request(R"({"fallback_of":"q1","router":"default"})", request).ok());
  EXPECT_EQ(request.fallback_of, "q1");
  EXPECT_TRUE(request.has_router);
  ASSERT_TRUE(parse_route_request(R"({"text":"x"})", request).ok());
  EXPECT_TRUE(request.fallback_of.empty());
  EXPECT_FALSE(request.has_router);
}

TEST(RouteRequest, AReusedObjectForgetsTheRequestBefore) {
  RouteRequest request;
  ASSERT_TRUE(parse_route_request(
                  R"({"router":"r","text":"x","embedding":[1],"features":{"a":1},"session_id":"s",
      "arms":["a"],"constraints":{"max_cost_usd":1,"max_latency_ms":1,"require":["v"]},
      "preference":"speed","query_id":"q","metadata":[],"dry_run":true})",
                  request)
                  .ok());
  EXPECT_EQ(request.preference, Preference::speed);
  ASSERT_TRUE(parse_route_request(R"({"embedding":[2]})", request).ok());
  EXPECT_EQ(request.router, "default");
  EXPECT_FALSE(request.has_text);
  EXPECT_TRUE(request.text.empty());
  EXPECT_EQ(request.embedding, std::vector<float>{2.0F});
  EXPECT_TRUE(request.features.empty());
  EXPECT_TRUE(request.session_id.empty());
  EXPECT_TRUE(request.arms.empty());
  EXPECT_FALSE(request.constraints.max_cost_usd.has_value());
  EXPECT_FALSE(request.constraints.max_latency_ms.has_value());
  EXPECT_TRUE(request.constraints.require.empty());
  EXPECT_EQ(request.preference, Preference::router);
  EXPECT_TRUE(request.query_id.empty());
  EXPECT_TRUE(request.metadata.empty());
  EXPECT_FALSE(request.dry_run);
  EXPECT_FALSE(request.body_fingerprint.has_value());
}

TEST(RouteRequest, MetadataIsKeptByteForByteWhateverItIs) {
  const std::vector<std::string> values{"null",         "1.50",
                                        "true",         "\"a,}]\"",
                                        "[]",           "{}",
                                        "[ [ ] , {} ]", R"({"a":"\\\"","b":[1e2]})",
                                        "-0",           R"({"dup":1,"dup":2})"};
  for (const std::string& metadata : values) {
    const std::vector<std::string> bodies{
        R"({"text":"a, \" metadata","metadata":)" + metadata + "}",
        R"({ "metadata" : )" + metadata + R"( , "text":"x"})"};
    for (const std::string& body : bodies) {
      RouteRequest request;
      ASSERT_TRUE(parse_route_request(body, request).ok()) << body;
      EXPECT_EQ(request.metadata, metadata) << body;
    }
  }
}

TEST(RouteRequest, AFingerprintComesWithAQueryIdAndIgnoresSpelling) {
  RouteRequest a;
  RouteRequest b;
  ASSERT_TRUE(parse_route_request(R"({"text":"x","features":{"n":1}})", a).ok());
  EXPECT_FALSE(a.body_fingerprint.has_value());

  const std::string body = R"({"text":"x","query_id":"q","features":{"n":1,"m":2}})";
  ASSERT_TRUE(parse_route_request(body, a).ok());
  ASSERT_TRUE(
      parse_route_request(R"({"features":{"m":2e0, "n":1.0},"query_id":"q", "text":"\u0078"})", b)
          .ok());
  ASSERT_TRUE(a.body_fingerprint.has_value());
  EXPECT_EQ(a.body_fingerprint, b.body_fingerprint);
  EXPECT_EQ(*a.body_fingerprint, fingerprint(nlohmann::json::parse(body)));

  ASSERT_TRUE(
      parse_route_request(R"({"text":"y","query_id":"q","features":{"n":1,"m":2}})", b).ok());
  EXPECT_NE(a.body_fingerprint, b.body_fingerprint);
}

TEST(RouteRequest, AnIntegerBeyond64BitsIsSoundJson) {
  RouteRequest request;
  ASSERT_TRUE(
      parse_route_request(R"({"features":{"n":100000000000000000000},"query_id":"q"})", request)
          .ok());
  EXPECT_EQ(std::get<double>(request.features[0].value), 1e20);
  EXPECT_EQ(*request.body_fingerprint,
            fingerprint(nlohmann::json::parse(R"({"features":{"n":1e20},"query_id":"q"})")));
}

TEST(RouteRequest, NestingIsBoundedInMetadataToo) {
  RouteRequest request;
  const auto field = [&](std::size_t depth) {
    const Status status =
        parse_route_request(R"({"text":"x","metadata":)" + nested(depth) + "}", request);
    return status.ok() ? std::string("none") : status.error().field.substr(0, 11);
  };
  EXPECT_EQ(field(kMaxJsonDepth - 1), "none");
  EXPECT_EQ(field(kMaxJsonDepth), "/metadata/0");
  EXPECT_EQ(field(100000), "/metadata/0");
}

TEST(RouteRequest, ListsAreBounded) {
  std::string arms;
  std::string features;
  for (std::size_t i = 0; i <= kMaxRouteFeatures; ++i) {
    const std::string number = std::to_string(i);
    if (i <= kMaxRouteArms) arms += (i > 0 ? ",\"a" : "\"a") + number + "\"";
    features += (i > 0 ? ",\"f" : "\"f") + number + "\":1";
  }
  RouteRequest request;
  EXPECT_EQ(parse_route_request(with("\"arms\":[" + arms + "]"), request).error().field, "/arms");
  EXPECT_EQ(parse_route_request(with("\"features\":{" + features + "}"), request).error().field,
            "/features");
  const std::string fits = features.substr(0, features.rfind(','));
  EXPECT_TRUE(parse_route_request(with("\"features\":{" + fits + "}"), request).ok());
  EXPECT_EQ(
      parse_route_request(with("\"features\":{" + fits + ",\"f7\":2}"), request).error().field,
      "/features");
  const std::string fewer = fits.substr(0, fits.rfind(','));
  EXPECT_EQ(
      parse_route_request(with("\"features\":{" + fewer + ",\"f7\":2}"), request).error().field,
      "/features/f7");
}

TEST(RouteRequest, FeatureViewsStayWhereTheyAreWhateverTheirLength) {
  std::string features;
  for (int i = 0; i < 300; ++i) {
    features += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"\\u0041" +
                std::string(static_cast<std::size_t>(i), 'x') + "\"";
  }
  RouteRequest request;
  ASSERT_TRUE(parse_route_request("{\"features\":{" + features + "}}", request).ok());
  for (std::size_t i = 0; i < 300; ++i) {
    ASSERT_EQ(request.features[i].name, std::to_string(i));
    ASSERT_EQ(std::get<std::string_view>(request.features[i].value), "A" + std::string(i, 'x'));
  }
}

TEST(RouteRequest, ThreadsParseSideBySideAndLargeBodiesDoNotSpoilSmallOnes) {
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (std::size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([t, &good] {
      RouteRequest request;
      for (int round = 0; round < 50; ++round) {
        const std::string text(static_cast<std::size_t>(round) * 20'000 + t + 1, 'y');
        const bool large = parse_route_request("{\"text\":\"" + text + "\"}", request).ok() &&
                           request.text == text;
        const bool small =
            parse_route_request(R"({"text":"z"})", request).ok() && request.text == "z";
        good[t] += large && small ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 50));
}

}  // namespace
}  // namespace pointsman
