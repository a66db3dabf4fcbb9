// A router of so many dimensions that steps wait in its posteriors: what a checkpoint holds of
// them, and that no other part of the house can tell.

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/values/bytes.h"
#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

constexpr std::size_t kFields = 130;
const std::vector<std::string> kNames = {"a", "b"};

RouterConfig config(const PolicyOptions& policy, double gamma = 1.0) {
  std::vector<ArmSpec> arms;
  for (const std::string& name : kNames) arms.push_back(ArmSpec{.id = name});
  RouterConfig made = numbers_router(arms, kFields, policy);
  made.posterior.gamma = gamma;
  return made;
}

std::string id_of(int i) { return "q" + std::to_string(i); }

std::vector<float> context_of(const std::string& query_id) {
  KeyedRandom random(13, query_id);
  std::vector<float> raw(kFields);
  for (float& value : raw) value = static_cast<float>(2.0 * random.next_unit() - 1.0);
  return raw;
}

/// Rounds `from` … `to` − 1, the arms in turn.
void teach(RouterDriver& driver, int from, int to, bool rated = true) {
  for (int i = from; i < to; ++i) {
    driver.route(id_of(i), context_of(id_of(i)), {kNames[static_cast<std::size_t>(i) % 2]});
    if (rated) driver.rate(id_of(i), i % 7 < 3 ? 1.0 : 0.0);
  }
}

/// Without a SchemaRevision after decision 1,024 there is no checkpoint.
constexpr int kFrozen = 1030;

Checkpoint newest_checkpoint(RouterDriver& driver) {
  EXPECT_TRUE(driver.routers().checkpoint_all());
  auto checkpoints = driver.store().load_checkpoints(driver.kScope);
  EXPECT_TRUE(checkpoints.ok() && !checkpoints->empty());
  return checkpoints->front();
}

std::size_t waiting_in(const RouterFold& fold) {
  return fold.arms().front()->posterior.state().p.shrinks.size();
}

void fold_rest(RouterFold& fold, RouterDriver& driver) {
  const auto records = driver.store().scan(driver.kScope, fold.position(), 1'000'000);
  ASSERT_TRUE(records);
  for (const StoredRecord& stored : *records) ASSERT_TRUE(fold.apply(stored, driver.store()));
}

TEST(WaitingFold, ACheckpointAtAnyStageRestoresToTheBitsOfTheWholeLog) {
  for (const PolicyOptions& policy :
       {PolicyOptions(LinUcbOptions{}), PolicyOptions(HybridLinUcbOptions{})}) {
    RouterDriver driver(config(policy));
    teach(driver, 0, kFrozen, false);
    std::vector<std::unique_ptr<RouterFold>> restored;
    std::vector<int> seen(WaitingCovariance::kMost + 1);
    for (int i = 0; i < 20; ++i) {
      driver.rate(id_of(2 * i), 0.1 * (i % 10));
      const Checkpoint checkpoint = newest_checkpoint(driver);
      ASSERT_EQ(checkpoint.checksum, driver.checksum());
      restored.push_back(std::make_unique<RouterFold>(driver.kScope, RouterFold::Options{}));
      ASSERT_TRUE(restored.back()->restore(checkpoint));
      ++seen[waiting_in(*restored.back())];
      // A reader of it sees what a reader of the fold that never stopped sees.
      const auto x = context_of("x");
      DecideRequest request;
      request.query_id = "x";
      request.raw = x;
      Evaluation evaluation;
      ASSERT_TRUE(evaluate(*restored.back()->snapshot(), request, evaluation));
      EXPECT_EQ(evaluation.scores[0].sigma, driver.look(x).scores[0].sigma);
      EXPECT_EQ(evaluation.scores[0].mean, driver.look(x).scores[0].mean);
    }
    for (std::size_t n = 1; n < seen.size(); ++n) EXPECT_GT(seen[n], 0) << n;
    teach(driver, kFrozen, kFrozen + 30);
    driver.rate(id_of(6), 1.0);  // Revises.
    RouterFold whole(driver.kScope, {});
    fold_rest(whole, driver);
    EXPECT_EQ(whole.checksum(), driver.checksum());
    for (const auto& fold : restored) {
      fold_rest(*fold, driver);
      EXPECT_EQ(fold->checksum(), driver.checksum());
    }
  }
}

TEST(WaitingFold, ACheckpointWhoseWaitingStepsWereLostIsRefused) {
  // As a release would read it that does not know of them.
  RouterDriver driver(config(LinUcbOptions{}));
  teach(driver, 0, kFrozen, false);
  driver.rate(id_of(0), 1.0);
  Checkpoint checkpoint = newest_checkpoint(driver);
  RouterFold whole(driver.kScope, {});
  ASSERT_TRUE(whole.restore(checkpoint));
  ASSERT_EQ(waiting_in(whole), 1U);
  const LinearPosterior::State state = whole.arms().front()->posterior.state();
  LinearPosterior::State lost = state;
  lost.p.shrinks.clear();
  lost.p.directions.clear();
  ASSERT_TRUE(whole.arms().front()->posterior.restore(lost));
  EXPECT_NE(whole.checksum(), checkpoint.checksum);
  lost = state;
  lost.p.shrinks.front() = std::nextafter(lost.p.shrinks.front(), 1.0);
  ASSERT_TRUE(whole.arms().front()->posterior.restore(lost));
  EXPECT_NE(whole.checksum(), checkpoint.checksum);
  ASSERT_TRUE(whole.arms().front()->posterior.restore(state));
  EXPECT_EQ(whole.checksum(), checkpoint.checksum);
}

TEST(WaitingFold, WhereNothingWaitsACheckpointIsAsEarlierReleasesWroteIt) {
  // Ageing computes P afresh, here at decision 1,280.
  RouterDriver driver(config(LinUcbOptions{}, 0.999));
  teach(driver, 0, 1275, false);
  for (int i = 0; i < 9; ++i) driver.rate(id_of(2 * i), 0.5);
  teach(driver, 1275, 1280, false);
  const Checkpoint checkpoint = newest_checkpoint(driver);
  RouterFold fold(driver.kScope, {});
  ASSERT_TRUE(fold.restore(checkpoint));
  ASSERT_EQ(waiting_in(fold), 0U);
  ASSERT_EQ(checkpoint.chunks.front().first, "arm:a");
  // The chunk ends with the number of steps since the factorisation, as it always did; before it
  // the triangles and the two vectors, each with its length in two bytes.
  const LinearPosterior::State state = fold.arms().front()->posterior.state();
  ByteWriter tail;
  tail.f64s(state.a);
  tail.f64s(state.p.matrix);
  tail.f64s(state.b);
  tail.f64s(state.theta);
  tail.u32(state.steps);
  EXPECT_TRUE(checkpoint.chunks.front().second.ends_with(tail.bytes()));
}

}  // namespace
}  // namespace pointsman
