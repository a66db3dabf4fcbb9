#include "server/cli/serve.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <optional>
#include <utility>

#include "engine/features/default_text_model.h"
#include "server/cli/progress.h"
#include "server/config/apply_config.h"
#include "server/core/follower.h"
#include "server/http/app.h"
#include "server/services/api_routes.h"

namespace pointsman {
namespace {

constexpr std::chrono::seconds kDrainPatience{20};

/// The signals that this process waits for, blocked in every thread that it starts.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

/// A connection is a file: without room for them the acceptor would stall below its own bound.
void allow_files(std::size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = connections + 256;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
    spdlog::warn("only {} files may be open; {} connections were asked for",
                 static_cast<unsigned long long>(limit.rlim_cur), connections);
  }
}

/// Appends what the configuration changes and says so.
bool apply_config(Routers& routers, const ServerConfig& config, const Clock& clock) {
  auto committed = routers.commit(config_requests(
      config,
      [&] {
        return RecordStamp{random_record_id(), clock.now()};
      },
      false));
  if (!committed) {
    spdlog::error("the configuration could not be recorded: {}", committed.error().message);
    return false;
  }
  for (const Committed& entry : *committed) {
    if (entry.status == AppendStatus::duplicate) {
      spdlog::info("router \"{}\": this configuration is in the log already", entry.scope.router);
    } else {
      spdlog::info("router \"{}\": configuration applied at position {}", entry.scope.router,
                   entry.position);
    }
  }
  return true;
}

Result<RewardAdapters> make_adapters(const ServerConfig& config, const ServeHooks& hooks) {
  RewardAdapters adapters = RewardAdapters::builtin();
  for (const CustomSignal& signal : config.signals) {
    auto adapter = make_custom_adapter(signal);
    if (!adapter) return adapter.error();
    if (Status added = adapters.add(signal.name, std::move(*adapter)); !added) {
      return added.error();
    }
  }
  if (hooks.add_signals) {
    if (Status added = hooks.add_signals(adapters); !added) return added.error();
  }
  return adapters;
}

void reload_config(Writer& writer, Routers& routers, const Clock& clock,
                   const std::function<std::optional<ServerConfig>()>& reload) {
  if (!reload) return;
  auto config = reload();
  if (!config) return;  // Its faults were reported; the old one stays.
  std::promise<void> done;
  const bool taken = writer.run([&] {
    apply_config(routers, *config, clock);
    done.set_value();
  });
  if (taken) done.get_future().wait();
}

/// Everything between "listening" and "stopped".
int run(const ServerConfig& config, Store& store, Routers& routers, const sigset_t& signals,
        const ServeHooks& hooks) {
  const SystemClock clock;
  auto adapters = make_adapters(config, hooks);
  if (!adapters) {
    spdlog::error("{}: {}", adapters.error().field, adapters.error().message);
    return 1;
  }
  if (!apply_config(routers, config, clock)) return 1;

  std::atomic<bool> draining{false};
  Writer writer(routers, config.writer);
  std::optional<Follower> follower;
  if (store.shared()) follower.emplace(writer, routers);
  Workers workers(Workers::Options{});
  ServiceContext context{store, routers, writer, workers, *adapters, clock, config.durability};
  context.follower = follower ? &*follower : nullptr;
  http::Server* server_address = nullptr;
  http::App app(Keys(config.keys), make_api_routes(context, draining, [&server_address] {
                  return server_address->counters();
                }));
  http::Server server(config.http, app);
  server_address = &server;
  if (Status started = server.start(); !started) {
    spdlog::error("{}", started.error().message);
    return 1;
  }
  spdlog::info("listening on http://{}:{}", config.http.host, server.port());

  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    reload_config(writer, routers, clock, hooks.reload);
  }
  spdlog::info("stopping: no new connections, {} records so far", writer.counters().records);
  draining.store(true);
  if (!server.drain(kDrainPatience)) spdlog::warn("some connections did not end in time");
  if (follower) follower->stop();
  writer.stop();
  server.stop();
  workers.stop();
  spdlog::info("stopped");
  return 0;
}

}  // namespace

int serve(const ServerConfig& config, const ServeHooks& hooks) {
  spdlog::set_level(spdlog::level::from_str(config.log_level));
  const sigset_t signals = block_signals();
  allow_files(config.http.max_connections);
  auto store = open_store(config.store);
  if (!store) {
    spdlog::error("{}", store.error().message);
    return 1;
  }
  Routers::Options options;
  options.fold.text_model = &default_text_model();
  options.checkpoint_every = config.checkpoint_every;
  options.record_ids = random_record_id;
  options.awake_bytes = config.awake_mb << 20U;
  options.monotonic = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
  ProgressLine progress("recovering", isatty(STDERR_FILENO) != 0);
  auto routers = Routers::open(**store, options, [&](const Scope& scope, std::uint64_t folded) {
    progress.show(scope.router + ": " + std::to_string(folded) + " records");
  });
  progress.end();
  if (!routers) {
    spdlog::error("{}", routers.error().message);
    return 1;
  }
  return run(config, **store, **routers, signals, hooks);
}

}  // namespace pointsman
