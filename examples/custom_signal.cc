// A server with a signal of its own, written in C++: {"converted": true} is worth 1, false .3,
// because a visitor who did not buy may still have been served well.
//
//   ./build/release/pointsman_custom_signal 127.0.0.1:8080 sqlite:demo.db
//   curl … /feedback -d '{"query_id":"…","signal_type":"conversion","payload":{"converted":true}}'

#include <cstdio>
#include <memory>

#include "adapters/json/json_body.h"
#include "server/cli/serve.h"
#include "server/config/listen_address.h"

namespace {

using namespace pointsman;

class Conversion final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const bool converted = reader.require_bool("converted");
    if (Status ok = reader.finish(); !ok) return ok.error();
    return Reward{converted ? 1.0 : 0.3, 1.0};
  }
  std::string_view describe() const override {
    return "{\"converted\":true|false} is worth 1 or .3.";
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s HOST:PORT STORE-URL\n", argv[0]);
    return 2;
  }
  ServerConfig config = demo_config();
  const auto address = parse_listen(argv[1]);
  if (!address) {
    std::fprintf(stderr, "%s\n", address.error().message.c_str());
    return 2;
  }
  config.http.host = address->host;
  config.http.port = address->port;
  config.store.url = argv[2];

  ServeHooks hooks;
  hooks.add_signals = [](RewardAdapters& adapters) {
    return adapters.add("conversion", std::make_unique<Conversion>());
  };
  return serve(config, hooks);
}
