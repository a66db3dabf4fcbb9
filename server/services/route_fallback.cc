#include "server/services/route_fallback.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace pointsman {
namespace {

/// No chain of honest fallbacks is longer: a router has at most that many arms worth trying.
constexpr std::size_t kLongestChain = 64;

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

Result<std::vector<StoredRecord>> find_decision(Store& store, const std::string& tenant,
                                                const std::string& query_id) {
  return store.find(tenant, query_id, std::numeric_limits<std::int64_t>::max());
}

}  // namespace

Result<FallbackChain> read_fallback_chain(Store& store, const FallbackQuestion& question) {
  FallbackChain chain;
  std::vector<std::string> offered;
  std::string query_id = question.query_id;
  for (std::size_t i = 0; i < kLongestChain && !query_id.empty(); ++i) {
    auto records = find_decision(store, question.tenant, query_id);
    if (!records) return records.error();
    if (records->empty()) break;
    auto& decision = std::get<Decision>(records->front().record.body);
    if (i == 0 && decision.expires_at < question.now) break;
    chain.tried.push_back(decision.arms[decision.chosen].arm);
    offered.insert(offered.end(), decision.fallbacks.begin(), decision.fallbacks.end());
    query_id = decision.parent;
    if (i == 0) {
      chain.scope = records->front().scope;
      chain.parent = std::move(decision);
    }
  }
  if (chain.tried.empty()) {
    return Error{ErrorCode::not_found, "no such decision, or its time has passed", "/fallback_of"};
  }
  for (std::string& arm : offered) {
    if (!contains(chain.tried, arm) && !contains(chain.next, arm)) {
      chain.next.push_back(std::move(arm));
    }
  }
  return chain;
}

Result<Decision> decide_fallback(const RouterSnapshot& snapshot, const FallbackChain& chain,
                                 DecideRequest& request) {
  if (request.session_id.empty()) request.session_id = chain.parent.session_id;
  if (!request.utility) request.utility = chain.parent.utility;
  std::vector<std::string> candidates = std::exchange(request.arms, {});
  if (candidates.empty()) {
    candidates = chain.next;
  } else if (candidates.size() > 1) {
    std::erase_if(candidates, [&](const std::string& arm) { return contains(chain.tried, arm); });
  }
  Result<Decision> decision =
      invalid("/fallback_of", "every arm that this decision offers was tried");
  for (const std::string& arm : candidates) {
    request.arms = {arm};
    decision = decide(snapshot, request);
    if (!decision) continue;  // Gone from the router, or over a limit: the next one.
    decision->fallbacks = chain.next;
    std::erase(decision->fallbacks, arm);
    break;
  }
  return decision;
}

}  // namespace pointsman
