// Steps that wait: nothing that anybody reads, and no bit of the fold, may tell that they do.

#include "engine/posterior/waiting_covariance.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <Eigen/Dense>
#include <atomic>
#include <bit>
#include <cmath>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "engine/posterior/linear_posterior.h"
#include "tests/engine/posterior/instruction_set.h"
#include "tests/engine/posterior/posterior_bits.h"

namespace pointsman {
namespace {

constexpr std::size_t kMost = WaitingCovariance::kMost;

using Context = std::vector<float>;

Context random_context(std::size_t d, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  Context x(PackedMirror::padded_dims(d), 0.0F);
  for (std::size_t i = 0; i < d; ++i) x[i] = i == 0 ? 1.0F : normal(random);
  return x;
}

LinearPosterior new_posterior(std::size_t d) {
  LinearPrior prior{std::vector<double>(d, 0.1), std::vector<double>(d, 5.0)};
  prior.precision[0] = 0.5;
  return LinearPosterior(std::make_shared<const LinearPrior>(prior));
}

std::size_t waiting_in(const LinearPosterior& posterior) {
  return posterior.state().p.shrinks.size();
}

Eigen::VectorXd wide(const Context& x, std::size_t d) {
  return Eigen::Map<const Eigen::VectorXf>(x.data(), static_cast<Eigen::Index>(d)).cast<double>();
}

/// P from A by a factorisation of its own.
Eigen::MatrixXd fresh_covariance(const LinearPosterior& posterior) {
  const auto d = static_cast<Eigen::Index>(posterior.dims());
  const std::vector<double> packed = posterior.precision_packed();
  Eigen::MatrixXd a(d, d);
  for (Eigen::Index i = 0, at = 0; i < d; ++i) {
    for (Eigen::Index j = 0; j <= i; ++j) {
      a(i, j) = a(j, i) = packed[static_cast<std::size_t>(at++)];
    }
  }
  return a.ldlt().solve(Eigen::MatrixXd::Identity(d, d));
}

/// score(), score_tile() and times() of a mirror against P and θ in f64.
void expect_mirrors(const PackedMirror& mirror, const Eigen::MatrixXd& p,
                    const LinearPosterior& posterior, const Context& x) {
  const std::size_t d = posterior.dims();
  const Eigen::VectorXd wide_x = wide(x, d);
  const Eigen::VectorXd product = p * wide_x;
  const double variance = wide_x.dot(product);
  const Eigen::VectorXd theta =
      Eigen::Map<const Eigen::VectorXd>(posterior.theta().data(), static_cast<Eigen::Index>(d));
  const double mean = theta.dot(wide_x);
  const double mean_scale = theta.cwiseProduct(wide_x).cwiseAbs().sum();
  const MeanVariance one = mirror.score(x);
  ASSERT_NEAR(one.variance, variance, 2e-5 * variance);
  ASSERT_NEAR(one.mean, mean, 1e-5 * mean_scale);

  const std::size_t width = PackedMirror::tile_width();
  std::vector<float> tile(x.size() * width);
  const auto factor = [&](std::size_t i) { return 1.0F - 0.125F * static_cast<float>(i % 8); };
  for (std::size_t at = 0; at < x.size(); ++at) {
    for (std::size_t i = 0; i < width; ++i) tile[at * width + i] = factor(i) * x[at];
  }
  std::vector<MeanVariance> side_by_side(width);
  mirror.score_tile(tile, side_by_side);
  for (std::size_t i = 0; i < width; ++i) {
    const double f = factor(i);
    ASSERT_NEAR(side_by_side[i].variance, f * f * variance, 2e-5 * f * f * variance) << i;
    ASSERT_NEAR(side_by_side[i].mean, f * mean, 1e-5 * mean_scale) << i;
  }

  std::vector<float> out(x.size(), 7.0F);
  mirror.times(x, out);
  const double scale = product.cwiseAbs().maxCoeff();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double expected = i < d ? product(static_cast<Eigen::Index>(i)) : 0.0;
    ASSERT_NEAR(out[i], expected, 2e-5 * scale) << i;
  }
}

TEST(WaitingCovariance, EveryReaderSeesThePosteriorWhateverWaits) {
  for (const std::size_t d : {127U, 128U, 129U, 384U, 385U}) {
    SCOPED_TRACE(d);
    std::mt19937_64 random(d);
    LinearPosterior posterior = new_posterior(d);
    std::vector<std::size_t> seen(kMost + 1);
    for (std::size_t n = 0; n < 2 * kMost + 3; ++n) {
      const Eigen::MatrixXd p = fresh_covariance(posterior);
      const std::vector<double> packed = posterior.covariance_packed();
      for (Eigen::Index i = 0, at = 0; i < p.rows(); ++i) {
        for (Eigen::Index j = 0; j <= i; ++j) {
          ASSERT_NEAR(packed[static_cast<std::size_t>(at++)], p(i, j), 1e-11) << "step " << n;
        }
      }
      const Context x = random_context(d, random);
      for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        SCOPED_TRACE(hwy::TargetName(target));
        const InstructionSet only(target);
        PackedMirror mirror;
        posterior.write_mirror(mirror);
        expect_mirrors(mirror, p, posterior, x);
      }
      if (HasFatalFailure()) return;
      ++seen[waiting_in(posterior)];
      const double weight = n % 5 == 4 ? -0.2 : 0.9;  // Also one that takes back.
      posterior.add(n % 5 == 4 ? x : random_context(d, random), weight > 0 ? weight : 0.4, 0.3);
      if (weight < 0) posterior.add(x, weight, 0.0);
    }
    for (std::size_t n = 0; n <= kMost; ++n) {
      if (d < WaitingCovariance::kFromDims) {
        EXPECT_EQ(seen[n] > 0, n == 0) << n;
      } else {
        EXPECT_GT(seen[n], 0U) << n << " waiting steps were never seen";
      }
    }
  }
}

TEST(WaitingCovariance, BitsDoNotDependOnWhoLooksOrWhen) {
  for (const std::size_t d : {127U, 128U, 131U, 385U}) {
    std::mt19937_64 random(d);
    std::vector<Context> contexts;
    for (int n = 0; n < 45; ++n) contexts.push_back(random_context(d, random));
    LinearPosterior unseen = new_posterior(d);
    for (std::size_t n = 0; n < contexts.size(); ++n) {
      if (n == 21) unseen.age(0.9);
      unseen.add(contexts[n], 0.7, 0.2);
    }
    for (unsigned seed = 0; seed < 4; ++seed) {
      std::mt19937 choice(seed);
      LinearPosterior looked_at = new_posterior(d);
      PackedMirror mirror;
      std::vector<float> room(PackedMirror::padded_dims(d));
      for (std::size_t n = 0; n < contexts.size(); ++n) {
        if (n == 21) looked_at.age(0.9);
        if (choice() % 3 == 0) looked_at.write_mirror(mirror);
        if (choice() % 3 == 0) static_cast<void>(looked_at.covariance_packed());
        if (choice() % 3 == 0) {
          LinearPosterior restored = new_posterior(d);
          // What it held before must not matter either.
          for (unsigned i = 0; i < choice() % 12; ++i) restored.add(contexts[i], 1.0, 0.5);
          ASSERT_TRUE(restored.restore(looked_at.state()));
          looked_at = restored;
        }
        looked_at.add(contexts[n], 0.7, 0.2);
      }
      EXPECT_EQ(bits_of(looked_at), bits_of(unseen)) << "d = " << d << ", seed " << seed;
    }
  }
}

TEST(WaitingCovariance, AMirrorNeverChangesWhateverItsPosteriorLearnsLater) {
  for (const std::size_t d : {64U, 128U, 129U}) {
    std::mt19937_64 random(d);
    LinearPosterior posterior = new_posterior(d);
    const Context x = random_context(d, random);
    std::vector<PackedMirror> mirrors(40);
    std::vector<MeanVariance> then;
    for (PackedMirror& mirror : mirrors) {
      posterior.add(random_context(d, random), 0.8, 0.1);
      posterior.write_mirror(mirror);
      then.push_back(mirror.score(x));
    }
    posterior.age(0.5);
    for (std::size_t n = 0; n < mirrors.size(); ++n) {
      EXPECT_EQ(mirrors[n].score(x).mean, then[n].mean) << n;
      EXPECT_EQ(mirrors[n].score(x).variance, then[n].variance) << n;
      if (n == 0) continue;
      EXPECT_LT(then[n].variance, then[n - 1].variance) << n;
    }
  }
}

TEST(WaitingCovariance, AMirrorThatIsWrittenAgainKeepsNoTraceOfItsLastPosterior) {
  // From many waiting steps to fewer, to other dimensions, and to where no step waits.
  std::mt19937_64 random(3);
  PackedMirror mirror;
  for (const std::size_t d : {385U, 384U, 130U, 64U, 129U, 128U, 385U, 16U}) {
    LinearPosterior posterior = new_posterior(d);
    const Context x = random_context(d, random);
    for (const std::size_t steps : {7U, 3U}) {
      for (std::size_t n = 0; n < steps; ++n) posterior.add(random_context(d, random), 1.0, 0.5);
      posterior.write_mirror(mirror);
      PackedMirror fresh;
      posterior.write_mirror(fresh);
      EXPECT_EQ(mirror.score(x).variance, fresh.score(x).variance) << d;
      EXPECT_EQ(mirror.score(x).mean, fresh.score(x).mean) << d;
      expect_mirrors(mirror, fresh_covariance(posterior), posterior, x);
    }
  }
}

TEST(WaitingCovariance, MirrorsShareTheirStripsUntilTheMatrixTakesItsSteps) {
  WaitingCovariance covariance(128);
  std::vector<Quad> z(32);
  z[0].lanes[0] = 1.0;
  const auto first = covariance.strips();
  for (std::size_t n = 0; n < kMost; ++n) covariance.subtract(0.5, z.data());
  EXPECT_EQ(covariance.strips(), first);
  std::vector<Quad> out(32);
  covariance.times(z.data(), out.data());
  EXPECT_EQ(covariance.waiting(), 0U);
  EXPECT_NE(covariance.strips(), first);
  EXPECT_EQ(out[0].lanes[0], -4.0);
  EXPECT_EQ(first->data()[0], 0.0F) << "somebody may still read it";
  EXPECT_EQ(covariance.strips()->data()[0], -4.0F);
}

TEST(WaitingCovariance, AStateThatDoesNotFitIsRefusedAndChangesNothing) {
  std::mt19937_64 random(2);
  for (const std::size_t d : {127U, 128U}) {
    LinearPosterior posterior = new_posterior(d);
    for (int n = 0; n < 5; ++n) posterior.add(random_context(d, random), 1.0, 0.5);
    const auto bits = bits_of(posterior);
    LinearPosterior::State state = posterior.state();
    state.p.shrinks.push_back(0.1);  // No direction.
    EXPECT_FALSE(posterior.restore(state));
    state.p.shrinks.assign(kMost + 1, 0.1);
    state.p.directions.assign((kMost + 1) * d, 0.1);
    EXPECT_FALSE(posterior.restore(state));
    state = posterior.state();
    state.p.matrix.pop_back();
    EXPECT_FALSE(posterior.restore(state));
    EXPECT_EQ(bits_of(posterior), bits);
  }
}

TEST(WaitingCovariance, ReadersBesideTheWriterSeeWholeMirrors) {
  // For the thread sanitizer, above all: strips are shared with mirrors that others read.
  const std::size_t d = 130;
  std::mt19937_64 random(5);
  const Context x = random_context(d, random);
  std::mutex door;
  std::shared_ptr<const PackedMirror> shown;
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  const auto read = [&] {
    float last = 1e30F;
    while (!done) {
      std::shared_ptr<const PackedMirror> mirror;
      {
        const std::lock_guard lock(door);
        mirror = shown;
      }
      if (!mirror) continue;
      const float now = mirror->score(x).variance;  // Falls with every observation.
      if (!(now > 0.0F) || now > 1.0001F * last) ++torn;
      last = now;
    }
  };
  std::thread one(read);
  std::thread other(read);
  LinearPosterior posterior = new_posterior(d);
  for (int n = 0; n < 300; ++n) {
    posterior.add(random_context(d, random), 0.1, 0.05);
    auto mirror = std::make_shared<PackedMirror>();
    posterior.write_mirror(*mirror);
    const std::lock_guard lock(door);
    shown = std::move(mirror);
  }
  done = true;
  one.join();
  other.join();
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace pointsman
