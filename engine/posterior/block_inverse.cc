#include "engine/posterior/block_inverse.h"

#include <algorithm>
#include <cassert>
#include <vector>

#include "engine/posterior/block_kernels.h"

namespace pointsman {

void invert(BlockTriangle& m) {
  const std::size_t d = m.dims();
  m.make_whole();
  thread_local std::vector<Quad> room;
  room.assign(m.blocks(), Quad{});
  double* column = room.data()->lanes.data();
  // Sweeping a pivot k leaves M_ij − M_ik M_kj/M_kk, M_kj/M_kk in row and column k, and −1/M_kk
  // on the diagonal; after all of them M is −A⁻¹.
  for (std::size_t k = 0; k < d; ++k) {
    std::copy_n(m.row(k), k + 1, column);
    for (std::size_t i = k + 1; i < d; ++i) column[i] = m.row(i)[k];
    assert(column[k] > 0.0);
    const double inverse = 1.0 / (column[k] > 0.0 ? column[k] : 1e-300);
    add_outer(m, -inverse, room.data());
    for (std::size_t i = 0; i < d; ++i) {
      const double swept = i == k ? -inverse : column[i] * inverse;
      if (i <= k) m.row(k)[i] = swept;
      if (i / 4 >= k / 4) m.row(i)[k] = swept;
      if (i / 4 == k / 4) m.row(k)[i] = swept;
    }
  }
  double* numbers = m.data();
  // Not unary minus: the padding must stay +0, as BlockTriangle::assign_packed() would leave it.
  for (std::size_t at = 0; at < m.bytes() / sizeof(double); ++at) numbers[at] = 0.0 - numbers[at];
}

}  // namespace pointsman
