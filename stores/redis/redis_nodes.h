#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stores/redis/redis_connection.h"

namespace pointsman {

/// One command. The key decides which node of a cluster gets it.
struct RedisCommand {
  std::vector<std::string> words;
  std::string key;       ///< Empty: any node.
  std::string_view lua;  ///< The script of an EVALSHA, for a node that does not know it.
};

/// Whether commands may be sent twice when a connection breaks before their answers came.
enum class RedisRepeat : std::uint8_t { safe, never };

/// The hash slot of a key, 0 to 16383: CRC16 of what stands between the first { and the next }, or
/// of all of it (Redis Cluster specification, "Hash tags").
std::uint16_t redis_slot(std::string_view key);

/// The connections to the nodes of one Redis, which may be a cluster: the slots of a cluster are
/// learnt from its MOVED answers, ASK is followed once, and the url's node is asked where nothing
/// is known.
/// hiredis has no cluster client of its own.
///
/// A node that cannot be reached is left alone for a while that doubles up to a second; calls fail
/// at once meanwhile. Thread-safety: all calls.
class RedisNodes final {
 public:
  struct Options {
    RedisConnection::Options connection;
    std::size_t connections = 8;  ///< A node, at most; a further call waits for one.
  };

  explicit RedisNodes(const Options& options) : options_(options) {}

  /// Runs the commands, pipelined a node, and gives their answers in order; an answer may be
  /// Redis's refusal. Commands to one node keep their order unless it redirects them. Errors:
  /// `unavailable` (with RedisRepeat::never: no command was sent), `in_doubt` (some may have run).
  Result<std::vector<RedisReply>> run(std::vector<RedisCommand> commands, RedisRepeat repeat);

  /// run() of commands that may be repeated and that Redis must not refuse: a refusal is an error.
  Result<std::vector<RedisReply>> ask(std::vector<RedisCommand> commands);

  /// Connections made so far.
  std::uint64_t connected() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Node {
    std::vector<std::unique_ptr<RedisConnection>> idle;
    std::size_t open = 0;  ///< Idle and lent.
    std::chrono::milliseconds pause{0};
    Clock::time_point closed_until{};
  };
  struct Round;

  RedisAddress node_of(const RedisCommand& command) const;
  Result<std::unique_ptr<RedisConnection>> borrow(const RedisAddress& address);
  void give_back(const RedisAddress& address, std::unique_ptr<RedisConnection> connection);
  void drop(const RedisAddress& address, bool with_idle);
  void learn(std::uint16_t slot, const RedisAddress& address);
  bool settle(const RedisAddress& from, std::size_t at, RedisReply reply, Round& round);
  Status exchange(const RedisAddress& address, const std::vector<std::size_t>& which, Round& round);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable given_back_;
  std::map<RedisAddress, Node> nodes_;
  std::unordered_map<std::uint16_t, RedisAddress> slots_;
  std::uint64_t connected_ = 0;
};

}  // namespace pointsman
