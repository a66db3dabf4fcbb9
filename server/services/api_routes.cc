#include "server/services/api_routes.h"

#include <memory>
#include <utility>

#include "server/services/arms_service.h"
#include "server/services/batch_feedback_service.h"
#include "server/services/feedback_list_service.h"
#include "server/services/feedback_service.h"
#include "server/services/health_service.h"
#include "server/services/log_service.h"
#include "server/services/metrics_service.h"
#include "server/services/openapi_service.h"
#include "server/services/outcome_service.h"
#include "server/services/queries_service.h"
#include "server/services/route_service.h"
#include "server/services/routers_service.h"
#include "server/services/session_feedback_service.h"
#include "server/services/stats_service.h"

namespace pointsman {

std::vector<http::App::Entry> make_api_routes(ServiceContext& context,
                                              const std::atomic<bool>& draining,
                                              std::function<http::Counters()> transport) {
  std::vector<http::App::Entry> entries;
  const auto add = [&](const char* method, const char* pattern,
                       std::unique_ptr<http::Service> service,
                       http::App::Access access = http::App::Access::key) {
    entries.push_back({{method, pattern}, access, std::move(service)});
  };
  using Question = HealthService::Question;
  add("POST", "/route", std::make_unique<RouteService>(context));
  add("POST", "/outcome", std::make_unique<OutcomeService>(context));
  add("POST", "/feedback", std::make_unique<FeedbackService>(context));
  add("POST", "/feedback/session", std::make_unique<SessionFeedbackService>(context));
  add("POST", "/feedback/batch", std::make_unique<BatchFeedbackService>(context));
  add("GET", "/feedback", std::make_unique<FeedbackListService>(context));
  add("GET", "/queries/{query_id}", std::make_unique<QueriesService>(context));
  add("GET", "/stats", std::make_unique<StatsService>(context));
  using RouterQuestion = RoutersService::Question;
  add("GET", "/routers", std::make_unique<RoutersService>(context, RouterQuestion::list));
  add("GET", "/routers/{router}", std::make_unique<RoutersService>(context, RouterQuestion::one));
  using ArmAction = ArmsService::Action;
  constexpr const char* kArm = "/routers/{router}/arms/{arm}";
  add("GET", kArm, std::make_unique<ArmsService>(context, ArmAction::read));
  add("PUT", kArm, std::make_unique<ArmsService>(context, ArmAction::put));
  add("DELETE", kArm, std::make_unique<ArmsService>(context, ArmAction::remove));
  add("GET", "/log", std::make_unique<LogService>(context, draining));
  add("GET", "/openapi.json", std::make_unique<OpenApiService>());
  add("GET", "/metrics", std::make_unique<MetricsService>(context, std::move(transport)));
  add("GET", "/healthz", std::make_unique<HealthService>(context, Question::alive, draining),
      http::App::Access::open);
  add("GET", "/readyz", std::make_unique<HealthService>(context, Question::ready, draining),
      http::App::Access::open);
  return entries;
}

}  // namespace pointsman
