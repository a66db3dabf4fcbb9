#include <algorithm>
#include <iterator>
#include <limits>

#include "engine/log/record_codec.h"
#include "stores/append_rules.h"
#include "stores/redis/redis_keys.h"
#include "stores/redis/redis_link.h"
#include "stores/redis/redis_store.h"
#include "stores/redis/redis_values.h"

namespace pointsman {
namespace {

/// Bounds the answer to one XRANGE.
constexpr std::size_t kPage = 4096;

constexpr LogPosition kNoPosition = std::numeric_limits<LogPosition>::max();

Error other_form() { return {ErrorCode::corrupt, "Redis holds a log entry of another form.", ""}; }

/// The position in an entry's id, "position-0".
Result<LogPosition> position_of(const redisReply& entry) {
  const auto parts = elements_of(entry);
  if (parts.size() != 2) return other_form();
  const std::string_view id = bytes_of(*parts[0]);
  const auto position = redis_number(id.substr(0, id.find('-')));
  if (!position) return other_form();
  return *position;
}

Result<StoredRecord> record_of(const Scope& scope, const redisReply& entry) {
  Result<LogPosition> position = position_of(entry);
  if (!position.ok()) return position.error();
  const auto fields = elements_of(*elements_of(entry)[1]);
  if (fields.size() < 2) return other_form();
  Result<Record> record = decode(bytes_of(*fields[1]));
  if (!record.ok()) return record.error();
  return StoredRecord{scope, *position, std::move(record).value()};
}

struct FeedbackAt {
  LogPosition position = 0;
  std::size_t scope = 0;
};

/// Newest first, at most `limit`, without parting two routers that share a position: the page's
/// last position is where the next page begins. Only a page of nothing but such a tie is longer.
void cut_page(std::vector<FeedbackAt>& all, std::size_t limit) {
  std::sort(all.begin(), all.end(), [](const FeedbackAt& a, const FeedbackAt& b) {
    return std::pair(b.position, a.scope) < std::pair(a.position, b.scope);
  });
  if (all.size() <= limit) return;
  std::size_t end = limit;
  while (end > 0 && all[end].position == all[end - 1].position) --end;
  if (end == 0) {
    while (end < all.size() && all[end].position == all[0].position) ++end;
  }
  all.resize(end);
}

}  // namespace

Result<std::vector<StoredRecord>> RedisStore::find(std::string_view tenant,
                                                   std::string_view query_id, LogPosition upper) {
  const std::string id(query_id);
  return find_all(tenant, {&id, 1}, upper);
}

Result<std::vector<StoredRecord>> RedisStore::find_all(std::string_view tenant,
                                                       std::span<const std::string> query_ids,
                                                       LogPosition upper) {
  std::vector<std::string> keys;
  for (const std::string& query_id : query_ids) keys.push_back(redis_claim_key(tenant, query_id));
  const auto claims = redis_values(link_->nodes(), keys, link_->found().cluster);
  if (!claims.ok()) return claims.error();
  std::vector<Link::Index> indexes;
  for (std::size_t i = 0; i < query_ids.size(); ++i) {
    if ((*claims)[i].empty()) continue;
    const auto claim = read_redis_claim((*claims)[i]);
    if (!claim) return Error{ErrorCode::corrupt, "Redis holds a claim of another form.", ""};
    const Scope scope{std::string(tenant), claim->router};
    indexes.push_back({scope, RedisRouterKeys(scope).decision(query_ids[i])});
  }
  return link_->read_all_indexed(indexes, upper);
}

Result<std::vector<StoredRecord>> RedisStore::session_records(const Scope& scope,
                                                              std::string_view session_id,
                                                              LogPosition upper) {
  return link_->read_indexed(scope, RedisRouterKeys(scope).session(session_id), upper);
}

Result<std::vector<Scope>> RedisStore::session_scopes(std::string_view tenant,
                                                      std::string_view session_id) {
  const std::string key = redis_session_key(tenant, session_id);
  Result<RedisReply> reply = link_->ask({{"SMEMBERS", key}, key});
  if (!reply.ok()) return reply.error();
  std::vector<Scope> named;
  std::vector<RedisCommand> commands;
  for (const redisReply* router : elements_of(**reply)) {
    named.push_back({std::string(tenant), std::string(bytes_of(*router))});
    const std::string session = RedisRouterKeys(named.back()).session(session_id);
    commands.push_back({{"HEXISTS", session, "n"}, session});
  }
  if (commands.empty()) return named;
  Result<std::vector<RedisReply>> replies = link_->ask_all(std::move(commands));
  if (!replies.ok()) return replies.error();
  std::vector<Scope> scopes;
  for (std::size_t i = 0; i < named.size(); ++i) {
    if ((*replies)[i]->integer == 1) scopes.push_back(std::move(named[i]));
  }
  std::sort(scopes.begin(), scopes.end());
  return scopes;
}

Result<std::vector<StoredRecord>> RedisStore::Link::read_log(const Scope& scope,
                                                             const RedisLogRange& range) {
  const RedisRouterKeys keys(scope);
  const std::string end = range.below == 0 ? "+" : std::to_string(range.below - 1) + "-0";
  LogPosition after = range.after;
  std::vector<StoredRecord> records;
  while (records.size() < range.limit && after < kNoPosition && after + 1 != range.below) {
    const std::size_t count = std::min(range.limit - records.size(), kPage);
    // The mark after the records: what was pruned before they were read was marked before.
    std::vector<RedisCommand> commands;
    commands.push_back({{"XRANGE", keys.log(), std::to_string(after + 1) + "-0", end, "COUNT",
                         std::to_string(count)},
                        keys.log()});
    commands.push_back({{"GET", keys.pruned()}, keys.pruned()});
    Result<std::vector<RedisReply>> replies = ask_in_order(std::move(commands));
    if (!replies.ok()) return replies.error();
    const LogPosition below = redis_number(bytes_of(*(*replies)[1])).value_or(0);
    if (!range.over_gaps && begins_in_pruned(after, below)) return pruned_error(below);
    const auto entries = elements_of(*(*replies)[0]);
    for (const redisReply* entry : entries) {
      Result<StoredRecord> record = record_of(scope, *entry);
      if (!record.ok()) return record.error();
      after = record->position;
      records.push_back(std::move(record).value());
    }
    if (entries.size() < count) break;
  }
  return records;
}

Result<std::vector<StoredRecord>> RedisStore::scan(const Scope& scope, LogPosition after,
                                                   std::size_t limit) {
  Result<std::vector<StoredRecord>> records =
      link_->read_log(scope, {.after = after, .limit = limit});
  if (!records.ok()) return records;
  if (!records->empty()) link_->clock().saw(scope.tenant, records->back().position);
  return records;
}

Result<std::vector<StoredRecord>> RedisStore::recent_feedback(std::string_view tenant,
                                                              LogPosition before,
                                                              std::size_t limit) {
  Result<std::vector<Scope>> all = scopes();
  if (!all.ok()) return all.error();
  std::erase_if(*all, [&](const Scope& scope) { return scope.tenant != tenant; });
  if (all->empty() || limit == 0 || before == 1) return std::vector<StoredRecord>{};
  const std::string newest = before == 0 ? "+" : std::to_string(before - 1) + "-0";
  std::vector<RedisCommand> commands;
  for (const Scope& scope : *all) {
    const std::string key = RedisRouterKeys(scope).feedback();
    commands.push_back({{"XREVRANGE", key, newest, "-", "COUNT", std::to_string(limit)}, key});
  }
  Result<std::vector<RedisReply>> listed = link_->ask_all(std::move(commands));
  if (!listed.ok()) return listed.error();
  std::vector<FeedbackAt> page;
  for (std::size_t i = 0; i < all->size(); ++i) {
    for (const redisReply* entry : elements_of(*(*listed)[i])) {
      Result<LogPosition> position = position_of(*entry);
      if (!position.ok()) return position.error();
      page.push_back({*position, i});
    }
  }
  cut_page(page, limit);
  if (page.empty()) return std::vector<StoredRecord>{};
  std::vector<RedisCommand> reads;
  for (const FeedbackAt& at : page) {
    const std::string log = RedisRouterKeys((*all)[at.scope]).log();
    const std::string id = std::to_string(at.position) + "-0";
    reads.push_back({{"XRANGE", log, id, id}, log});
  }
  Result<std::vector<RedisReply>> found = link_->ask_all(std::move(reads));
  if (!found.ok()) return found.error();
  std::vector<StoredRecord> records;
  for (std::size_t i = 0; i < page.size(); ++i) {
    for (const redisReply* entry : elements_of(*(*found)[i])) {
      Result<StoredRecord> record = record_of((*all)[page[i].scope], *entry);
      if (!record.ok()) return record.error();
      records.push_back(std::move(record).value());
    }
  }
  return records;
}

Result<std::vector<LogHead>> RedisStore::heads() { return link_->heads(); }

}  // namespace pointsman
