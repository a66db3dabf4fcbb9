#include "adapters/json/rfc3339.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace pointsman {
namespace {

using std::chrono::milliseconds;

constexpr Timestamp kFirst = std::chrono::sys_days{std::chrono::year{0} / 1 / 1};
constexpr Timestamp kLast =
    Timestamp{std::chrono::sys_days{std::chrono::year{10000} / 1 / 1}} - milliseconds{1};

// Decimal digits of a fixed width, zeros in front.
template <int Width>
void append_digits(unsigned value, std::string& out) {
  char digits[Width];
  for (int i = Width - 1; i >= 0; --i) {
    digits[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits, Width);
}

// Takes pieces off the front of a text; `good` turns false at the first that does not fit.
class Cursor final {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  unsigned digits(std::size_t width) {
    unsigned value = 0;
    if (rest_.size() < width) good_ = false;
    for (std::size_t i = 0; good_ && i < width; ++i) {
      if (!is_digit(rest_[i])) good_ = false;
      value = value * 10 + static_cast<unsigned>(rest_[i] - '0');
    }
    if (good_) rest_.remove_prefix(width);
    return good_ ? value : 0;
  }
  char one_of(std::string_view allowed) {
    if (!good_ || rest_.empty() || allowed.find(rest_[0]) == std::string_view::npos) {
      good_ = false;
      return '\0';
    }
    const char found = rest_[0];
    rest_.remove_prefix(1);
    return found;
  }
  // ".5" is 500; no fraction is 0.
  unsigned fraction_ms() {
    if (!good_ || rest_.empty() || rest_[0] != '.') return 0;
    rest_.remove_prefix(1);
    std::size_t count = 0;
    unsigned value = 0;
    for (; count < rest_.size() && is_digit(rest_[count]); ++count) {
      if (count < 3) value = value * 10 + static_cast<unsigned>(rest_[count] - '0');
    }
    if (count == 0) good_ = false;
    for (std::size_t i = count; i < 3; ++i) value *= 10;
    rest_.remove_prefix(count);
    return value;
  }
  bool good() const { return good_; }
  bool done() const { return good_ && rest_.empty(); }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
  bool good_ = true;
};

std::optional<Timestamp> parse(std::string_view text) {
  using namespace std::chrono;
  Cursor cursor(text);
  const unsigned y = cursor.digits(4);
  cursor.one_of("-");
  const unsigned mo = cursor.digits(2);
  cursor.one_of("-");
  const unsigned d = cursor.digits(2);
  cursor.one_of("Tt ");
  const unsigned h = cursor.digits(2);
  cursor.one_of(":");
  const unsigned mi = cursor.digits(2);
  cursor.one_of(":");
  const unsigned s = cursor.digits(2);
  const unsigned ms = cursor.fraction_ms();
  const char zone = cursor.one_of("Zz+-");
  const bool has_offset = zone == '+' || zone == '-';
  const unsigned offset_h = has_offset ? cursor.digits(2) : 0;
  if (has_offset) cursor.one_of(":");
  const unsigned offset_m = has_offset ? cursor.digits(2) : 0;
  const year_month_day date{year{static_cast<int>(y)}, month{mo}, day{d}};
  if (!cursor.done() || !date.ok() || h > 23 || mi > 59 || s > 60 || offset_h > 23 ||
      offset_m > 59) {
    return std::nullopt;
  }
  const minutes offset = hours{offset_h} + minutes{offset_m};
  const Timestamp local =
      sys_days{date} + hours{h} + minutes{mi} + seconds{s} + milliseconds{s == 60 ? 0 : ms};
  return zone == '-' ? local + offset : local - offset;
}

}  // namespace

void append_rfc3339(Timestamp time, std::string& out) {
  using namespace std::chrono;
  const Timestamp t = std::clamp(time, kFirst, kLast);
  const sys_days day_start = floor<days>(t);
  const year_month_day date{day_start};
  const hh_mm_ss clock{t - day_start};
  append_digits<4>(static_cast<unsigned>(static_cast<int>(date.year())), out);
  out += '-';
  append_digits<2>(static_cast<unsigned>(date.month()), out);
  out += '-';
  append_digits<2>(static_cast<unsigned>(date.day()), out);
  out += 'T';
  append_digits<2>(static_cast<unsigned>(clock.hours().count()), out);
  out += ':';
  append_digits<2>(static_cast<unsigned>(clock.minutes().count()), out);
  out += ':';
  append_digits<2>(static_cast<unsigned>(clock.seconds().count()), out);
  out += '.';
  append_digits<3>(static_cast<unsigned>(clock.subseconds().count()), out);
  out += 'Z';
}

std::string format_rfc3339(Timestamp time) {
  std::string out;
  append_rfc3339(time, out);
  return out;
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  if (const std::optional<Timestamp> time = parse(text)) return *time;
  return invalid({}, "This must be an RFC 3339 time, such as 2026-11-21T10:02:03.004Z.");
}

}  // namespace pointsman
