#include "server/cli/fit.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/features/text_model_fit.h"
#include "lab/data/text_file.h"
#include "server/cli/progress.h"

namespace pointsman {
namespace {

/// Lines end at \n only: prompts hold other line separators.
bool read_prompts(const std::string& path, std::vector<std::string>& prompts) {
  const auto text = lab::read_text_file(path);
  if (!text) {
    std::fprintf(stderr, "%s\n", text.error().message.c_str());
    return false;
  }
  std::istringstream lines(*text);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line, '\n'); ++number) {
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("prompt") || !json["prompt"].is_string()) {
      std::fprintf(stderr, "%s:%zu: this is not a JSON object with a string \"prompt\"\n",
                   path.c_str(), number);
      return false;
    }
    prompts.push_back(json["prompt"].get<std::string>());
  }
  return true;
}

}  // namespace

int fit(const FitCommand& command) {
  std::vector<std::string> prompts;
  for (const std::string& path : command.prompts) {
    if (!read_prompts(path, prompts)) return 1;
  }
  TextModelFitOptions options;
  options.dims = command.dims;
  ProgressLine progress("fit", isatty(STDERR_FILENO) != 0);
  const auto fitted = fit_text_model(prompts, options, [&](std::string_view phase, double share) {
    progress.show_share(std::string(phase), share);
  });
  progress.end();
  if (!fitted) {
    std::fprintf(stderr, "fit: %s\n", fitted.error().message.c_str());
    return 1;
  }
  const TextModel& model = *fitted->model;
  const std::string bytes = model.serialise();
  std::ofstream out(command.out, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) {
    std::fprintf(stderr, "%s: the file cannot be written\n", command.out.c_str());
    return 1;
  }
  std::printf("%s: %u dims, %zu terms, %zu bytes, from %zu prompts, hash %s\n", command.out.c_str(),
              model.dims(), model.terms(), bytes.size(), fitted->prompts, model.hash().c_str());
  std::printf("explained share %.3f, least cosine after quantising %.4f\n", fitted->explained,
              fitted->least_cosine);
  return 0;
}

}  // namespace pointsman
