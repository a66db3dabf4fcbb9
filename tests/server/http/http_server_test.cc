#include <gmock/gmock.h>

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/server.h"
#include "tests/server/http/http_server_fixture.h"

namespace pointsman::http::testing {
namespace {

using std::chrono::milliseconds;

TEST_F(HttpServer, AnswersManyRequestsOnOneConnection) {
  start();
  Client client(port());
  for (int i = 0; i < 100; ++i) {
    const Answer answer = client.exchange(post("/a", std::to_string(i)));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /a " + std::to_string(i));
    EXPECT_TRUE(answer.has("Date: "));
    EXPECT_FALSE(answer.has("Connection:"));
  }
  const Counters counters = server_->counters();
  EXPECT_EQ(counters.connections, 1);
  EXPECT_EQ(counters.requests, 100);
  EXPECT_EQ(counters.responses.at(200), 100);
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrderThoughTheFirstIsLate) {
  start();
  Client client(port());
  client.send(get("/later") + get("/b") + post("/c", "body") + get("/later") + get("/d"));
  auto first = kept(1);
  EXPECT_TRUE(client.silent_for(50)) << "nothing may overtake the first answer";
  first[0].respond(text("first"));
  EXPECT_EQ(client.answer().body, "first");
  EXPECT_EQ(client.answer().body, "GET /b ");
  EXPECT_EQ(client.answer().body, "POST /c body") << "answers go out before the next wait";
  std::thread([second = kept(1)]() mutable { second[0].respond(text("second")); }).join();
  EXPECT_EQ(client.answer().body, "second");
  EXPECT_EQ(client.answer().body, "GET /d ");
}

TEST_F(HttpServer, AnswersAThousandPipelinedRequests) {
  start();
  Client client(port());
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += post("/p", std::to_string(i));
  std::thread sender([&] { client.send(requests); });
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(client.answer().body, "POST /p " + std::to_string(i));
  }
  sender.join();
}

TEST_F(HttpServer, ReadsARequestThatIsSplitAtAnyByte) {
  start();
  const std::string plain = post("/split?a=b", "hello");
  const std::string chunked =
      "POST /split HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nhel\r\n2;ext=\"1\"\r\nlo\r\n0\r\nTrailer: x\r\n\r\n";
  Client client(port());
  for (const std::string& request : {plain, chunked}) {
    for (std::size_t at = 1; at < request.size(); ++at) {
      const std::uint64_t before = server_->counters().bytes_received;
      client.send(std::string_view(request).substr(0, at));
      ASSERT_TRUE(eventually([&] { return server_->counters().bytes_received == before + at; }));
      client.send(std::string_view(request).substr(at));
      ASSERT_EQ(client.answer().body, "POST /split hello") << "split at " << at;
    }
  }
}

TEST_F(HttpServer, ReadsARequestThatComesByteByByte) {
  start();
  Client client(port());
  for (const char byte : "\r\n" + post("/slow", "0123456789")) client.send({&byte, 1});
  EXPECT_EQ(client.answer().body, "POST /slow 0123456789");
}

TEST_F(HttpServer, AnswersHeadWithoutABody) {
  start();
  Client client(port());
  client.send("HEAD /h HTTP/1.1\r\nHost: t\r\n\r\n");
  const Answer head = client.answer(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.has("Content-Length: 8\r\n"));
  EXPECT_EQ(client.exchange(get("/next")).body, "GET /next ");
}

TEST_F(HttpServer, SpeaksHttp10) {
  start();
  Client closing(port());
  const Answer closed = closing.exchange("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(closed.body, "GET /old ");
  EXPECT_TRUE(closed.has("Connection: close\r\n"));
  EXPECT_TRUE(closing.until_closed());
  Client keeping(port());
  const Answer kept = keeping.exchange("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(kept.has("Connection: keep-alive\r\n"));
  EXPECT_EQ(keeping.exchange(get("/again")).body, "GET /again ");
}

TEST_F(HttpServer, ClosesWhenTheClientAsksForIt) {
  start();
  Client client(port());
  const Answer answer = client.exchange("GET /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(client.until_closed());
}

TEST_F(HttpServer, AnswersAClientThatHasShutItsSendingSide) {
  start();
  Client client(port());
  client.send(get("/half"));
  client.finish_sending();
  EXPECT_EQ(client.answer().body, "GET /half ");
  EXPECT_TRUE(client.until_closed());
}

TEST_F(HttpServer, SaysContinueToAClientThatWaitsForIt) {
  start();
  Client client(port());
  client.send("POST /e HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.answer().status, 100);
  client.send("ok");
  EXPECT_EQ(client.answer().body, "POST /e ok");
}

TEST_F(HttpServer, DoesNotTimeOutARequestThatWaitsForItsHandler) {
  start({.header_timeout = milliseconds(20),
         .body_timeout = milliseconds(20),
         .idle_timeout = milliseconds(20)});
  Client client(port());
  client.send(get("/later"));
  auto responders = kept(1);
  EXPECT_TRUE(client.silent_for(150));
  responders[0].respond(text("patience"));
  EXPECT_EQ(client.answer().body, "patience");
}

TEST_F(HttpServer, Answers500WhenTheResponderIsDropped) {
  start();
  Client client(port());
  EXPECT_EQ(client.exchange(get("/drop")).status, 500);
  EXPECT_EQ(client.exchange(get("/throw")).status, 500);
  client.send(get("/later"));
  std::thread([dropped = kept(1)] {}).join();
  EXPECT_EQ(client.answer().status, 500);
  EXPECT_EQ(client.exchange(get("/fine")).status, 200) << "the connection goes on";
}

TEST_F(HttpServer, CompletesAGroupAcrossThreadsAndConnections) {
  start({.threads = 3});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<Client>(port()));
    clients.back()->send(get("/later"));
  }
  for (int round = 0; round < 20; ++round) {
    std::vector<std::pair<Responder, Response>> answers;
    while (answers.size() < clients.size()) {
      for (Responder& each : kept(1)) answers.emplace_back(std::move(each), text("committed"));
    }
    respond_all(std::move(answers));
    for (auto& client : clients) {
      ASSERT_EQ(client->answer().body, "committed");
      client->send(get("/later"));
    }
  }
}

TEST_F(HttpServer, SurvivesClientsThatLeaveBeforeTheirAnswer) {
  start();
  for (int i = 0; i < 20; ++i) {
    auto client = std::make_unique<Client>(port());
    client->send(get("/later") + get("/x"));
    auto responders = kept(1);
    client.reset();
    responders[0].respond(text(std::string(100'000, 'x')));
  }
  EXPECT_TRUE(eventually([&] { return server_->counters().connections_now == 0; }));
}

TEST_F(HttpServer, DrainsWhatIsInFlightAndClosesWhatIsIdle) {
  start();
  Client idle(port());
  EXPECT_EQ(idle.exchange(get("/idle")).status, 200);
  Client busy(port());
  busy.send(get("/later"));
  auto responders = kept(1);
  auto drained =
      std::async(std::launch::async, [&] { return server_->drain(std::chrono::seconds(10)); });
  EXPECT_TRUE(idle.until_closed());
  Client late(port());
  EXPECT_TRUE(!late.connected() || late.exchange(get("/late")).status == 0);
  responders[0].respond(text("in time"));
  const Answer answer = busy.answer();
  EXPECT_EQ(answer.body, "in time");
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(drained.get());
  EXPECT_EQ(server_->counters().connections_now, 0);
}

TEST_F(HttpServer, GivesUpDrainingInTimeAndRespondersMayOutliveIt) {
  start();
  Client client(port());
  client.send(get("/later"));
  auto responders = kept(1);
  EXPECT_FALSE(server_->drain(milliseconds(50)));
  server_.reset();
  responders[0].respond(text("too late"));
  EXPECT_TRUE(client.until_closed());
  EXPECT_EQ(client.buffer(), "");
}

TEST_F(HttpServer, SaysThatItsPortIsTaken) {
  start();
  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}}) {
    Server second({.port = port(), .threads = threads}, handler_);
    const Status status = second.start();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::unavailable);
  }
  Server elsewhere({.host = "not an address"}, handler_);
  EXPECT_EQ(elsewhere.start().error().code, ErrorCode::invalid);
}

TEST_F(HttpServer, NeverLetsAHeaderValueBeginAFieldOfItsOwn) {
  FunctionHandler handler([](Request, Responder responder) {
    Response response = text("x");
    response.headers.emplace_back("X-Echo", "a\r\nSet-Cookie: b");
    responder.respond(std::move(response));
  });
  Server server({.threads = 1}, handler);
  ASSERT_TRUE(server.start().ok());
  Client client(server.port());
  EXPECT_FALSE(client.exchange(get("/")).has("\r\nSet-Cookie"));
}

TEST_F(HttpServer, KeepsTrailersOutOfTheHeaders) {
  std::optional<bool> seen;
  FunctionHandler handler([&](Request request, Responder responder) {
    seen = request.headers.find("authorization").has_value();
    responder.respond(text(request.remote_address));
  });
  Server server({.threads = 1}, handler);
  ASSERT_TRUE(server.start().ok());
  Client client(server.port());
  const Answer answer = client.exchange(
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\nAuthorization: Bearer smuggled\r\n\r\n");
  EXPECT_EQ(answer.body, "127.0.0.1");
  EXPECT_EQ(seen, false);
}

}  // namespace
}  // namespace pointsman::http::testing
