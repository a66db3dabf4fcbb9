#pragma once

#include <concepts>
#include <variant>

#include "engine/policies/policy_catalogue.h"

namespace pointsman {

// The stored fields of every policy and of the prior, as field_codec.h asks for them.

// The stored tag of a policy is its place in the variant, so a new policy goes to the end.
static_assert(std::same_as<std::variant_alternative_t<0, PolicyOptions>, LinUcbOptions>);
static_assert(std::same_as<std::variant_alternative_t<1, PolicyOptions>, LinTsOptions>);
static_assert(std::same_as<std::variant_alternative_t<2, PolicyOptions>, UniformOptions>);
static_assert(std::same_as<std::variant_alternative_t<3, PolicyOptions>, FixedOptions>);
static_assert(std::same_as<std::variant_alternative_t<4, PolicyOptions>, EpsilonGreedyOptions>);
static_assert(std::same_as<std::variant_alternative_t<5, PolicyOptions>, SquareCbOptions>);
static_assert(std::same_as<std::variant_alternative_t<6, PolicyOptions>, Ucb1Options>);
static_assert(std::same_as<std::variant_alternative_t<7, PolicyOptions>, BetaThompsonOptions>);
static_assert(std::same_as<std::variant_alternative_t<8, PolicyOptions>, DefaultOptions>);
static_assert(std::same_as<std::variant_alternative_t<9, PolicyOptions>, HybridLinUcbOptions>);

template <class Io>
void fields(Io& io, typename Io::template Ref<LinUcbOptions> v) {
  io(v.alpha);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<LinTsOptions> v) {
  io(v.alpha);
}

template <class Io>
void fields(Io&, typename Io::template Ref<UniformOptions>) {}

template <class Io>
void fields(Io& io, typename Io::template Ref<FixedOptions> v) {
  io(v.arm);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<EpsilonGreedyOptions> v) {
  io(v.epsilon);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<SquareCbOptions> v) {
  io(v.gamma0);
  io(v.exponent);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<Ucb1Options> v) {
  io(v.alpha);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<BetaThompsonOptions> v) {
  io(v.a0);
  io(v.b0);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<HybridLinUcbOptions> v) {
  io(v.alpha);
  io(v.shared);
  io(v.shared_intercept);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<DefaultOptions> v) {
  io(v.alpha);
  io(v.landmark_precision);
  io(v.bandwidth);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<PosteriorOptions> v) {
  io(v.intercept_mean);
  io(v.intercept_precision);
  io(v.field_precision);
  io(v.text_precision);
  io(v.embedding_precision);
  io(v.gamma);
}

}  // namespace pointsman
