#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/server.h"
#include "tests/server/http/http_client.h"

namespace pointsman::http::testing {

/// A server whose handler keeps what it is told to keep.
class HttpServer : public ::testing::Test {
 protected:
  /// /later: the responder is kept for the test. /drop: dropped. /throw: the handler throws. Else
  /// it answers "METHOD path body" at once.
  HttpServer()
      : handler_([this](Request request, Responder responder) {
          if (request.path == "/later") {
            const std::lock_guard lock(mutex_);
            kept_.push_back(std::move(responder));
            arrived_.notify_all();
          } else if (request.path == "/throw") {
            throw std::runtime_error("a bug");
          } else if (request.path != "/drop") {
            responder.respond(text(request.method + " " + request.path + " " + request.body));
          }
        }) {}

  void start(ServerOptions options = {}) {
    if (options.threads == 0) options.threads = 1;
    server_ = std::make_unique<Server>(options, handler_);
    ASSERT_TRUE(server_->start().ok());
    ASSERT_NE(server_->port(), 0);
  }

  std::uint16_t port() const { return server_->port(); }

  /// Waits for `n` responders of /later, and takes them.
  std::vector<Responder> kept(std::size_t n) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        arrived_.wait_for(lock, std::chrono::seconds(60), [&] { return kept_.size() >= n; }));
    return std::exchange(kept_, {});
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Responder> kept_;
  FunctionHandler handler_;
  std::unique_ptr<Server> server_;
};

}  // namespace pointsman::http::testing
