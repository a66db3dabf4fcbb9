#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/log/store.h"
#include "stores/redis/redis_keys.h"
#include "stores/redis/redis_nodes.h"

namespace pointsman {

/// What the script is told of a record beside its bytes.
struct RedisRecordTraits {
  std::string count;  ///< Field of the counts; empty: not counted.
  bool is_feedback = false;
  std::string_view session_id;
  bool is_decision = false;
};

RedisRecordTraits redis_traits_of(const RecordBody& body);

/// One request on its way through the round trips.
struct RedisAppendItem {
  const AppendRequest* request = nullptr;
  std::string bytes;
  bool too_large = false;
  RedisRecordTraits traits;
  std::optional<RedisClaim> claim;  ///< Of the decision that the subject names.
  std::string hint;                 ///< A router that may hold the key; empty: none is known.
  std::string key_elsewhere;        ///< The key's entry in that router; empty: none.
  Scope home;                       ///< Where it is judged; no router: it is judged here.

  bool on_subject_decision() const { return request->subject_kind == SubjectKind::decision; }
  bool creates() const { return on_subject_decision() && request->creates_subject; }
  /// Whether the first round trip claims the query_id for this request's router.
  bool claims() const {
    return creates() && traits.is_decision && !too_large && !request->scope.router.empty();
  }
  bool wants_hint() const { return request->key && hint.empty(); }
  /// How long the hint at its key must live.
  std::chrono::milliseconds hint_life() const;
  bool claims_elsewhere() const {
    return creates() && claim && claim->router != request->scope.router;
  }
};

/// The arguments of one append script: the requests of one router.
class RedisAppendCall final {
 public:
  RedisAppendCall(Scope scope, bool cluster);

  /// `at`: the request's place in its group.
  void add(const RedisAppendItem& item, std::size_t at);

  /// Takes what was added.
  RedisCommand command(const std::string& sha, LogPosition floor);

  const Scope& scope() const { return scope_; }
  const std::vector<std::size_t>& members() const { return members_; }

 private:
  // Keys with hash tags of their own: a cluster does not take them beside the router's.
  bool tells_claim(const RedisAppendItem& item) const {
    return !cluster_ && item.claims() && !item.claims_elsewhere();
  }
  bool tells_routers(const RedisAppendItem& item) const {
    return !cluster_ && item.traits.is_decision && !item.traits.session_id.empty();
  }
  bool tells_hint(const RedisAppendItem& item) const { return !cluster_ && item.wants_hint(); }

  std::string flags_of(const RedisAppendItem& item) const;
  void add_form(const RedisAppendItem& item);
  std::string subject_of(const AppendRequest& request);
  std::string subject_of_router(const std::string& subject) const;
  std::string number_of(std::string key);

  Scope scope_;
  bool cluster_;
  RedisRouterKeys keys_of_;
  std::vector<std::string> keys_;
  std::unordered_map<std::string, std::size_t> numbers_;
  std::vector<std::size_t> members_;
  std::vector<std::string> arguments_;
  std::vector<std::string> form_;  ///< Of the request that was added last.
};

}  // namespace pointsman
