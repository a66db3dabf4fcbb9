#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

namespace pointsman {

/// One line on stderr that is written over, at most ten times a second; silent where stderr is no
/// terminal. Not thread-safe.
class ProgressLine final {
 public:
  ProgressLine(std::string title, bool on) : title_(std::move(title)), on_(on) {}

  void show(const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    if (!on_ || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    shown_ = true;
    std::fprintf(stderr, "\r%s  %s\033[K", title_.c_str(), text.c_str());
  }

  /// A bar of 30 cells; `share` in [0, 1].
  void show_share(const std::string& text, double share) {
    constexpr int kCells = 30;
    const int full = static_cast<int>(share * kCells);
    std::string bar(static_cast<std::size_t>(full), '#');
    bar.resize(kCells, '.');
    show("[" + bar + "] " + std::to_string(static_cast<int>(share * 100.0)) + "%  " + text);
  }

  void end() {
    if (std::exchange(shown_, false)) std::fprintf(stderr, "\r\033[K");
  }

 private:
  std::string title_;
  bool on_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace pointsman
