#include "server/services/feedback_list_service.h"

#include <charconv>
#include <utility>

#include "adapters/api/record_json.h"
#include "server/services/query_parameters.h"

namespace pointsman {
namespace {

constexpr std::uint64_t kMostItems = 1'000;
constexpr std::string_view kCursorPrefix = "f1-";

/// Opaque to clients: the prefix lets a later form be told from this one.
std::string cursor_at(LogPosition position) {
  char digits[16];
  const char* end = std::to_chars(digits, digits + sizeof digits, position, 16).ptr;
  return std::string(kCursorPrefix).append(static_cast<const char*>(digits), end);
}

/// The position that a page goes below; 0: from the newest.
Result<LogPosition> read_cursor(const http::Request& request) {
  const auto text = request.parameter("cursor");
  if (!text || text->empty()) return LogPosition{0};
  const auto fault = invalid("?cursor", "is not a next_cursor of this route");
  if (!text->starts_with(kCursorPrefix)) return fault;
  const std::string_view digits = text->substr(kCursorPrefix.size());
  LogPosition position = 0;
  const auto [end, code] =
      std::from_chars(digits.data(), digits.data() + digits.size(), position, 16);
  if (code != std::errc{} || end != digits.data() + digits.size() || position == 0) return fault;
  return position;
}

nlohmann::ordered_json item_json(const StoredRecord& stored) {
  nlohmann::ordered_json record = record_to_json(stored);
  nlohmann::ordered_json item = {{"time", record["time"]}, {"router", record["router"]}};
  for (const char* key : {"query_id", "session_id"}) {
    item[key] = record.contains(key) ? record[key] : nlohmann::ordered_json(nullptr);
  }
  for (const char* key : {"signal_type", "reward", "confidence"}) item[key] = record[key];
  for (const char* key : {"propagation_weight", "payload", "payload_text"}) {
    if (record.contains(key)) item[key] = record[key];
  }
  item["position"] = record["position"];
  return item;
}

/// What a page asks for.
struct Page {
  std::string tenant;
  LogPosition below = 0;
  std::size_t limit = 0;
};

/// How many of `records` make a page. It ends between two positions, because routers of some stores
/// count their own and the cursor is one position. 0: one position fills more than a page.
std::size_t page_end(const std::vector<StoredRecord>& records, std::size_t limit) {
  if (records.size() <= limit) return records.size();
  std::size_t end = limit;
  while (end > 0 && records[end].position == records[end - 1].position) --end;
  return end;
}

http::Response list(Store& store, Page page) {
  std::vector<StoredRecord> records;
  std::size_t end = 0;
  for (;; page.limit *= 2) {
    auto found = store.recent_feedback(page.tenant, page.below, page.limit + 1);
    if (!found) return problem_of(found.error());
    records = std::move(*found);
    end = page_end(records, page.limit);
    if (end > 0 || records.empty()) break;
  }
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < end; ++i) items.push_back(item_json(records[i]));
  nlohmann::ordered_json body = {{"feedback", std::move(items)}, {"next_cursor", nullptr}};
  if (end < records.size()) body["next_cursor"] = cursor_at(records[end - 1].position);
  return json_response(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

void FeedbackListService::handle(http::Call call) {
  const http::Request& request = call.request;
  if (Status ok = refuse_unknown(request, {"limit", "cursor"}); !ok) {
    return call.responder.respond(problem_of(ok.error()));
  }
  const auto limit =
      read_parameter(request, {.name = "limit", .otherwise = 100, .min = 1, .max = kMostItems});
  if (!limit) return call.responder.respond(problem_of(limit.error()));
  const auto below = read_cursor(request);
  if (!below) return call.responder.respond(problem_of(below.error()));
  answer_on_worker(context_.workers, std::move(call.responder),
                   [&store = context_.store, page = Page{std::move(call.caller.tenant), *below,
                                                         static_cast<std::size_t>(*limit)}] {
                     return list(store, page);
                   });
}

}  // namespace pointsman
