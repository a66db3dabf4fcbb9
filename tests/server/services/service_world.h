#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/json/canonical_json.h"
#include "engine/log/append_requests.h"
#include "server/config/server_config.h"
#include "server/http/app.h"
#include "server/http/target.h"
#include "server/services/api_routes.h"
#include "stores/open_store.h"
#include "tests/server/core/fault_store.h"

namespace pointsman::testing_server {

using Json = nlohmann::json;

/// A clock that stands until it is moved.
class ManualClock final : public Clock {
 public:
  Timestamp now() const override { return Timestamp(std::chrono::milliseconds(millis_.load())); }
  void advance(std::chrono::milliseconds by) { millis_ += by.count(); }

 private:
  std::atomic<std::int64_t> millis_{1'790'000'000'000};
};

/// A folder that goes with the test.
class ScratchFolder final {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pointsman-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  std::string sqlite() const { return "sqlite:" + path_ + "/log.db"; }

 private:
  std::string path_;
};

struct Reply {
  int status = 0;
  std::string text;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;
  Json body;  ///< Discarded where the text is not JSON.

  Json at(const std::string& pointer) const {
    const Json::json_pointer where(pointer);
    return body.contains(where) ? body.at(where) : Json(nullptr);
  }
  std::string header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
};

inline Reply reply_of(http::Response response) {
  Reply reply{response.status,
              std::move(response.body),
              std::move(response.content_type),
              std::move(response.headers),
              {}};
  reply.body = Json::parse(reply.text, nullptr, false);
  return reply;
}

/// Three arms, one number as context.
inline RouterConfig small_config() {
  RouterConfig config;
  config.source_hash = "small";
  config.policy = LinTsOptions{.alpha = 0.3};
  config.features = FeatureLayout{.text_counters = false, .fields = {{"u", {}}}};
  config.arms = {ArmSpec{.id = "a", .model = "m-a", .expected_cost_usd = 0.001},
                 ArmSpec{.id = "b", .model = "m-b", .expected_cost_usd = 0.002},
                 ArmSpec{.id = "c", .model = "m-c", .tags = {"vision"}}};
  return config;
}

inline std::vector<RouterEntry> small_routers() {
  return {{"default", "default", small_config()}, {"default", "drafts", small_config()}};
}

/// All of the server but its sockets: the route table over real routers, writer and store.
class World final {
 public:
  struct Options {
    std::string url = "memory:";
    WriterOptions writer{.route_commit = std::chrono::seconds(20)};
    DecisionDurability durability = DecisionDurability::commit;
    std::vector<ApiKey> keys;
    std::vector<RouterEntry> routers = small_routers();
    std::size_t awake_bytes = 0;
  };

  World() : World(Options{}) {}
  explicit World(Options options) : options_(std::move(options)) { start(); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { stop(); }

  /// Ends everything and opens the store anew.
  void restart() {
    stop();
    start();
  }

  using HeaderList = std::vector<std::pair<std::string, std::string>>;
  struct Ask {
    std::string method = "GET";
    std::string target;
    std::string body{};
    HeaderList headers{};
  };

  std::future<http::Response> send(const Ask& ask) {
    http::Request request;
    request.method = ask.method;
    request.target = ask.target;
    auto target = http::parse_target(ask.target);
    EXPECT_TRUE(target) << ask.target;
    request.path = target->path;
    request.query = target->query;
    request.body = ask.body;
    request.headers.add({"Host", "127.0.0.1"});
    if (!ask.body.empty()) request.headers.add({"Content-Type", "application/json"});
    for (const auto& [name, value] : ask.headers) request.headers.add({name, value});
    auto promise = std::make_shared<std::promise<http::Response>>();
    auto future = promise->get_future();
    running_->app->handle(std::move(request), http::Responder::to([promise](http::Response made) {
                            promise->set_value(std::move(made));
                          }));
    return future;
  }

  static Reply wait(std::future<http::Response> answer) {
    if (answer.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer came";
      return {};
    }
    return reply_of(answer.get());
  }

  Reply call(const Ask& ask) { return wait(send(ask)); }
  Reply get(const std::string& target, HeaderList headers = {}) {
    return call({"GET", target, "", std::move(headers)});
  }
  Reply post(const std::string& target, const Json& body, HeaderList headers = {}) {
    return call({"POST", target, body.dump(), std::move(headers)});
  }
  Reply put(const std::string& target, const Json& body) {
    return call({"PUT", target, body.dump()});
  }
  Reply remove(const std::string& target) { return call({"DELETE", target}); }

  /// A decision, with what `more` adds to the request; its query_id.
  std::string route(const Json& more = Json::object()) {
    Json body = {{"features", {{"u", 0.5}}}};
    body.update(more);
    const Reply reply = post("/route", body);
    EXPECT_EQ(reply.status, 200) << reply.text;
    return reply.body.value("query_id", "");
  }

  Reply thumb(const std::string& query_id, const std::string& value) {
    return post("/feedback", {{"query_id", query_id}, {"payload", {{"value", value}}}});
  }

  std::uint64_t position(const std::string& router = "default") {
    return routers().snapshot(Scope{"default", router})->position;
  }

  /// A router's fold, read on the writer's thread. Waits while the writer has all the tasks that it
  /// takes: what it answered it may have answered before it came to them.
  RouterReport report(const std::string& router = "default") {
    std::promise<RouterReport> promise;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!writer().run([&] { promise.set_value(routers().report(Scope{"default", router})); })) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "the writer takes no task";
        return {};
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return promise.get_future().get();
  }

  /// The checksum of a fold of the whole log by somebody else.
  std::uint64_t fresh_checksum(const std::string& router = "default") {
    Routers::Options options;
    options.record_ids = random_record_id;
    options.read_only = true;
    auto fresh = Routers::open(*running_->store, options);
    EXPECT_TRUE(fresh) << fresh.error().message;
    return (*fresh)->report(Scope{"default", router}).checksum;
  }

  Routers& routers() { return *running_->routers; }
  Writer& writer() { return *running_->writer; }
  FaultStore& faults() { return *running_->faults; }
  ServiceContext& context() { return *running_->context; }
  std::vector<http::App::Entry> routes() {
    return make_api_routes(*running_->context, draining, no_counters);
  }

  ManualClock clock;
  std::atomic<bool> draining{false};

 private:
  struct Running {
    std::unique_ptr<Store> store;
    std::unique_ptr<FaultStore> faults;
    std::unique_ptr<Routers> routers;
    std::unique_ptr<Writer> writer;
    std::unique_ptr<Workers> workers;
    RewardAdapters adapters = RewardAdapters::builtin();
    std::unique_ptr<ServiceContext> context;
    std::unique_ptr<http::App> app;
  };

  static http::Counters no_counters() { return {}; }

  void start() {
    running_ = std::make_unique<Running>();
    Running& r = *running_;
    StoreOptions store_options;
    store_options.url = options_.url;
    store_options.sqlite.synchronous = SqliteSynchronous::normal;
    auto store = open_store(store_options);
    ASSERT_TRUE(store) << store.error().message;
    r.store = std::move(*store);
    r.faults = std::make_unique<FaultStore>(*r.store);
    Routers::Options options;
    options.record_ids = random_record_id;
    options.awake_bytes = options_.awake_bytes;
    options.monotonic = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
    auto routers = Routers::open(*r.faults, options);
    ASSERT_TRUE(routers) << routers.error().message;
    r.routers = std::move(*routers);
    std::vector<AppendRequest> configs;
    for (const RouterEntry& entry : options_.routers) {
      configs.push_back(append_config(Scope{entry.tenant, entry.name}, stamp(clock), entry.config));
    }
    ASSERT_TRUE(r.routers->commit(std::move(configs)));
    r.writer = std::make_unique<Writer>(*r.routers, options_.writer);
    r.workers = std::make_unique<Workers>(Workers::Options{});
    r.context = std::make_unique<ServiceContext>(ServiceContext{
        *r.faults, *r.routers, *r.writer, *r.workers, r.adapters, clock, options_.durability});
    r.app = std::make_unique<http::App>(Keys(options_.keys),
                                        make_api_routes(*r.context, draining, no_counters));
  }

  void stop() {
    if (!running_ || !running_->writer) return;
    running_->faults->release();
    running_->writer->stop();
    running_->workers->stop();
    running_.reset();
  }

  Options options_;
  std::unique_ptr<Running> running_;
};

}  // namespace pointsman::testing_server
