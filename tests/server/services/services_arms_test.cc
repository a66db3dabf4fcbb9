// Arms that come, change price and go while the server runs.

#include <gtest/gtest.h>

#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

const std::string kArms = "/routers/default/arms/";

TEST(RoutersService, ListsTheRoutersAndDescribesOne) {
  World world;
  world.route({{"arms", {"c"}}});
  const Reply list = world.get("/routers");
  ASSERT_EQ(list.at("/routers").size(), 2U) << list.text;
  EXPECT_EQ(list.at("/routers/0"), (Json{{"router", "default"},
                                         {"policy", "lints"},
                                         {"mode", "live"},
                                         {"position", world.position()},
                                         {"decisions", 1},
                                         {"arms", {"a", "b", "c"}}}));
  const Reply one = world.get("/routers/default");
  EXPECT_EQ(one.at("/arms/2/id"), "c");
  EXPECT_EQ(one.at("/arms/2/pulls"), 1);
  EXPECT_EQ(one.at("/arms/2/tags"), (Json{"vision"}));
  EXPECT_EQ(one.at("/config/policy/name"), "lints");
  EXPECT_FALSE(one.body["config"].contains("arms")) << "the router's own list is the current one";
  EXPECT_EQ(world.get("/routers/nowhere").status, 404);
}

TEST(ArmsService, AnArmThatIsPutTakesPartInTheNextDecision) {
  World world;
  EXPECT_EQ(world.get(kArms + "d").status, 404);
  const Json spec = {{"model", "m-d"}, {"expected_cost_usd", 0.0001}, {"tags", {"audio"}}};
  const Reply put = world.put(kArms + "d", spec);
  ASSERT_EQ(put.status, 200) << put.text;
  EXPECT_EQ(put.at("/status"), "recorded");
  EXPECT_EQ(put.at("/arm/id"), "d");
  const Reply routed =
      world.post("/route", {{"features", {{"u", 1}}}, {"constraints", {{"require", {"audio"}}}}});
  EXPECT_EQ(routed.at("/arm"), "d") << routed.text;
  EXPECT_EQ(routed.at("/model"), "m-d");
  EXPECT_EQ(world.get(kArms + "d").at("/predicted_cost_usd"), 0.0001);
}

TEST(ArmsService, AnEqualPutIsADuplicateAndAppendsNothing) {
  World world;
  const Json spec = {{"input_usd_per_million_tokens", 3}, {"tags", Json::array()}};
  EXPECT_EQ(world.put(kArms + "d", spec).at("/status"), "recorded");
  const std::uint64_t before = world.position();
  EXPECT_EQ(world.put(kArms + "d", spec).at("/status"), "duplicate");
  EXPECT_EQ(
      world.put(kArms + "d", {{"id", "d"}, {"model", "d"}, {"input_usd_per_million_tokens", 3.0}})
          .at("/status"),
      "duplicate")
      << "the same with its defaults written out";
  EXPECT_EQ(world.put(kArms + "a", {{"model", "m-a"}, {"expected_cost_usd", 0.001}}).at("/status"),
            "duplicate")
      << "of an arm of the configuration";
  EXPECT_EQ(world.position(), before);
  EXPECT_EQ(world.put(kArms + "d", {{"input_usd_per_million_tokens", 4}}).at("/status"), "revised");
  EXPECT_EQ(world.remove(kArms + "d").status, 200);
  EXPECT_EQ(world.put(kArms + "d", spec).at("/status"), "recorded") << "gone, and put again";
}

TEST(ArmsService, ARemovedArmIsServedNoMoreAndItsDecisionsStillTakeFeedback) {
  World world;
  const std::string id = world.route({{"arms", {"c"}}});
  const Reply removed = world.remove(kArms + "c");
  EXPECT_EQ(removed.status, 200) << removed.text;
  EXPECT_EQ(world.get(kArms + "c").status, 404);
  EXPECT_EQ(world.remove(kArms + "c").status, 404);
  EXPECT_EQ(world.thumb(id, "up").at("/status"), "recorded");
  EXPECT_EQ(world.post("/route", {{"features", {{"u", 1}}}}).at("/arms").size(), 2U);
}

TEST(ArmsService, TheLastArmStays) {
  World world;
  EXPECT_EQ(world.remove(kArms + "a").status, 200);
  EXPECT_EQ(world.remove(kArms + "b").status, 200);
  const Reply last = world.remove(kArms + "c");
  EXPECT_EQ(last.status, 409);
  EXPECT_EQ(world.get(kArms + "c").status, 200);
}

TEST(ArmsService, TheArmThatServesInShadowModeStays) {
  World::Options options;
  options.routers[0].config.mode = ServingMode::shadow;
  options.routers[0].config.shadow_arm = "b";
  World world(options);
  EXPECT_EQ(world.remove(kArms + "b").status, 409);
  EXPECT_EQ(world.remove(kArms + "a").status, 200);
  EXPECT_EQ(world.get("/routers/default").at("/mode"), "shadow");
  EXPECT_EQ(world.get("/routers/default").at("/config/mode"), "shadow");
}

TEST(ArmsService, ChangesOutliveARestart) {
  ScratchFolder folder;
  World world({.url = folder.sqlite()});
  world.put(kArms + "d", {{"expected_latency_ms", 300}});
  world.remove(kArms + "a");
  world.restart();
  EXPECT_EQ(world.get("/routers").at("/routers/0/arms"), (Json{"b", "c", "d"}));
  EXPECT_EQ(world.get(kArms + "d").at("/expected_latency_ms"), 300.0);
}

TEST(ArmsService, RefusesWhatBreaksTheSchema) {
  World world;
  struct Row {
    std::string body;
    int status;
    Json pointer;
  };
  const Row rows[] = {
      {"", 400, nullptr},
      {"[]", 422, "/"},
      {R"({"id":"other"})", 422, "/id"},
      {R"({"model":""})", 422, "/model"},
      {R"({"expected_cost_usd":-1})", 422, "/expected_cost_usd"},
      {R"({"expected_latency_ms":"fast"})", 422, "/expected_latency_ms"},
      {R"({"tags":"vision"})", 422, "/tags"},
      {R"({"tags":["x","x"]})", 422, "/tags"},
      {R"({"colour":"red"})", 422, "/colour"},
  };
  for (const Row& row : rows) {
    const Reply reply = world.call({"PUT", kArms + "d", row.body});
    EXPECT_EQ(reply.status, row.status) << row.body << reply.text;
    EXPECT_EQ(reply.at("/pointer"), row.pointer) << row.body << reply.text;
  }
  EXPECT_EQ(world.put("/routers/nowhere/arms/d", Json::object()).status, 404);
}

TEST(ArmsService, WithTheStoreAwayNothingChanges) {
  World world;
  world.faults().set(FaultStore::Fault::unavailable);
  EXPECT_EQ(world.put(kArms + "d", Json::object()).status, 503);
  EXPECT_EQ(world.remove(kArms + "a").status, 503);
  world.faults().set(FaultStore::Fault::none);
  EXPECT_EQ(world.get("/routers").at("/routers/0/arms"), (Json{"a", "b", "c"}));
}

TEST(ArmsService, ARouterOfAThousandArmsDecidesLearnsAndComesBack) {
  ScratchFolder folder;
  RouterConfig config = small_config();
  config.arms.clear();
  for (int i = 0; i < 1000; ++i) {
    config.arms.push_back(ArmSpec{.id = "arm-" + std::to_string(i), .model = "m"});
  }
  World world({.url = folder.sqlite(), .routers = {{"default", "default", config}}});
  std::string id;
  for (int i = 0; i < 30; ++i) {
    id = world.route();
    EXPECT_EQ(world.thumb(id, i % 3 == 0 ? "up" : "down").at("/status"), "recorded");
  }
  const Reply made = world.get("/queries/" + id);
  ASSERT_EQ(made.at("/decision/arms").size(), 1000U) << made.text.substr(0, 500);
  double sum = 0.0;
  for (const Json& arm : made.at("/decision/arms")) sum += arm["propensity"].get<double>();
  EXPECT_NEAR(sum, 1.0, 1e-9);
  EXPECT_EQ(world.put(kArms + "newcomer", {{"model", "m"}}).status, 200);
  EXPECT_EQ(world.remove(kArms + "arm-500").status, 200);
  const std::uint64_t checksum = world.report().checksum;
  world.restart();
  EXPECT_EQ(world.report().checksum, checksum);
  EXPECT_EQ(world.get("/routers/default").at("/arms").size(), 1000U);
  EXPECT_EQ(world.thumb(id, "up").status, 200) << "late, and after the restart";
}

}  // namespace
}  // namespace pointsman::testing_server
