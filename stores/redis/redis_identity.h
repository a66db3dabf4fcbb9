#pragma once

#include <string>
#include <string_view>

#include "engine/values/result.h"
#include "stores/redis/redis_nodes.h"

namespace pointsman {

/// The random id that a Redis got when it became a store. It has to be there as long as the store
/// is open: a Redis that was emptied, or exchanged for another, does not have it. In a cluster it
/// stands on one node and speaks for that node alone. Immutable once it is taken.
class RedisIdentity final {
 public:
  /// Reads the id, and gives the store one where it has none.
  static Result<RedisIdentity> take(RedisNodes& nodes);

  RedisIdentity() = default;

  RedisCommand question() const;
  /// Done where `value`, what question() was answered, is the id. Error: `unavailable`.
  Status judge(std::string_view value) const;

  /// A command that writes and changes nothing, where judge() was satisfied a moment ago.
  RedisCommand write() const;

 private:
  explicit RedisIdentity(std::string id) : id_(std::move(id)) {}

  std::string id_;
};

}  // namespace pointsman
