// `pointsman prune` over stores that are served, and over a file that is not.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/policies/keyed_random.h"
#include "engine/routers/routers.h"
#include "stores/open_store.h"
#include "tests/faults/shared_server_fixture.h"

namespace pointsman::testing {
namespace {

using nlohmann::json;

const Scope kServed{"default", "default"};
/// Checkpoints begin at 1,024 decisions.
constexpr int kOldDecisions = 1'100;

std::unique_ptr<Store> open_directly(const std::string& url) {
  StoreOptions options;
  options.url = url;
  auto store = open_store(options);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

/// Old decisions of a router that a server has configured, all with feedback, and a checkpoint.
void write_old_log(const std::string& url) {
  const auto store = open_directly(url);
  ASSERT_NE(store, nullptr);
  std::uint64_t ticks = 0;
  const auto stamp = [&ticks] {
    KeyedRandom random(17, std::to_string(++ticks));
    RecordStamp made;
    const std::uint64_t words[2] = {random.next_u64(), random.next_u64()};
    std::memcpy(made.id.data(), words, sizeof(words));
    made.time = Timestamp(std::chrono::seconds(1'000'000 + ticks));
    return made;
  };
  Routers::Options options;
  options.fold.text_model = &default_text_model();
  options.record_ids = [&stamp] { return stamp().id; };
  auto routers = Routers::open(*store, std::move(options));
  ASSERT_TRUE(routers) << routers.error().message;
  std::vector<AppendRequest> group;
  for (int i = 0; i < kOldDecisions; ++i) {
    const auto snapshot = (*routers)->snapshot(kServed);
    ASSERT_NE(snapshot, nullptr);
    DecideRequest request;
    request.query_id = "old" + std::to_string(i);
    KeyedRandom random(3, request.query_id);
    std::vector<float> raw(snapshot->encoder->dims());
    for (float& value : raw) value = static_cast<float>(random.next_unit());
    request.raw = raw;
    const RecordStamp now = stamp();
    request.now = now.time;
    auto decision = decide(*snapshot, request);
    ASSERT_TRUE(decision) << decision.error().message;
    const double reward = decision->chosen == 0 ? 0.75 : 0.25;
    Fingerprint payload{};
    payload[0] = static_cast<std::uint8_t>(decision->chosen);
    group.push_back(append_decision(kServed, now, *std::move(decision), Fingerprint{}));
    group.push_back(append_feedback(Scope{kServed.tenant, ""}, stamp(),
                                    Feedback{request.query_id, "thumbs", {reward, 1.0}, "{}"},
                                    payload));
    if (group.size() < 100 && i + 1 < kOldDecisions) continue;
    const auto committed = (*routers)->commit(std::exchange(group, {}));
    ASSERT_TRUE(committed) << committed.error().message;
  }
  ASSERT_TRUE((*routers)->checkpoint_all());
}

int status_of(const ServerProcess& server, const std::string& target) {
  auto client = server.client();
  const auto answer = client.ask({.method = "GET", .target = target, .body = {}, .headers = {}});
  return answer.ok() ? answer->status : 0;
}

int rate(const ServerProcess& server, const std::string& query_id) {
  auto client = server.client();
  const auto answer =
      client.ask({.method = "POST",
                  .target = "/feedback",
                  .body = json{{"query_id", query_id}, {"payload", {{"value", "up"}}}}.dump(),
                  .headers = {}});
  return answer.ok() ? answer->status : 0;
}

TEST(PruneCommand, OfAFileIsForAStoppedServerAndCostsNoneOfItsState) {
  ServerProcess server(crash_config());
  ASSERT_NO_FATAL_FAILURE(server.start());
  ASSERT_EQ(server.stop(), 0);
  const std::string url = "sqlite:" + server.store_file();
  ASSERT_NO_FATAL_FAILURE(write_old_log(url));

  ASSERT_NO_FATAL_FAILURE(server.start());
  std::string recent;
  {
    Traffic traffic({&server});
    ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(100));
    recent = traffic.finish().front().query_id;
  }
  const Ended busy = prune_store(url);
  EXPECT_EQ(busy.exit_code, 1);
  EXPECT_NE(busy.errors.find("in use by another process"), std::string::npos) << busy.errors;
  ASSERT_EQ(server.stop(), 0);

  const json before = inspect(server.store_file())[0];
  const Ended pruned = prune_store(url, {"--compact"});
  ASSERT_EQ(pruned.exit_code, 0) << pruned.errors;
  const json said = json::parse(pruned.output);
  // The last one's feedback is what the older checkpoint stands on.
  EXPECT_EQ(said["removed"], 2 * (kOldDecisions - 1)) << said;
  ASSERT_EQ(said["routers"].size(), 1U);
  EXPECT_EQ(said["routers"][0]["router"], "default");
  EXPECT_EQ(said["routers"][0]["removed"], said["removed"]);
  EXPECT_GT(said["routers"][0]["kept"], 0);
  EXPECT_EQ(json::parse(prune_store(url).output)["removed"], 0);
  EXPECT_EQ(inspect(server.store_file())[0]["checksum"], before["checksum"]);

  ASSERT_NO_FATAL_FAILURE(server.start());
  EXPECT_EQ(server.get("/stats")["routers"]["default"]["checksum"], before["checksum"]);
  EXPECT_EQ(status_of(server, "/log"), 410);
  EXPECT_EQ(
      status_of(server, "/log?after=" + std::to_string(said["routers"][0]["below"].get<int>() - 1)),
      200);
  EXPECT_EQ(status_of(server, "/queries/old1"), 404);
  EXPECT_EQ(status_of(server, "/queries/" + recent), 200);
  EXPECT_EQ(rate(server, "old1"), 404);
  EXPECT_EQ(rate(server, recent), 200);
  EXPECT_EQ(server.stop(), 0);
}

TEST(PruneCommand, AServerDoesNotStartOverAPrunedLogWithoutACheckpoint) {
  ServerProcess server(crash_config());
  ASSERT_NO_FATAL_FAILURE(server.start());
  ASSERT_EQ(server.stop(), 0);
  const std::string url = "sqlite:" + server.store_file();
  ASSERT_NO_FATAL_FAILURE(write_old_log(url));
  ASSERT_EQ(prune_store(url, {"--router", "default", "--tenant", "default"}).exit_code, 0);
  {
    const auto store = open_directly(url);
    const auto kept = store->load_checkpoints(kServed);
    ASSERT_TRUE(kept);
    for (const Checkpoint& checkpoint : *kept) ASSERT_TRUE(store->drop_checkpoint(checkpoint));
  }
  const Ended refused = prune_store(url, {"--router", "default"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.errors.find("Router \"default\" has no checkpoint"), std::string::npos)
      << refused.errors;
  const Ended of_all = prune_store(url);
  EXPECT_EQ(of_all.exit_code, 0) << of_all.errors;
  EXPECT_TRUE(json::parse(of_all.output)["routers"][0].contains("skipped")) << of_all.output;
  EXPECT_EQ(prune_store(url, {"--router", "nobody"}).exit_code, 1);
  EXPECT_EQ(prune_store(url, {"--keep-days", "-1"}).exit_code, 2);
  const Ended served = serve_in_vain(url);
  EXPECT_EQ(served.exit_code, 1);
  EXPECT_NE((served.errors + served.output).find("router \"default\" was pruned"),
            std::string::npos)
      << served.errors << served.output;
}

using PruneServed = SharedServers;

TEST_P(PruneServed, RoutersAreServedMeanwhile) {
  const auto first = make_server();
  const auto second = make_server();
  ASSERT_NO_FATAL_FAILURE(first->start());
  ASSERT_NO_FATAL_FAILURE(second->start());
  ASSERT_NO_FATAL_FAILURE(write_old_log(store_->url()));
  std::uint64_t removed = 0;
  {
    Traffic traffic({first.get(), second.get()});
    for (const std::size_t routes : {50U, 400U, 500U}) {
      ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(routes));
      const Ended pruned = prune_store(store_->url());
      ASSERT_EQ(pruned.exit_code, 0) << pruned.errors;
      removed += json::parse(pruned.output)["removed"].get<std::uint64_t>();
    }
    EXPECT_FALSE(traffic.finish().empty());
  }
  EXPECT_EQ(removed, 2U * kOldDecisions);
  expect_one_state({first.get(), second.get()});
  EXPECT_EQ(router_of(*first)["log_forks"], 0);
  EXPECT_EQ(inspect_store(store_->url())[0]["checksum"], router_of(*first)["checksum"]);
  EXPECT_EQ(rate(*second, "old1"), 404);
  EXPECT_EQ(first->stop(), 0) << first->log();
  EXPECT_EQ(second->stop(), 0) << second->log();
}

INSTANTIATE_TEST_SUITE_P(Stores, PruneServed, ::testing::Values("redis", "postgres"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace pointsman::testing
