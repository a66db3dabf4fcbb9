#pragma once

#include "adapters/route_request.h"
#include "server/services/service.h"

namespace pointsman {

/// POST /route: which arm answers this call. Decides on the newest snapshot, answers after the
/// decision is in the log. With `fallback_of` it is a decision of its own: the next arm of the
/// parent's chain, which a worker reads from the store.
class RouteService final : public Service {
 public:
  explicit RouteService(ServiceContext& context) : context_(context) {}
  void handle(Call call) override;

 private:
  void decide_fallback(Call call);
  /// Answers with `error`, unless the very same request was decided before: then with that
  /// decision.
  void refuse(Call call, const Error& error);
  void finish(Call call, const Scope& scope, Result<Decision> decision);

  ServiceContext& context_;
};

}  // namespace pointsman
