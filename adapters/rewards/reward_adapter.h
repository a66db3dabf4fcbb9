#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/values/result.h"
#include "engine/values/values.h"

namespace pointsman {

/// Turns the payload of one signal type into a Reward.
///
/// interpret() sees the payload and nothing else, so that the same payload means the same reward
/// whenever and wherever the log is read. It returns a value and a confidence in [0, 1];
/// confidence 0 says that the payload is sound but says nothing about the arm ("no signal").
/// A payload that breaks its schema (wrong type, missing or unknown field, out of range) is
/// ErrorCode::invalid with the JSON pointer in `field`, such as "/payload/rating": never a default.
/// Implementations are immutable; interpret() is safe from any thread.
///
/// Recipe: a signal of your own in C++
/// 1. Derive a final class from RewardAdapter. Read the payload with an ObjectReader whose `At` is
///    {"/payload"}; return reader.finish()'s error before you compute.
///      Result<Reward> interpret(const nlohmann::json& payload) const override {
///        ObjectReader reader(payload, {"/payload"});
///        const bool converted = reader.require_bool("converted");
///        if (Status ok = reader.finish(); !ok) return ok.error();
///        return Reward{converted ? 1.0 : 0.3, 1.0};
///      }
/// 2. Where main() builds its adapters: adapters.add("conversion", std::make_unique<Conversion>()).
/// 3. Add a test: one row a branch, one row a fault. tests/adapters/rewards/reward_recipe_test.cc
/// runs
///    this example.
/// 4. Add the row to the table of signals in the docs; describe() is what GET /stats shows.
/// A signal that is one number or one word needs no C++: see CustomSignal.
class RewardAdapter {
 public:
  virtual ~RewardAdapter() = default;

  virtual Result<Reward> interpret(const nlohmann::json& payload) const = 0;

  /// One sentence for the catalogue: what the payload holds and what it is worth.
  virtual std::string_view describe() const = 0;
};

}  // namespace pointsman
