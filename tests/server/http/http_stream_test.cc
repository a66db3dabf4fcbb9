#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "server/http/server.h"
#include "tests/server/http/http_client.h"

namespace pointsman::http::testing {
namespace {

using std::chrono::milliseconds;

class HttpStream : public ::testing::Test {
 protected:
  HttpStream()
      : handler_([this](Request request, Responder responder) {
          if (request.path != "/stream") return responder.respond(text(request.path));
          writer_.set_value(std::make_unique<StreamWriter>(
              responder.stream({.max_buffered_bytes = std::size_t{1} << 20})));
        }),
        server_({.threads = 1}, handler_) {
    EXPECT_TRUE(server_.start().ok());
  }

  /// The writer of the stream that the client has asked for.
  std::unique_ptr<StreamWriter> writer() { return writer_.get_future().get(); }

  std::promise<std::unique_ptr<StreamWriter>> writer_;
  FunctionHandler handler_;
  Server server_;
};

TEST_F(HttpStream, SendsChunksFromAnotherThreadAndKeepsTheConnection) {
  Client client(server_.port());
  client.send(get("/stream") + get("/next"));
  auto stream = writer();
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    const std::string chunk = "data: " + std::to_string(i) + "\n\n";
    sent += chunk;
    ASSERT_TRUE(stream->write(chunk));
    if (i % 50 == 0) std::this_thread::sleep_for(milliseconds(2));
  }
  stream->close();
  EXPECT_FALSE(stream->write("more"));
  const Answer answer = client.answer();
  EXPECT_TRUE(answer.has("Content-Type: text/event-stream\r\n"));
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, sent);
  EXPECT_EQ(client.answer().body, "/next");
}

TEST_F(HttpStream, SendsEachChunkAtOnce) {
  Client client(server_.port());
  client.send(get("/stream"));
  auto stream = writer();
  for (const std::string chunk : {"one", "two"}) {
    ASSERT_TRUE(stream->write(chunk));
    while (client.buffer().find(chunk) == std::string::npos) ASSERT_TRUE(client.receive());
  }
}

TEST_F(HttpStream, EndsAnHttp10AnswerByClosing) {
  Client client(server_.port());
  client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto stream = writer();
  stream->write("plain");
  stream->close();
  const Answer answer = client.answer();
  EXPECT_FALSE(answer.has("chunked"));
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "plain");
}

TEST_F(HttpStream, AnswersHeadWithTheHeadAlone) {
  Client client(server_.port());
  client.send("HEAD /stream HTTP/1.1\r\nHost: t\r\n\r\n");
  auto stream = writer();
  EXPECT_EQ(client.answer(true).status, 200);
  EXPECT_TRUE(eventually([&] { return !stream->write("x"); }));
  EXPECT_EQ(client.exchange(get("/next")).body, "/next");
}

TEST_F(HttpStream, BreaksTheConnectionOffWhenItsWriterIsDropped) {
  Client client(server_.port());
  client.send(get("/stream"));
  auto stream = writer();
  stream->write("half");
  while (client.buffer().find("half") == std::string::npos) ASSERT_TRUE(client.receive());
  stream.reset();
  EXPECT_TRUE(client.until_closed());
  EXPECT_EQ(client.buffer().find("\r\n0\r\n\r\n"), std::string::npos) << "it must not look whole";
}

TEST_F(HttpStream, CutsASlowReaderWhileMemoryStaysBounded) {
  Client client(server_.port(), 4096);
  client.send(get("/stream"));
  auto stream = writer();
  const std::string chunk(64 << 10, 'x');
  std::size_t written = 0;
  std::size_t most = 0;
  while (stream->write(chunk)) {
    written += chunk.size();
    most = std::max(most, stream->buffered_bytes());
    ASSERT_LT(written, std::size_t{64} << 20) << "the reader takes nothing: it must be cut";
  }
  EXPECT_LE(most, std::size_t{1} << 20);
  EXPECT_FALSE(stream->alive());
  EXPECT_TRUE(eventually([&] { return server_.counters().connections_now == 0; }));
  EXPECT_EQ(server_.counters().streams_cut, 1);
  EXPECT_EQ(server_.counters().streams_now, 0);
}

TEST_F(HttpStream, LetsAPatientWriterSendMoreThanItsBuffer) {
  Client client(server_.port());
  client.send(get("/stream"));
  auto stream = writer();
  std::thread producer([&] {
    const std::string chunk(256 << 10, 'y');
    for (int i = 0; i < 40; ++i) {
      ASSERT_TRUE(stream->wait_until_buffered_at_most(512 << 10, std::chrono::seconds(60)));
      ASSERT_TRUE(stream->write(chunk));
    }
    stream->close();
  });
  const Answer answer = client.answer();
  producer.join();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body.size(), std::size_t{10} << 20);
}

TEST_F(HttpStream, TellsTheWriterThatTheClientIsGone) {
  std::optional<Client> client(std::in_place, server_.port());
  client->send(get("/stream"));
  auto stream = writer();
  client.reset();
  EXPECT_TRUE(eventually([&] { return !stream->write("ping"); }));
}

TEST_F(HttpStream, TellsTheWriterThatTheServerDrains) {
  Client client(server_.port());
  client.send(get("/stream"));
  auto stream = writer();
  std::thread producer([&] {
    EXPECT_TRUE(eventually([&] { return stream->server_draining(); }));
    stream->write("goodbye");
    stream->close();
  });
  EXPECT_TRUE(server_.drain(std::chrono::seconds(60)));
  producer.join();
  const Answer answer = client.answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "goodbye");
}

TEST_F(HttpStream, EndsWithTheServer) {
  Client client(server_.port());
  client.send(get("/stream"));
  auto stream = writer();
  server_.stop();
  EXPECT_FALSE(stream->write("x"));
  EXPECT_TRUE(client.until_closed());
}

/// Random bytes, and requests with random damage, from a fixed seed.
TEST(HttpFuzz, NeverCrashesAndStillServesAfterwards) {
  FunctionHandler handler(
      [](Request request, Responder responder) { responder.respond(text(request.body)); });
  Server server({.threads = 1, .linger_timeout = milliseconds(20)}, handler);
  ASSERT_TRUE(server.start().ok());
  std::mt19937 random(20261121);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  const std::string chunked =
      "POST /a?b=%20c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nExpect: "
      "100-continue\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n";
  for (int i = 0; i < 1500; ++i) {
    std::string bytes;
    if (i % 3 == 0) {
      for (std::size_t n = below(600); n > 0; --n) bytes += static_cast<char>(below(256));
    } else {
      bytes = i % 3 == 1 ? chunked + get("/x") : post("/a", "some body") + chunked;
      for (std::size_t n = below(8); n > 0; --n) {
        const std::size_t at = below(bytes.size());
        switch (below(4)) {
          case 0:
            bytes[at] = static_cast<char>(below(256));
            break;
          case 1:
            bytes.erase(at, below(20));
            break;
          case 2:
            bytes.insert(at, bytes.substr(below(bytes.size()), below(40)));
            break;
          default:
            bytes.insert(at, 1, "\r\n :;%,0"[below(8)]);
        }
        if (bytes.empty()) break;
      }
    }
    Client client(server.port());
    const std::size_t at = below(bytes.size() + 1);
    if (client.send(std::string_view(bytes).substr(0, at))) {
      client.send(std::string_view(bytes).substr(at));
    }
    client.finish_sending();
    ASSERT_TRUE(client.until_closed()) << "case " << i << " hangs: " << bytes;
    ASSERT_TRUE(client.buffer().empty() || client.buffer().starts_with("HTTP/1.1 ")) << i;
  }
  Client client(server.port());
  EXPECT_EQ(client.exchange(post("/a", "alive")).body, "alive");
}

}  // namespace
}  // namespace pointsman::http::testing
