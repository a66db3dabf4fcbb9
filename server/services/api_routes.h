#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "server/http/app.h"
#include "server/http/server.h"
#include "server/services/service.h"

namespace pointsman {

/// The routes of the HTTP API (docs/HTTP_API.md). `transport` reads the HTTP server's counters.
std::vector<http::App::Entry> make_api_routes(ServiceContext& context,
                                              const std::atomic<bool>& draining,
                                              std::function<http::Counters()> transport);

}  // namespace pointsman
