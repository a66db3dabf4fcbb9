#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/values/values.h"

namespace pointsman {

/// A caller's key, as the configuration declares it.
struct ApiKey {
  std::string name;      ///< For logs and metrics; never the key.
  Fingerprint sha256{};  ///< Of the key; the key itself is not kept.
  std::string tenant = "default";
};

/// Who calls: what core and every surface know of it, whatever way the call came.
struct Caller {
  std::string tenant = "default";
  std::string key;  ///< The key's name; empty where the server has no keys.
};

/// The keys of a server. Immutable, so any number of threads may ask at once.
class Keys final {
 public:
  explicit Keys(std::vector<ApiKey> keys) : keys_(std::move(keys)) {}

  /// True where no key is configured, and whoever reaches the server may call it.
  bool none() const { return keys_.empty(); }

  /// The caller that presents `key`, or nothing where the key is not known. Keys are compared by
  /// their SHA-256 and all of them every time, so that the time tells nothing of any key.
  std::optional<Caller> find(std::string_view key) const;

 private:
  std::vector<ApiKey> keys_;
};

}  // namespace pointsman
