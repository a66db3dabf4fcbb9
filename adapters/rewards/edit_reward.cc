#include "adapters/rewards/edit_reward.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/rewards/edit_tokens.h"

namespace pointsman {
namespace {

using TokenIds = std::vector<std::uint32_t>;
using Words = std::vector<std::uint64_t>;

// For each token of the draft the positions where it stands, as bits. A frequent token has a mask
// of its own; a rare one has its positions listed, as a mask for each of 32,768 distinct tokens
// would take 128 MB.
class Occurrences final {
 public:
  Occurrences(std::span<const std::uint32_t> draft, std::size_t vocabulary)
      : words_((draft.size() + 63) / 64), positions_(vocabulary), masks_(vocabulary) {
    for (std::size_t i = 0; i < draft.size(); ++i) {
      positions_[draft[i]].push_back(static_cast<std::uint32_t>(i));
    }
    for (std::size_t id = 0; id < vocabulary; ++id) {
      if (positions_[id].size() > words_) {
        masks_[id].assign(words_, 0);
        set(positions_[id], masks_[id]);
      }
    }
    scratch_.assign(words_, 0);
  }

  bool any(std::uint32_t id) const { return !positions_[id].empty(); }
  std::size_t words() const { return words_; }

  // Calls use(mask); the mask lives as long as the call.
  template <class Use>
  void with_mask(std::uint32_t id, Use use) {
    if (!masks_[id].empty()) return use(masks_[id]);
    set(positions_[id], scratch_);
    use(scratch_);
    for (const std::uint32_t i : positions_[id]) scratch_[i / 64] = 0;
  }

 private:
  static void set(const std::vector<std::uint32_t>& positions, Words& mask) {
    for (const std::uint32_t i : positions) mask[i / 64] |= std::uint64_t{1} << (i % 64);
  }

  std::size_t words_;
  std::vector<std::vector<std::uint32_t>> positions_;
  std::vector<Words> masks_;
  Words scratch_;
};

// Length of the longest common subsequence: zeros of V after V ← (V + (V & M)) | (V & ~M) for each
// token of the final text, M its mask in the draft (Hyyrö 2004, figure 2).
std::size_t common_subsequence(std::span<const std::uint32_t> draft,
                               std::span<const std::uint32_t> final_text, std::size_t vocabulary) {
  if (draft.empty() || final_text.empty()) return 0;
  Occurrences occurrences(draft, vocabulary);
  Words row(occurrences.words(), ~std::uint64_t{0});
  for (const std::uint32_t id : final_text) {
    if (!occurrences.any(id)) continue;
    occurrences.with_mask(id, [&](const Words& mask) {
      std::uint64_t carry = 0;
      for (std::size_t w = 0; w < row.size(); ++w) {
        const std::uint64_t v = row[w];
        const std::uint64_t u = v & mask[w];
        const std::uint64_t partial = v + u;
        const std::uint64_t sum = partial + carry;
        carry = static_cast<std::uint64_t>(partial < v) | static_cast<std::uint64_t>(sum < partial);
        row[w] = sum | (v & ~mask[w]);
      }
    });
  }
  std::size_t length = 0;
  for (std::size_t w = 0; w < row.size(); ++w) {
    const std::size_t bits = std::min<std::size_t>(64, draft.size() - w * 64);
    const std::uint64_t valid = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    length += static_cast<std::size_t>(std::popcount(~row[w] & valid));
  }
  return length;
}

std::size_t kept_tokens(std::span<const std::uint32_t> draft,
                        std::span<const std::uint32_t> final_text, std::size_t vocabulary) {
  std::size_t ends = 0;
  while (!draft.empty() && !final_text.empty() && draft.front() == final_text.front()) {
    draft = draft.subspan(1);
    final_text = final_text.subspan(1);
    ++ends;
  }
  while (!draft.empty() && !final_text.empty() && draft.back() == final_text.back()) {
    draft = draft.first(draft.size() - 1);
    final_text = final_text.first(final_text.size() - 1);
    ++ends;
  }
  return ends + common_subsequence(draft, final_text, vocabulary);
}

bool critical_change(std::span<const EditToken> draft, std::span<const EditToken> final_text) {
  // Counts of the draft less those of the final text.
  std::unordered_map<std::string_view, std::int64_t> facts;
  std::int64_t negations = 0;
  for (const EditToken& token : draft) {
    if (token.kind == TokenKind::critical) ++facts[token.text];
    if (token.kind == TokenKind::negation) ++negations;
  }
  for (const EditToken& token : final_text) {
    if (token.kind == TokenKind::critical) --facts[token.text];
    if (token.kind == TokenKind::negation) --negations;
  }
  return negations != 0 ||
         std::any_of(facts.begin(), facts.end(), [](const auto& fact) { return fact.second > 0; });
}

}  // namespace

Result<EditMeasure> measure_edit(const Edit& edit) {
  const std::string draft_text = normalise_for_edit(edit.draft);
  const std::string final_text = normalise_for_edit(edit.final_text);
  const std::vector<EditToken> draft = tokenise_for_edit(draft_text);
  const std::vector<EditToken> final_tokens = tokenise_for_edit(final_text);
  const std::string too_long =
      "This text has more than " + std::to_string(kMaxEditTokens) + " words and marks.";
  if (draft.size() > kMaxEditTokens) return invalid("/payload/draft", too_long);
  if (final_tokens.size() > kMaxEditTokens) return invalid("/payload/final", too_long);

  std::unordered_map<std::string_view, std::uint32_t> vocabulary;
  const auto ids_of = [&](const std::vector<EditToken>& tokens) {
    TokenIds ids;
    ids.reserve(tokens.size());
    for (const EditToken& token : tokens) {
      const auto next = static_cast<std::uint32_t>(vocabulary.size());
      ids.push_back(vocabulary.try_emplace(token.text, next).first->second);
    }
    return ids;
  };
  const TokenIds draft_ids = ids_of(draft);
  const TokenIds final_ids = ids_of(final_tokens);

  EditMeasure measure;
  measure.draft_tokens = draft.size();
  measure.final_tokens = final_tokens.size();
  measure.kept_tokens = kept_tokens(draft_ids, final_ids, vocabulary.size());
  measure.critical = critical_change(draft, final_tokens);
  measure.identical = draft_text == final_text;
  return measure;
}

Result<Reward> edit_reward(const Edit& edit) {
  const Result<EditMeasure> measured = measure_edit(edit);
  if (!measured) return measured.error();
  const EditMeasure& m = *measured;
  constexpr double kConfidence = 0.9;
  if (m.draft_tokens == 0) return Reward{0.0, 0.0};
  if (m.identical) return Reward{1.0, kConfidence};

  const auto draft = static_cast<double>(m.draft_tokens);
  const auto final_size = static_cast<double>(m.final_tokens);
  const double kept = static_cast<double>(m.kept_tokens) / draft;
  const bool emptied = m.final_tokens == 0;
  const double fit = emptied ? 1.0 : std::min(1.0, 2.0 * draft / final_size);
  const double add = emptied ? 0.0 : std::max(0.0, final_size - draft) / final_size;
  const double crit = m.critical ? 1.0 : 0.0;
  const double reward = 0.15 + 0.75 * kept * fit - 0.10 * add - 0.35 * crit;
  return Reward{std::clamp(reward, 0.05, 0.90), kConfidence};
}

}  // namespace pointsman
