#include "engine/posterior/block_kernels.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "engine/posterior/linear_posterior.h"
#include "tests/engine/posterior/instruction_set.h"
#include "tests/engine/posterior/posterior_bits.h"

namespace pointsman {
namespace {

/// Steps wait from 128 on; an odd and an even number of vectors a row, and loose ends.
constexpr std::size_t kSizes[] = {1, 2, 3, 4, 5, 16, 31, 64, 97, 127, 128, 129, 132};

struct Row {
  std::vector<float> x;
  double weight = 0.0;
  double reward = 0.0;
};

std::vector<Row> random_rows(std::size_t d, std::size_t n) {
  std::mt19937 random(static_cast<unsigned>(d));
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> unit;
  std::vector<Row> rows(n);
  for (Row& row : rows) {
    for (std::size_t i = 0; i < d; ++i) row.x.push_back(i == 0 ? 1.0F : normal(random));
    row.weight = 0.1 + 0.9 * unit(random);
    row.reward = unit(random);
  }
  return rows;
}

std::shared_ptr<const LinearPrior> prior(std::size_t d) {
  return std::make_shared<const LinearPrior>(
      LinearPrior{std::vector<double>(d, 0.1), std::vector<double>(d, 3.0)});
}

/// Every kernel: steps up and down, a step that must refactor, ageing, another prior.
std::vector<std::uint64_t> bits_after_a_life(std::size_t d) {
  LinearPosterior posterior(prior(d));
  const auto rows = random_rows(d, 50);
  for (const Row& row : rows) posterior.add(row.x, row.weight, row.weight * row.reward);
  for (std::size_t i = 0; i < rows.size(); i += 4) {
    posterior.add(rows[i].x, 0.3 - rows[i].weight, 0.1);
  }
  posterior.age(0.9);
  for (const Row& row : rows) posterior.add(row.x, row.weight, row.weight * row.reward);
  posterior.change_prior(std::make_shared<const LinearPrior>(
      LinearPrior{std::vector<double>(d, 0.4), std::vector<double>(d, 7.0)}));
  for (const Row& row : rows) posterior.add(row.x, row.weight, 0.0);
  return bits_of(posterior);
}

TEST(BlockKernels, GiveTheSameBitsWithEveryInstructionSetOfThisMachine) {
  const std::vector<std::int64_t> sets = hwy::SupportedAndGeneratedTargets();
  ASSERT_FALSE(sets.empty());
  for (const std::size_t d : kSizes) {
    std::vector<std::uint64_t> first;
    for (const std::int64_t set : sets) {
      const InstructionSet only(set);
      const auto bits = bits_after_a_life(d);
      if (first.empty()) first = bits;
      EXPECT_EQ(bits, first) << hwy::TargetName(set) << ", d = " << d;
    }
  }
}

TEST(BlockKernels, ObservationsThatWaitedGiveTheBitsOfOnesAddedAtOnce) {
  for (const std::size_t d : kSizes) {
    LinearPosterior posterior(prior(d));
    std::vector<double> a(d * (d + 1) / 2, 0.0);
    for (std::size_t i = 0; i < d; ++i) a[i * (i + 1) / 2 + i] = 3.0;
    for (const Row& row : random_rows(d, 21)) {
      posterior.add(row.x, row.weight, row.reward);
      std::size_t at = 0;
      for (std::size_t i = 0; i < d; ++i) {
        const double weighted = row.weight * static_cast<double>(row.x[i]);
        for (std::size_t j = 0; j <= i; ++j) a[at++] += weighted * static_cast<double>(row.x[j]);
      }
      ASSERT_EQ(posterior.precision_packed(), a) << "d = " << d;
    }
  }
}

TEST(BlockKernels, APosteriorRestoredAtAnyStepContinuesWithTheSameBits) {
  // Both what waits and the padding of the blocks must not tell the two apart.
  for (const std::size_t d : kSizes) {
    const auto rows = random_rows(d, 19);
    for (std::size_t cut = 0; cut < rows.size(); ++cut) {
      LinearPosterior whole(prior(d));
      LinearPosterior restored(prior(d));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (i == cut) {
          if (i % 2 == 0) whole.refactor();
          ASSERT_TRUE(restored.restore(whole.state()));
        }
        whole.add(rows[i].x, rows[i].weight, rows[i].reward);
        if (i >= cut) restored.add(rows[i].x, rows[i].weight, rows[i].reward);
      }
      ASSERT_EQ(bits_of(whole), bits_of(restored)) << "d = " << d << ", cut at " << cut;
    }
  }
}

TEST(BlockKernels, AStepKeepsTheDiagonalBlocksWhole) {
  const std::size_t d = 10;
  BlockTriangle m(d);
  std::vector<Quad> v(BlockTriangle::blocks_of(d));
  const Row row = random_rows(d, 1).front();
  for (std::size_t i = 0; i < d; ++i) v[i / 4].lanes[i % 4] = static_cast<double>(row.x[i]);
  add_outer(m, 0.37, v.data());
  BlockTriangle whole = m;
  whole.make_whole();
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < i / 4 * 4 + 4; ++j) {
      EXPECT_EQ(m.row(i)[j], whole.row(i)[j]) << i << ", " << j;
    }
    EXPECT_NE(m.row(i)[0], 0.0);
  }
}

}  // namespace
}  // namespace pointsman
