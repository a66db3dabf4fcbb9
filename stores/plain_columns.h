#pragma once

#include <optional>
#include <string_view>

#include "engine/log/records.h"

namespace pointsman {

/// What a SQL store keeps beside a record's bytes, for its indexes and for people who ask in SQL.
/// Borrows its strings; empty ones are NULL in the tables.
struct PlainColumns {
  std::string_view query_id{};
  std::string_view session_id{};
  std::string_view arm{};
  std::string_view signal_type{};
  std::optional<double> reward{};
  std::optional<double> confidence{};
  std::optional<double> cost_usd{};
  std::optional<double> latency_ms{};
};

PlainColumns plain_columns(const RecordBody& body);

}  // namespace pointsman
