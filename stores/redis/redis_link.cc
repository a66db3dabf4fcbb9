#include "stores/redis/redis_link.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "engine/log/record_codec.h"
#include "stores/redis/redis_keys.h"
#include "stores/redis/redis_scripts.h"

namespace pointsman {
namespace {

/// How long a check waits for an answer.
constexpr std::chrono::milliseconds kLongestCheck{1'000};

/// The value of "name:value" in an INFO text.
std::string info_value(std::string_view info, std::string_view name) {
  for (std::size_t start = 0; start < info.size();) {
    const std::size_t end = std::min(info.find("\r\n", start), info.size());
    const std::string_view line = info.substr(start, end - start);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
      return std::string(line.substr(name.size() + 1));
    }
    start = end + 2;
  }
  return "";
}

/// Both numbers of a version such as 7.0.15 as one.
int version_number(std::string_view version) {
  const std::size_t dot = version.find('.');
  if (dot == version.npos) return 0;
  const auto major = redis_number(version.substr(0, dot));
  const std::string_view rest = version.substr(dot + 1);
  const auto minor = redis_number(rest.substr(0, rest.find('.')));
  return major && minor ? static_cast<int>(*major * 100 + *minor) : 0;
}

Status judge(const RedisFound& found) {
  if (version_number(found.version) < 602) {
    return invalid("store", "The Redis store needs Redis 6.2 or later.");
  }
  if (found.role != "master") {
    return invalid("store", "This Redis is a replica; the url must name its primary.");
  }
  if (found.maxmemory_policy != "noeviction") {
    return invalid("store",
                   "Redis's maxmemory-policy must be noeviction, or it would throw records away; "
                   "it is another.");
  }
  return Done{};
}

}  // namespace

Result<RedisFound> look_at_redis(RedisNodes& nodes) {
  std::vector<RedisCommand> commands;
  commands.push_back({{"INFO", "server"}, ""});
  commands.push_back({{"INFO", "memory"}, ""});
  commands.push_back({{"INFO", "persistence"}, ""});
  commands.push_back({{"INFO", "replication"}, ""});
  commands.push_back({{"INFO", "cluster"}, ""});
  commands.push_back({{"CONFIG", "GET", "appendfsync"}, ""});
  Result<std::vector<RedisReply>> replies = nodes.run(std::move(commands), RedisRepeat::safe);
  if (!replies.ok()) return replies.error();
  for (std::size_t i = 0; i < 5; ++i) {
    const redisReply& reply = *(*replies)[i];
    if (error_word(reply) == "NOAUTH" || error_word(reply) == "NOPERM") {
      return invalid("store", "Redis wants a user and password that may run our commands.");
    }
    if (is_error(reply)) return refusal(reply);
  }
  RedisFound found;
  found.version = info_value(bytes_of(*(*replies)[0]), "redis_version");
  found.maxmemory_policy = info_value(bytes_of(*(*replies)[1]), "maxmemory_policy");
  found.appendonly = info_value(bytes_of(*(*replies)[2]), "aof_enabled") == "1" ? "yes" : "no";
  found.role = info_value(bytes_of(*(*replies)[3]), "role");
  found.cluster = info_value(bytes_of(*(*replies)[4]), "cluster_enabled") == "1";
  const auto configured = elements_of(*(*replies)[5]);
  found.appendfsync = configured.size() == 2 ? std::string(bytes_of(*configured[1])) : "unknown";
  if (Status judged = judge(found); !judged.ok()) return judged.error();
  return found;
}

std::string redis_survival(const RedisFound& found) {
  const std::string failover = "; a failover to a replica may lose the newest";
  if (found.appendonly != "yes") {
    return "nothing but Redis's own snapshots: not power-loss safe" + failover;
  }
  if (found.appendfsync == "always") return "power loss of Redis's machine" + failover;
  return "the end of Redis's process in most cases: not power-loss safe" + failover;
}

Status RedisStore::Link::start() {
  Result<RedisFound> found = look_at_redis(nodes_);
  if (!found.ok()) return found.error();
  found_ = std::move(found).value();
  if (Status loaded = load_scripts(); !loaded.ok()) return loaded;
  Result<RedisIdentity> identity = RedisIdentity::take(nodes_);
  if (!identity.ok()) return identity.error();
  identity_ = std::move(identity).value();
  Result<std::vector<LogHead>> found_heads = heads();
  if (!found_heads.ok()) return found_heads.error();
  for (const LogHead& head : *found_heads) clock_.saw(head.scope.tenant, head.position);
  return Done{};
}

RedisNodes::Options RedisStore::Link::checking_options(RedisNodes::Options options) {
  options.connections = 1;
  options.connection.command_timeout =
      std::min<std::chrono::milliseconds>(options.connection.command_timeout, kLongestCheck);
  return options;
}

Status RedisStore::Link::check(StoreCheck how) {
  std::vector<RedisCommand> questions;
  questions.push_back(identity_.question());
  Result<std::vector<RedisReply>> replies = checking_.ask(std::move(questions));
  if (!replies.ok()) return replies.error();
  if (Status same = identity_.judge(bytes_of(*replies->front())); !same.ok()) return same;
  if (how == StoreCheck::identity) return Done{};
  std::vector<RedisCommand> writes;
  writes.push_back(identity_.write());
  Result<std::vector<RedisReply>> written = checking_.ask(std::move(writes));
  if (!written.ok()) return written.error();
  return Done{};
}

Result<std::vector<LogHead>> RedisStore::Link::heads() {
  const std::string key(kRedisScopes);
  std::vector<RedisCommand> questions;
  questions.push_back({{"SMEMBERS", key}, key});
  questions.push_back(identity_.question());
  Result<std::vector<RedisReply>> answers = ask_in_order(std::move(questions));
  if (!answers.ok()) return answers.error();
  if (Status same = identity_.judge(bytes_of(*(*answers)[1])); !same.ok()) return same.error();
  std::vector<LogHead> named;
  std::vector<RedisCommand> commands;
  for (const redisReply* member : elements_of(*answers->front())) {
    auto scope = redis_scope_of(bytes_of(*member));
    if (!scope) continue;
    const std::string head = RedisRouterKeys(*scope).head();
    commands.push_back({{"GET", head}, head});
    named.push_back({std::move(*scope), 0});
  }
  if (commands.empty()) return named;
  Result<std::vector<RedisReply>> replies = ask_all(std::move(commands));
  if (!replies.ok()) return replies.error();
  for (std::size_t i = 0; i < named.size(); ++i) {
    named[i].position = redis_number(bytes_of(*(*replies)[i])).value_or(0);
  }
  // A scope is named before its first record, which may never have come.
  std::erase_if(named, [](const LogHead& head) { return head.position == 0; });
  std::sort(named.begin(), named.end(),
            [](const LogHead& a, const LogHead& b) { return a.scope < b.scope; });
  return named;
}

Status RedisStore::Link::load_scripts() {
  std::vector<RedisCommand> loads;
  for (const std::string_view lua : {kRedisAppendScript, kRedisReadScript, kRedisCheckpointScript,
                                     kRedisDropScript, kRedisPruneScript}) {
    loads.push_back({{"SCRIPT", "LOAD", std::string(lua)}, ""});
  }
  Result<std::vector<RedisReply>> names = ask_all(std::move(loads));
  if (!names.ok()) return names.error();
  scripts_.append = bytes_of(*(*names)[0]);
  scripts_.read = bytes_of(*(*names)[1]);
  scripts_.checkpoint = bytes_of(*(*names)[2]);
  scripts_.drop = bytes_of(*(*names)[3]);
  scripts_.prune = bytes_of(*(*names)[4]);
  return Done{};
}

Result<RedisReply> RedisStore::Link::ask(RedisCommand command) {
  std::vector<RedisCommand> commands;
  commands.push_back(std::move(command));
  Result<std::vector<RedisReply>> replies = ask_all(std::move(commands));
  if (!replies.ok()) return replies.error();
  return std::move(replies->front());
}

Result<std::vector<RedisReply>> RedisStore::Link::ask_all(std::vector<RedisCommand> commands) {
  return nodes_.ask(std::move(commands));
}

Result<std::vector<RedisReply>> RedisStore::Link::ask_in_order(std::vector<RedisCommand> commands) {
  if (!found_.cluster) return ask_all(std::move(commands));
  std::vector<RedisReply> replies;
  for (RedisCommand& command : commands) {
    Result<RedisReply> reply = ask(std::move(command));
    if (!reply.ok()) return reply.error();
    replies.push_back(std::move(reply).value());
  }
  return replies;
}

Result<std::vector<StoredRecord>> RedisStore::Link::read_indexed(const Scope& scope,
                                                                 const std::string& index,
                                                                 LogPosition upper) {
  return read_all_indexed({{scope, index}}, upper);
}

Result<std::vector<StoredRecord>> RedisStore::Link::read_all_indexed(
    const std::vector<Index>& indexes, LogPosition upper) {
  std::vector<RedisCommand> commands;
  for (const Index& index : indexes) {
    commands.push_back(redis_script(scripts_.read, kRedisReadScript,
                                    {index.key, RedisRouterKeys(index.scope).log()},
                                    {std::to_string(upper)}));
  }
  std::vector<StoredRecord> records;
  if (commands.empty()) return records;
  Result<std::vector<RedisReply>> replies = ask_all(std::move(commands));
  if (!replies.ok()) return replies.error();
  for (std::size_t n = 0; n < indexes.size(); ++n) {
    const auto values = elements_of(*(*replies)[n]);
    for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
      const auto position = redis_number(bytes_of(*values[i]));
      Result<Record> record = decode(bytes_of(*values[i + 1]));
      if (!record.ok()) return record.error();
      if (!position) {
        return Error{ErrorCode::corrupt, "Redis holds a position of another form.", ""};
      }
      records.push_back({indexes[n].scope, *position, std::move(record).value()});
    }
  }
  return records;
}

}  // namespace pointsman
