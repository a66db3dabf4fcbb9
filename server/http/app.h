#pragma once

#include <memory>
#include <vector>

#include "server/core/keys.h"
#include "server/http/message.h"
#include "server/http/routes.h"
#include "server/http/service.h"

namespace pointsman::http {

/// The table of routes: matches, admits, and hands over to a service.
class App final : public Handler {
 public:
  enum class Access {
    open,  ///< No key asked for: health checks and static pages, which hold no data.
    key,   ///< admit() decides.
  };
  struct Entry {
    Route route;
    Access access = Access::key;
    std::unique_ptr<Service> service;
  };

  /// Precondition: the routes' patterns are valid and distinct.
  App(Keys keys, std::vector<Entry> entries);

  void handle(Request request, Responder responder) override;

 private:
  const Keys keys_;
  std::vector<Entry> entries_;
  RouteTable table_;
};

}  // namespace pointsman::http
