#include "lab/data/csv_reader.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace pointsman::lab {

bool CsvReader::at_end() const {
  return text_.find_first_not_of("\r\n", at_) == std::string_view::npos;
}

Status CsvReader::quoted_field(std::string& out) {
  for (++at_; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\n') ++next_line_;
    if (c != '"') {
      out.push_back(c);
      continue;
    }
    if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      out.push_back('"');
      ++at_;
      continue;
    }
    ++at_;
    return Done{};
  }
  return fault_at({file_, line_, ""}, "a quote is opened and never closed");
}

Status CsvReader::next(std::vector<std::string>& fields) {
  line_ = next_line_;
  std::size_t count = 0;
  for (bool more = true; more; ++count) {
    if (count == fields.size()) fields.emplace_back();
    std::string& field = fields[count];
    field.clear();
    if (at_ < text_.size() && text_[at_] == '"') {
      if (Status status = quoted_field(field); !status) return status;
    } else {
      const std::size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
      field.assign(text_, at_, end - at_);
      at_ = end;
      if ((at_ == text_.size() || text_[at_] == '\n') && field.ends_with('\r')) field.pop_back();
    }
    if (text_.substr(at_, 2) == "\r\n") ++at_;
    more = at_ < text_.size() && text_[at_] == ',';
    if (!more && at_ < text_.size() && text_[at_] != '\n') {
      return fault_at({file_, line_, ""}, "a closing quote is followed by something else");
    }
    if (at_ < text_.size()) ++at_;
  }
  ++next_line_;
  fields.resize(count);
  return Done{};
}

Result<double> parse_number(std::string_view text) {
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end || !std::isfinite(value)) {
    return invalid("", "\"" + std::string(text.substr(0, 40)) + "\" is not a finite number");
  }
  return value;
}

}  // namespace pointsman::lab
