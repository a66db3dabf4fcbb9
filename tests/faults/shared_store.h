#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "tests/postgres_cluster.h"
#include "tests/redis_server.h"

namespace pointsman::testing {

/// The server of a store that several processes share: a Redis or a PostgreSQL of the test's own,
/// which can be killed and started again.
class SharedStore {
 public:
  virtual ~SharedStore() = default;

  virtual std::string url() const = 0;
  /// The same through a proxy of this machine.
  virtual std::string url_through(std::uint16_t port) const = 0;
  virtual std::uint16_t port() const = 0;
  virtual void kill_nine() = 0;
  virtual void start() = 0;
  /// Deletes the checkpoints of the router "default" of the tenant "default".
  virtual void drop_checkpoints() = 0;
  /// What a client says to it to append, and to nothing else.
  virtual std::string append_marker() const = 0;
};

class SharedRedis final : public SharedStore {
 public:
  std::string url() const override { return server_.url(); }
  std::string url_through(std::uint16_t port) const override {
    return "redis://127.0.0.1:" + std::to_string(port);
  }
  std::uint16_t port() const override { return server_.port(); }
  void kill_nine() override { server_.kill_nine(); }
  void start() override { server_.start(); }
  void drop_checkpoints() override {
    EXPECT_EQ(server_.command("DEL pm:{default:default}:checkpoints"), ":1");
  }
  std::string append_marker() const override { return "EVALSHA"; }

 private:
  testing_redis::RedisServer server_;
};

class SharedPostgres final : public SharedStore {
 public:
  std::string url() const override { return cluster_.url(); }
  std::string url_through(std::uint16_t port) const override {
    return testing_postgres::PostgresCluster::url("postgres", port);
  }
  std::uint16_t port() const override { return cluster_.port(); }
  void kill_nine() override { cluster_.kill_nine(); }
  void start() override { cluster_.start(); }
  void drop_checkpoints() override {
    const auto gone = cluster_.run("postgres",
                                   "DELETE FROM pointsman.checkpoint_chunks;"
                                   "DELETE FROM pointsman.checkpoints RETURNING position");
    EXPECT_GT(gone.size(), 0U);
  }
  /// The name of the prepared statement, as Bind says it: behind the empty portal's name.
  std::string append_marker() const override { return std::string("\0append_batch\0", 14); }

 private:
  testing_postgres::PostgresCluster cluster_;
};

/// By its name, "redis" or "postgres", which is the parameter of the tests over both.
inline std::unique_ptr<SharedStore> make_shared_store(const std::string& name) {
  if (name == "redis") return std::make_unique<SharedRedis>();
  return std::make_unique<SharedPostgres>();
}

/// The long forms of the tests run where POINTSMAN_LONG=1.
inline bool is_long() {
  const char* const set = std::getenv("POINTSMAN_LONG");
  return set != nullptr && std::string(set) == "1";
}

}  // namespace pointsman::testing
