#include "parse/assembly.h"

#include <algorithm>

#include "check.h"
#include "samples.h"
#include "targets.h"

namespace backplane::fuzz {

using parse::Assembly;
using parse::ReceiveInfo;

namespace {

// Small, so that there are many executions: sizes matter only against each other.
constexpr size_t kMostLimit = 256;
constexpr size_t kMostPiece = 128;
constexpr uint32_t kMostSteps = 32;
constexpr size_t kStepBytes = 3;

// What an Assembly has to be like.
struct Model {
  Sample whole;
  uint32_t first = 0;
  bool active = false;
  bool skipping = false;
};

void Add(Assembly* assembly, Model* model, const Sample& piece, uint32_t number, size_t limit) {
  ReceiveInfo info;
  info.tsn = number;
  const bool fits = model->whole.size() + piece.size() <= limit;
  const auto result = assembly->Add(ViewOf(piece), info, limit);
  Check((result == Assembly::Result::kKept) == fits, "what fits is kept, and nothing else");
  if (!fits) {
    *model = {};
    model->skipping = true;
    return;
  }
  if (!model->active) model->first = number;
  model->active = true;
  model->whole.insert(model->whole.end(), piece.begin(), piece.end());
}

void CheckSame(const Assembly& assembly, const Model& model) {
  Check(assembly.active() == model.active, "active from the first piece on");
  Check(assembly.skipping() == model.skipping, "skipping after an oversize message");
  const parse::Bytes bytes = assembly.bytes();
  const bool same =
      std::equal(model.whole.begin(), model.whole.end(), bytes.data, bytes.data + bytes.length);
  Check(same, "the pieces in order");
  if (model.active) Check(assembly.info().tsn == model.first, "the info of the first piece");
}

}  // namespace

// The input is a limit and then steps: what to do, and the size of a piece.
void FuzzAssembly(parse::Bytes input) {
  uint16_t limit = 0;
  if (!input.Read(0, &limit)) return;
  Assembly assembly;
  Model model;
  uint32_t number = 0;
  input = input.From(sizeof limit);
  for (; input.length >= kStepBytes && number < kMostSteps; input = input.From(kStepBytes)) {
    uint16_t size = 0;
    (void)input.Read(1, &size);
    const uint8_t action = input.data[0];
    number++;
    if (model.skipping) {
      assembly.EndSkip();
      model.skipping = false;
    } else if (action % 8 == 0) {
      assembly.Reset();
      model = {};
    } else {
      const Sample piece(size % kMostPiece, action);
      Add(&assembly, &model, piece, number, limit % kMostLimit);
    }
    CheckSame(assembly, model);
  }
}

}  // namespace backplane::fuzz
