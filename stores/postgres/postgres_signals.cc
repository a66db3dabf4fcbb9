#include "stores/postgres/postgres_signals.h"

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
#include "stores/postgres/postgres_append.h"
#include "stores/postgres/postgres_params.h"

namespace pointsman {
namespace {

constexpr PostgresStatement kAppendSignals{
    "append_signals",
    "SELECT requests, statuses, positions, routers, names FROM append_signals("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"};

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

/// What the requests of a group have in common: few differ in it, so it is sent once a sort.
class Sorts final {
 public:
  /// The number of the request's sort, from 1.
  std::int32_t of(const AppendRequest& request, std::string_view signal_type) {
    const Sort sort{kind_name(request.record.body), signal_type, request.slots.front().name,
                    request.first_wins};
    if (last_ == numbers_.end() || last_->first != sort) {
      last_ = numbers_.emplace(sort, static_cast<std::int32_t>(numbers_.size() + 1)).first;
    }
    return last_->second;
  }

  void send(PostgresParams& params) const {
    const std::size_t n = numbers_.size();
    std::vector<std::string_view> kind(n);
    std::vector<std::optional<std::string_view>> signal_type(n), slot_name(n);
    std::vector<std::int32_t> first_wins(n);
    for (const auto& [sort, number] : numbers_) {
      const auto at = static_cast<std::size_t>(number - 1);
      kind[at] = sort.kind;
      if (!sort.signal_type.empty()) signal_type[at] = sort.signal_type;
      slot_name[at] = sort.slot_name;
      first_wins[at] = sort.first_wins ? 1 : 0;
    }
    params.words(kind).blobs(signal_type).blobs(slot_name).integers(first_wins);
  }

 private:
  struct Sort {
    std::string_view kind;
    std::string_view signal_type;
    std::string_view slot_name;
    bool first_wins;
    auto operator<=>(const Sort&) const = default;
  };

  std::map<Sort, std::int32_t> numbers_;
  std::map<Sort, std::int32_t>::const_iterator last_ = numbers_.end();
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
  Column<std::string_view> query_id(n), slot_value(n), body(n);
  Column<std::int64_t> time(n);
  Column<double> reward(n), confidence(n), cost_usd(n), latency_ms(n);
  Sorts sorts;
  std::vector<std::int32_t> sort;
  sort.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    const AppendRequest& request = group[i];
    const PlainColumns plain = plain_columns(request.record.body);
    query_id.add(request.subject);
    sort.push_back(sorts.of(request, plain.signal_type));
    slot_value.add(bytes_of(request.slots.front().value));
    time.add(request.record.time.time_since_epoch().count());
    reward.add(plain.reward);
    confidence.add(plain.confidence);
    cost_usd.add(plain.cost_usd);
    latency_ms.add(plain.latency_ms);
    body.add(bodies[i].size() > max_record_bytes ? std::nullopt
                                                 : std::optional<std::string_view>(bodies[i]));
  }
  PostgresParams params;
  params.bytes(group.front().scope.tenant).blobs(query_id.values()).integers(sort);
  params.blobs(slot_value.values()).longs(time.values()).reals(reward.values());
  params.reals(confidence.values()).reals(cost_usd.values()).reals(latency_ms.values());
  params.blobs(body.values());
  sorts.send(params);
  return connection.run(kAppendSignals, params);
}

std::vector<AppendResult> postgres_signal_results(std::span<const AppendRequest> group,
                                                  const pqxx::result& rows) {
  std::vector<AppendResult> results(group.size());
  const pqxx::row row = rows[0];
  WholeNumbers requests(row[0]);
  WholeNumbers statuses(row[1]);
  WholeNumbers positions(row[2]);
  WholeNumbers routers(row[3]);
  const auto names = names_of(row[4]);
  for (std::size_t i = 0; i < group.size(); ++i) {
    AppendResult& made = results.at(requests.next() - 1);
    made.status = static_cast<AppendStatus>(statuses.next());
    made.position = positions.next();
    made.scope.tenant = group.front().scope.tenant;
    if (const std::uint64_t router = routers.next(); router > 0) {
      made.scope.router = names.at(router);
    }
    if (made.status == AppendStatus::failed) made.message = kTooLargeForPostgres;
  }
  return results;
}

}  // namespace pointsman
