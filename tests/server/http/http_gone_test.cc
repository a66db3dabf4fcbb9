#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/http/server.h"
#include "tests/server/http/http_server_fixture.h"

namespace pointsman::http::testing {
namespace {

constexpr std::chrono::seconds kPatience{60};

/// Handlers whose clients leave before they have their answer.
class HttpGone : public HttpServer {
 protected:
  /// The responder of the /later that `client` asks for, with a callback that fulfils `told`.
  Responder watched(Client& client) {
    client.send(get("/later"));
    Responder responder = std::move(kept(1).front());
    responder.on_gone([this] {
      ++calls_;
      told_.set_value();
    });
    return responder;
  }

  bool told() { return told_.get_future().wait_for(kPatience) == std::future_status::ready; }

  std::promise<void> told_;
  std::atomic<int> calls_{0};
};

TEST_F(HttpGone, TellsAHandlerThatItsClientHasClosed) {
  start();
  auto client = std::make_unique<Client>(port());
  Responder responder = watched(*client);
  EXPECT_FALSE(responder.client_gone());
  client.reset();
  EXPECT_TRUE(told());
  EXPECT_TRUE(responder.client_gone());
  responder.respond(text("nobody reads it"));
  EXPECT_TRUE(eventually([&] { return server_->counters().connections_now == 0; }));
  EXPECT_EQ(calls_, 1);
}

TEST_F(HttpGone, EndsAConnectionThatWasResetThoughItsHandlerNeverAnswers) {
  start();
  auto client = std::make_unique<Client>(port());
  Responder responder = watched(*client);
  client->reset_on_close();
  client.reset();
  EXPECT_TRUE(told());
  EXPECT_TRUE(eventually([&] { return server_->counters().connections_now == 0; }));
}

TEST_F(HttpGone, AnswersAClientThatHasClosedItsSendingSideOnly) {
  start();
  Client client(port());
  Responder responder = watched(client);
  client.finish_sending();
  EXPECT_TRUE(told());
  responder.respond(text("still read"));
  EXPECT_EQ(client.answer().body, "still read");
  EXPECT_TRUE(client.until_closed());
}

TEST_F(HttpGone, LetsTheCallbackAnswer) {
  start();
  Client client(port());
  client.send(get("/later"));
  auto responder = std::make_shared<Responder>(std::move(kept(1).front()));
  responder->on_gone([responder] { responder->respond(text("from the callback")); });
  client.finish_sending();
  EXPECT_EQ(client.answer().body, "from the callback");
}

TEST_F(HttpGone, CallsBackAtOnceWhereTheClientIsGoneAlready) {
  start();
  Client client(port());
  client.send(get("/later"));
  Responder responder = std::move(kept(1).front());
  client.finish_sending();
  ASSERT_TRUE(eventually([&] { return responder.client_gone(); }));
  bool called = false;
  responder.on_gone([&] { called = true; });
  EXPECT_TRUE(called);
  responder.respond(text("x"));
}

TEST_F(HttpGone, ForgetsTheCallbackOnceTheRequestIsAnswered) {
  start();
  auto client = std::make_unique<Client>(port());
  watched(*client).respond(text("x"));
  EXPECT_EQ(client->answer().body, "x");
  client.reset();
  ASSERT_TRUE(eventually([&] { return server_->counters().connections_now == 0; }));
  EXPECT_EQ(calls_, 0);
}

TEST_F(HttpGone, DoesNotTakeAClientThatPipelinesForGone) {
  start();
  Client client(port());
  client.send(get("/later") + post("/b", std::string(100'000, 'x')) + get("/c"));
  Responder responder = std::move(kept(1).front());
  const std::uint64_t so_far = server_->counters().bytes_received;
  EXPECT_LE(so_far, 100'000) << "what comes behind an open request is read ahead with a bound";
  responder.on_gone([&] { ++calls_; });
  EXPECT_TRUE(client.silent_for(50));
  EXPECT_FALSE(responder.client_gone());
  responder.respond(text("a"));
  EXPECT_EQ(client.answer().body, "a");
  EXPECT_EQ(client.answer().body.size(), 100'000 + std::string("POST /b ").size());
  EXPECT_EQ(client.answer().body, "GET /c ");
  EXPECT_EQ(calls_, 0);
}

TEST_F(HttpGone, SeesThatAClientLeftBehindWhatItHadPipelined) {
  start();
  auto client = std::make_unique<Client>(port());
  Responder responder = watched(*client);
  client->send(get("/b") + get("/c"));
  client.reset();
  EXPECT_TRUE(told());
  responder.respond(text("x"));
  EXPECT_TRUE(eventually([&] { return server_->counters().connections_now == 0; }));
  EXPECT_EQ(server_->counters().requests, 3) << "what was sent whole is served";
}

TEST_F(HttpGone, SeesThatAClientLeftBehindMoreThanIsReadAhead) {
  start({.header_timeout = std::chrono::milliseconds(400)});
  auto client = std::make_unique<Client>(port());
  Responder responder = watched(*client);
  client->send(post("/b", std::string(40'000, 'x')));
  client.reset();
  EXPECT_TRUE(told());
  responder.respond(text("x"));
}

TEST_F(HttpGone, TellsHandlersWhenTheServerStops) {
  start();
  Client client(port());
  Responder responder = watched(client);
  server_->stop();
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(responder.client_gone());
}

TEST_F(HttpGone, TellsTheWriterOfAStreamWhichMayStillFinishIt) {
  start();
  Client client(port());
  client.send(get("/later"));
  StreamWriter stream = std::move(kept(1).front()).stream({});
  ASSERT_TRUE(stream.write("first"));
  stream.on_gone([this] { told_.set_value(); });
  EXPECT_FALSE(stream.client_gone());
  client.finish_sending();
  EXPECT_TRUE(told());
  EXPECT_TRUE(stream.client_gone());
  EXPECT_TRUE(stream.write(" and last"));
  stream.close();
  const Answer answer = client.answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "first and last");
}

TEST_F(HttpGone, TellsTheWriterOfAStreamThatWritesNothing) {
  start();
  std::optional<Client> client(std::in_place, port());
  client->send(get("/later"));
  StreamWriter stream = std::move(kept(1).front()).stream({});
  stream.on_gone([this] { told_.set_value(); });
  client.reset();
  EXPECT_TRUE(told());
}

}  // namespace
}  // namespace pointsman::http::testing
