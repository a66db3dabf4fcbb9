#pragma once

#include <string_view>

#include "server/services/service.h"

namespace pointsman {

/// server/assets/openapi.json, which is part of the binary: an OpenAPI 3.1 document of every route.
extern const std::string_view kOpenApiDocument;

/// GET /openapi.json.
class OpenApiService final : public http::Service {
 public:
  void handle(http::Call call) override {
    call.responder.respond(json_response(std::string(kOpenApiDocument)));
  }
};

}  // namespace pointsman
