#include "stores/redis/redis_store.h"

#include <algorithm>

#include "engine/values/bytes.h"
#include "stores/redis/redis_keys.h"
#include "stores/redis/redis_link.h"
#include "stores/redis/redis_scripts.h"

namespace pointsman {

Result<std::unique_ptr<RedisStore>> RedisStore::open(const RedisStoreOptions& options) {
  Result<RedisUrl> url = parse_redis_url(options.url);
  if (!url.ok()) return url.error();
  if (options.connections == 0) {
    return invalid("connections", "A Redis store needs a connection.");
  }
  RedisNodes::Options nodes;
  nodes.connection.url = std::move(url).value();
  nodes.connection.connect_timeout = options.connect_timeout;
  nodes.connection.command_timeout = options.command_timeout;
  nodes.connections = options.connections;
  RedisStoreOptions kept = options;
  kept.url.clear();  // It holds a password, and nothing reads it again.
  auto link = std::make_unique<Link>(kept, nodes);
  if (Status started = link->start(); !started.ok()) return started.error();
  return std::unique_ptr<RedisStore>(new RedisStore(std::move(link)));
}

RedisStore::RedisStore(std::unique_ptr<Link> link) : link_(std::move(link)) {}

RedisStore::~RedisStore() = default;

Result<std::vector<AppendResult>> RedisStore::append(std::span<const AppendRequest> group) {
  if (group.empty()) return std::vector<AppendResult>{};
  RedisAppend one_group(link_->nodes(), link_->identity(), link_->scripts(), link_->clock(),
                        {.max_record_bytes = link_->options().max_record_bytes,
                         .max_group_bytes = link_->options().max_group_bytes,
                         .cluster = link_->found().cluster});
  return one_group.run(group);
}

// ---- Checkpoints -------------------------------------------------------------------------------

namespace {

std::string encode_chunks(const Checkpoint& checkpoint) {
  ByteWriter out;
  out.varint(checkpoint.chunks.size());
  for (const auto& [name, bytes] : checkpoint.chunks) {
    out.string(name);
    out.string(bytes);
  }
  return out.take();
}

bool decode_chunks(std::string_view bytes, Checkpoint& checkpoint) {
  ByteReader in(bytes);
  const std::size_t n = in.count(2);
  for (std::size_t i = 0; i < n; ++i) {
    std::string name(in.string());
    checkpoint.chunks.emplace_back(std::move(name), in.string());
  }
  return in.ok();
}

/// Reads "position:format", the name of a checkpoint's fields.
bool read_name(std::string_view name, Checkpoint& checkpoint) {
  const std::size_t colon = name.find(':');
  if (colon == name.npos) return false;
  const auto position = redis_number(name.substr(0, colon));
  const auto format = redis_number(name.substr(colon + 1));
  if (!position || !format) return false;
  checkpoint.position = *position;
  checkpoint.format = static_cast<std::uint32_t>(*format);
  return true;
}

}  // namespace

Status RedisStore::save_checkpoint(const Checkpoint& checkpoint) {
  const std::string key = RedisRouterKeys(checkpoint.scope).checkpoints();
  Result<RedisReply> reply = link_->ask(
      redis_script(link_->scripts().checkpoint, kRedisCheckpointScript, {key},
                   {std::to_string(checkpoint.position), std::to_string(checkpoint.format),
                    std::to_string(checkpoint.checksum), encode_chunks(checkpoint)}));
  if (!reply.ok()) return reply.error();
  if ((*reply)->integer == 1) return Done{};
  return Error{ErrorCode::conflict, "This checkpoint is stored with another checksum.", ""};
}

Status RedisStore::drop_checkpoint(const Checkpoint& checkpoint) {
  Result<RedisReply> reply = link_->ask(redis_script(
      link_->scripts().drop, kRedisDropScript, {RedisRouterKeys(checkpoint.scope).checkpoints()},
      {std::to_string(checkpoint.position), std::to_string(checkpoint.format),
       std::to_string(checkpoint.checksum)}));
  if (!reply.ok()) return reply.error();
  return Done{};
}

Result<std::vector<Checkpoint>> RedisStore::load_checkpoints(const Scope& scope) {
  const std::string key = RedisRouterKeys(scope).checkpoints();
  Result<RedisReply> reply = link_->ask({{"HGETALL", key}, key});
  if (!reply.ok()) return reply.error();
  const auto fields = elements_of(**reply);
  std::vector<Checkpoint> found;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const std::string_view name = bytes_of(*fields[i]);
    if (!name.starts_with('c')) continue;
    Checkpoint checkpoint{.scope = scope};
    const auto checksum = redis_number(bytes_of(*fields[i + 1]));
    bool complete = checksum && read_name(name.substr(1), checkpoint);
    for (std::size_t j = 0; complete && j + 1 < fields.size(); j += 2) {
      const std::string_view other = bytes_of(*fields[j]);
      if (!other.starts_with('b') || other.substr(1) != name.substr(1)) continue;
      complete = decode_chunks(bytes_of(*fields[j + 1]), checkpoint);
    }
    // A checkpoint that does not read is one the less: the fold goes on from an older one.
    if (!complete) continue;
    checkpoint.checksum = *checksum;
    found.push_back(std::move(checkpoint));
  }
  std::sort(found.begin(), found.end(), [](const Checkpoint& a, const Checkpoint& b) {
    return std::pair(a.position, a.format) > std::pair(b.position, b.format);
  });
  return found;
}

// ---- What it says of itself --------------------------------------------------------------------

Result<StoreCounts> RedisStore::counts(const Scope& scope, Timestamp now) {
  const RedisRouterKeys keys(scope);
  Result<std::vector<RedisReply>> replies = link_->ask_all(
      {{{"HGETALL", keys.counts()}, keys.counts()},
       {{"ZCOUNT", keys.open(), std::to_string(now.time_since_epoch().count()), "+inf"},
        keys.open()}});
  if (!replies.ok()) return replies.error();
  StoreCounts counts;
  const auto fields = elements_of(*(*replies)[0]);
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    constexpr std::string_view kFeedback = "feedback:";
    const std::string_view name = bytes_of(*fields[i]);
    const std::uint64_t n = redis_number(bytes_of(*fields[i + 1])).value_or(0);
    if (name == "decision") counts.decisions = n;
    if (name == "outcome") counts.outcomes = n;
    if (name == "session_feedback") counts.session_feedback = n;
    if (name.starts_with(kFeedback)) {
      counts.feedback_by_type.emplace_back(name.substr(kFeedback.size()), n);
    }
  }
  std::sort(counts.feedback_by_type.begin(), counts.feedback_by_type.end());
  counts.open_decisions = static_cast<std::uint64_t>((*replies)[1]->integer);
  return counts;
}

std::vector<std::pair<std::string, std::string>> RedisStore::settings() const {
  const RedisFound& found = link_->found();
  return {{"kind", "redis"},
          {"server", link_->server()},
          {"redis", found.version},
          {"cluster", found.cluster ? "true" : "false"},
          {"appendonly", found.appendonly},
          {"appendfsync", found.appendfsync},
          {"maxmemory_policy", found.maxmemory_policy},
          {"survives", redis_survival(found)},
          {"connections_made", std::to_string(link_->connected())}};
}

Status RedisStore::check(StoreCheck how) { return link_->check(how); }

std::uint64_t RedisStore::connections() const { return link_->connected(); }

}  // namespace pointsman
