#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/server.h"
#include "tests/server/http/http_server_fixture.h"

namespace pointsman::http::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using HttpLimits = HttpServer;

TEST_F(HttpLimits, RefusesABodyThatIsTooLargeBeforeItComes) {
  start({.max_body_bytes = 100});
  Client fits(port());
  EXPECT_EQ(fits.exchange(post("/b", std::string(100, 'x'))).status, 200);
  Client client(port());
  const Answer answer = client.exchange(
      "POST /b HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_TRUE(answer.has("application/problem+json"));
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
}

TEST_F(HttpLimits, RefusesAChunkedBodyOnceItIsTooLarge) {
  start({.max_body_bytes = 100});
  Client client(port());
  std::string request = "POST /b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) request += "a\r\n0123456789\r\n";
  EXPECT_EQ(client.exchange(request + "0\r\n\r\n").status, 413);
}

TEST_F(HttpLimits, LetsAClientThatStillSendsReadThe413) {
  start();
  Client client(port());
  client.send(post("/b", std::string(std::size_t{4} << 20, 'x')));
  EXPECT_EQ(client.answer().status, 413);
  client.finish_sending();
  EXPECT_TRUE(client.until_closed());
}

TEST_F(HttpLimits, RefusesLargeBodiesOverTheSharedBound) {
  start({.max_body_bytes_in_flight = 256 << 10});
  const std::string head = "POST /b HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\n";
  Client holder(port());
  holder.send(head + std::string(200'000, 'x'));
  ASSERT_TRUE(eventually([&] { return server_->counters().bytes_received > 200'000; }));
  Client client(port());
  const Answer answer = client.exchange(head + std::string(200'000, 'x'));
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has("Retry-After: 1\r\n"));
  Client small(port());
  EXPECT_EQ(small.exchange(post("/s", "small")).status, 200);
}

TEST_F(HttpLimits, RefusesAHeaderThatIsTooLargeHoweverItComes) {
  start({.max_header_bytes = 2048});
  Client at_once(port());
  EXPECT_EQ(at_once.exchange("GET / HTTP/1.1\r\nHost: t\r\nX: " + std::string(4096, 'x')).status,
            431);
  Client many_fields(port());
  many_fields.send("GET / HTTP/1.1\r\nHost: t\r\n");
  for (int i = 0; i < 100; ++i) {
    if (!many_fields.send("X-Field: 0123456789012345678901234567890123456789\r\n")) break;
  }
  EXPECT_EQ(many_fields.answer().status, 431);
  Client long_target(port());
  EXPECT_EQ(long_target.exchange("GET /" + std::string(4096, 'x')).status, 414);
}

TEST_F(HttpLimits, RefusesATargetThatIsTooLong) {
  start({.max_target_bytes = 100});
  Client client(port());
  EXPECT_EQ(client.exchange(get("/" + std::string(100, 'x'))).status, 414);
}

TEST_F(HttpLimits, BoundsChunkExtensionsAndTrailers) {
  start();
  const std::string head = "POST /b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
  Client extension(port());
  EXPECT_EQ(extension.exchange(head + "1;" + std::string(20'000, 'x')).status, 431);
  Client trailer(port());
  EXPECT_EQ(trailer.exchange(head + "0\r\nX: " + std::string(20'000, 'x')).status, 431);
}

struct Malformed {
  const char* name;
  const char* request;
  int status;
};

class HttpServerRefuses : public ::testing::TestWithParam<Malformed> {};

TEST_P(HttpServerRefuses, TheRequest) {
  std::atomic<int> handled{0};
  FunctionHandler handler([&](Request, Responder responder) {
    ++handled;
    responder.respond(text("taken"));
  });
  Server server({.threads = 1}, handler);
  ASSERT_TRUE(server.start().ok());
  Client client(server.port());
  const Answer answer = client.exchange(GetParam().request);
  EXPECT_EQ(answer.status, GetParam().status) << answer.head << answer.body;
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_THAT(answer.body, StartsWith(R"({"type":"about:blank","title":")"));
  client.finish_sending();
  EXPECT_TRUE(client.until_closed());
  EXPECT_EQ(client.buffer(), "") << "one answer, and nothing smuggled behind it";
  EXPECT_EQ(handled, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Of, HttpServerRefuses,
    ::testing::Values(
        Malformed{"Garbage", "\x16\x03\x01\x02garbage\r\n\r\n", 400},
        Malformed{"NoVersion", "GET /\r\n\r\n", 400},
        Malformed{"BareLineFeeds", "GET / HTTP/1.1\nHost: t\n\n", 400},
        Malformed{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        Malformed{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        Malformed{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        Malformed{"LengthAndEncoding",
                  "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
                  400},
        Malformed{"EncodingAndLength",
                  "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
                  "Content-Length: 4\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
                  400},
        Malformed{"TwoLengths",
                  "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                  400},
        Malformed{"ListOfLengths", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1, 2\r\n\r\nab",
                  400},
        Malformed{"NegativeLength", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n",
                  400},
        Malformed{"SignedLength", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +1\r\n\r\na", 400},
        Malformed{"HugeLength",
                  "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\n",
                  400},
        Malformed{"Gzip", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                  501},
        Malformed{"Identity", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: identity\r\n\r\n",
                  501},
        Malformed{"TwoEncodings",
                  "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  400},
        Malformed{"EncodingInHttp10",
                  "POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        Malformed{"SpaceBeforeColon", "GET / HTTP/1.1\r\nHost : t\r\n\r\n", 400},
        Malformed{"BadName", "GET / HTTP/1.1\r\nHost: t\r\nX(y): z\r\n\r\n", 400},
        Malformed{"BadChunkSize",
                  "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        Malformed{"BadChunkEnd",
                  "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabcd\r\n",
                  400},
        Malformed{"NulInTarget", "GET /%00 HTTP/1.1\r\nHost: t\r\n\r\n", 400},
        Malformed{"BadEscape", "GET /%g0 HTTP/1.1\r\nHost: t\r\n\r\n", 400},
        Malformed{"Connect", "CONNECT h:443 HTTP/1.1\r\nHost: t\r\n\r\n", 501},
        Malformed{"OddExpectation", "GET / HTTP/1.1\r\nHost: t\r\nExpect: a-pony\r\n\r\n", 417}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_F(HttpLimits, Answers408ToASlowHeader) {
  start({.header_timeout = milliseconds(60)});
  Client client(port());
  client.send("GET / HTTP/1.1\r\nHo");
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_THAT(answer.body, HasSubstr("header"));
  EXPECT_EQ(server_->counters().timeouts, 1);
}

TEST_F(HttpLimits, Answers408ToAHeaderThatDripsThoughEveryDropIsInTime) {
  start({.header_timeout = milliseconds(200)});
  Client client(port());
  client.send("GET / HTTP/1.1\r\nHost: t\r\n");
  int status = 0;
  for (int i = 0; i < 400 && status == 0; ++i) {
    client.send("A: b\r\n");
    if (client.receive(20)) status = client.answer().status;
  }
  EXPECT_EQ(status, 408);
}

TEST_F(HttpLimits, Answers408ToASlowBody) {
  start({.body_timeout = milliseconds(60)});
  Client client(port());
  const Answer answer =
      client.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(answer.status, 408);
  EXPECT_THAT(answer.body, HasSubstr("body"));
}

TEST_F(HttpLimits, ClosesAnIdleConnectionWithoutAWord) {
  start({.idle_timeout = milliseconds(60)});
  Client fresh(port());
  Client used(port());
  EXPECT_EQ(used.exchange(get("/")).status, 200);
  EXPECT_TRUE(fresh.until_closed());
  EXPECT_TRUE(used.until_closed());
  EXPECT_EQ(fresh.buffer() + used.buffer(), "");
}

TEST_F(HttpLimits, Refuses503OverMaxConnectionsAndRecovers) {
  start({.max_connections = 2, .retry_after_seconds = 7});
  auto first = std::make_unique<Client>(port());
  Client second(port());
  EXPECT_EQ(first->exchange(get("/1")).status, 200);
  EXPECT_EQ(second.exchange(get("/2")).status, 200);
  Client third(port());
  const Answer answer = third.exchange(get("/3"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has("Retry-After: 7\r\n"));
  EXPECT_EQ(server_->counters().connections_rejected, 1);
  first.reset();
  ASSERT_TRUE(eventually([&] { return server_->counters().connections_now == 1; }));
  Client fourth(port());
  EXPECT_EQ(fourth.exchange(get("/4")).status, 200);
}

}  // namespace
}  // namespace pointsman::http::testing
