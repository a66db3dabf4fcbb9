// The composition root: the command line, and which part of the house answers each command.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "server/cli/fit.h"
#include "server/cli/inspect.h"
#include "server/cli/prune.h"
#include "server/cli/replay_cli.h"
#include "server/cli/serve.h"
#include "server/cli/warm_start_cli.h"
#include "server/config/listen_address.h"

namespace pointsman {
namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

/// Reads and checks a configuration file; faults go to stderr, all of them.
std::optional<ServerConfig> load_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return std::nullopt;
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  ParsedConfig parsed = parse_config(text, environment);
  for (const ConfigFault& fault : parsed.faults) {
    std::fprintf(stderr, "%s:%d: %s: %s\n", path.c_str(), fault.line, fault.key.c_str(),
                 fault.message.c_str());
  }
  if (!parsed.faults.empty()) return std::nullopt;
  return std::move(parsed.config);
}

struct ServeFlags {
  std::string config;
  std::string store;
  std::string listen;
};

/// Flags go over the file, and the file over the defaults.
std::optional<ServerConfig> effective_config(const ServeFlags& flags) {
  std::optional<ServerConfig> config =
      flags.config.empty() ? demo_config() : load_config(flags.config);
  if (!config) return std::nullopt;
  if (!flags.store.empty()) config->store.url = flags.store;
  if (!flags.listen.empty()) {
    const auto address = parse_listen(flags.listen);
    if (!address) {
      std::fprintf(stderr, "--listen: %s\n", address.error().message.c_str());
      return std::nullopt;
    }
    config->http.host = address->host;
    config->http.port = address->port;
    if (const Status safe = check_exposure(*config); !safe) {
      std::fprintf(stderr, "--listen: %s\n", safe.error().message.c_str());
      return std::nullopt;
    }
  }
  return config;
}

int run_serve(const ServeFlags& flags) {
  const auto config = effective_config(flags);
  if (!config) return 2;
  ServeHooks hooks;
  if (!flags.config.empty()) hooks.reload = [&flags] { return effective_config(flags); };
  return serve(*config, hooks);
}

int run_check_config(const std::string& path) {
  const auto config = load_config(path);
  if (!config) return 1;
  std::printf("%s: sound; %zu routers, %zu keys, %zu signals\n", path.c_str(),
              config->routers.size(), config->keys.size(), config->signals.size());
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app{"Pointsman: routes model calls by contextual bandits and learns from feedback"};
  app.set_version_flag("--version", POINTSMAN_VERSION);
  app.require_subcommand(1);

  ServeFlags serve_flags;
  CLI::App* serve_command = app.add_subcommand("serve", "Serve the HTTP API");
  serve_command->add_option("--config", serve_flags.config, "TOML file (docs/CONFIGURATION.md)");
  serve_command->add_option("--store", serve_flags.store, "Store URL, such as sqlite:FILE");
  serve_command->add_option("--listen", serve_flags.listen, "HOST:PORT");

  ReplayCli replay;
  add_replay_command(app, replay);

  WarmStartCli warm_start;
  add_warm_start_command(app, warm_start);

  FitCommand fit_command;
  CLI::App* fit_sub = app.add_subcommand("fit", "Learn a text model from unlabelled prompts");
  fit_sub->add_option("--prompts", fit_command.prompts, "JSON lines with a \"prompt\" (repeatable)")
      ->required();
  fit_sub->add_option("--dims", fit_command.dims, "Length of the embedding")
      ->check(CLI::Range(1, 1024));
  fit_sub->add_option("--out", fit_command.out, "File to write");

  InspectCommand inspect_command;
  CLI::App* inspect_sub = app.add_subcommand("inspect", "Show a store's arms and posteriors");
  inspect_sub->add_option("--store", inspect_command.store, "Store URL");
  inspect_sub->add_option("--format", inspect_command.format, "table or json")
      ->check(CLI::IsMember({"table", "json"}));

  PruneCommand prune_command;
  CLI::App* prune_sub =
      app.add_subcommand("prune", "Remove from a store what no recovery can ask for");
  prune_sub->add_option("--store", prune_command.store, "Store URL, such as sqlite:FILE")
      ->required();
  prune_sub->add_option("--tenant", prune_command.tenant, "Of this tenant alone");
  prune_sub->add_option("--router", prune_command.router, "This router alone");
  prune_sub
      ->add_option("--keep-days", prune_command.keep_days,
                   "Days that a decision stays after it and its keys are over")
      ->check(CLI::Range(0.0, 36500.0))
      ->capture_default_str();
  prune_sub->add_flag("--compact", prune_command.compact,
                      "Then give the space back (SQLite rewrites its file)");

  std::string checked;
  CLI::App* check_sub = app.add_subcommand("check-config", "Check a configuration file");
  check_sub->add_option("file,--config", checked, "TOML file")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (serve_command->parsed()) return run_serve(serve_flags);
  if (fit_sub->parsed()) return fit(fit_command);
  if (inspect_sub->parsed()) return inspect(inspect_command);
  if (prune_sub->parsed()) return prune(prune_command);
  if (check_sub->parsed()) return run_check_config(checked);
  if (app.got_subcommand("warm-start")) return run_warm_start(warm_start);
  return run_replay(replay);
}

}  // namespace
}  // namespace pointsman

int main(int argc, char** argv) { return pointsman::run(argc, argv); }
