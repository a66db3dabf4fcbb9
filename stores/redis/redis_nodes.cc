#include "stores/redis/redis_nodes.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>
#include <utility>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

constexpr int kMostRounds = 8;
constexpr std::uint16_t kSlots = 16384;

struct Redirect {
  std::uint16_t slot = 0;
  RedisAddress address;
};

/// Reads "MOVED 3999 host:port", "ASK 3999 host:port". No host: the node that answered.
std::optional<Redirect> redirect_of(std::string_view text, const RedisAddress& from) {
  const std::size_t first = text.find(' ');
  const std::size_t second = text.find(' ', first + 1);
  const std::size_t colon = text.rfind(':');
  if (first == text.npos || second == text.npos || colon == text.npos || colon < second) {
    return std::nullopt;
  }
  Redirect read;
  const std::string_view slot = text.substr(first + 1, second - first - 1);
  const std::string_view port = text.substr(colon + 1);
  const auto slot_end = std::from_chars(slot.data(), slot.data() + slot.size(), read.slot);
  const auto port_end = std::from_chars(port.data(), port.data() + port.size(), read.address.port);
  if (slot_end.ec != std::errc() || port_end.ec != std::errc() || read.slot >= kSlots) {
    return std::nullopt;
  }
  read.address.host = text.substr(second + 1, colon - second - 1);
  if (read.address.host.empty()) read.address.host = from.host;
  return read;
}

}  // namespace

std::uint16_t redis_slot(std::string_view key) {
  if (const std::size_t open = key.find('{'); open != key.npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  // CRC16-XMODEM: polynomial 0x1021, from 0.
  unsigned crc = 0;
  for (const char c : key) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
    }
    crc &= 0xffffU;
  }
  return static_cast<std::uint16_t>(crc % kSlots);
}

/// The state of one run().
struct RedisNodes::Round {
  std::vector<RedisCommand>& commands;
  std::vector<RedisReply> replies;
  std::vector<std::size_t> pending;           ///< To be sent in the next round.
  std::map<std::size_t, RedisAddress> asked;  ///< Commands that an ASK sends elsewhere, once.
  bool sent = false;
  bool pause = false;
};

RedisAddress RedisNodes::node_of(const RedisCommand& command) const {
  const std::lock_guard lock(mutex_);
  if (!slots_.empty() && !command.key.empty()) {
    const auto known = slots_.find(redis_slot(command.key));
    if (known != slots_.end()) return known->second;
  }
  return options_.connection.url.address;
}

Result<std::unique_ptr<RedisConnection>> RedisNodes::borrow(const RedisAddress& address) {
  std::unique_lock lock(mutex_);
  Node& node = nodes_[address];
  given_back_.wait(lock, [&] { return !node.idle.empty() || node.open < options_.connections; });
  while (!node.idle.empty()) {
    std::unique_ptr<RedisConnection> connection = std::move(node.idle.back());
    node.idle.pop_back();
    if (connection->is_fresh()) return connection;
    --node.open;
  }
  if (Clock::now() < node.closed_until) {
    return Error{ErrorCode::unavailable,
                 "Redis at " + text_of(address) + " could not be reached a moment ago.", ""};
  }
  ++node.open;
  lock.unlock();
  RedisConnection::Options options = options_.connection;
  options.url.address = address;
  Result<std::unique_ptr<RedisConnection>> opened = RedisConnection::open(options);
  lock.lock();
  if (opened.ok()) {
    ++connected_;
    node.pause = 0ms;
    return opened;
  }
  --node.open;
  node.pause = std::clamp<std::chrono::milliseconds>(2 * node.pause, 50ms, 1s);
  node.closed_until = Clock::now() + node.pause;
  given_back_.notify_all();
  return opened;
}

void RedisNodes::give_back(const RedisAddress& address,
                           std::unique_ptr<RedisConnection> connection) {
  const std::lock_guard lock(mutex_);
  nodes_[address].idle.push_back(std::move(connection));
  given_back_.notify_all();
}

/// A connection that was lent is gone. What was learnt of the node may be gone with it.
void RedisNodes::drop(const RedisAddress& address, bool with_idle) {
  const std::lock_guard lock(mutex_);
  Node& node = nodes_[address];
  --node.open;
  if (with_idle) {
    node.open -= node.idle.size();
    node.idle.clear();
  }
  std::erase_if(slots_, [&](const auto& known) { return known.second == address; });
  given_back_.notify_all();
}

void RedisNodes::learn(std::uint16_t slot, const RedisAddress& address) {
  const std::lock_guard lock(mutex_);
  slots_[slot] = address;
}

std::uint64_t RedisNodes::connected() const {
  const std::lock_guard lock(mutex_);
  return connected_;
}

/// Takes an answer, or plans the command for the next round. False: the node has become a replica.
bool RedisNodes::settle(const RedisAddress& from, std::size_t at, RedisReply reply, Round& round) {
  RedisCommand& command = round.commands[at];
  const std::string_view word = error_word(*reply);
  if (word == "NOSCRIPT" && !command.lua.empty()) {
    command.words[0] = "EVAL";
    command.words[1] = std::exchange(command.lua, {});
    round.pending.push_back(at);
  } else if (word == "MOVED" || word == "ASK") {
    if (const auto redirect = redirect_of(bytes_of(*reply), from)) {
      if (word == "MOVED") {
        learn(redirect->slot, redirect->address);
      } else {
        round.asked[at] = redirect->address;
      }
      round.pending.push_back(at);
    }
  } else if (word == "TRYAGAIN") {
    // The keys of this command are on their way to another node.
    round.pause = true;
    round.pending.push_back(at);
  }
  round.replies[at] = std::move(reply);
  return word != "READONLY";
}

/// Sends the commands at `which` to one node and takes their answers.
Status RedisNodes::exchange(const RedisAddress& address, const std::vector<std::size_t>& which,
                            Round& round) {
  static const std::vector<std::string> kAsking = {"ASKING"};
  Result<std::unique_ptr<RedisConnection>> borrowed = borrow(address);
  if (!borrowed.ok()) return borrowed.error();
  std::vector<const std::vector<std::string>*> commands;
  for (const std::size_t at : which) {
    if (round.asked.contains(at)) commands.push_back(&kAsking);
    commands.push_back(&round.commands[at].words);
  }
  round.sent = true;
  if (Status sent = (*borrowed)->send(commands); !sent.ok()) {
    drop(address, /*with_idle=*/true);
    return sent;
  }
  bool usable = true;
  for (const std::size_t at : which) {
    // The answer to ASKING says nothing.
    if (round.asked.erase(at) > 0) (void)(*borrowed)->receive();
    Result<RedisReply> reply = (*borrowed)->receive();
    if (!reply.ok()) {
      drop(address, /*with_idle=*/true);
      return reply.error();
    }
    usable = settle(address, at, std::move(reply).value(), round) && usable;
  }
  if (usable) {
    give_back(address, std::move(borrowed).value());
  } else {
    drop(address, /*with_idle=*/true);
  }
  return Done{};
}

Result<std::vector<RedisReply>> RedisNodes::run(std::vector<RedisCommand> commands,
                                                RedisRepeat repeat) {
  Round round{.commands = commands};
  round.replies.resize(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) round.pending.push_back(i);
  bool repeated = false;
  for (int n = 0; n < kMostRounds && !round.pending.empty(); ++n) {
    if (std::exchange(round.pause, false)) std::this_thread::sleep_for(20ms);
    std::sort(round.pending.begin(), round.pending.end());  // To one node in the order given.
    std::map<RedisAddress, std::vector<std::size_t>> by_node;
    for (const std::size_t at : std::exchange(round.pending, {})) {
      const auto asked = round.asked.find(at);
      by_node[asked == round.asked.end() ? node_of(commands[at]) : asked->second].push_back(at);
    }
    for (const auto& [address, which] : by_node) {
      Status done = exchange(address, which, round);
      if (done.ok()) continue;
      Error error = done.error();
      if (repeat == RedisRepeat::safe && round.sent && !std::exchange(repeated, true)) {
        for (const std::size_t at : which) round.asked.erase(at);
        std::erase_if(round.pending, [&](std::size_t at) {
          return std::find(which.begin(), which.end(), at) != which.end();
        });
        round.pending.insert(round.pending.end(), which.begin(), which.end());
        continue;
      }
      error.code = repeat == RedisRepeat::never && round.sent            ? ErrorCode::in_doubt
                   : error.code == ErrorCode::invalid && connected() > 0 ? ErrorCode::unavailable
                                                                         : error.code;
      return error;
    }
  }
  // What still stands redirected keeps that answer, which is a refusal.
  return std::move(round.replies);
}

Result<std::vector<RedisReply>> RedisNodes::ask(std::vector<RedisCommand> commands) {
  Result<std::vector<RedisReply>> replies = run(std::move(commands), RedisRepeat::safe);
  if (!replies.ok()) return replies;
  for (const RedisReply& reply : *replies) {
    if (is_error(*reply)) return refusal(*reply);
  }
  return replies;
}

}  // namespace pointsman
