#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace pointsman::http {

/// The reason phrase of a status (RFC 9110 15), "Unknown" if it is not one that we send.
std::string_view status_title(int status);

struct Problem {
  int status = 500;
  std::string detail = {};  ///< A sentence for a person; never holds a secret.
  std::string pointer =
      {};  ///< JSON pointer of the culprit in the request's body; empty: not sent.
  std::optional<std::uint64_t> first_position = {};  ///< Of a log that was pruned below it.
};

/// An RFC 9457 answer: application/problem+json {type, title, status, detail, pointer?,
/// first_position?}, the title from the status. Bytes of `detail` that are no UTF-8 become U+FFFD,
/// so the body is always JSON.
Response problem(const Problem& what);

/// The same in the short form that services use.
Response problem(int status, std::string detail, std::string pointer = {});

}  // namespace pointsman::http
