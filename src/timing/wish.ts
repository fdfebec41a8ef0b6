/** What an operator wishes of the timers, in numbers or in words. */
import { ProfileError } from '../errors.js';
import { limits } from '../limits.js';

/** A wish in numbers. Times in milliseconds. */
export interface Wish {
  /**
   * A path that fails under traffic is noticed, and all goes another way, within this time. At most
   * limits.wishDetectMs.
   */
  readonly detectMs: number;
  /**
   * The longest round trip that is normal on the slowest plane. Default 1; at most
   * limits.wishRttMs.
   */
  readonly rttMs?: number;
  /**
   * Part of its packets that each plane loses though it is up: 0.01 is one in 100. Default 0; at
   * most limits.wishLossRate.
   */
  readonly lossRate?: number;
  /** Planes between the hosts. Default 2; 1 to limits.addresses. */
  readonly planes?: number;
  /**
   * The network under a plane heals itself (bonding, RSTP, VRRP, OSPF with BFD), and takes up to so
   * long. Not given: it does not. At most limits.wishRerouteMs.
   */
  readonly rerouteMs?: number;
  /**
   * One tick of the kernel's clock, a whole number from 1 to 10. Default 10 (HZ=100): what is
   * solved for it holds on every kernel with more ticks, too.
   */
  readonly tickMs?: number;
}

/**
 * The same wish in words: a time is '300 ms' or '2 s', a number alone is milliseconds; a loss is '1
 * %', a number alone is a part of 1.
 */
export interface WishInWords {
  /** See Wish.detectMs. */
  readonly detect: string | number;
  /** See Wish.rttMs. */
  readonly rtt?: string | number;
  /** See Wish.lossRate. */
  readonly loss?: string | number;
  /** See Wish.planes. */
  readonly planes?: string | number;
  /** See Wish.rerouteMs. */
  readonly reroute?: string | number;
  /** See Wish.tickMs. */
  readonly tick?: string | number;
}

/** A wish with all defaults filled in. */
export type WholeWish = Required<Omit<Wish, 'rerouteMs'>> & Pick<Wish, 'rerouteMs'>;

/** Of each field: its name in words, the number it has in numbers, and what it may be. */
interface Field {
  readonly words: keyof WishInWords;
  readonly numbers: keyof Wish;
  readonly least: number;
  readonly greatest: number;
  readonly isWhole: boolean;
}

const field = (
  words: keyof WishInWords,
  numbers: keyof Wish,
  least: number,
  greatest: number,
  isWhole = false,
): Field => ({ words, numbers, least, greatest, isWhole });

const FIELDS: readonly Field[] = [
  field('detect', 'detectMs', 1, limits.wishDetectMs),
  field('rtt', 'rttMs', 0, limits.wishRttMs),
  field('loss', 'lossRate', 0, limits.wishLossRate),
  field('planes', 'planes', 1, limits.addresses, true),
  field('reroute', 'rerouteMs', 1, limits.wishRerouteMs),
  field('tick', 'tickMs', 1, 10, true),
];

const DEFAULTS = { rttMs: 1, lossRate: 0, planes: 2, tickMs: 10 } as const;

function invalid(problem: string): ProfileError {
  return new ProfileError('ERR_PROFILE_INVALID', problem);
}

/** A time in milliseconds, a loss as a part of 1, a count as it is. NaN: none of them. */
function numberOf(text: string, numbers: keyof Wish): number {
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|%)?\s*$/.exec(text) ?? [];
  if (digits === undefined) return Number.NaN;
  const value = Number(digits);
  const isTime = numbers.endsWith('Ms');
  switch (unit) {
    case undefined:
      return value;
    case 'ms':
      return isTime ? value : Number.NaN;
    case 's':
      return isTime ? value * 1000 : Number.NaN;
    default:
      return numbers === 'lossRate' ? value / 100 : Number.NaN;
  }
}

/**
 * One field of a wish, as a number.
 *
 * @throws ProfileError ERR_PROFILE_INVALID: no number of that kind, or out of bounds.
 */
function fieldValue({ numbers, least, greatest, isWhole }: Field, value: unknown): number {
  const number = typeof value === 'string' ? numberOf(value, numbers) : value;
  const isGood =
    typeof number === 'number' &&
    number >= least &&
    number <= greatest &&
    (!isWhole || Number.isInteger(number));
  if (isGood) return number;
  const kind = isWhole ? 'whole number' : 'number';
  throw invalid(`${numbers} must be a ${kind} from ${least} to ${greatest}, not ${String(value)}`);
}

/** What a wish is made under: all of it but the wish itself. */
export type Surroundings = Omit<WholeWish, 'detectMs'>;

function numbersOf(wish: object): Surroundings & { readonly detectMs?: number } {
  const whole: { -readonly [key in keyof WholeWish]?: number } = {};
  for (const [name, value] of Object.entries(wish)) {
    if (value === undefined) continue;
    const known = FIELDS.find(({ words, numbers }) => name === words || name === numbers);
    if (known === undefined) throw invalid(`a wish has no field '${name}'`);
    const { words, numbers } = known;
    if (whole[numbers] !== undefined) throw invalid(`${numbers} and ${words} are the same`);
    whole[numbers] = fieldValue(known, value);
  }
  return { ...DEFAULTS, ...whole };
}

/**
 * One field of a wish in words, as a number: milliseconds, a part of 1, or a count.
 *
 * @throws ProfileError ERR_PROFILE_INVALID: no number of that kind, or out of bounds.
 */
export function wishField(words: keyof WishInWords, value: string | number): number {
  return fieldValue(FIELDS.find((known) => known.words === words)!, value);
}

/**
 * What a wish is made under, in numbers with its defaults.
 *
 * @throws ProfileError ERR_PROFILE_INVALID: as for a whole wish.
 */
export function surroundings(
  words: Omit<Wish, 'detectMs'> | Omit<WishInWords, 'detect'>,
): Surroundings {
  return numbersOf(words);
}

/**
 * A wish in numbers with its defaults.
 *
 * @throws ProfileError ERR_PROFILE_INVALID: an unknown field, one given in numbers and in words,
 *   one that is out of bounds, or no `detectMs`.
 */
export function wholeWish(wish: Wish | WishInWords): WholeWish {
  if (typeof wish !== 'object' || wish === null) throw invalid('a wish is an object');
  const { detectMs, ...others } = numbersOf(wish);
  if (detectMs === undefined) {
    throw invalid('detectMs is missing: within what time is a failure to be noticed?');
  }
  return { detectMs, ...others };
}
