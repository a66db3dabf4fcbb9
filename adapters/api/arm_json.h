#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/log/records.h"
#include "engine/values/result.h"

namespace pointsman {

/// An arm as the routes under /routers write and read it: {"id","model",
/// "input_usd_per_million_tokens","output_usd_per_million_tokens","expected_cost_usd",
/// "expected_latency_ms","tags"}. A number that is not known is left out.
nlohmann::ordered_json arm_to_json(const ArmSpec& arm);

/// Reads it back, strictly: an unknown field, a negative number or a tag that stands twice is
/// `invalid` at its pointer. `id` may be left out of the body, but must not differ from this one;
/// `model` defaults to it. Precondition: id_fault(id) is empty.
Result<ArmSpec> arm_from_json(const nlohmann::json& body, std::string_view id);

}  // namespace pointsman
