#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/faults/shared_store.h"
#include "tests/server_process.h"
#include "tests/traffic.h"

namespace pointsman::testing {

/// `pointsman serve` processes over one shared store, and clients that ask them.
class SharedServers : public ::testing::TestWithParam<const char*> {
 protected:
  using Deadline = std::chrono::steady_clock::time_point;
  static Deadline generous() { return std::chrono::steady_clock::now() + std::chrono::seconds(90); }
  static void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

  std::unique_ptr<ServerProcess> make_server(const std::string& config = crash_config()) {
    return std::make_unique<ServerProcess>(config, store_->url());
  }

  static nlohmann::json router_of(const ServerProcess& server) {
    return server.get("/stats")["routers"]["default"];
  }

  /// Waits until all have folded the same log, to which nobody appends any more, and holds their
  /// states to each other.
  static void expect_one_state(const std::vector<const ServerProcess*>& servers) {
    const auto deadline = generous();
    std::vector<nlohmann::json> routers;
    const auto apart = [&](const char* what) {
      return std::any_of(routers.begin(), routers.end(), [&](const nlohmann::json& router) {
        return router[what] != routers.front()[what];
      });
    };
    do {
      if (!routers.empty()) rest();
      routers.clear();
      for (const ServerProcess* server : servers) routers.push_back(router_of(*server));
    } while (apart("position") && std::chrono::steady_clock::now() < deadline);
    EXPECT_FALSE(apart("position")) << "one does not catch up: " << nlohmann::json(routers);
    EXPECT_FALSE(apart("checksum")) << "two states of one log: " << nlohmann::json(routers);
  }

  std::unique_ptr<SharedStore> store_ = make_shared_store(GetParam());
};

/// Clients at work, each in a thread of its own, until they are told to stop.
class Traffic final {
 public:
  static constexpr std::size_t kClients = 6;

  explicit Traffic(const std::vector<const ServerProcess*>& servers, std::size_t first_number = 0) {
    for (std::size_t i = 0; i < kClients; ++i) {
      clients_.emplace_back(servers,
                            TrafficClient::Options{.number = first_number + i, .seed = 11});
    }
    for (TrafficClient& client : clients_) {
      threads_.emplace_back([this, &client] { client.run(stop_); });
    }
  }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;
  ~Traffic() { stop(); }

  /// Until so many routes were answered in all; a failure where that takes far too long.
  void wait_for_routes(std::size_t routes) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (this->routes() < routes && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ASSERT_GE(this->routes(), routes) << "the traffic stands still";
  }

  std::size_t routes() const {
    std::size_t sum = 0;
    for (const TrafficClient& client : clients_) sum += client.routes();
    return sum;
  }
  std::size_t retried() const {
    std::size_t sum = 0;
    for (const TrafficClient& client : clients_) sum += client.retried();
    return sum;
  }

  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  /// stop(); what the clients remember. What they found wrong is a failure.
  std::vector<Story> finish() {
    stop();
    std::vector<Story> stories;
    for (const TrafficClient& client : clients_) {
      EXPECT_TRUE(client.faults().empty()) << client.faults().front();
      stories.insert(stories.end(), client.stories().begin(), client.stories().end());
    }
    return stories;
  }

 private:
  std::atomic<bool> stop_{false};
  std::deque<TrafficClient> clients_;
  std::vector<std::thread> threads_;
};

}  // namespace pointsman::testing
