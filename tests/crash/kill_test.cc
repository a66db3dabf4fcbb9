#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <thread>

#include "tests/crash/checkpoints.h"
#include "tests/traffic.h"

namespace pointsman::testing {
namespace {

constexpr std::size_t kClients = 6;
/// Checkpoints begin when the feature schema is frozen, at 1,024 decisions.
constexpr std::size_t kLeastDecisions = 1'500;

std::size_t kills() {
  const char* is_long = std::getenv("POINTSMAN_LONG");
  return is_long != nullptr && std::string(is_long) == "1" ? 100 : 20;
}

void sleep_ms(double milliseconds) {
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds));
}

/// Copies the store with its WAL, as it lies there, and returns the copy's name.
std::string copy_store(const ServerProcess& server, const ScratchFolder& to) {
  for (const char* suffix : {"", "-wal"}) {
    const std::string from = server.store_file() + suffix;
    if (std::filesystem::exists(from)) {
      std::filesystem::copy_file(from, to.path() / ("copy.db" + std::string(suffix)));
    }
  }
  return (to.path() / "copy.db").string();
}

std::size_t routes_of(const std::deque<TrafficClient>& clients) {
  std::size_t sum = 0;
  for (const TrafficClient& client : clients) sum += client.routes();
  return sum;
}

/// Runs the clients while the server is killed and started again, then lets them finish.
void run_through_kills(ServerProcess& server, std::deque<TrafficClient>& clients) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (TrafficClient& client : clients) {
    threads.emplace_back([&client, &stop] { client.run(stop); });
  }
  KeyedRandom random(2026, "kills");
  const std::size_t count = kills();
  for (std::size_t kill = 0; kill < count && !::testing::Test::HasFatalFailure(); ++kill) {
    sleep_ms(10.0 + 200.0 * random.next_unit());
    server.kill();
    server.start();
  }
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(240);
  while (routes_of(clients) < kLeastDecisions && std::chrono::steady_clock::now() < patience) {
    sleep_ms(10.0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(KillNine, LosesNothingAcknowledgedAndCountsNothingTwice) {
  ServerProcess server(crash_config(kPatient));
  ASSERT_NO_FATAL_FAILURE(server.start());
  std::deque<TrafficClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(server, TrafficClient::Options{.number = i, .seed = 11});
  }
  ASSERT_NO_FATAL_FAILURE(run_through_kills(server, clients));
  std::vector<Story> stories;
  std::size_t retried = 0;
  for (const TrafficClient& client : clients) {
    EXPECT_TRUE(client.faults().empty()) << client.faults().front();
    stories.insert(stories.end(), client.stories().begin(), client.stories().end());
    retried += client.retried();
  }
  EXPECT_GE(stories.size(), kLeastDecisions);
  EXPECT_GE(retried, kills()) << "the kills did not fall into the traffic";
  std::printf("%zu kills, %zu decisions, %zu requests that were retried\n", kills(), stories.size(),
              retried);
  expect_log_holds(server, stories);

  // What the server learnt through all these lives is what one fold of the whole log learns.
  const nlohmann::json live = server.get("/stats")["routers"]["default"];
  EXPECT_EQ(live["decisions"], stories.size());
  server.kill();
  const ScratchFolder aside;
  const std::string copy = copy_store(server, aside);
  for (const char* how : {"from the newest checkpoint", "from the first record"}) {
    const nlohmann::json folded = inspect(copy);
    ASSERT_EQ(folded.size(), 1U);
    EXPECT_EQ(folded[0]["position"], live["position"]) << how;
    EXPECT_EQ(folded[0]["checksum"], live["checksum"]) << how;
    drop_checkpoints(copy);
  }
  ASSERT_NO_FATAL_FAILURE(server.start());
  EXPECT_EQ(server.get("/stats")["routers"]["default"]["checksum"], live["checksum"]);
  EXPECT_EQ(server.stop(), 0) << server.log();
  EXPECT_GT(drop_checkpoints(server.store_file()), 0U) << "no kill could fall into a checkpoint";
}

}  // namespace
}  // namespace pointsman::testing
