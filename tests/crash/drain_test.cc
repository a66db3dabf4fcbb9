#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <set>
#include <thread>

#include "tests/crash/checkpoints.h"
#include "tests/traffic.h"

namespace pointsman::testing {
namespace {

/// A client that never asks twice: what it was told must be so.
class PlainClient final {
 public:
  PlainClient(const ServerProcess& server, std::size_t number)
      : client_(server.client()), prefix_("d" + std::to_string(number) + "-") {}

  /// Routes and likes until a connection breaks. `ending` is set just before SIGTERM is sent.
  void run(const std::atomic<bool>& ending) {
    for (std::size_t n = 0;; ++n) {
      const std::string id = prefix_ + std::to_string(n);
      const std::string route =
          R"({"query_id":")" + id + R"(","features":{"task":"code","tokens":3}})";
      const std::string like = R"({"query_id":")" + id + R"(","payload":{"value":"up"}})";
      if (!acknowledged("/route", route, ending)) break;
      decisions_.insert(id);
      ++routes_;
      if (!acknowledged("/feedback", like, ending)) break;
      likes_.insert(id);
    }
  }

  const std::set<std::string>& decisions() const { return decisions_; }
  const std::set<std::string>& likes() const { return likes_; }
  std::size_t routes() const { return routes_; }  ///< Any thread.
  std::size_t unanswered() const { return unanswered_; }
  std::size_t after_the_end() const { return after_the_end_; }

 private:
  bool acknowledged(const char* target, const std::string& body, const std::atomic<bool>& ending) {
    const examples::HttpRequest request{
        .method = "POST", .target = target, .body = body, .headers = {}};
    const Status sent = client_.send_bytes(client_.bytes_of(request));
    const bool before = !ending;
    const auto answer = client_.receive();
    if (!answer) {
      if (sent && before) ++unanswered_;
      return false;
    }
    if (!before) ++after_the_end_;
    return answer->status == 200;
  }

  examples::HttpClient client_;
  const std::string prefix_;
  std::set<std::string> decisions_;
  std::set<std::string> likes_;
  std::atomic<std::size_t> routes_{0};
  std::size_t unanswered_ = 0;     ///< Sent whole before SIGTERM, and never answered.
  std::size_t after_the_end_ = 0;  ///< Answered although sent after SIGTERM.
};

/// A request of which the second half is still to come.
struct HalfSent {
  examples::HttpClient client;
  std::string rest;
};

HalfSent send_half(const ServerProcess& server, const examples::HttpRequest& request) {
  HalfSent half{server.client(), {}};
  const std::string bytes = half.client.bytes_of(request);
  EXPECT_TRUE(half.client.send_bytes(bytes.substr(0, bytes.size() - 10)).ok());
  half.rest = bytes.substr(bytes.size() - 10);
  return half;
}

std::set<std::string> ids_of(const std::vector<nlohmann::json>& log, const char* kind) {
  std::set<std::string> ids;
  for (const nlohmann::json& record : log) {
    if (record["kind"] != kind) continue;
    EXPECT_TRUE(ids.insert(record["query_id"]).second) << record << " stands there twice";
  }
  return ids;
}

void expect_all_in(const std::set<std::string>& acknowledged, const std::set<std::string>& log) {
  for (const std::string& id : acknowledged) {
    ASSERT_TRUE(log.contains(id)) << id << " was acknowledged and is gone";
  }
}

class Sigterm : public ::testing::Test {
 protected:
  static constexpr std::size_t kClients = 8;
  /// Above the 1,024 at which the feature schema is frozen and checkpoints begin.
  static constexpr std::size_t kDecisions = 1'300;

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(server_.start());
    for (std::size_t i = 0; i < kClients; ++i) clients_.emplace_back(server_, i);
    for (PlainClient& client : clients_) {
      threads_.emplace_back([this, &client] { client.run(ending_); });
    }
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(240);
    while (routes() < kDecisions && std::chrono::steady_clock::now() < patience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ASSERT_GE(routes(), kDecisions);
  }

  void TearDown() override {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  void terminate() {
    ending_ = true;
    server_.terminate();
  }

  /// The exit code; every client has come to its end.
  int end() {
    const int code = server_.wait();
    for (std::thread& thread : threads_) thread.join();
    return code;
  }

  std::size_t routes() const {
    std::size_t sum = 0;
    for (const PlainClient& client : clients_) sum += client.routes();
    return sum;
  }

  ServerProcess server_{crash_config(kPatient)};
  std::atomic<bool> ending_{false};
  std::deque<PlainClient> clients_;
  std::vector<std::thread> threads_;
};

TEST_F(Sigterm, UnderLoadEndsWithZeroAnswersWhatItHasReadAndKeepsWhatItAcknowledged) {
  terminate();
  ASSERT_EQ(end(), 0) << server_.log();
  for (const PlainClient& client : clients_) {
    EXPECT_EQ(client.unanswered(), 0U) << "a request that was sent before SIGTERM got no answer";
  }
  // The drain leaves a checkpoint of the last record.
  const std::vector<std::int64_t> checkpoints = checkpoint_positions(server_.store_file());
  ASSERT_FALSE(checkpoints.empty());
  ASSERT_NO_FATAL_FAILURE(server_.start());
  const std::vector<nlohmann::json> log = whole_log(server_);
  EXPECT_EQ(log.back()["position"], checkpoints.back());
  for (const PlainClient& client : clients_) {
    expect_all_in(client.decisions(), ids_of(log, "decision"));
    expect_all_in(client.likes(), ids_of(log, "feedback"));
  }
  EXPECT_EQ(server_.stop(), 0) << server_.log();
}

TEST_F(Sigterm, LetsARequestThatIsHalfSentComeToItsEnd) {
  auto setup = server_.client();
  ASSERT_EQ(setup
                .ask({.method = "POST",
                      .target = "/route",
                      .body = R"({"query_id":"half","features":{"task":"chat"}})",
                      .headers = {}})
                ->status,
            200);
  HalfSent half = send_half(server_, {.method = "POST",
                                      .target = "/feedback",
                                      .body = R"({"query_id":"half","payload":{"value":"up"}})",
                                      .headers = {}});
  // Time for the server to read the first half: half-read, not unread, is what this is about.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  terminate();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ASSERT_TRUE(half.client.send_bytes(half.rest).ok());
  const auto answer = half.client.receive();
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(answer->header("connection"), "close");
  ASSERT_EQ(end(), 0) << server_.log();
  ASSERT_NO_FATAL_FAILURE(server_.start());
  EXPECT_TRUE(ids_of(whole_log(server_), "feedback").contains("half"));
}

TEST_F(Sigterm, AnswersAReaderWhoWaitsForTheLogToGrow) {
  auto reader = server_.client();
  const examples::HttpRequest wait_for_more{
      .method = "GET", .target = "/log?after=1000000000&wait_s=60", .body = "", .headers = {}};
  ASSERT_TRUE(reader.send_bytes(reader.bytes_of(wait_for_more)).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  terminate();
  const auto answer = reader.receive();
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(end(), 0) << server_.log();
  EXPECT_EQ(server_.log().find("did not end in time"), std::string::npos);
}

TEST_F(Sigterm, TakesNoNewConnection) {
  HalfSent half = send_half(server_, {.method = "POST",
                                      .target = "/feedback",
                                      .body = R"({"query_id":"none","payload":{"value":"up"}})",
                                      .headers = {}});
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  terminate();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // The server lives on for the half-sent request, and yet nobody new is let in.
  auto late = server_.client();
  EXPECT_FALSE(late.try_once({.method = "GET", .target = "/healthz", .body = "", .headers = {}}));
  ASSERT_TRUE(half.client.send_bytes(half.rest).ok());
  const auto answer = half.client.receive();
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 404) << answer->body;
  EXPECT_EQ(end(), 0) << server_.log();
}

}  // namespace
}  // namespace pointsman::testing
