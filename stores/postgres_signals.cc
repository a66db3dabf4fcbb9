#include "stores/postgres_signals.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "stores/plain_columns.h"
#include "stores/postgres_append.h"
#include "stores/postgres_params.h"

namespace pointsman {
namespace {

constexpr PostgresStatement kAppendSignals{
    "append_signals",
    "SELECT statuses, positions, routers, names FROM append_signals("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"};

bool is_signal(const AppendRequest& request) {
  if (request.subject_kind != SubjectKind::decision || request.creates_subject || request.key ||
      request.slots.size() != 1 || !request.scope.router.empty()) {
    return false;
  }
  if (const auto* feedback = std::get_if<Feedback>(&request.record.body)) {
    return feedback->query_id == request.subject;
  }
  const auto* outcome = std::get_if<Outcome>(&request.record.body);
  return outcome != nullptr && outcome->query_id == request.subject;
}

std::string_view bytes_of(const Fingerprint& value) {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

/// One value a request. The array of a column that no request has is empty.
template <class T>
class Column final {
 public:
  explicit Column(std::size_t requests) { values_.reserve(requests); }

  void add(std::optional<T> value) {
    any_ = any_ || value.has_value();
    values_.push_back(std::move(value));
  }
  const std::vector<std::optional<T>>& values() const {
    static const std::vector<std::optional<T>> kNone;
    return any_ ? values_ : kNone;
  }

 private:
  bool any_ = false;
  std::vector<std::optional<T>> values_;
};

/// Reads an array of whole numbers from its text, "{1,2,3}".
class WholeNumbers final {
 public:
  explicit WholeNumbers(const pqxx::field& field)
      : at_(field.c_str()), end_(field.c_str() + field.size()) {}

  std::uint64_t next() {
    std::uint64_t value = 0;
    // Before each stands "{" or ",".
    if (at_ < end_) at_ = std::from_chars(at_ + 1, end_, value).ptr;
    return value;
  }

 private:
  const char* at_;
  const char* end_;
};

/// Reads "id:hex,id:hex".
std::map<std::uint64_t, std::string> names_of(const pqxx::field& field) {
  std::map<std::uint64_t, std::string> names;
  std::string_view text(field.c_str(), field.size());
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    const std::size_t colon = std::min(one.find(':'), one.size());
    std::uint64_t id = 0;
    std::from_chars(one.data(), one.data() + colon, id);
    names[id] = bytes_of_hex(one.substr(std::min(colon + 1, one.size())));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
  }
  return names;
}

}  // namespace

bool are_postgres_signals(std::span<const AppendRequest> group) {
  std::vector<std::pair<std::string_view, std::string_view>> slots;
  slots.reserve(group.size());
  for (const AppendRequest& request : group) {
    if (!is_signal(request) || request.scope.tenant != group.front().scope.tenant) return false;
    slots.emplace_back(request.subject, request.slots.front().name);
  }
  std::sort(slots.begin(), slots.end());
  return std::adjacent_find(slots.begin(), slots.end()) == slots.end();
}

PostgresAnswer append_postgres_signals(PostgresConnection& connection,
                                       std::span<const AppendRequest> group,
                                       const std::vector<std::string>& bodies,
                                       std::size_t max_record_bytes) {
  assert(!group.empty() && bodies.size() == group.size());
  const std::size_t n = group.size();
  Column<std::string_view> query_id(n), slot_name(n), slot_value(n), signal_type(n), body(n);
  Column<std::int64_t> time(n);
  Column<double> reward(n), confidence(n), cost_usd(n), latency_ms(n);
  std::vector<std::int32_t> first_wins;
  std::vector<std::string_view> kind;
  first_wins.reserve(n);
  kind.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    const AppendRequest& request = group[i];
    const PlainColumns plain = plain_columns(request.record.body);
    query_id.add(request.subject);
    first_wins.push_back(request.first_wins ? 1 : 0);
    slot_name.add(request.slots.front().name);
    slot_value.add(bytes_of(request.slots.front().value));
    time.add(request.record.time.time_since_epoch().count());
    kind.push_back(kind_name(request.record.body));
    signal_type.add(plain.signal_type.empty() ? std::nullopt : std::optional(plain.signal_type));
    reward.add(plain.reward);
    confidence.add(plain.confidence);
    cost_usd.add(plain.cost_usd);
    latency_ms.add(plain.latency_ms);
    body.add(bodies[i].size() > max_record_bytes ? std::nullopt
                                                 : std::optional<std::string_view>(bodies[i]));
  }
  PostgresParams params;
  params.bytes(group.front().scope.tenant).blobs(query_id.values()).integers(first_wins);
  params.blobs(slot_name.values()).blobs(slot_value.values()).longs(time.values()).words(kind);
  params.blobs(signal_type.values()).reals(reward.values()).reals(confidence.values());
  params.reals(cost_usd.values()).reals(latency_ms.values()).blobs(body.values());
  return connection.run(kAppendSignals, params);
}

std::vector<AppendResult> postgres_signal_results(std::span<const AppendRequest> group,
                                                  const pqxx::result& rows) {
  std::vector<AppendResult> results(group.size());
  const pqxx::row row = rows[0];
  WholeNumbers statuses(row[0]);
  WholeNumbers positions(row[1]);
  WholeNumbers routers(row[2]);
  const auto names = names_of(row[3]);
  for (std::size_t i = 0; i < group.size(); ++i) {
    AppendResult& made = results[i];
    made.status = static_cast<AppendStatus>(statuses.next());
    made.position = positions.next();
    made.scope.tenant = group[i].scope.tenant;
    if (const std::uint64_t router = routers.next(); router > 0) {
      made.scope.router = names.at(router);
    }
    if (made.status == AppendStatus::failed) made.message = kTooLargeForPostgres;
  }
  return results;
}

}  // namespace pointsman
