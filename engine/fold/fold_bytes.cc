// What a RouterFold holds, for the bound on the routers that are awake.

#include "engine/fold/router_fold.h"

namespace pointsman {
namespace {

/// About what the names, prices and tags of an arm or a configuration take.
constexpr std::size_t kSpecBytes = 256;

std::size_t bytes_of(const RouterFold::Arm& arm) {
  // The next snapshot makes what readers hold of it, if it is not there yet.
  return sizeof arm - sizeof arm.posterior + arm.posterior.bytes() + sizeof(PackedMirror) +
         PackedMirror::bytes_read(arm.posterior.dims()) + sizeof(ArmModel) + 2 * kSpecBytes;
}

std::size_t bytes_of(const WarmStart& warm) {
  return sizeof warm + 4 * warm.raw.capacity() +
         8 * (warm.quality.capacity() + warm.cost_usd.capacity());
}

}  // namespace

std::size_t RouterFold::bytes() const {
  std::size_t bytes = sizeof *this + cache_.bytes() + sessions_->bytes() +
                      sizeof(Ageing) * ageings_.capacity() + 4 * context_.capacity() +
                      pacer_.bytes();
  if (!config_) return bytes;
  bytes += sizeof(RouterSnapshot) + sizeof(RouterConfig) + kSpecBytes * (1 + config_->arms.size());
  // The configuration has the layout once more.
  bytes += encoder_->bytes() + encoder_->layout_bytes() + standardiser_->bytes();
  bytes += 16 * prior_->mean.capacity();
  for (const auto& arm : arms_) bytes += bytes_of(*arm);
  for (const auto& [position, warm] : warm_) bytes += bytes_of(warm);
  bytes += schema_decisions_.capacity() * 2 * sizeof(std::string);
  if (shared_) bytes += shared_->bytes();
  if (shared_mirror_) {
    bytes += sizeof *shared_mirror_ + shared_mirror_->mirror.bytes() +
             4 * shared_mirror_->own_precision.capacity();
  }
  return bytes;
}

}  // namespace pointsman
