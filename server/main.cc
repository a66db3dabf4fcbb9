// The composition root: the command line, and which part of the house answers each command.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "lab/data/text_file.h"
#include "server/cli/fit.h"
#include "server/cli/inspect.h"
#include "server/cli/prune.h"
#include "server/cli/replay_cli.h"
#include "server/cli/serve.h"
#include "server/cli/warm_start_cli.h"
#include "server/config/listen_address.h"
#include "server/config/nearest_word.h"

namespace pointsman {
namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

/// Reads and checks a configuration file; faults go to stderr, all of them.
std::optional<ServerConfig> load_config(const std::string& path) {
  const auto text = lab::read_text_file(path);
  if (!text) {
    std::fprintf(stderr, "%s\n", text.error().message.c_str());
    return std::nullopt;
  }
  ParsedConfig parsed = parse_config(*text, environment);
  for (const ConfigFault& fault : parsed.faults) {
    std::fprintf(stderr, "%s:%d: %s: %s\n", path.c_str(), fault.line, fault.key.c_str(),
                 fault.message.c_str());
  }
  if (!parsed.faults.empty()) return std::nullopt;
  return std::move(parsed.config);
}

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

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

/// The store's url without what may be a password: of one that is not a file, its kind alone.
std::string shown_store(const std::string& url) {
  if (url.starts_with("sqlite:") || url.starts_with("memory:")) return url;
  return url.substr(0, url.find(':')) + ":…";
}

/// Says in the log what is about to be served.
void announce(const ServerConfig& config, const ServeFlags& flags) {
  spdlog::set_level(spdlog::level::from_str(config.log_level));
  const std::string bound = config.awake_mb == 0
                                ? "no bound on the memory of routers"
                                : "at most " + std::to_string(config.awake_mb) + " MiB of routers";
  spdlog::info("pointsman {}: store {}, configuration {}, {}", POINTSMAN_VERSION,
               shown_store(config.store.url), flags.config.empty() ? "the demo's" : flags.config,
               bound);
  if (config.store.url.starts_with("memory:")) {
    spdlog::warn("the store memory: keeps nothing: all that is learnt is lost when this ends");
  }
}

int run_serve(const ServeFlags& flags) {
  const auto config = effective_config(flags);
  if (!config) return kWrongUsage;
  announce(*config, flags);
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

/// Names the command that an unknown first word was most likely meant to be.
void suggest_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == argv[1]) return;
    commands.push_back(command->get_name());
  }
  if (const auto nearest = nearest_word(argv[1], commands)) {
    std::fprintf(stderr, "pointsman: there is no command \"%s\"; did you mean \"%s\"?\n", argv[1],
                 nearest->c_str());
  }
}

/// The first option that was given an empty text, which for none of them means anything; an empty
/// variable in a script would otherwise choose the default store.
const CLI::Option* empty_option(const CLI::App& app) {
  for (const CLI::App* command : app.get_subcommands()) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& text : option->results()) {
        if (text.empty()) return option;
      }
    }
  }
  return nullptr;
}

int run(int argc, char** argv) {
  CLI::App app{
      "Pointsman decides which model answers a request, and learns from what comes of it.\n"
      "`pointsman COMMAND --help` explains a command."};
  app.set_version_flag("--version", POINTSMAN_VERSION);
  app.require_subcommand(1);

  ServeFlags serve_flags;
  CLI::App* serve_command = app.add_subcommand("serve", "Serve the HTTP API until SIGTERM");
  serve_command->add_option("--config", serve_flags.config,
                            "The TOML file to serve (docs/CONFIGURATION.md); without it a demo");
  serve_command->add_option("--store", serve_flags.store,
                            "The store, in place of the file's: sqlite:FILE, memory:,\n"
                            "postgresql://… or redis://…");
  serve_command->add_option("--listen", serve_flags.listen,
                            "HOST:PORT to listen on, in place of the file's");

  ReplayCli replay;
  add_replay_command(app, replay);

  WarmStartCli warm_start;
  add_warm_start_command(app, warm_start);

  FitCommand fit_command;
  CLI::App* fit_sub =
      app.add_subcommand("fit", "Learn a text embedding from prompts without labels");
  fit_sub
      ->add_option("--prompts", fit_command.prompts,
                   "A file of JSON lines with a \"prompt\"; repeatable")
      ->required();
  fit_sub->add_option("--dims", fit_command.dims, "The length of the embedding")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  fit_sub->add_option("--out", fit_command.out, "The file to write")->capture_default_str();

  InspectCommand inspect_command;
  CLI::App* inspect_sub =
      app.add_subcommand("inspect", "Show the arms, posteriors, counts and checksums of a store");
  inspect_sub
      ->add_option("--store", inspect_command.store,
                   "The store, which a server may be using: sqlite:FILE, …")
      ->capture_default_str();
  inspect_sub->add_option("--format", inspect_command.format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();

  PruneCommand prune_command;
  CLI::App* prune_sub =
      app.add_subcommand("prune", "Remove from a store what no recovery can ask for");
  prune_sub->add_option("--store", prune_command.store, "The store, such as sqlite:FILE")
      ->required();
  prune_sub->add_option("--tenant", prune_command.tenant, "Only the routers of this tenant");
  prune_sub->add_option("--router", prune_command.router, "Only this router");
  prune_sub
      ->add_option("--keep-days", prune_command.keep_days,
                   "Days that a decision stays after its expiry and the end of its keys")
      ->check(CLI::Range(0.0, 36500.0))
      ->capture_default_str();
  prune_sub->add_flag("--compact", prune_command.compact,
                      "Then give the freed space back to the machine (SQLite rewrites its file)");

  std::string checked;
  CLI::App* check_sub =
      app.add_subcommand("check-config", "Check a configuration file and report every fault");
  check_sub->add_option("file,--config", checked, "The TOML file")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    if (code != 0) suggest_command(app, argc, argv);
    return code == 0 ? 0 : kWrongUsage;
  }
  if (const CLI::Option* empty = empty_option(app)) {
    std::fprintf(stderr, "pointsman: %s is empty.\n", empty->get_name().c_str());
    return kWrongUsage;
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

int main(int argc, char** argv) {
  try {
    return pointsman::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pointsman: this was not expected: %s\n", error.what());
    return pointsman::kFailed;
  }
}
