#include "server/cli/warm_start_cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iostream>
#include <numeric>
#include <random>

#include "adapters/json/canonical_json.h"
#include "engine/features/default_text_model.h"
#include "engine/log/append_requests.h"
#include "engine/log/record_codec.h"
#include "engine/policies/keyed_random.h"
#include "engine/routers/routers.h"
#include "lab/replay/router_config.h"
#include "lab/replay/warm_start_log.h"
#include "server/cli/existing_store.h"
#include "stores/open_store.h"

namespace pointsman {
namespace {

RecordStamp fresh_stamp() {
  RecordStamp stamp;
  std::random_device device;
  for (auto& byte : stamp.id) byte = static_cast<std::uint8_t>(device());
  stamp.time =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return stamp;
}

bool declares(const FeatureLayout& layout, std::string_view field) {
  return layout.hashed_fields > 0 ||
         std::any_of(layout.fields.begin(), layout.fields.end(),
                     [&](const FieldSpec& spec) { return spec.name == field; });
}

/// What the router looks at and the data set has.
lab::FeatureSet features_of(const FeatureLayout& layout, const lab::DataSet& data) {
  lab::FeatureSet features;
  features.text = layout.text_counters || layout.text_model_dims > 0;
  features.task = declares(layout, "task");
  features.domain = declares(layout, "domain");
  features.raw = data.field_count > 0 && declares(layout, lab::field_name(0));
  return features;
}

/// Which rows to take: those of a fixed shuffle, as files stand in the order of their subjects.
std::vector<std::uint32_t> sample_rows(const lab::DataSet& data, std::size_t most) {
  std::vector<std::uint32_t> rows(data.rows.size());
  std::iota(rows.begin(), rows.end(), 0U);
  KeyedRandom random(1, "warm-start");
  for (std::size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1],
              rows[static_cast<std::size_t>(random.next_unit() * static_cast<double>(i))]);
  }
  rows.resize(std::min(rows.size(), most));
  return rows;
}

Result<WarmStart> table_rows(const WarmStartCli& cli, const RouterSnapshot& snapshot) {
  auto data = lab::read_data_set(cli.data);
  if (!data) return data.error();
  const bool any = std::any_of(snapshot.arms.begin(), snapshot.arms.end(), [&](const auto& arm) {
    return std::find(data->arms.begin(), data->arms.end(), arm->spec.id) != data->arms.end();
  });
  if (!any) return invalid("--data", "the data set has none of the router's arms");
  const std::vector<std::uint32_t> rows = sample_rows(*data, cli.rows);
  lab::RowRequest request(*data, features_of(snapshot.config->features, *data));
  lab::EncodedRows encoded;
  encoded.dims = snapshot.encoder->dims();
  encoded.place.assign(data->rows.size(), 0);
  encoded.values.resize(rows.size() * encoded.dims);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    encoded.place[rows[i]] = static_cast<std::uint32_t>(i);
    const auto out = std::span(encoded.values).subspan(i * encoded.dims, encoded.dims);
    if (Status ok = snapshot.encoder->encode(request.of(rows[i]), out); !ok) return ok.error();
  }
  return lab::warm_start_of(encoded, *data, {rows, cli.samples});
}

Result<WarmStart> log_rows(const WarmStartCli& cli, Store& own, const RouterSnapshot& snapshot) {
  std::unique_ptr<Store> other;
  if (cli.from != cli.store) {
    StoreOptions options;
    options.url = cli.from;
    options.sqlite.read_only = true;  // Its server may go on.
    auto opened = open_store(options);
    if (!opened) return opened.error();
    other = std::move(*opened);
  }
  const Scope from{cli.from_tenant.empty() ? cli.tenant : cli.from_tenant,
                   cli.from_router.empty() ? cli.router : cli.from_router};
  return lab::warm_start_from_log(
      other ? *other : own, from, snapshot,
      {.samples = cli.samples, .rows = cli.rows, .inverse_propensity = cli.inverse_propensity});
}

Status warm_start(const WarmStartCli& cli) {
  if (Status there = check_store_exists(cli.store); !there) return there;
  StoreOptions options;
  options.url = cli.store;
  auto store = open_store(options);
  if (!store) return store.error();
  Routers::Options engine;
  engine.fold.text_model = &default_text_model();
  engine.record_ids = [] { return fresh_stamp().id; };
  auto routers = Routers::open(**store, std::move(engine));
  if (!routers) return routers.error();
  const Scope scope{cli.tenant, cli.router};
  const auto snapshot = (*routers)->snapshot(scope);
  if (!snapshot) {
    return Error{ErrorCode::not_found,
                 "the store has no router of this name; serve writes it at its first start",
                 "--router"};
  }
  auto warm = cli.from.empty() ? table_rows(cli, *snapshot) : log_rows(cli, **store, *snapshot);
  if (!warm) return warm.error();
  const std::size_t rows = warm->rows();
  const Fingerprint body = sha256(encode(Record{RecordId{}, Timestamp{}, *warm}));
  auto committed =
      (*routers)->commit({append_warm_start(scope, fresh_stamp(), std::move(*warm), body)});
  if (!committed) return committed.error();
  const Committed& one = committed->front();
  if (one.status == AppendStatus::failed) return Error{ErrorCode::internal, one.message, ""};
  std::cout << (one.status == AppendStatus::duplicate ? "these rows were there already, position "
                                                      : "warm start at position ")
            << one.position << ": " << rows << " rows, at most " << cli.samples
            << " observations an arm\n";
  return Done{};
}

}  // namespace

void add_warm_start_command(CLI::App& app, WarmStartCli& cli) {
  CLI::App* command = app.add_subcommand(
      "warm-start", "Teach a router from a table of outcomes or another log, as one record");
  command->add_option("--store", cli.store, "Store URL, such as sqlite:FILE")->required();
  CLI::Option* data =
      command->add_option("--data", cli.data, "Outcome table (folder) or classification CSV");
  command->add_option("--from", cli.from, "Or the store of another log; may be --store itself")
      ->excludes(data);
  command->add_option("--from-router", cli.from_router, "Its router (default: --router)");
  command->add_option("--from-tenant", cli.from_tenant, "Its tenant (default: --tenant)");
  command->add_flag("--inverse-propensity", cli.inverse_propensity,
                    "Rows as if arms had been drawn whatever the request; fewer");
  command->add_option("--samples", cli.samples, "Observations of an arm that the rows are worth")
      ->required();
  command->add_option("--router", cli.router, "Router (default: default)");
  command->add_option("--tenant", cli.tenant, "Tenant (default: default)");
  command->add_option("--rows", cli.rows, "At most so many rows (default 2000)");
}

int run_warm_start(const WarmStartCli& cli) {
  if (!(cli.samples > 0.0 && std::isfinite(cli.samples)) || cli.rows == 0) {
    std::cerr << "warm-start: --samples and --rows must be above 0\n";
    return 2;
  }
  if (cli.data.empty() == cli.from.empty()) {
    std::cerr << "warm-start: rows come from --data or from --from, one of them\n";
    return 2;
  }
  if (cli.data.empty()) {
    const bool same = cli.from == cli.store &&
                      (cli.from_tenant.empty() || cli.from_tenant == cli.tenant) &&
                      (cli.from_router.empty() || cli.from_router == cli.router);
    if (same) {
      std::cerr << "warm-start: a router has learnt from its own log already\n";
      return 2;
    }
  } else if (!cli.from_router.empty() || !cli.from_tenant.empty() || cli.inverse_propensity) {
    std::cerr << "warm-start: --from-router, --from-tenant and --inverse-propensity belong to "
                 "--from\n";
    return 2;
  }
  if (const Status done = warm_start(cli); !done) {
    std::cerr << "warm-start: " << done.error().message << "\n";
    return 1;
  }
  return 0;
}

}  // namespace pointsman
