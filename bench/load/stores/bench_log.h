#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/load_program.h"
#include "engine/log/append_requests.h"

namespace pointsman::bench {

inline const Scope kScope{"default", "default"};
inline constexpr std::string_view kSignal = "thumbs";

/// Decisions, and feedback on them, with ids and times as a server makes them, from a counter.
class LogSource final {
 public:
  static std::string query_id(std::uint64_t n);
  AppendRequest decision(std::uint64_t n);
  AppendRequest feedback(std::uint64_t n);

 private:
  Stamps stamps_;
};

/// One feedback record, ready to be bound: no rules, no encoding.
struct Row {
  std::string query_id;
  std::string body;
  std::int64_t time = 0;
};

/// What a group of feedback costs without the port: the same rows written by hand over the same
/// client library, in the schema that the port made, with the look-ups of a decision and of its
/// signal, and one durable commit a group.
class RawLoop {
 public:
  virtual ~RawLoop() = default;
  virtual void append(const std::vector<Row>& group) = 0;
};

std::unique_ptr<RawLoop> raw_sqlite(const std::string& path);
std::unique_ptr<RawLoop> raw_redis(const std::string& url);
std::unique_ptr<RawLoop> raw_postgres(const std::string& url);

}  // namespace pointsman::bench
