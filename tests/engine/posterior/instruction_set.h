#pragma once

#include <hwy/targets.h>

#include <cstdint>

namespace pointsman {

/// Kernels run with this instruction set alone, one of hwy::SupportedAndGeneratedTargets(), while
/// it lives. Restores run-time detection, whatever a test did to it.
class InstructionSet final {
 public:
  explicit InstructionSet(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~InstructionSet() {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  InstructionSet(const InstructionSet&) = delete;
  InstructionSet& operator=(const InstructionSet&) = delete;
};

}  // namespace pointsman
