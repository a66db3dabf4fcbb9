#include "stores/postgres/postgres_waves.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pointsman {
namespace {

/// A name of the parts that no other parts have.
std::string joined(char kind, std::initializer_list<std::string_view> parts) {
  std::string made(1, kind);
  for (const std::string_view part : parts) {
    made += std::to_string(part.size());
    made += ':';
    made += part;
  }
  return made;
}

/// The last waves in which a thing was changed and read; 0: in none.
struct LastUse {
  std::size_t changed = 0;
  std::size_t read = 0;
};

/// What one request reads and changes.
struct Uses {
  std::vector<LastUse*> read;
  std::vector<LastUse*> changed;
};

class WaveFinder final {
 public:
  std::size_t wave_of(const AppendRequest& request) {
    const Uses uses = uses_of(request);
    std::size_t wave = 1;
    for (const LastUse* use : uses.read) wave = std::max(wave, use->changed + 1);
    for (const LastUse* use : uses.changed) {
      wave = std::max({wave, use->changed + 1, use->read + 1});
    }
    for (LastUse* use : uses.read) use->read = std::max(use->read, wave);
    for (LastUse* use : uses.changed) use->changed = wave;
    return wave;
  }

 private:
  Uses uses_of(const AppendRequest& request) {
    Uses uses;
    const std::string_view tenant = request.scope.tenant;
    const bool of_decision = request.subject_kind == SubjectKind::decision;
    if (request.key) {
      uses.changed.push_back(&last_[joined('k', {tenant, request.key->route, request.key->key})]);
    }
    if (of_decision) {
      LastUse* const decision = &last_[joined('d', {tenant, request.subject})];
      (request.creates_subject ? uses.changed : uses.read).push_back(decision);
    }
    if (request.creates_subject || request.subject_kind == SubjectKind::none) return uses;
    const std::string kind = std::to_string(static_cast<int>(request.subject_kind));
    const std::string_view router = of_decision ? std::string_view() : request.scope.router;
    for (const Slot& slot : request.slots) {
      uses.changed.push_back(
          &last_[joined('s', {kind, tenant, router, request.subject, slot.name})]);
    }
    return uses;
  }

  std::unordered_map<std::string, LastUse> last_;
};

}  // namespace

PostgresWaves waves_of(std::span<const AppendRequest> group) {
  WaveFinder finder;
  std::vector<std::vector<std::int32_t>> members;
  std::int32_t number = 0;
  for (const AppendRequest& request : group) {
    const std::size_t wave = finder.wave_of(request);
    if (members.size() < wave) members.resize(wave);
    members[wave - 1].push_back(++number);
  }
  PostgresWaves waves;
  for (const auto& wave : members) {
    waves.order.insert(waves.order.end(), wave.begin(), wave.end());
    waves.end.push_back(static_cast<std::int32_t>(waves.order.size()));
  }
  return waves;
}

}  // namespace pointsman
