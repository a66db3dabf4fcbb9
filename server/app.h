#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/auth.h"
#include "server/http/message.h"
#include "server/http/routes.h"
#include "server/services/service.h"

namespace pointsman {

/// The table of routes: matches, authenticates, hands over to a service.
class App final : public http::Handler {
 public:
  enum class Access {
    open,  ///< No key asked for: health checks and static pages, which hold no data.
    key,   ///< Auth decides.
  };
  struct Entry {
    http::Route route;
    Access access = Access::key;
    std::unique_ptr<Service> service;
  };

  /// Precondition: the routes' patterns are valid and distinct.
  App(Auth auth, std::vector<Entry> entries);

  void handle(http::Request request, http::Responder responder) override;

 private:
  Auth auth_;
  std::vector<Entry> entries_;
  http::RouteTable table_;
};

/// The routes of the product. `transport` reads the HTTP server's counters.
std::vector<App::Entry> make_routes(ServiceContext& context, const std::atomic<bool>& draining,
                                    std::function<http::Counters()> transport);

}  // namespace pointsman
