#pragma once

#include <string>
#include <string_view>

#include "server/http/message.h"

namespace pointsman::http {

/// What the connection, not the handler, knows about an answer.
struct Framing {
  bool http11 = true;      ///< False: the client speaks HTTP/1.0.
  bool head_only = false;  ///< The answer to a HEAD: Content-Length of the body, but no body.
  bool close = false;      ///< Say Connection: close.
  std::string_view date;   ///< IMF-fixdate; empty: no Date field.
};

/// Appends the whole answer, status line to last byte of the body. A control character in a header
/// value becomes a space, so that no value can begin a field of its own.
void append_response(std::string& out, const Response& response, const Framing& framing);

/// Appends status line and fields of a streaming answer: chunked for HTTP/1.1, else until close.
void append_stream_head(std::string& out, const StreamHead& head, const Framing& framing);

/// Appends one chunk of chunked encoding (RFC 9112 7.1). Precondition: `bytes` is not empty, since
/// an empty chunk would end the answer.
void append_chunk(std::string& out, std::string_view bytes);

inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace pointsman::http
