#pragma once

#include <memory>
#include <optional>

#include "adapters/api/route_request.h"
#include "server/services/route_fallback.h"
#include "server/services/service.h"

namespace pointsman {

/// POST /route: which arm answers this call. Decides on the newest snapshot, answers after the
/// decision is in the log. With `fallback_of` it is a decision of its own: the next arm of the
/// parent's chain, which a worker reads from the store. Where the router rests, the writer wakes it
/// and decides, in the group of its commit.
class RouteService final : public http::Service {
 public:
  explicit RouteService(ServiceContext& context) : context_(context) {}
  void handle(http::Call call) override;

 private:
  using Chain = std::shared_ptr<const FallbackChain>;

  void decide_fallback(http::Call call);
  /// Of the request in this thread's buffers; `chain`: null, or what it is a fallback of.
  void decide_on_newest(http::Call call, const Scope& scope, Chain chain);
  void decide_once_awake(http::Call call, const Scope& scope, const RouterReport& resting,
                         Chain chain);
  /// Answers with `error`, unless the very same request was decided before: then with that
  /// decision.
  void refuse(http::Call call, const Error& error);
  void finish(http::Call call, const Scope& scope, Result<Decision> decision);
  /// The record of a decision that is not a dry run.
  AppendRequest record(const Scope& scope, Decision decision);

  ServiceContext& context_;
};

}  // namespace pointsman
