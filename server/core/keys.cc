#include "server/core/keys.h"

#include <openssl/crypto.h>

#include "adapters/json/canonical_json.h"

namespace pointsman {

std::optional<Caller> Keys::find(std::string_view key) const {
  const Fingerprint digest = sha256(key);
  const ApiKey* found = nullptr;
  for (const ApiKey& known : keys_) {
    if (CRYPTO_memcmp(known.sha256.data(), digest.data(), digest.size()) == 0) found = &known;
  }
  if (found == nullptr) return std::nullopt;
  return Caller{.tenant = found->tenant, .key = found->name};
}

}  // namespace pointsman
