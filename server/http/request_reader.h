#pragma once

// Internal to server/http: includes Beast, so only connection.cc includes it.

#include <algorithm>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/http/budget.h"
#include "server/http/message.h"
#include "server/http/problem.h"
#include "server/http/target.h"

namespace pointsman::http {

/// Reads one request. Beast's parser (fuzzed for years) does the grammar of RFC 9112; this class
/// makes the Request, holds the bounds and refuses what could smuggle a second request: Beast turns
/// down Content-Length beside Transfer-Encoding, differing Content-Lengths and bad names; we turn
/// down every transfer coding but one "chunked", a missing or second Host, and odd targets.
class RequestReader final : private boost::beast::http::basic_parser<true> {
  using Parser = boost::beast::http::basic_parser<true>;
  using FieldName = boost::beast::http::field;
  using ErrorCode = boost::beast::error_code;
  using View = boost::beast::string_view;

 public:
  struct Limits {
    std::size_t header_bytes = 0;
    std::size_t target_bytes = 0;
    std::size_t body_bytes = 0;
  };

  RequestReader(const Limits& limits, ByteShare::Pool& pool) : limits_(limits), share_(pool) {
    header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    body_limit(limits.body_bytes);
  }

  /// Consumes what it can of `input`; says how many bytes. Afterwards done(), fault(), or it needs
  /// more bytes behind those that it left.
  std::size_t feed(std::string_view input) {
    std::size_t used = 0;
    if (!begun_) {
      // RFC 9112 2.2: an empty line or two before the request line is forgiven.
      while (used < 4 && input.substr(used).starts_with("\r\n")) used += 2;
      if (used == input.size() || input.substr(used) == "\r") return used;
      begun_ = true;
    }
    while (!fault_ && !is_done() && used < input.size()) {
      ErrorCode error;
      const bool in_header = !is_header_done();
      eager(!in_header);
      const std::string_view rest = input.substr(used);
      const std::size_t n = put({rest.data(), rest.size()}, error);
      used += n;
      if (in_header) header_bytes_ += n;
      if (error == boost::beast::http::error::need_more) break;
      if (error) {
        if (!fault_) fault_ = fault_of(error, rest);
        break;
      }
    }
    check_bounds(input.size() - used);
    return used;
  }

  bool begun() const { return begun_; }
  bool header_done() const { return is_header_done(); }
  bool done() const { return is_done(); }
  const std::optional<Problem>& fault() const { return fault_; }

  bool http11() const { return http11_; }
  bool head_only() const { return request_.method == "HEAD"; }
  bool wants_keep_alive() const { return is_header_done() && Parser::keep_alive(); }
  /// The client waits for a 100 before it sends its body.
  bool expects_continue() const { return expects_continue_ && is_header_done() && !is_done(); }

  Request take() { return std::move(request_); }

 private:
  static Problem fault_of(ErrorCode error, std::string_view input) {
    using E = boost::beast::http::error;
    const auto fault = [](int status, std::string detail) {
      return Problem{.status = status, .detail = std::move(detail), .pointer = {}};
    };
    if (error == E::body_limit) return fault(413, "The body is too large.");
    if (error == E::header_limit) return fault(431, "The header is too large.");
    const std::string_view line = input.substr(0, input.find("\r\n"));
    const std::string_view last = line.substr(line.size() - std::min<std::size_t>(9, line.size()));
    if (error == E::bad_version && last.size() == 9 && last.starts_with(" HTTP/")) {
      return fault(505, "This server speaks HTTP/1.1 and HTTP/1.0.");
    }
    return fault(400, "The request is malformed: " + error.message() + ".");
  }

  void refuse(int status, std::string detail, ErrorCode& error) {
    fault_ = Problem{.status = status, .detail = std::move(detail), .pointer = {}};
    error = boost::beast::http::error::bad_value;
  }

  /// Beast bounds what one put() leaves unread, not their sum: a field at a time would go on for
  /// ever. And it waits for the end of a chunk's extensions or of a trailer without a bound.
  void check_bounds(std::size_t left) {
    if (fault_ && fault_->status != 431) return;
    if (is_done() && header_bytes_ <= limits_.header_bytes) return;
    if (is_header_done() && header_bytes_ <= limits_.header_bytes) {
      if (left <= limits_.header_bytes) return;
      fault_ = {.status = 431, .detail = "A chunk header or trailer is too large.", .pointer = {}};
      return;
    }
    if (!fault_ && header_bytes_ + left <= limits_.header_bytes) return;
    // Where no byte was taken, it is the request line that is too long.
    const bool in_line = header_bytes_ == 0;
    fault_ = {.status = in_line ? 414 : 431,
              .detail = in_line ? "The request target is too long." : "The header is too large.",
              .pointer = {}};
  }

  void on_request_impl(boost::beast::http::verb, View method, View target, int version,
                       ErrorCode& error) override {
    http11_ = version == 11;
    request_.method.assign(method.data(), method.size());
    request_.target.assign(target.data(), target.size());
    if (target.size() > limits_.target_bytes) {
      return refuse(414, "The request target is too long.", error);
    }
    if (request_.method == "CONNECT") return refuse(501, "This is no proxy.", error);
    Result<Target> parsed = http::parse_target(request_.target);
    if (!parsed) return refuse(400, parsed.error().message, error);
    request_.path = std::move(parsed->path);
    request_.query = std::move(parsed->query);
  }

  void on_field_impl(FieldName name, View name_text, View value, ErrorCode& error) override {
    // A trailer field must not pass for a header field (RFC 9110 6.5.1).
    if (is_header_done()) return;
    request_.headers.add(
        {.name = {name_text.data(), name_text.size()}, .value = {value.data(), value.size()}});
    const std::string_view text(value.data(), value.size());
    if (name == FieldName::host) {
      ++hosts_;
    } else if (name == FieldName::transfer_encoding) {
      if (!http11_) return refuse(400, "HTTP/1.0 has no Transfer-Encoding.", error);
      if (!equal_ignoring_case(text, "chunked")) {
        return refuse(501, "The only transfer coding taken is chunked.", error);
      }
    } else if (name == FieldName::expect) {
      if (!equal_ignoring_case(text, "100-continue")) {
        return refuse(417, "The only expectation taken is 100-continue.", error);
      }
      expects_continue_ = http11_;
    }
  }

  void on_header_impl(ErrorCode& error) override {
    if (hosts_ > 1 || (http11_ && hosts_ == 0)) {
      refuse(400, "A request has one Host field.", error);
    }
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& size, ErrorCode&) override {
    // No more than a little up front: the length is a promise, and promises cost the sender
    // nothing.
    if (size) {
      const std::uint64_t capped = std::min<std::uint64_t>(*size, std::uint64_t{64} << 10);
      request_.body.reserve(static_cast<std::size_t>(capped));
    }
  }

  std::size_t on_body_impl(View bytes, ErrorCode& error) override {
    if (!share_.grow_to(request_.body.size() + bytes.size())) {
      refuse(503, "Too many large bodies are on their way at once.", error);
      return 0;
    }
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  void on_chunk_header_impl(std::uint64_t, View, ErrorCode&) override {}

  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, ErrorCode& error) override {
    return on_body_impl(bytes, error);
  }

  void on_finish_impl(ErrorCode&) override {}

  // A request reader never sees a status line.
  void on_response_impl(int, View, int, ErrorCode&) override {}

  const Limits limits_;
  ByteShare share_;
  Request request_;
  std::optional<Problem> fault_;
  std::size_t header_bytes_ = 0;
  int hosts_ = 0;
  bool begun_ = false;
  bool http11_ = true;
  bool expects_continue_ = false;
};

}  // namespace pointsman::http
