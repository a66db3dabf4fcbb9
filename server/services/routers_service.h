#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "server/services/service.h"

namespace pointsman {

/// GET /routers and GET /routers/{router}: what each router is and knows, from its newest snapshot.
class RoutersService final : public http::Service {
 public:
  enum class Question { list, one };
  RoutersService(ServiceContext& context, Question question)
      : context_(context), question_(question) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
  Question question_;
};

/// An arm as readers see it: its specification, and what its decisions have shown so far.
nlohmann::ordered_json arm_json(const ArmModel& arm);

}  // namespace pointsman
