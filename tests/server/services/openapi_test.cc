// The OpenAPI document names every route of the table, and no other.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "server/services/openapi_service.h"
#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

Json document() { return Json::parse(kOpenApiDocument); }

void collect_references(const Json& value, std::set<std::string>& found) {
  if (value.is_object() && value.contains("$ref")) found.insert(value["$ref"]);
  if (value.is_structured()) {
    for (const Json& child : value) collect_references(child, found);
  }
}

TEST(OpenApi, NamesEveryRouteAndNoOther) {
  World world;
  std::set<std::string> served;
  for (const http::App::Entry& entry : world.routes()) {
    served.insert(entry.route.method + " " + entry.route.pattern);
  }
  std::set<std::string> documented;
  const Json paths = document()["paths"];
  for (const auto& [path, methods] : paths.items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(),
                     [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      documented.insert(upper + " " + path);
    }
  }
  EXPECT_EQ(documented, served);
}

TEST(OpenApi, SaysWhichRoutesAreOpen) {
  World world;
  const Json paths = document()["paths"];
  for (const http::App::Entry& entry : world.routes()) {
    std::string method = entry.route.method;
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    const Json& operation = paths[entry.route.pattern][method];
    EXPECT_EQ(operation.contains("security"), entry.access == http::App::Access::open)
        << entry.route.pattern;
  }
}

TEST(OpenApi, EveryReferenceLeadsSomewhereAndEveryIdIsItsOwn) {
  const Json whole = document();
  EXPECT_EQ(whole["openapi"], "3.1.0");
  std::set<std::string> references;
  collect_references(whole, references);
  EXPECT_GT(references.size(), 10U);
  for (const std::string& reference : references) {
    ASSERT_EQ(reference.substr(0, 2), "#/");
    EXPECT_TRUE(whole.contains(Json::json_pointer(reference.substr(1)))) << reference;
  }
  std::set<std::string> ids;
  for (const Json& methods : whole["paths"]) {
    for (const Json& operation : methods) {
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << operation["operationId"];
    }
  }
}

TEST(OpenApi, EveryPathParameterIsDeclared) {
  const Json paths = document()["paths"];
  std::size_t parameters = 0;
  for (const auto& [path, methods] : paths.items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::set<std::string> declared;
      for (const Json& parameter : operation.value("parameters", Json::array())) {
        if (parameter["in"] == "path") declared.insert(parameter["name"]);
      }
      std::set<std::string> named;
      for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
        named.insert(path.substr(at + 1, path.find('}', at) - at - 1));
      }
      EXPECT_EQ(declared, named) << method << " " << path;
      parameters += named.size();
    }
  }
  EXPECT_EQ(parameters, 8U);
}

TEST(OpenApi, IsServedAsItStands) {
  World world;
  const Reply reply = world.get("/openapi.json");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.text, kOpenApiDocument);
}

}  // namespace
}  // namespace pointsman::testing_server
