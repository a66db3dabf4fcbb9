#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "server/http/problem.h"
#include "server/http/routes.h"
#include "server/http/stream_pipe.h"
#include "server/http/target.h"

namespace pointsman::http {
namespace {

using ::testing::HasSubstr;

Request request(std::string method, std::string path) {
  Request made;
  made.method = std::move(method);
  made.path = std::move(path);
  return made;
}

RouteTable table() {
  auto made = RouteTable::make({{"POST", "/route"},
                                {"GET", "/stats"},
                                {"GET", "/queries/{id}"},
                                {"GET", "/routers/{router}/arms/{arm}"},
                                {"PUT", "/routers/{router}/arms/{arm}"},
                                {"GET", "/queries/latest"}});
  EXPECT_TRUE(made.ok());
  return std::move(made).value();
}

std::optional<std::size_t> index_of(const RouteTable& routes, std::string method,
                                    std::string path) {
  const auto found = routes.match(request(std::move(method), std::move(path)));
  const auto* match = std::get_if<RouteMatch>(&found);
  return match == nullptr ? std::nullopt : std::optional(match->index);
}

Response refusal(const RouteTable& routes, std::string method, std::string path) {
  const auto found = routes.match(request(std::move(method), std::move(path)));
  const auto* response = std::get_if<Response>(&found);
  return response == nullptr ? Response{.status = 0} : *response;
}

TEST(RouteTable, FindsLiteralPathsAndParameters) {
  const RouteTable routes = table();
  EXPECT_EQ(index_of(routes, "POST", "/route"), 0);
  EXPECT_EQ(index_of(routes, "GET", "/stats"), 1);
  const auto found = routes.match(request("PUT", "/routers/default/arms/gpt-4o"));
  const auto& match = std::get<RouteMatch>(found);
  EXPECT_EQ(match.index, 4);
  EXPECT_EQ(match.parameter("router"), "default");
  EXPECT_EQ(match.parameter("arm"), "gpt-4o");
}

TEST(RouteTable, DecodesParametersAfterSplitting) {
  const auto found = table().match(request("GET", "/routers/a%20b/arms/org%2Fmodel%25"));
  const auto& match = std::get<RouteMatch>(found);
  EXPECT_EQ(match.parameter("router"), "a b");
  EXPECT_EQ(match.parameter("arm"), "org/model%");
}

TEST(RouteTable, PrefersTheLiteralSegmentWhateverTheOrder) {
  const RouteTable routes = table();
  EXPECT_EQ(index_of(routes, "GET", "/queries/latest"), 5);
  EXPECT_EQ(index_of(routes, "GET", "/queries/lates"), 2);
}

TEST(RouteTable, AnswersHeadAsGet) { EXPECT_EQ(index_of(table(), "HEAD", "/stats"), 1); }

TEST(RouteTable, AnswersA404ProblemForAnUnknownPath) {
  const RouteTable routes = table();
  for (const char* path : {"/", "/nope", "/route/", "/queries/", "/queries/a/b", "*"}) {
    const Response response = refusal(routes, "GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.content_type, "application/problem+json");
  }
}

TEST(RouteTable, AnswersA405WithAllowForAnotherMethod) {
  const Response response = refusal(table(), "DELETE", "/routers/r/arms/a");
  EXPECT_EQ(response.status, 405);
  ASSERT_EQ(response.headers.size(), 1);
  EXPECT_EQ(response.headers[0].first, "Allow");
  EXPECT_EQ(response.headers[0].second, "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(refusal(table(), "get", "/stats").status, 405) << "methods are case-sensitive";
}

TEST(RouteTable, AnswersOptionsWithAllow) {
  const Response response = refusal(table(), "OPTIONS", "/route");
  EXPECT_EQ(response.status, 204);
  ASSERT_EQ(response.headers.size(), 1);
  EXPECT_EQ(response.headers[0].second, "POST, OPTIONS");
  EXPECT_EQ(refusal(table(), "OPTIONS", "*").headers.at(0).second, "POST, GET, HEAD, PUT, OPTIONS");
}

TEST(RouteTable, RefusesABadTable) {
  EXPECT_FALSE(RouteTable::make({{"GET", "stats"}}).ok());
  EXPECT_FALSE(RouteTable::make({{"GET", "/a{b}"}}).ok());
  EXPECT_FALSE(RouteTable::make({{"GET", "/{}"}}).ok());
  EXPECT_FALSE(RouteTable::make({{"GET", "/a"}, {"GET", "/a"}}).ok());
  EXPECT_FALSE(RouteTable::make({{"GET", "/{a}"}, {"PUT", "/{b}"}}).ok());
}

TEST(Target, TakesPathAndQueryApart) {
  const auto target = parse_target("/log?router=a%26b&after=7&wait+s=&flag&=x");
  ASSERT_TRUE(target.ok());
  Request request;
  request.query = target->query;
  EXPECT_EQ(target->path, "/log");
  EXPECT_EQ(request.parameter("router"), "a&b");
  EXPECT_EQ(request.parameter("after"), "7");
  EXPECT_EQ(request.parameter("wait s"), "");
  EXPECT_EQ(request.parameter("flag"), "");
  EXPECT_EQ(request.parameter("absent"), std::nullopt);
}

TEST(Target, TakesTheAbsoluteForm) {
  EXPECT_EQ(parse_target("http://host:80/a?b=c").value().path, "/a");
  EXPECT_EQ(parse_target("HTTP://host").value().path, "/");
}

TEST(Target, RefusesWhatIsMalformed) {
  for (const char* bad : {"", "a", "/%", "/%2", "/%zz", "/%00", "/a b", "/a?x=%", "/a?x=%00",
                          "/caf\xc3\xa9", "host:80", "http://h?x"}) {
    EXPECT_FALSE(parse_target(bad).ok()) << bad;
  }
  EXPECT_FALSE(parse_target(std::string("/a\0b", 4)).ok());
}

TEST(Headers, AreFoundWithoutCaseAndKeepTheirOrder) {
  Headers headers;
  headers.add({.name = "Content-Type", .value = "application/json"});
  headers.add({.name = "X-API-Key", .value = "k"});
  EXPECT_EQ(headers.find("content-type"), "application/json");
  EXPECT_EQ(headers.find("x-api-key"), "k");
  EXPECT_EQ(headers.find("x-api-ke"), std::nullopt);
  EXPECT_EQ(headers.at(1).name, "X-API-Key");
}

TEST(Problem, EscapesItsDetailAndTakesItsTitleFromTheStatus) {
  const Response response = problem(422, "a \"b\"\n\\ \x01 caf\xc3\xa9 \xff", "/context/0");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.body, R"({"type":"about:blank","title":"Unprocessable Content","status":422,)"
                           R"("detail":"a \"b\"\n\\ \u0001 caf)"
                           "\xc3\xa9"
                           " \xEF\xBF\xBD"
                           R"(","pointer":"/context/0"})");
  EXPECT_EQ(problem(404, "x").body.find("pointer"), std::string::npos);
}

TEST(Responder, AnswersAFunctionInsteadOfAConnection) {
  int status = 0;
  Responder::to([&](Response response) { status = response.status; }).respond({.status = 201});
  EXPECT_EQ(status, 201);
}

TEST(Responder, AnswersA500WhenItIsDroppedOrOverwritten) {
  std::string statuses;
  const auto note = [&](Response r) { statuses += std::to_string(r.status) + " "; };
  { const Responder dropped = Responder::to(note); }
  EXPECT_EQ(statuses, "500 ");
  {
    Responder first = Responder::to(note);
    first = Responder::to([&](Response r) { statuses += "second " + std::to_string(r.status); });
    first.respond({.status = 200});
  }
  EXPECT_EQ(statuses, "500 500 second 200");
}

TEST(Responder, GathersAStreamForATest) {
  std::string body;
  StreamWriter writer = Responder::to([&](Response r) { body = r.body; }).stream({});
  EXPECT_TRUE(writer.write("a"));
  EXPECT_TRUE(writer.write("b"));
  EXPECT_EQ(body, "");
  writer.close();
  EXPECT_EQ(body, "ab");
  EXPECT_FALSE(writer.write("c"));
}

TEST(StreamPipe, CutsTheReaderWhoseBufferIsFullAndDropsWhatWaits) {
  StreamPipe pipe(10);
  EXPECT_TRUE(pipe.write("12345"));
  EXPECT_EQ(pipe.take().bytes, "12345");
  EXPECT_TRUE(pipe.write("67890")) << "what is being sent still counts, but there is room";
  EXPECT_FALSE(pipe.write("x"));
  EXPECT_FALSE(pipe.alive());
  EXPECT_TRUE(pipe.take().broken);
}

TEST(StreamPipe, WakesTheWriterThatWaitsForRoom) {
  StreamPipe pipe(10);
  ASSERT_TRUE(pipe.write("1234567890"));
  EXPECT_FALSE(pipe.wait_until_buffered_at_most(0, std::chrono::milliseconds(1)));
  std::thread reader([&] {
    pipe.take();
    pipe.sent();
  });
  EXPECT_TRUE(pipe.wait_until_buffered_at_most(0, std::chrono::seconds(60)));
  reader.join();
}

}  // namespace
}  // namespace pointsman::http
