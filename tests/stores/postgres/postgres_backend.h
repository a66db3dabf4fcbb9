#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "stores/postgres/postgres_store.h"
#include "tests/postgres_cluster.h"

namespace pointsman::testing_stores {

/// The PostgreSQL of this test process.
inline testing_postgres::PostgresCluster& cluster_of_this_process() {
  static testing_postgres::PostgresCluster cluster;
  return cluster;
}

/// The url of a new, empty database on it.
inline std::string url_of_new_database() {
  static int made = 0;
  const std::string name = "test" + std::to_string(++made);
  cluster_of_this_process().make_database(name);
  return cluster_of_this_process().url(name);
}

/// A store on it that is empty for each new `name`, and keeps its log when one is opened again.
inline Result<std::unique_ptr<Store>> open_postgres_backend(const std::string& name,
                                                            std::size_t max_record_bytes) {
  static std::string last;
  static std::string url;
  if (std::exchange(last, name) != name) url = url_of_new_database();
  PostgresStoreOptions options;
  options.url = url;
  options.max_record_bytes = max_record_bytes;
  Result<std::unique_ptr<PostgresStore>> opened = PostgresStore::open(options);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(opened).value());
}

}  // namespace pointsman::testing_stores
