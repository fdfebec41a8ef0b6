/** Inputs made from nothing, and from valid ones. */
import type { Dice } from './random.js';

/** Numbers at which lengths and counts go wrong. */
const EDGES = [0, 1, 2, 23, 24, 127, 128, 255, 256, 0x7fff, 0xffff, 0x10000, 0x7fffffff];
const MAX_UINT32 = 0xffffffff;

/** Random bytes, mostly few. */
export function randomBytes(dice: Dice, greatestBytes: number): Buffer {
  const length = dice.below(dice.once(4) ? greatestBytes : Math.min(32, greatestBytes));
  const data = Buffer.allocUnsafe(length);
  dice.fill(data, 0, length);
  return data;
}

/** A valid input with one to four faults. */
export function mutated(dice: Dice, samples: readonly Buffer[]): Buffer {
  let data: Buffer = Buffer.from(dice.pick(samples));
  const faults = 1 + dice.below(4);
  for (let i = 0; i < faults; i++) data = oneFault(dice, data, samples);
  return data;
}

function oneFault(dice: Dice, data: Buffer, samples: readonly Buffer[]): Buffer {
  if (data.length === 0) return Buffer.from(dice.pick(samples));
  const at = dice.below(data.length);
  switch (dice.below(7)) {
    case 0:
      data[at]! ^= 1 << dice.below(8);
      return data;
    case 1:
      data[at] = dice.uint32();
      return data;
    case 2:
      return data.subarray(0, at);
    case 3:
      return lie(dice, data, at);
    case 4:
      return spliced(dice, data, dice.pick(samples));
    case 5: {
      // Something of its own, twice.
      const end = at + dice.below(Math.min(32, data.length - at) + 1);
      return Buffer.concat([data.subarray(0, end), data.subarray(at)]);
    }
    default: {
      const end = at + dice.below(Math.min(16, data.length - at) + 1);
      return Buffer.concat([data.subarray(0, at), data.subarray(end)]);
    }
  }
}

/** Another number where one may be: a length, a count, a limit. */
function lie(dice: Dice, data: Buffer, at: number): Buffer {
  const room = data.length - at;
  const widthBytes = dice.pick([1, 2, 4].filter((width) => width <= room));
  const edge = dice.once(4) ? MAX_UINT32 : dice.pick(EDGES) + dice.below(3) - 1;
  data.writeUIntBE((edge >>> 0) % 2 ** (8 * widthBytes), at, widthBytes);
  return data;
}

function spliced(dice: Dice, one: Buffer, other: Buffer): Buffer {
  const head = one.subarray(0, dice.below(one.length + 1));
  return Buffer.concat([head, other.subarray(dice.below(other.length + 1))]);
}
