#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace pointsman {

/// What kind of expected failure happened. The server maps each to one HTTP status.
enum class ErrorCode {
  invalid,      ///< A value breaks its schema or range. `field` names it.
  not_found,    ///< An id that is unknown, or no longer open.
  conflict,     ///< The same key or id with another content.
  unavailable,  ///< A store or a peer does not answer; trying again may help.
  in_doubt,     ///< A commit whose outcome is unknown; try again with the same key.
  exhausted,    ///< A bound was reached (a full queue, a full store).
  corrupt,      ///< Stored bytes that do not decode.
  pruned,       ///< It was in the log and has been removed on purpose.
  internal,     ///< A fault of ours.
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  ///< A sentence for a person; never holds a secret.
  std::string field;    ///< The JSON pointer or option name of the culprit; may be empty.
};

/// A value or an Error. Expected failure is returned, never thrown.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value.
struct Done {};
using Status = Result<Done>;

inline Error invalid(std::string field, std::string message) {
  return Error{ErrorCode::invalid, std::move(message), std::move(field)};
}

}  // namespace pointsman
