#include "engine/routers/held_router.h"

#include "engine/policies/policy_catalogue.h"

namespace pointsman {

RouterReport report_of(const HeldRouter& router) {
  RouterReport report;
  if (router.resting) report = *router.resting;
  report.scope = router.scope;
  report.forks = router.forks;
  report.divergences = router.divergences;
  if (router.resting || router.fold->config() == nullptr) return report;
  const RouterFold& fold = *router.fold;
  report.position = fold.position();
  report.checksum = fold.checksum();
  report.decisions = fold.decisions();
  report.schema_version = fold.schema_version();
  const BudgetPacer& pacer = fold.pacer();
  report.budget = {pacer.lambda(), pacer.account(), pacer.spent_today_usd()};
  report.policy = policy_name(fold.config()->policy);
  report.mode = fold.config()->mode;
  for (const auto& arm : fold.arms()) {
    report.arms.push_back({arm->spec, arm->stats, fold.coefficients(*arm)});
  }
  return report;
}

}  // namespace pointsman
