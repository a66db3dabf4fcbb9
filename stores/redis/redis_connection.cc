#include "stores/redis/redis_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <utility>

namespace pointsman {
namespace {

timeval timeval_of(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  return {.tv_sec = static_cast<time_t>(count / 1000),
          .tv_usec = static_cast<suseconds_t>(count % 1000 * 1000)};
}

void append_command(const std::vector<std::string>& words, std::string& out) {
  out += '*' + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += '$' + std::to_string(word.size()) + "\r\n";
    out += word;
    out += "\r\n";
  }
}

}  // namespace

bool is_error(const redisReply& reply) { return reply.type == REDIS_REPLY_ERROR; }

std::string_view bytes_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}

std::string_view error_word(const redisReply& reply) {
  if (!is_error(reply)) return {};
  const std::string_view text = bytes_of(reply);
  return text.substr(0, text.find(' '));
}

std::span<redisReply* const> elements_of(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY) return {};
  return {reply.element, reply.elements};
}

Error refusal(const redisReply& reply) {
  const std::string_view word = error_word(reply);
  if (word == "ERR" || word == "WRONGTYPE" || word == "CROSSSLOT") {
    return {ErrorCode::internal, "Redis refused a command (" + std::string(word) + ").", ""};
  }
  if (word == "OOM") {
    return {ErrorCode::unavailable, "Redis is out of memory: raise its maxmemory.", ""};
  }
  return {ErrorCode::unavailable, "Redis cannot serve now (" + std::string(word) + ").", ""};
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(const Options& options) {
  const RedisAddress& address = options.url.address;
  redisContext* context = redisConnectWithTimeout(address.host.c_str(), address.port,
                                                  timeval_of(options.connect_timeout));
  std::unique_ptr<RedisConnection> made(new RedisConnection(context, text_of(address)));
  if (context == nullptr || context->err != 0) {
    return Error{ErrorCode::unavailable, "Redis at " + made->name_ + " does not answer.", ""};
  }
  if (redisSetTimeout(context, timeval_of(options.command_timeout)) != REDIS_OK ||
      redisEnableKeepAlive(context) != REDIS_OK) {
    return Error{ErrorCode::unavailable, "The connection to " + made->name_ + " broke.", ""};
  }
  if (Status logged_in = made->log_in(options.url); !logged_in.ok()) return logged_in.error();
  return made;
}

Status RedisConnection::log_in(const RedisUrl& url) {
  if (!url.password.empty()) {
    std::vector<std::string> auth = {"AUTH"};
    if (!url.user.empty()) auth.push_back(url.user);
    auth.push_back(url.password);
    const Result<RedisReply> reply = ask(auth);
    if (!reply.ok()) return reply.error();
    if (is_error(*reply.value())) {
      const std::string_view word = error_word(*reply.value());
      if (word == "LOADING" || word == "MASTERDOWN") return refusal(*reply.value());
      return invalid("store", "Redis at " + name_ + " refused the url's user or password.");
    }
  }
  if (url.database == 0) return Done{};
  const Result<RedisReply> reply = ask({"SELECT", std::to_string(url.database)});
  if (!reply.ok()) return reply.error();
  if (!is_error(*reply.value())) return Done{};
  if (error_word(*reply.value()) != "ERR") return refusal(*reply.value());
  return invalid("store", "Redis at " + name_ + " has no such database.");
}

Error RedisConnection::broken() const {
  const bool late = context_->err == REDIS_ERR_IO && errno == EAGAIN;
  return {ErrorCode::unavailable,
          late ? "Redis at " + name_ + " did not answer in time."
               : "The connection to Redis at " + name_ + " broke.",
          ""};
}

bool RedisConnection::is_fresh() const {
  pollfd waiting{.fd = context_->fd, .events = POLLIN, .revents = 0};
  return context_->err == 0 && ::poll(&waiting, 1, 0) == 0;
}

Status RedisConnection::send(std::span<const std::vector<std::string>* const> commands) {
  std::string bytes;
  for (const std::vector<std::string>* command : commands) append_command(*command, bytes);
  // hiredis writes without MSG_NOSIGNAL: a peer that went would end the process.
  std::string_view left = bytes;
  while (!left.empty()) {
    const ssize_t sent = ::send(context_->fd, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) {
      context_->err = REDIS_ERR_IO;
      return broken();
    }
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Done{};
}

Result<RedisReply> RedisConnection::receive() {
  void* reply = nullptr;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK || reply == nullptr) return broken();
  return RedisReply(static_cast<redisReply*>(reply));
}

Result<RedisReply> RedisConnection::ask(const std::vector<std::string>& command) {
  const std::vector<std::string>* only = &command;
  if (Status sent = send({&only, 1}); !sent.ok()) return sent.error();
  return receive();
}

}  // namespace pointsman
