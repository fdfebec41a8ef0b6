/** Inputs made from nothing, and from valid ones. */
import type { SeededRandom } from '../random.js';

/** Numbers at which lengths and counts go wrong. */
const EDGES = [0, 1, 2, 23, 24, 127, 128, 255, 256, 0x7fff, 0xffff, 0x10000, 0x7fffffff];
const MAX_UINT32 = 0xffffffff;

/** Random bytes, mostly few. */
export function randomBytes(random: SeededRandom, greatestBytes: number): Buffer {
  const length = random.below(random.once(4) ? greatestBytes : Math.min(32, greatestBytes));
  const data = Buffer.allocUnsafe(length);
  random.fill(data, 0, length);
  return data;
}

/** A valid input with one to four faults. */
export function mutated(random: SeededRandom, samples: readonly Buffer[]): Buffer {
  let data: Buffer = Buffer.from(random.pick(samples));
  const faults = 1 + random.below(4);
  for (let i = 0; i < faults; i++) data = oneFault(random, data, samples);
  return data;
}

function oneFault(random: SeededRandom, data: Buffer, samples: readonly Buffer[]): Buffer {
  if (data.length === 0) return Buffer.from(random.pick(samples));
  const at = random.below(data.length);
  switch (random.below(7)) {
    case 0:
      data[at]! ^= 1 << random.below(8);
      return data;
    case 1:
      data[at] = random.u32();
      return data;
    case 2:
      return data.subarray(0, at);
    case 3:
      return lie(random, data, at);
    case 4:
      return spliced(random, data, random.pick(samples));
    case 5: {
      // Something of its own, twice.
      const end = at + random.below(Math.min(32, data.length - at) + 1);
      return Buffer.concat([data.subarray(0, end), data.subarray(at)]);
    }
    default: {
      const end = at + random.below(Math.min(16, data.length - at) + 1);
      return Buffer.concat([data.subarray(0, at), data.subarray(end)]);
    }
  }
}

/** Another number where one may be: a length, a count, a limit. */
function lie(random: SeededRandom, data: Buffer, at: number): Buffer {
  const room = data.length - at;
  const widthBytes = random.pick([1, 2, 4].filter((width) => width <= room));
  const edge = random.once(4) ? MAX_UINT32 : random.pick(EDGES) + random.below(3) - 1;
  data.writeUIntBE((edge >>> 0) % 2 ** (8 * widthBytes), at, widthBytes);
  return data;
}

function spliced(random: SeededRandom, one: Buffer, other: Buffer): Buffer {
  const head = one.subarray(0, random.below(one.length + 1));
  return Buffer.concat([head, other.subarray(random.below(other.length + 1))]);
}
